"""
FCN in ten minutes
==================

A classifier says *there is a star in this photo*. Semantic segmentation says which
pixels are the star. In this tutorial a small network learns that from nothing, on
pictures that are drawn while you read, in half a minute on one core of a CPU.

The network is FCN-8s of `Long, Shelhamer and Darrell
<https://arxiv.org/abs/1411.4038>`_, with a tenth of its channels.
"""

import keras
import matplotlib.pyplot as plt
import numpy as np

import keras_fcn
from keras_fcn.datasets import VOID, Shapes
from keras_fcn.pictures import contact_sheet, palette_image
from keras_fcn.pictures.labels import comparison

keras.utils.set_random_seed(0)

# %%
# The pictures
# ------------
#
# "shapes" is a generated data set: circles, squares, triangles and stars on a dull
# ground. Colour and texture say nothing; only the form tells what a shape is. No
# download, and sample 7 is the same on every machine.

train = Shapes("train", num_samples=400, sizes=(64, 80))
val = Shapes("val", num_samples=60, sizes=(64, 80))

# Eight small pictures of coloured shapes; each shape is tinted and outlined in white.
contact_sheet(val, range(8), width=160)

# %%
# A sample is two arrays: a photo, and its *label map*, which has the number of a class
# for each pixel.

photo, label = val[0]
print(photo.shape, photo.dtype, label.shape, label.dtype)
print("classes:", *enumerate(train.class_names))
print("labels of this picture:", np.unique(label))

# %%
# What void is
# ------------
#
# There was a label that is no class: 255, *void*. Along an outline a pixel is half
# star, half ground, and whoever draws masks by hand is not sure there either. PASCAL
# VOC marks such pixels as void, and so do our shapes. Void pixels are not trained on
# and not scored: to the loss they are not there, whatever the network says about them.

logits = np.random.default_rng(0).normal(size=(1, *label.shape, 5)).astype("float32")
elsewhere = np.where((label == VOID)[..., None], 100 - logits, logits)
loss = keras_fcn.losses.PixelwiseCrossentropy()
before, after = (float(loss(label[None], scores)) for scores in (logits, elsewhere))
print(f"{(label == VOID).mean():.1%} of the pixels are void")
print(f"loss {before:.4f}; with other scores for void pixels {after:.4f}")
assert before == after

# The picture, and its labels: void is the pale line around each shape.
figure, (left, right) = plt.subplots(1, 2, figsize=(7, 3.2), layout="constrained")
left.imshow(photo)
left.set_title("photo")
right.imshow(palette_image(label).convert("RGB"))
right.set_title("labels, with void along the outlines")
for axes in (left, right):
    axes.set_axis_off()

# %%
# The network
# -----------
#
# A classifier's convolutions and poolings shrink the image 32 times: they learn *what*
# is there and lose *where*. FCN-8s scores the classes on that coarse map, ``score_fr``,
# and enlarges the scores by transposed convolutions. On the way up it adds scores of
# two finer maps, pool4 (stride 16) and pool3 (stride 8): the *skips*.
#
# ``topology="same"`` leaves out the 100 pixels of padding that the paper puts around
# an image, and ``weights=None`` begins at random. For photos one begins with
# ``weights="imagenet"``, at the full width.

model = keras_fcn.build_fcn8s(
    num_classes=5, weights=None, width=0.1, topology="same", dropout=0
)
print(f"{model.count_params():,} parameters")

# %%
# Here is its upper half, layer by layer, with the names of the authors' own code, and
# what it makes of an image of 96x128 pixels:

HEADS = [
    "score_fr",
    "upscore2",
    "score_pool4",
    "fuse_pool4",
    "upscore_pool4",
    "score_pool3",
    "fuse_pool3",
    "upscore8",
    "score",
]
heads = keras.Model(model.input, {name: model.get_layer(name).output for name in HEADS})
maps = heads.predict(np.zeros((1, 96, 128, 3)), verbose=0)
for name in HEADS:
    height, width = maps[name].shape[1:3]
    print(f"{name:14} {height:3} x {width:3} pixels   stride {96 // height}")

# %%
# Training
# --------
#
# It is a Keras model, so it is ``compile`` and ``fit``. Three things are ours: the
# batches, cut to one size, mirrored and scaled at random; the loss, which leaves void
# out; and the paper's scores. *Mean IoU* is the one to look at. For each class: the
# pixels where truth and prediction agree, divided by those where either says so; then
# the mean of the classes. A network that paints everything as background gets a fifth
# of the background's share, no more.

EPOCHS, BATCH = 5, 4
batches = train.batches(
    BATCH, crop_size=64, augment=True, shuffle=True, scale_range=(0.8, 1.25)
)
rate = keras.optimizers.schedules.CosineDecay(2e-3, EPOCHS * len(batches))
model.compile(
    optimizer=keras.optimizers.Adam(rate),
    loss=loss,
    metrics=[keras_fcn.metrics.SegmentationScores(num_classes=5)],
)
history = model.fit(batches, epochs=EPOCHS, shuffle=False, verbose=0).history

print("epoch   loss   mean IoU")
for epoch, values in enumerate(
    zip(history["loss"], history["mean_iou"], strict=True), start=1
):
    print("{:5}  {:5.2f}   {:8.1%}".format(epoch, *values))

# %%
# Scores
# ------
#
# On sixty pictures that it has never seen, each at its own size:

scores = keras_fcn.evaluate(model, val)
for name, value in scores.result().items():
    print(f"{name:24} {float(value):6.1%}")
for name, iou in zip(val.class_names, scores.per_class_iou(), strict=True):
    print(f"    IoU of {name:10} {iou:6.1%}")

# %%
# Predictions
# -----------
#
# ``predict`` takes a photo and returns the label of every pixel.

photo, label = val[6]
labels = keras_fcn.predict(model, photo)
print(labels.shape, labels.dtype)

# Photo, truth, prediction and an overlay of both, side by side.
comparison(photo, labels, val.class_names, truth=label)

# %%
# How did it get there? Below, the label of the highest score at each step on the way
# up. The scores are added, so that a coarse map alone need not be right, and its
# squares are large; each skip says better where things end.

steps = ["score_fr", "fuse_pool4", "fuse_pool3", "score"]
maps = heads.predict(photo[None], verbose=0)
figure, places = plt.subplots(1, 5, figsize=(10, 2.7), layout="constrained")
places[0].imshow(photo)
places[0].set_title("photo")
for axes, name in zip(places[1:], steps, strict=True):
    axes.imshow(palette_image(maps[name][0].argmax(-1)).convert("RGB"))
    axes.set_title("{}\n{}x{}".format(name, *maps[name].shape[1:3]))
for axes in places:
    axes.set_axis_off()

# %%
# Any size
# --------
#
# Nothing in the network counts pixels: there is no fully connected layer. What was
# trained on cuts of 64x64 labels a photo of any height and width, also one that is no
# multiple of 32.

large, truth = Shapes("val", num_samples=6, sizes=(90, 130))[5]
labels = keras_fcn.predict(model, large)
assert labels.shape == large.shape[:2]
for size in [(1, 1), (33, 47)]:
    assert keras_fcn.predict(model, np.zeros((*size, 3), "uint8")).shape == size

# A larger picture with its labels; the network has seen no shape as large as this.
comparison(large, labels, val.class_names, truth=truth)

# %%
# From here
# ---------
#
# - Train on :doc:`PASCAL VOC </gallery/plot_train_on_voc>`, or on :doc:`your own images
#   </gallery/plot_your_own_images>`.
# - :doc:`What a transposed convolution is
#   </gallery/plot_what_a_transposed_convolution_is>`.
# - ``make demo`` does this in a shell, with a wider network and larger pictures.

# sphinx_gallery_thumbnail_number = 4

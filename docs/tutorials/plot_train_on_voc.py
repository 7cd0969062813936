"""
Train on VOC
============

From the archive of PASCAL VOC to labelled photos: get the data, look at it, see what
augmentation does, take a recipe, be interrupted and go on, score, predict.

VOC is two gigabytes, and a training takes a GPU. So that every line can run anywhere,
the script writes a small data set in VOC's layout, of drawn shapes, where there is no
VOC. With VOC, say where: ``VOC_DIR=VOCdevkit/VOC2012 python plot_train_on_voc.py``.
"""

import dataclasses
import os
import signal
import tempfile
from pathlib import Path

import keras
import numpy as np
from PIL import Image

import keras_fcn
from keras_fcn import recipes
from keras_fcn.checkpoints import ExactResume, find_checkpoints
from keras_fcn.datasets import Shapes, Subset, check, convert_to_voc, load
from keras_fcn.native import make_deterministic
from keras_fcn.pictures import (
    contact_sheet,
    overlay,
    plot_class_frequencies,
    plot_confusion_matrix,
    sheet,
)
from keras_fcn.pictures.labels import comparison, enlarged
from keras_fcn.training import train

folder = tempfile.TemporaryDirectory()
WORK = Path(folder.name)  # with real data: a folder on a large disk

# %%
# Get the data
# ------------
#
# ``prepare`` downloads the archive from one of several mirrors, checks its checksum and
# unpacks it; ``keras-fcn data prepare --dataset voc2012 --data-dir data`` does the same
# in a shell. The paper's own training set, SBD's photos with ``seg11valid`` to validate
# on, is ``"voc2011_sbd"``.

DOWNLOAD = False  # two gigabytes
VOC_DIR = os.environ.get("VOC_DIR")

if DOWNLOAD:
    (VOC_DIR,) = keras_fcn.datasets.prepare("voc2012", WORK / "data")

if VOC_DIR is None:
    print("No VOC_DIR: shapes take its place.")
    drawn = {
        "train": Shapes("train", num_samples=96, sizes=(64, 80)),
        "val": Shapes("val", num_samples=24, sizes=(64, 80)),
    }
    VOC_DIR = convert_to_voc(drawn, WORK / "VOC_of_shapes")
print(*sorted(part.name for part in Path(VOC_DIR).iterdir()))

# %%
# Whoever wrote the folder, it is opened by its layout: ``JPEGImages``,
# ``SegmentationClass``, and the lists of names in ``ImageSets/Segmentation``.

training = load("voc", "train", VOC_DIR)
validation = load("voc", "val", VOC_DIR)
print(len(training), "to train on,", len(validation), "to validate on")
print(training.num_classes, "classes:", *training.class_names)

# A few photos, with their labels laid over them.
contact_sheet(training, range(8), width=160)

# %%
# The palette, and void
# ---------------------
#
# A mask is a PNG with a palette. Each pixel holds the *number* of its class, and a
# table in the file says in which colour a viewer shows the number. Read it as a
# photo, and you get colours, which mean nothing to a network; this is the most common
# mistake with VOC.

with Image.open(training.label_file(0)) as mask:
    print("mode", mask.mode, " numbers", np.unique(np.asarray(mask)))
    table = np.asarray(mask.getpalette("RGB")).reshape(-1, 3)
assert np.array_equal(table, keras_fcn.datasets.voc_palette()[: len(table)])
for number in (0, 1, 2, 15, 255):
    print(f"{number:3} has the colour {table[number].tolist()}")

# %%
# 255 is *void*, the pale line along every outline: pixels that nobody wanted to decide.
# They neither train nor score. How many there are, and how rare the classes are,
# ``check`` counts; it reads every photo and every mask, and raises where one is
# broken, so it comes before any training.

reports = {"train": check(training), "val": check(validation)}
for split, report in reports.items():
    void = report.void_pixels / (report.void_pixels + report.pixels.sum())
    print(f"{split:6}{report.images:5} photos, {void:.1%} of the pixels are void")

plot_class_frequencies(reports, WORK / "classes.png")
# A bar for each class, and one for void: which share of all pixels it has.
Image.open(WORK / "classes.png")

# %%
# Augmentation
# ------------
#
# Each time a photo comes by it is scaled by another factor, cut elsewhere, and mirrored
# or not; its mask goes with it. What lies outside of the photo is void. The same photo,
# eight times:

CROP = 64
again = Subset(training, [0]).batches(
    1, crop_size=CROP, augment=True, endless=True, scale_range=(0.5, 2.0)
)
cuts = []
for number, (images, labels) in zip(range(8), again, strict=False):
    image, label = (keras.ops.convert_to_numpy(a)[0] for a in (images, labels))
    cuts.append((f"{number + 1}", overlay(enlarged(image, 2), enlarged(label, 2))))
# One photo in eight cuts: small, large, mirrored, with void where the photo ends.
sheet(cuts)

# %%
# The same seed gives the same cuts, on every backend and whatever the number of
# threads: batch ``n`` is a function of the seed and of ``n``. It is why a training can
# be taken up anywhere, below.
#
# A recipe
# --------
#
# What separates a network that works from one that paints everything black is seldom
# the network; it is the recipe. A recipe is a whole training by name:

for name in recipes.names():
    print(f"{name:19}", recipes.load(name).note.splitlines()[0])

# %%
# On a machine with a GPU, this is all there is to do (in a shell: ``keras-fcn train
# --recipe voc_fcn8s_adamw --run-dir runs/voc``):

recipe = recipes.load("voc_fcn8s_adamw").config
for name in (
    "model",
    "weights",
    "crop_size",
    "batch_size",
    "epochs",
    "optimizer",
    "lr",
):
    print(f"{name:12}", getattr(recipe, name))

TRAIN_FOR_HOURS = False
if TRAIN_FOR_HOURS:
    train(recipe, WORK / "runs/voc")

# %%
# A recipe is data, so any part of it may be another. Here is one that a CPU does in
# seconds: a thin network from nothing, at a higher rate, for one epoch of a few steps.

small = dataclasses.replace(
    recipe,
    dataset="voc",
    data_dir=str(VOC_DIR),
    weights="none",
    width=0.05,
    crop_size=CROP,
    epochs=1,
    steps_per_epoch=8,
    lr=1e-3,
    precision="float32",
)
history = train(small, WORK / "run", verbose=False)
print(*(f"{name}: {values[-1]:.3f}" for name, values in history.items()), sep="\n")
for file in sorted((WORK / "run").rglob("*")):
    if file.is_file() and "checkpoints" not in file.parts:
        print(file.relative_to(WORK / "run"))

# %%
# The folder of a run holds everything about it. ``load_run`` gives the network back,
# ``train(..., resume=True)`` goes on with it.
#
# Be interrupted, go on
# ---------------------
#
# A training of days meets Ctrl-C, a full disk, a cluster that wants its GPU back. Here
# is a plain ``model.fit`` of your own, with one callback more, ``ExactResume``. It
# writes checkpoints, and goes on from the newest one if there is any.

make_deterministic()  # the same bits each time, where a backend has a choice
EPOCHS, STEPS = 4, 16


class CtrlC(keras.callbacks.Callback):
    """Press Ctrl-C after so many steps."""

    def __init__(self, steps):
        super().__init__()
        self.left = steps

    def on_train_batch_end(self, batch, logs=None):
        """Count, and press."""
        self.left -= 1
        if self.left == 0:
            signal.raise_signal(signal.SIGINT)


def say(words):
    """Print, without the folder."""
    print(words.replace(f"{WORK}{os.sep}", "").strip())


def fit(checkpoints, *others):
    """Train, or go on; return the network and the loss of each epoch."""
    keras.utils.set_random_seed(1)
    model = keras_fcn.build_fcn8s(
        num_classes=training.num_classes, weights=None, width=0.08, topology="same"
    )
    model.compile(
        optimizer=keras.optimizers.Adam(2e-3),
        loss=keras_fcn.losses.PixelwiseCrossentropy(),
        metrics=[keras_fcn.metrics.SegmentationScores(training.num_classes)],
    )
    resume = ExactResume(checkpoints, monitor="mean_iou", tell=say)
    batches = training.batches(
        4,
        crop_size=CROP,
        augment=True,
        shuffle=True,
        endless=True,
        first_step=resume.first_step,
        scale_range=(0.8, 1.25),
    )
    history = model.fit(
        batches,
        epochs=EPOCHS,
        steps_per_epoch=STEPS,
        initial_epoch=resume.initial_epoch,
        callbacks=[*others, resume],  # the last one
        shuffle=False,
        verbose=0,
    ).history
    return model, history["loss"]


# %%
# In the middle of the third epoch somebody presses Ctrl-C. The step is finished and a
# checkpoint written:

try:
    fit(WORK / "checkpoints", CtrlC(2 * STEPS + 5))
except KeyboardInterrupt:
    print("Interrupted.")
newest, *_ = find_checkpoints(WORK / "checkpoints")
print(f"{newest.epoch} epochs finished, {newest.step} steps done")
assert newest.step == 2 * STEPS + 5

# %%
# The same line again goes on to the end:

model, losses = fit(WORK / "checkpoints")
print("loss after each epoch:", *(f"{loss:.4f}" for loss in losses))

# %%
# Was anything lost? A training that nobody interrupts comes to the same weights, bit
# for bit:

uninterrupted, same_losses = fit(WORK / "other_checkpoints")
assert losses == same_losses
for one, other in zip(model.get_weights(), uninterrupted.get_weights(), strict=True):
    assert np.array_equal(one, other)
print(len(model.weights), "weights, all the same bits")

# %%
# Score, predict
# --------------
#
# The paper's four scores, each photo at its own size. After 64 steps a network
# knows where something is, hardly yet what; a recipe takes thousands.

part = Subset(validation, range(min(24, len(validation))))
scores = keras_fcn.evaluate(model, part)
for name, value in scores.result().items():
    print(f"{name:24} {float(value):6.1%}")
background = scores.confusion_matrix()[0].sum() / scores.confusion_matrix().sum()
print(f"{'(share of background)':24} {background:6.1%}")

# %%
# Which class is taken for which:

plot_confusion_matrix(
    scores.confusion_matrix(), part.class_names, WORK / "confusion.png"
)
# The confusion matrix: a row for each true class, a column for each predicted one.
Image.open(WORK / "confusion.png")

# %%
# ``predict`` takes a file, an array or a Pillow image. The palette PNG that
# ``palette_image`` makes of the labels reads back as the same numbers: it is what VOC's
# server wants.

labels = keras_fcn.predict(model, part.image_file(1))
keras_fcn.pictures.palette_image(labels).save(WORK / "labels.png")
with Image.open(WORK / "labels.png") as file:
    assert np.array_equal(np.asarray(file), labels)

# Photo, truth, prediction and overlay.
comparison(part.image(1), labels, part.class_names, truth=part.label(1))

# %%
# From here
# ---------
#
# - :doc:`Recipes </recipes>`: why each is as it is, and the paper's in stages.
# - :doc:`Data sets </data_sets>`: SBD, seg11valid, TensorFlow Datasets.
# - :doc:`Stop, be killed, go on </stopping>`, and :doc:`how often that was tried
#   </reliability>`.
# - :doc:`Results </results>`: what the paper, Caffe and others came to.

# sphinx_gallery_thumbnail_number = 3

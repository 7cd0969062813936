"""
From PyTorch to Keras
=====================

Many courses let you write FCN-32s, 16s and 8s in PyTorch: VGG's blocks, 1x1
convolutions in place of its fully connected layers, and transposed convolutions back to
the size of the image. Here is that exercise, and the same in Keras beside it. What was
trained there goes on here: the weights are carried over, and the outputs agree to the
accuracy of floats.
"""

import tempfile
from pathlib import Path

import keras
import matplotlib.pyplot as plt
import numpy as np
import torch
from torch import nn

import keras_fcn
from keras_fcn.datasets import Shapes
from keras_fcn.geometry import convert_kernel, from_pytorch, to_keras, upsampling_by
from keras_fcn.transposed import bilinear_kernel, conv, conv_transpose

folder = tempfile.TemporaryDirectory()
torch.manual_seed(0)
keras.utils.set_random_seed(0)


def to_torch(images):
    """Channels last, as in Keras, to channels first, as in PyTorch."""
    return torch.from_numpy(np.moveaxis(np.asarray(images, "float32"), -1, 1).copy())


def from_torch(tensor):
    """And back."""
    return np.moveaxis(tensor.detach().numpy(), 1, -1)


# %%
# One layer at a time
# -------------------
#
# What the exercise is made of, and what it is here:
#
# .. list-table::
#    :header-rows: 1
#
#    * - PyTorch
#      - Keras
#    * - ``(batch, channels, height, width)``
#      - ``(batch, height, width, channels)``
#    * - ``nn.Conv2d(3, 64, 3, 1, 1)``
#      - ``Conv2D(64, 3, padding="same")``
#    * - ``nn.Conv2d(512, 4096, 1, 1, 0)``
#      - ``Conv2D(4096, 1)``
#    * - ``nn.MaxPool2d(2, stride=2)``
#      - ``MaxPooling2D(2)``
#    * - ``nn.Dropout2d()``, of whole channels
#      - ``SpatialDropout2D(0.5)``
#    * - ``nn.ConvTranspose2d(21, 21, 4, stride=2, padding=1)``
#      - ``Conv2DTranspose(21, 4, strides=2, padding="same")``
#    * - ``nn.CrossEntropyLoss(ignore_index=255)``
#      - ``keras_fcn.losses.PixelwiseCrossentropy()``
#
# A convolution of size ``k``, stride ``s`` and padding ``p`` takes ``i`` pixels to
# ``o = (i + 2 p - k) // s + 1``. Solved for ``i`` that is the transposed one:
# ``(i - 1) s - 2 p + k``. The examples of the courses, 3x3 with stride 2, first without
# padding, then with 2:

x = np.arange(1.0, 10.0).reshape(3, 3)
kernel = np.arange(1.0, 10.0).reshape(3, 3)
for padding in (0, 2):
    theirs = nn.ConvTranspose2d(1, 1, 3, stride=2, padding=padding, bias=False)
    theirs.weight.data = torch.tensor(kernel[None, None], dtype=torch.float32)
    theirs = from_torch(theirs(to_torch(x[None, ..., None])))[0, ..., 0]
    ours = conv_transpose(
        x[..., None], kernel[..., None, None], strides=2, padding=padding
    )[..., 0]
    print(f"padding {padding}: 3x3 -> {ours.shape[0]}x{ours.shape[1]}")
    assert ours.shape[0] == (3 - 1) * 2 - 2 * padding + 3
    assert np.array_equal(ours, theirs)

# %%
# And back down: a convolution of 4x4 pixels with a 3x3 kernel gives 2x2, and its
# transpose 4x4 again. The size comes back, not the pixels.

four = np.arange(16.0).reshape(4, 4, 1)
down = conv(four, kernel[..., None, None])
up = conv_transpose(down, kernel[..., None, None])
print(four.shape[:2], "->", down.shape[:2], "->", up.shape[:2])
assert up.shape == four.shape
assert not np.allclose(up, four)

# %%
# A bilinear ConvTranspose2d, carried over
# ----------------------------------------
#
# To enlarge ``s`` times: stride ``s``, kernel ``2 s``, padding ``s / 2``. What Keras
# calls that, the package works out; kernels differ in the order of their axes, no more.

CLASSES = 5
theirs = nn.ConvTranspose2d(CLASSES, CLASSES, 4, stride=2, padding=1)
tents = convert_kernel(bilinear_kernel(2, channels=CLASSES), "keras", "pytorch")
theirs.weight.data = torch.tensor(tents.copy(), dtype=torch.float32)

window = from_pytorch(8, kernel_size=4, stride=2, padding=1)
print("PyTorch: kernel_size=4, stride=2, padding=1")
print("Keras:  ", to_keras(window))

ours = keras.layers.Conv2DTranspose(CLASSES, 4, strides=2, padding="same")
ours.build((None, None, None, CLASSES))
weight, bias = theirs.weight.detach().numpy(), theirs.bias.detach().numpy()
ours.set_weights([convert_kernel(weight, "pytorch", "keras"), bias])

scores = np.random.default_rng(0).normal(size=(1, 8, 6, CLASSES)).astype("float32")
after_theirs = from_torch(theirs(to_torch(scores)))
after_ours = keras.ops.convert_to_numpy(ours(scores))
print(weight.shape, "->", tuple(ours.kernel.shape))
print(
    "outputs",
    after_ours.shape,
    "agree:",
    np.allclose(after_ours, after_theirs, atol=1e-6),
)
assert np.allclose(after_ours, after_theirs, atol=1e-6)
for s in (2, 8, 16, 32):
    assert upsampling_by(s)[0].kernel_size == 2 * s

# %%
# The exercise in PyTorch
# -----------------------
#
# All three networks, as courses write them, with channels to choose. VGG has 64, 128,
# 256, 512, 512 and 4096; a sixteenth of that is enough to compare.


def block(channels, filters, convolutions):
    """Some 3x3 convolutions and a pooling."""
    layers = []
    for _ in range(convolutions):
        layers += [nn.Conv2d(channels, filters, 3, 1, 1), nn.ReLU()]
        channels = filters
    return nn.Sequential(*layers, nn.MaxPool2d(2, stride=2))


class Trunk(nn.Module):
    """What FCN-32s, 16s and 8s share."""

    def __init__(self, num_classes, filters=(4, 8, 16, 32, 32), fc=256):
        super().__init__()
        self.conv1 = block(3, filters[0], 2)
        self.conv2 = block(filters[0], filters[1], 2)
        self.conv3 = block(filters[1], filters[2], 3)
        self.conv4 = block(filters[2], filters[3], 3)
        self.conv5 = block(filters[3], filters[4], 3)
        self.fc6 = nn.Sequential(nn.Conv2d(filters[4], fc, 1, 1, 0), nn.Dropout2d())
        self.fc7 = nn.Sequential(nn.Conv2d(fc, fc, 1, 1, 0), nn.Dropout2d())
        self.score = nn.Conv2d(fc, num_classes, 1, 1, 0)

    def maps(self, x):
        """Pool3, pool4 and the coarse scores."""
        pool3 = self.conv3(self.conv2(self.conv1(x)))
        pool4 = self.conv4(pool3)
        return pool3, pool4, self.score(self.fc7(self.fc6(self.conv5(pool4))))


def enlarge(n, s):
    """The rule: stride s, kernel 2 s, padding s / 2; bilinear at first, as in FCN."""
    layer = nn.ConvTranspose2d(n, n, kernel_size=2 * s, stride=s, padding=s // 2)
    tents = convert_kernel(bilinear_kernel(s, channels=n), "keras", "pytorch")
    layer.weight.data = torch.tensor(tents.copy(), dtype=torch.float32)
    return layer


class FCN32s(Trunk):
    """Scores at stride 32, enlarged at once."""

    def __init__(self, n):
        super().__init__(n)
        self.up_score = enlarge(n, 32)

    def forward(self, x):
        """Return the logits."""
        return self.up_score(self.maps(x)[2])


class FCN16s(Trunk):
    """With a skip from pool4."""

    def __init__(self, n):
        super().__init__(n)
        self.up_score_conv5 = enlarge(n, 2)
        self.conv1x1_conv4 = nn.Conv2d(32, n, 1, 1, 0)
        self.up_score = enlarge(n, 16)

    def forward(self, x):
        """Return the logits."""
        _, pool4, score = self.maps(x)
        return self.up_score(self.conv1x1_conv4(pool4) + self.up_score_conv5(score))


class FCN8s(Trunk):
    """With skips from pool4 and pool3."""

    def __init__(self, n):
        super().__init__(n)
        self.up_score_conv5 = enlarge(n, 2)
        self.conv1x1_conv4 = nn.Conv2d(32, n, 1, 1, 0)
        self.up_score_conv4_5 = enlarge(n, 2)
        self.conv1x1_conv3 = nn.Conv2d(16, n, 1, 1, 0)
        self.up_score = enlarge(n, 8)

    def forward(self, x):
        """Return the logits."""
        pool3, pool4, score = self.maps(x)
        fused = self.conv1x1_conv4(pool4) + self.up_score_conv5(score)
        fused = self.conv1x1_conv3(pool3) + self.up_score_conv4_5(fused)
        return self.up_score(fused)


# %%
# The same in Keras
# -----------------
#
# One call each. ``topology="pointwise"`` is this exercise: fc6 and fc7 of 1x1 without
# ReLU, dropout of whole channels, enlarging by the rule above. ``upsampling="learned"``
# makes the transposed convolutions trainable. The exercise feeds the image as it is, so
# the network's own preprocessing is left out.

exercise = {
    "num_classes": CLASSES,
    "topology": "pointwise",
    "upsampling": "learned",
    "width": 1 / 16,
    "weights": None,
    "include_preprocessing": False,
}
pairs = {
    "FCN-32s": (FCN32s(CLASSES), keras_fcn.build_fcn32s(**exercise)),
    "FCN-16s": (FCN16s(CLASSES), keras_fcn.build_fcn16s(**exercise)),
    "FCN-8s": (FCN8s(CLASSES), keras_fcn.build_fcn8s(**exercise)),
}

# %%
# Train there, go on here
# -----------------------
#
# A few steps of ordinary PyTorch, so that no weight is what it was. Void, 255, is left
# out by both losses, and both give the same number for the same scores.

batches = Shapes("train", num_samples=24).batches(8, crop_size=64)
losses = {}
for name, (net, _) in pairs.items():
    net.train()
    adam = torch.optim.Adam(net.parameters(), lr=1e-3)
    cross_entropy = nn.CrossEntropyLoss(ignore_index=255)
    for images, labels in batches:
        images = keras.ops.convert_to_numpy(images)
        labels = keras.ops.convert_to_numpy(labels).astype("int64")
        logits = net(to_torch(images / 255))
        loss = cross_entropy(logits, torch.from_numpy(labels))
        adam.zero_grad()
        loss.backward()
        adam.step()
    net.eval()
    ours = keras_fcn.losses.PixelwiseCrossentropy()(labels, from_torch(logits))
    print(f"{name:8} loss {loss.item():.5f}, in Keras {float(ours):.5f}")
    assert np.isclose(loss.item(), float(ours), rtol=1e-5)

# %%
# ``torch.save`` leaves a file, and ``load_torch`` reads it. It reads tensors only,
# never code, and needs no PyTorch for it. Every tensor must find its place, or nothing
# changes.

for name, (net, model) in pairs.items():
    file = Path(folder.name) / f"{name}.pth"
    torch.save(net.state_dict(), file)
    report = keras_fcn.weights.load_torch(model, file)
    print(f"{name:8}", report.counts)
    assert report.counts["matched"] == len(net.state_dict()) == len(model.weights)

# %%
# Which tensor went where; of FCN-8s the heads:

for place, tensor in report.matched.items():
    if "score" in place and "kernel" in place:
        print(f"{tensor.name:25} -> {place}")

# %%
# The outputs
# -----------

photo, _ = Shapes("val", num_samples=1, sizes=(96, 96))[0]
photo = photo[None].astype("float32") / 255
results = {}
for name, (net, model) in pairs.items():
    with torch.no_grad():
        theirs = from_torch(net(to_torch(photo)))
    ours = keras.ops.convert_to_numpy(model(photo, training=False))
    scale = np.abs(theirs).max()
    difference = np.abs(ours - theirs).max() / scale
    print(f"{name:8} {ours.shape}  differs by less than 1e-5: {difference < 1e-5}")
    assert difference < 1e-5
    results[name] = theirs, ours

# %%
# Every score of every pixel, in PyTorch to the right and in Keras upwards: all lie on
# the diagonal. (The networks have seen 24 pictures; this is not about what they know.)

figure, places = plt.subplots(1, 3, figsize=(9, 3.2), layout="constrained")
for axes, (name, (theirs, ours)) in zip(places, results.items(), strict=True):
    for number in range(CLASSES):
        across, up = theirs[..., number].ravel(), ours[..., number].ravel()
        axes.plot(across, up, ".", ms=3, label=f"class {number}")
    axes.set(title=name, xlabel="score in PyTorch", ylabel="score in Keras")
    axes.set_aspect("equal")
places[0].legend(fontsize=7)

# %%
# What the exercise leaves out
# ----------------------------
#
# The paper's own network differs from the exercise, and ``topology="paper"`` is that:
# fc6 is a 7x7 convolution with VGG's weights, not 1x1. Unpadded, it would shrink a
# small image to nothing, so the image is padded by 100 pixels first; then the result is
# too large, and is cropped. The crops are derived from the layers, and come out as the
# numbers in the authors' files:

paper = keras_fcn.build_fcn8s(num_classes=21, width=1 / 16, weights=None)
fc6 = paper.get_layer("fc6")
print("fc6", fc6.kernel_size, fc6.padding)
for layer in paper.layers:
    if "crop" in type(layer).__name__.lower():
        print(f"{layer.name:20} {layer.get_config().get('offset')}")
assert tuple(paper(np.zeros((1, 75, 50, 3))).shape) == (1, 75, 50, 21)

# %%
# And where a side is no multiple of 32, PyTorch's poolings drop the rest, so that the
# exercise answers with a smaller image. Here poolings round up, and the answer is as
# large as the question:

image = np.zeros((1, 80, 100, 3), "float32")
net, model = pairs["FCN-32s"]
print("PyTorch", from_torch(net(to_torch(image))).shape[1:3])
print("Keras  ", tuple(model(image).shape[1:3]))
assert tuple(model(image).shape) == (1, 80, 100, CLASSES)

# %%
# From here
# ---------
#
# - :doc:`Published weights </published_weights>`: networks of others, from PyTorch and
#   from Caffe, by name or by file.
# - :doc:`Sizes and conventions </sizes_and_conventions>`: padding in six frameworks,
#   and where two cannot be translated.
# - :doc:`What a transposed convolution is
#   </gallery/plot_what_a_transposed_convolution_is>`.

# sphinx_gallery_thumbnail_number = 1

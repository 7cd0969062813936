"""
What a transposed convolution is
================================

A network that labels every pixel must become large again after it has become small. The
layer for that is ``Conv2DTranspose``, in PyTorch ``ConvTranspose2d``, in papers often
*deconvolution*. We begin with four numbers, where everything can be seen, and end with
the Keras layer.
"""

import tempfile
from pathlib import Path

import keras
import matplotlib.pyplot as plt
import numpy as np
from PIL import Image

from keras_fcn.geometry import (
    from_keras,
    from_pytorch,
    overlap_counts,
    phase_sums,
    upsampling_by,
)
from keras_fcn.pictures import draw_matrix, draw_overlap, draw_views, draw_windows
from keras_fcn.transposed import (
    bilinear_kernel,
    bilinear_profile,
    conv,
    conv_transpose,
    convolution_matrix,
    dot_test,
)

folder = tempfile.TemporaryDirectory()


def drawn(draw, *arguments, **options):
    """Draw into a file, and return the picture."""
    file = Path(folder.name) / "picture.png"
    draw(*arguments, file, **options)
    with Image.open(file) as picture:
        return picture.copy()


# %%
# A convolution is a matrix
# -------------------------
#
# Slide the kernel (1, 2, 3) over five numbers, two steps at a time. It fits twice, so
# five numbers become two. Each result is a sum of products: a row of a matrix times the
# column of numbers. Call the matrix :math:`C`. Each row of it holds the kernel, where
# the kernel lay.

w = np.array([1, 2, 3])
x = np.array([1, 0, 2, 0, 1])
C = convolution_matrix(w.reshape(3, 1, 1), (5, 1), strides=2).toarray()
print(C)

y = conv(x.reshape(5, 1), w.reshape(3, 1, 1), strides=2).ravel()
print("C x =", C @ x, "= the convolution:", y)
assert np.array_equal(C @ x, y)

# The matrix and its transpose; each of the three weights has a colour of its own.
drawn(draw_matrix, w, (5,), strides=2)

# %%
# Its transpose
# -------------
#
# :math:`C` takes five numbers to two, so its transpose takes two to five. That is the
# transposed convolution, all of it: **multiply by** :math:`C^T`.

two = np.array([10, 1])
print("C^T y =", C.T @ two)
home = conv_transpose(two.reshape(2, 1), w.reshape(3, 1, 1), strides=2).ravel()
assert np.array_equal(C.T @ two, home)

# %%
# Nobody multiplies by that matrix, for it is mostly zeros. Read column by column,
# :math:`C^T` says: every number *paints* a copy of the kernel, two places further on
# each time, and where copies overlap they are added.

painted = np.zeros(5, int)
for place, value in enumerate(two):
    painted[2 * place : 2 * place + 3] += value * w
print("painted:", painted)
assert np.array_equal(painted, home)

# Each of the two numbers paints the kernel, two places apart, and the copies are added.
drawn(draw_views, two[None], w[None], strides=2, views=["paint"])

# %%
# The stride puts zeros between
# -----------------------------
#
# Read row by row, :math:`C^T` says: put a zero between the numbers (``stride - 1``
# zeros), two around them, and slide the kernel over that, one step at a time. But turn
# it round first. A stride that makes a convolution's output *small* makes the
# transposed one's *large*.

spread = np.zeros(3, int)
spread[::2] = two
around = np.pad(spread, len(w) - 1)
slid = conv(around.reshape(-1, 1), w[::-1].reshape(3, 1, 1)).ravel()
print("spread:", spread, "  slid over with", w[::-1], ":", slid)
assert np.array_equal(slid, home)

# The kernel, turned round, slides over the numbers with zeros between and around them.
drawn(draw_views, two[None], w[None], strides=2, views=["gather"])

# %%
# The same in two dimensions, and in Keras
# ----------------------------------------
#
# An image written as one long row is a vector, so :math:`C` is a matrix again, and
# nothing changes. ``Conv2DTranspose`` with our kernel as its weights:

kernel = np.arange(1.0, 10.0).reshape(3, 3, 1, 1)
image = np.arange(1.0, 5.0).reshape(2, 2, 1)
C = convolution_matrix(kernel, (5, 5, 1), strides=2)  # 5x5 pixels to 2x2
by_matrix = (C.T @ image.ravel()).reshape(5, 5)

layer = keras.layers.Conv2DTranspose(1, 3, strides=2, use_bias=False)
layer.build((None, 2, 2, 1))
layer.set_weights([kernel])
by_keras = keras.ops.convert_to_numpy(layer(image[None]))[0, ..., 0]
print(by_keras.astype(int))
assert np.array_equal(by_matrix, by_keras)

# Four pixels paint four copies of the kernel into 5x5 pixels.
drawn(draw_views, image[..., 0], kernel[..., 0, 0], strides=2, views=["paint"])

# %%
# How large is the result?
# ------------------------
#
# ``n`` pixels paint ``(n - 1) * stride + kernel`` pixels. ``padding`` is cut off that
# again, for in the convolution it had been added. How much is cut, frameworks tell in
# words of their own. Crossed out is what is cut; framed is what is left.

windows = {
    "Keras, same": from_keras(4, kernel_size=4, strides=2, padding="same"),
    "PyTorch, padding=1": from_pytorch(4, kernel_size=4, stride=2, padding=1),
    "Keras, valid": from_keras(4, kernel_size=4, strides=2, padding="valid"),
    "PyTorch, kernel 3, padding=1": from_pytorch(4, 3, stride=2, padding=1),
}
for title, window in windows.items():
    n, k, s = window.input_length, window.kernel_size, window.strides
    print(f"{title:30} {n} -> {window.output_length}")
    assert window.output_length == (n - 1) * s + k - window.crop - window.tail_crop
assert windows["Keras, same"] == windows["PyTorch, padding=1"]

# Four pixels, what each paints, and below the pixels that are kept.
drawn(draw_windows, windows)

# %%
# To enlarge exactly ``s`` times, for an even ``s``, courses give a rule: stride ``s``,
# kernel ``2 s``, padding ``s / 2``. It is what a search through all of them puts first:

for s in (2, 8, 16, 32):
    best = upsampling_by(s)[0]
    print(best)
    assert (best.kernel_size, best.padding) == (2 * s, s // 2)

# %%
# Checkerboards
# -------------
#
# Three taps and a stride of two: every other pixel is painted twice. On a flat image
# that may leave a pattern, the *checkerboard*. But what counts is not how often a pixel
# is painted; it is the sum of the weights that fall on it. So 1, 2, 1 is fine, though
# it overlaps unevenly, and 1, 3, 2, 1 is not, though it overlaps evenly.

kernels = {"1 1 1": [1, 1, 1], "1 2 1": [1, 2, 1], "1 3 2 1": [1, 3, 2, 1]}
kernels["1 3 3 1"] = [1, 3, 3, 1]
for name, taps in kernels.items():
    print(f"{name:8} painted {overlap_counts(len(taps), 2)} times", end=", ")
    print(f"weights {phase_sums(taps, 2)}")

figure, places = plt.subplots(1, 4, figsize=(9, 2.5), layout="constrained")
for axes, (name, taps) in zip(places, kernels.items(), strict=True):
    square = np.outer(taps, taps)[..., None, None]
    flat = conv_transpose(np.ones((9, 9, 1)), square, strides=2)[4:-4, 4:-4, 0]
    axes.imshow(flat / flat.max(), cmap="gray", vmin=0, vmax=1)
    axes.set_title(f"{name}\ngrey levels: {len(np.unique(flat))}")
    axes.set(xticks=[], yticks=[])
    even = len(set(phase_sums(taps, 2))) == 1
    assert even == (len(np.unique(flat)) == 1)

# %%
# The same as squared paper: who paints where, how often, and with what sum.

# Each kernel painted five times, two pixels apart, with counts and sums below.
drawn(draw_overlap, kernels, strides=2)

# %%
# The bilinear kernel
# -------------------
#
# FCN begins with weights that need no training: a tent. The copies of neighbours
# overlap so that the result goes straight from one value to the next. (With an even
# stride a given value lies between two pixels, so that no pixel has it exactly.)

profile = bilinear_profile(4)
print("one axis:", profile)
print("sums:", *phase_sums(profile, 4))
assert np.allclose(phase_sums(profile, 4), 1)

values = np.array([0.0, 3, 1, 4, 2])
line = conv_transpose(values.reshape(-1, 1), profile.reshape(-1, 1, 1), strides=4)
line = line[2:-2, 0]  # padding 4 / 2 = 2 is cut off
figure, axes = plt.subplots(figsize=(7.5, 3), layout="constrained")
for place, value in enumerate(values):
    tent = np.arange(8) + 4 * place - 2
    axes.plot(tent, value * profile, ":", color="tab:gray", lw=1)
axes.plot(line, ".-", label="painted, 20 pixels")
axes.plot(4 * np.arange(5) + 1.5, values, "o", label="given, 5 pixels")
axes.set_xlabel("pixel")
axes.set_title("Five values enlarged four times; dotted, what each of them paints")
axes.legend()
assert line.shape == (20,)

# %%
# In a ``Conv2DTranspose`` there is a kernel for each pair of channels; the bilinear one
# stands on the diagonal, for no class is to paint another class' scores.

weights = bilinear_kernel(4, channels=3)
layer = keras.layers.Conv2DTranspose(3, 8, strides=4, padding="same", use_bias=False)
layer.build((None, None, None, 3))
layer.set_weights([weights])
scores = np.random.default_rng(0).normal(size=(1, 5, 6, 3)).astype("float32")
large = keras.ops.convert_to_numpy(layer(scores))
resized = keras.ops.convert_to_numpy(
    keras.ops.image.resize(scores, (20, 24), interpolation="bilinear")
)
inner = (0, slice(2, -2), slice(2, -2))
print("kernel", weights.shape, "  scores", scores.shape, "->", large.shape)
print(
    "as Keras' bilinear resize:", np.allclose(large[inner], resized[inner], atol=1e-6)
)
assert np.allclose(large[inner], resized[inner], atol=1e-6)

# %%
# It is no deconvolution
# ----------------------
#
# To *deconvolve* means to undo: given :math:`C x`, find :math:`x`. That would be an
# inverse. The transpose is something else, the *adjoint*. It gives back the size, not
# the numbers.

C = convolution_matrix(w.reshape(3, 1, 1), (5, 1), strides=2).toarray()
print("x            ", x)
print("C^T C x      ", C.T @ C @ x)
print("pinv(C) C x  ", (np.linalg.pinv(C) @ C @ x).round(2))
assert not np.array_equal(C.T @ C @ x, x)

# %%
# Even the best inverse, the last line, does not find ``x``: five numbers had been
# pressed into two, and what is gone is gone. What the adjoint does keep is a balance.
# For any ``x`` and ``y``, :math:`\langle Cx, y\rangle = \langle x, C^T y\rangle`. It is
# the reason why this layer is also the gradient of a convolution, and a good test: with
# the kernel turned the wrong way round, the balance is lost.

sizes = (5, 5, 1), (2, 2, 1)


def there(a):
    """C, as a function of images."""
    return conv(a, kernel, strides=2)


left, right = dot_test(there, lambda b: conv_transpose(b, kernel, strides=2), *sizes)
print(left, "=", right)
try:
    turned = kernel[::-1, ::-1]
    dot_test(there, lambda b: conv_transpose(b, turned, strides=2), *sizes)
except AssertionError as error:
    print(error)
else:
    raise AssertionError("A turned kernel passed.")

# %%
# On a photo the difference can be seen. Blur it, then apply the transpose of the blur:
# it is blurred once more. The inverse brings it back.

photo = np.zeros((24, 24))
photo[4:20, 10:14] = photo[10:14, 4:20] = 1
blur = np.outer([1, 4, 6, 4, 1], [1, 4, 6, 4, 1])[..., None, None] / 256
C = convolution_matrix(blur, (24, 24, 1), padding="same").toarray()
blurred = C @ photo.ravel()
pictures = {
    "photo": photo.ravel(),
    "blurred, $Cx$": blurred,
    "transpose, $C^T C x$": C.T @ blurred,
    "inverse, $C^{-1} C x$": np.linalg.solve(C, blurred),
}
figure, places = plt.subplots(1, 4, figsize=(9, 2.6), layout="constrained")
for axes, (title, pixels) in zip(places, pictures.items(), strict=True):
    error = np.linalg.norm(pixels - photo.ravel()) / np.linalg.norm(photo)
    axes.imshow(pixels.reshape(24, 24), cmap="gray", vmin=0, vmax=1)
    axes.set_title(f"{title}\nerror {error:.1%}")
    axes.set_axis_off()
assert np.allclose(pictures["inverse, $C^{-1} C x$"], photo.ravel())

# %%
# From here
# ---------
#
# - Change kernel, stride and padding and watch the numbers move, `in your browser
#   <../play/transposed_convolution.html>`_.
# - :doc:`Why it is called transposed </why_transposed>`: all five views of it.
# - :doc:`Deconvolution is something else </deconvolution>`, with a photo, noise, and
#   deconvolutions that people use.
# - :doc:`Checkerboard, exactly </checkerboard>`, and :doc:`sizes and conventions
#   </sizes_and_conventions>` of six frameworks.

# sphinx_gallery_thumbnail_number = 4

"""Arrays of Caffe and PyTorch, laid out as Keras wants them.

There the channels stand first and the output before the input: a convolution is
`(out, in / groups, height, width)`, a transposed convolution `(in, out / groups,
height, width)`, a fully connected layer `(out, in)` whose inputs are a flattened map,
channels first. Caffe's files of before 2014 put ones in front of fewer than four axes.
"""

from __future__ import annotations

import math

import keras
import numpy as np

from ...transposed import bilinear_profile


def keras_layout(
    layer: keras.layers.Layer, shape: tuple[int, ...], array: np.ndarray
) -> np.ndarray | None:
    """Lay out one tensor for a variable of a Keras layer, without copying.

    Args:
        layer: A `Conv2D`, of any number of groups, or a `Conv2DTranspose`; of
            another layer the vectors only.
        shape: Shape of its variable: a bias `(out,)`, a convolution's kernel
            `(height, width, in / groups, out)`, a transposed convolution's
            `(height, width, out, in)`.
        array: The tensor, in Caffe's and PyTorch's layout. For a convolution it
            may be that of a fully connected layer on a map of the kernel's size; for
            a transposed convolution, that of one with as many groups as channels.

    Returns:
        Array of that shape, or `None` if the tensor does not fit.

    Example:
        VGG's fc6, `(4096, 512 * 7 * 7)`, becomes a 7x7 convolution; here with two
        outputs, three channels and 2x2:

        >>> fc6 = np.arange(24).reshape(2, 12)
        >>> layer = keras.layers.Conv2D(2, 2)
        >>> kernel = keras_layout(layer, (2, 2, 3, 2), fc6)
        >>> kernel[0, 1, :, 0].tolist()  # top right, first output: each channel's
        [1, 5, 9]

    Reference:
        Long et al., https://arxiv.org/abs/1411.4038, section 3.1 and figure 2.
    """
    if len(shape) == 1:
        return array.reshape(shape) if _padded(array.shape, shape) else None
    if isinstance(layer, keras.layers.Conv2D):
        rows, columns, inputs, outputs = shape
        flat = (outputs, inputs * rows * columns)
        channels_first = (outputs, inputs, rows, columns)
        if array.shape != channels_first:
            if layer.groups > 1 or not _padded(array.shape, flat):
                return None
            array = array.reshape(channels_first)
        return array.transpose(2, 3, 1, 0)
    if isinstance(layer, keras.layers.Conv2DTranspose):
        rows, columns, outputs, inputs = shape
        if array.shape == (inputs, 1, rows, columns) and inputs == outputs:
            array = one_channel_at_a_time(array)
        if array.shape == (inputs, outputs, rows, columns):
            return array.transpose(2, 3, 1, 0)
    return None


def one_channel_at_a_time(kernel: np.ndarray) -> np.ndarray:
    """Write a grouped kernel `(n, 1, height, width)` as a dense `(n, n, ...)` one."""
    n = len(kernel)
    dense = np.zeros((n, n, *kernel.shape[2:]), kernel.dtype)
    dense[np.arange(n), np.arange(n)] = kernel[:, 0]
    return dense


def is_bilinear(kernel: np.ndarray) -> bool:
    """Tell whether a transposed convolution interpolates each channel bilinearly.

    Args:
        kernel: Shape `(n, n, k, k)`, or `(n, 1, k, k)` in groups of one channel.

    Returns:
        Whether each channel has the tent of half width `(k + 1) // 2`, and no
        channel feeds another.

    Example:
        >>> tent = np.outer([0.5, 1, 0.5], [0.5, 1, 0.5])
        >>> is_bilinear(tent[None, None]), is_bilinear(-tent[None, None])
        (True, False)

    Reference:
        `upsample_filt` and `interp` in `surgery.py` of
        https://github.com/shelhamer/fcn.berkeleyvision.org.
    """
    if kernel.ndim != 4:
        return False
    n, m, k, columns = kernel.shape
    if k != columns or m not in (n, 1) or not kernel.size:
        return False
    tent = bilinear_profile((k + 1) // 2, kernel_size=k)
    channels = np.eye(n) if m == n else np.ones((n, 1))
    for row, expected in zip(kernel, channels, strict=True):
        wanted = np.multiply.outer(expected, np.outer(tent, tent))
        if not np.allclose(row, wanted, rtol=0, atol=1e-5):
            return False
    return True


def _padded(found: tuple[int, ...], wanted: tuple[int, ...]) -> bool:
    """Whether two shapes are the same but for ones in front."""
    first = max(0, len(found) - len(wanted))
    return found[first:] == wanted and math.prod(found[:first]) == 1

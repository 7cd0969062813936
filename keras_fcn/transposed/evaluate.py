"""A convolution and its transpose, computed in several ways that agree."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..geometry import Window
from ..suggestions import require_choice
from .matrix import matrix_of_windows
from .operands import (
    Padding,
    PerAxis,
    exact_dtypes,
    numbers,
    require_channels,
    windows_of_convolution,
    windows_of_transpose,
    with_batch,
    without_batch,
)
from .phases import phase
from .separable import separable, separable_or_phase
from .taps import gather, scatter


def conv(
    x: Any,
    kernel: Any,
    *,
    strides: PerAxis = 1,
    padding: Padding = "valid",
    dilation_rate: PerAxis = 1,
    groups: int = 1,
    bias: Any = None,
    data_format: str = "channels_last",
) -> np.ndarray:
    """A convolution as deep-learning libraries define it: `C @ x`, plus a bias.

    Args:
        x: Array `(*spatial, in)`, with or without a batch axis in front.
        kernel: Array `(*spatial, in / groups, out)`, as of `keras.layers.Conv2D`.
        strides: `s`, one for all axes or one each. Defaults to `1`.
        padding: `"valid"`; `"same"`, as in Keras; or zeros around the input: one
            number, or for each axis a number or a pair (before, after). Defaults to
            `"valid"`.
        dilation_rate: `d`, one for all axes or one each. Defaults to `1`.
        groups: Groups of channels that do not see each other. Defaults to `1`.
        bias: Array `(out,)`, added to every pixel. Defaults to none.
        data_format: `"channels_last"`, or `"channels_first"`, where `x` and the
            result have channels before the spatial axes. Defaults to
            `"channels_last"`.

    Returns:
        Array `(*spatial, out)`, with the batch axis if `x` has one. Integers are
        summed exactly, in 64 bits.

    Raises:
        ValueError: If shapes do not fit, or the kernel not into the padded input.
        TypeError: If an array holds neither integers nor floats.

    Example:
        >>> x = np.array([1, 10, 100, 1000]).reshape(4, 1)
        >>> conv(x, np.array([1, 2, 3]).reshape(3, 1, 1)).ravel().tolist()
        [321, 3210]

    Reference:
        Dumoulin & Visin, https://arxiv.org/abs/1603.07285, chapter 2.
    """
    x, kernel = numbers("x", x), numbers("kernel", kernel)
    x, batched = with_batch(x, kernel, data_format)
    require_channels(kernel, groups, x.shape[-1], axis=-2)
    windows = windows_of_convolution(
        x.shape[1:-1],
        kernel.shape[:-2],
        strides=strides,
        padding=padding,
        dilation_rate=dilation_rate,
    )
    y = _cast_and_grouped(gather, x, kernel, windows, groups, bias, axis=-2)
    return without_batch(y, batched, data_format)


def conv_transpose(
    x: Any,
    kernel: Any,
    *,
    strides: PerAxis = 1,
    padding: Padding = "valid",
    output_padding: PerAxis | None = None,
    dilation_rate: PerAxis = 1,
    groups: int = 1,
    output_shape: PerAxis | None = None,
    bias: Any = None,
    data_format: str = "channels_last",
    method: str = "auto",
) -> np.ndarray:
    """A transposed convolution: `C.T @ x`, plus a bias.

    `C` is `convolution_matrix(kernel, ...)`. With `padding` a word, everything means
    what it means to `keras.ops.conv_transpose`.

    | `method` | what it does |
    | --- | --- |
    | `"matrix"` | the definition: builds `C`, multiplies by its transpose |
    | `"scatter"` | each input pixel paints a kernel, tap after tap |
    | `"phase"` | matrix products without zeros, each output written once |
    | `"separable"` | axis after axis; for kernels such as the bilinear one |
    | `"auto"` | `"separable"` where it can, else `"phase"` |

    Args:
        x: Array `(*spatial, out)`, with or without a batch axis in front.
        kernel: Array `(*spatial, in / groups, out)`: that of the *convolution*, the
            very array that it has. `keras.layers.Conv2DTranspose` calls its axes
            `(*spatial, out, in)`, seen from the other side.
        strides: `s`, one for all axes or one each. Defaults to `1`.
        padding: `"valid"`; `"same"`, as in Keras; or what the convolution pads and
            so the transpose crops, as in PyTorch, ONNX and Caffe: one number, or for
            each axis a number or a pair (before, after); negative numbers put zeros
            there. Defaults to `"valid"`.
        output_padding: Keras's with a word, PyTorch's with numbers; `None` is not 0
            with a word. One for all axes or one each. Defaults to `None`.
        dilation_rate: `d`, one for all axes or one each. Defaults to `1`.
        groups: Groups of channels that do not see each other. Defaults to `1`.
        output_shape: Spatial shape of the result instead of `output_padding`, as in
            TensorFlow: one that the convolution takes to the shape of `x`.
        bias: Array `(in,)`, added to every pixel, last. Defaults to none.
        data_format: `"channels_last"`, or `"channels_first"`, where `x` and the
            result have channels before the spatial axes. Defaults to
            `"channels_last"`.
        method: See above; all agree exactly on arrays of integers. Defaults to
            `"auto"`.

    Returns:
        Array `(*spatial, in)`, with the batch axis if `x` has one. Integers are
        summed exactly, in 64 bits.

    Raises:
        ValueError: If shapes do not fit, no such output exists, `method` is another
            word or cannot compute this kernel.
        TypeError: If an array holds neither integers nor floats.
        MemoryError: If `method="matrix"` would need more than 2 GiB.

    Example:
        Two pixels, a kernel of 3, stride 2: they overlap on the middle pixel.

        >>> x = np.array([1, 10]).reshape(2, 1)
        >>> kernel = np.array([1, 2, 3]).reshape(3, 1, 1)
        >>> for method in ("matrix", "scatter", "phase"):
        ...     print(conv_transpose(x, kernel, strides=2, method=method).ravel())
        [ 1  2 13 20 30]
        [ 1  2 13 20 30]
        [ 1  2 13 20 30]

    Reference:
        Dumoulin & Visin, chapter 4; phases: Shi et al.,
        https://arxiv.org/abs/1609.07009.
    """
    x, kernel = numbers("x", x), numbers("kernel", kernel)
    x, batched = with_batch(x, kernel, data_format)
    require_channels(kernel, groups, x.shape[-1], axis=-1)
    windows = windows_of_transpose(
        x.shape[1:-1],
        kernel.shape[:-2],
        strides=strides,
        padding=padding,
        dilation_rate=dilation_rate,
        output_padding=output_padding,
        output_shape=output_shape,
    )
    require_choice("method", method, _METHODS)
    y = _cast_and_grouped(_METHODS[method], x, kernel, windows, groups, bias, axis=-1)
    return without_batch(y, batched, data_format)


def _matrix(x: np.ndarray, kernel: np.ndarray, windows: Sequence[Window]) -> np.ndarray:
    """`C.T @ x`, literally."""
    transpose = matrix_of_windows(kernel, windows).T
    y = (transpose @ x.reshape(len(x), transpose.shape[1]).T).T
    lengths = [window.output_length for window in windows]
    return y.reshape(len(x), *lengths, kernel.shape[-2])


_METHODS: dict[str, Callable[..., np.ndarray]] = {
    "auto": separable_or_phase,
    "matrix": _matrix,
    "scatter": scatter,
    "phase": phase,
    "separable": separable,
}


def _cast_and_grouped(
    method: Callable[..., np.ndarray],
    x: np.ndarray,
    kernel: np.ndarray,
    windows: Sequence[Window],
    groups: int,
    bias: Any,
    axis: int,
) -> np.ndarray:
    """Run `method` on each group of channels, in a type that keeps integers exact.

    `axis` is the kernel's axis of the channels of `x`.
    """
    bias = None if bias is None else numbers("bias", bias)
    arrays = [x, kernel] if bias is None else [x, kernel, bias]
    dtype, returned = exact_dtypes(*arrays)
    x, kernel = x.astype(dtype, copy=False), kernel.astype(dtype, copy=False)
    parts = zip(
        np.split(x, groups, axis=-1), np.split(kernel, groups, axis=-1), strict=True
    )
    results = [method(part, taps, windows) for part, taps in parts]
    y = results[0] if groups == 1 else np.concatenate(results, axis=-1)
    if bias is not None:
        if bias.shape != y.shape[-1:]:
            raise ValueError(
                f"`bias` must have the shape {y.shape[-1:]}. "
                f"Received: bias.shape={bias.shape}."
            )
        y += bias.astype(dtype, copy=False)
    return y.astype(returned, copy=False)

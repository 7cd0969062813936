"""The definition: a convolution is a matrix `C`, its transpose is `C.T`."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import TYPE_CHECKING

import numpy as np

from ..geometry import Window
from .operands import (
    Padding,
    PerAxis,
    exact_dtypes,
    numbers,
    require_channels,
    windows_of_convolution,
)

if TYPE_CHECKING:
    import scipy.sparse

# Two gigabytes: far above any matrix that a person looks at, far below a laptop.
MEMORY_LIMIT = 2 * 1024**3


def convolution_matrix(
    kernel: np.ndarray,
    input_shape: Sequence[int],
    *,
    strides: PerAxis = 1,
    padding: Padding = "valid",
    dilation_rate: PerAxis = 1,
    groups: int = 1,
    memory_limit: int = MEMORY_LIMIT,
) -> scipy.sparse.csr_array:
    """The matrix `C` of a convolution, as deep-learning libraries define it.

    `(C @ x.ravel()).reshape(output)` is the convolution of `x`, an array
    `(*spatial, in)` flattened in C order, and `C.T` is the transposed convolution.
    The kernel is not flipped: row `i` of `C` holds the kernel where it lies on `x`.

    Args:
        kernel: Array `(*spatial, in / groups, out)`, 1, 2 or 3 spatial axes or more.
        input_shape: `(*spatial, in)` of the convolution's input, in pixels and
            channels.
        strides: `s`, one for all axes or one each. Defaults to `1`.
        padding: `"valid"`; `"same"`, as in Keras; or zeros around the input: one
            number, or for each axis a number or a pair (before, after). Defaults to
            `"valid"`.
        dilation_rate: `d`, one for all axes or one each. Defaults to `1`.
        groups: Groups of channels that do not see each other. Defaults to `1`.
        memory_limit: Bytes that the making of the matrix may take. Defaults to 2 GiB.

    Returns:
        `scipy.sparse.csr_array` of shape `(outputs * out, inputs * in)`. Integers
        become 64 bits wide.

    Raises:
        MemoryError: If the matrix would need more than `memory_limit`; nothing has
            been allocated yet.
        ValueError: If shapes do not fit, or the kernel not into the padded input.

    Example:
        A kernel of 3 slides over 4 pixels and stops at two places:

        >>> kernel = np.array([1, 2, 3]).reshape(3, 1, 1)
        >>> C = convolution_matrix(kernel, (4, 1))
        >>> print(C.toarray())
        [[1 2 3 0]
         [0 1 2 3]]
        >>> print(C.T @ [10, 1])
        [10 21 32  3]

    Reference:
        Dumoulin & Visin, https://arxiv.org/abs/1603.07285, section 4.1.
    """
    kernel = numbers("kernel", kernel)
    if kernel.ndim < 3 or len(input_shape) != kernel.ndim - 1:
        raise ValueError(
            "`kernel` must be (*spatial, in, out) and `input_shape` (*spatial, in). "
            f"Received: kernel.shape={kernel.shape}, input_shape={input_shape}."
        )
    require_channels(kernel, groups, input_shape[-1], axis=-2)
    windows = windows_of_convolution(
        input_shape[:-1],
        kernel.shape[:-2],
        strides=strides,
        padding=padding,
        dilation_rate=dilation_rate,
    )
    return matrix_of_windows(kernel, windows, groups, memory_limit)


def matrix_of_windows(
    kernel: np.ndarray,
    windows: Sequence[Window],
    groups: int = 1,
    memory_limit: int = MEMORY_LIMIT,
) -> scipy.sparse.csr_array:
    """Return `C` for one window an axis."""
    import scipy.sparse

    kernel = kernel.astype(exact_dtypes(kernel)[0], copy=False)
    inputs, outputs = kernel.shape[-2:]  # of one group; of all groups
    shape = (
        prod(window.input_length for window in windows) * outputs,
        prod(window.output_length for window in windows) * inputs * groups,
    )
    index = np.int32 if max(shape) < 2**31 else np.int64
    _require_memory(kernel, windows, shape, index, memory_limit)

    # Which output pixel (row) sees which input pixel (column) through which tap: for
    # each axis a list, for all axes every combination.
    row, column, tap = (np.zeros(1, index) for _ in range(3))
    for window in windows:
        i, o, t = _seen(window, index)
        row = np.add.outer(row * window.input_length, i).ravel()
        column = np.add.outer(column * window.output_length, o).ravel()
        tap = np.add.outer(tap * window.kernel_size, t).ravel()

    # And every pair of channels of one group.
    taps = kernel.reshape(-1, inputs, outputs)[tap]
    out = np.arange(outputs, dtype=index)
    channel = np.arange(inputs, dtype=index)[:, None] + out // (outputs // groups) * (
        index(inputs)
    )
    rows = np.broadcast_to((row * outputs)[:, None, None] + out, taps.shape)
    columns = (column * (inputs * groups))[:, None, None] + channel
    entries = (taps.ravel(), (rows.ravel(), columns.ravel()))
    return scipy.sparse.coo_array(entries, shape).tocsr()


def _seen(window: Window, index: type) -> np.ndarray:
    """Every input pixel, output pixel and tap that joins them, as three rows."""
    parts = []
    for tap in range(window.kernel_size):
        inputs = np.arange(
            window.inputs_of_tap(tap).start, window.inputs_of_tap(tap).stop, dtype=index
        )
        outputs = inputs * index(window.strides) + index(window.output_of(0, tap))
        parts.append(np.stack([inputs, outputs, np.full_like(inputs, tap)]))
    return np.concatenate(parts, axis=1)


def _require_memory(
    kernel: np.ndarray,
    windows: Sequence[Window],
    shape: tuple[int, int],
    index: type,
    memory_limit: int,
) -> None:
    """Raise if the entries, listed one by one and then by rows, take too much."""
    pairs = prod(
        sum(len(window.inputs_of_tap(t)) for t in range(window.kernel_size))
        for window in windows
    )
    entries = pairs * kernel.shape[-2] * kernel.shape[-1]
    integer = np.dtype(index).itemsize
    needed = (
        entries * (2 * kernel.itemsize + 3 * integer)
        + pairs * 6 * integer
        + (shape[0] + 1) * integer
    )
    if needed > memory_limit:
        raise MemoryError(
            f"The convolution matrix, {shape[0]} x {shape[1]} with {entries} entries, "
            f"would take {needed / 1024**2:,.1f} MiB; the limit is "
            f"{memory_limit / 1024**2:,.1f} MiB. It is the definition, for small "
            'arrays: `conv_transpose(..., method="phase")` gives the same numbers '
            "without it. Or raise `memory_limit`."
        )

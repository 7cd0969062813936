"""What a call means: its arrays with a batch axis, and one window for each axis."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..geometry import Window, from_keras, window_of_convolution
from ..geometry.window import full_length_of

Padding = str | int | Sequence[int | tuple[int, int]]
PerAxis = int | Sequence[int]


def numbers(name: str, array: Any) -> np.ndarray:
    """Return `array` as NumPy's; raise if it holds neither integers nor floats."""
    array = np.asarray(array)
    if array.dtype.kind not in "iufb":
        raise TypeError(
            f"`{name}` must hold integers or floats. Received: dtype={array.dtype}."
        )
    return array


def exact_dtypes(*arrays: np.ndarray) -> tuple[np.dtype, np.dtype]:
    """Return the types to compute in and to return.

    Integers are summed in 64 bits, as by `numpy.sum`, so that they stay exact; half
    floats in single precision, which BLAS and SciPy have.
    """
    dtype = np.result_type(*arrays)
    if dtype.kind == "f" and all(a.dtype.kind in "iub" for a in arrays):
        kinds = ", ".join(str(a.dtype) for a in arrays)
        raise TypeError(
            "No 64-bit integer holds the products of signed and of unsigned 64-bit "
            f"ones. Received: {kinds}. Cast them to one of the two."
        )
    if dtype.kind in "iub":
        wide = np.dtype(np.uint64 if dtype.kind == "u" else np.int64)
        return wide, wide
    return (np.dtype(np.float32) if dtype == np.float16 else dtype), dtype


def per_axis(name: str, value: PerAxis, rank: int) -> tuple[int, ...]:
    """Return one integer for each spatial axis."""
    values = _whole(value, rank)
    if values is None:
        raise ValueError(
            f"`{name}` must be an integer, or one for each of the {rank} spatial axes. "
            f"Received: {name}={value!r}."
        )
    return values


def windows_of_transpose(
    input_shape: Sequence[int],
    kernel_size: Sequence[int],
    *,
    strides: PerAxis,
    padding: Padding,
    dilation_rate: PerAxis,
    output_padding: PerAxis | None,
    output_shape: PerAxis | None,
) -> tuple[Window, ...]:
    """Return the windows that a transposed convolution's arguments ask for."""
    rank = len(kernel_size)
    strides = per_axis("strides", strides, rank)
    dilation_rate = per_axis("dilation_rate", dilation_rate, rank)
    tails: Sequence[int | None] = (None,) * rank
    if output_shape is not None:
        if output_padding is not None:
            raise ValueError(
                "Give `output_padding` or `output_shape`, not both. Received: "
                f"output_padding={output_padding}, output_shape={output_shape}."
            )
        lengths = per_axis("output_shape", output_shape, rank)
        found = windows_of_convolution(
            lengths,
            kernel_size,
            strides=strides,
            padding=padding,
            dilation_rate=dilation_rate,
        )
        back = tuple(window.input_length for window in found)
        if back != tuple(input_shape):
            raise ValueError(
                "`output_shape` must be one that the convolution takes to the input's "
                f"{tuple(input_shape)}. Received: output_shape={lengths}, which it "
                f"takes to {back}."
            )
        return found
    if output_padding is not None:
        tails = per_axis("output_padding", output_padding, rank)
    axes = zip(input_shape, kernel_size, strides, dilation_rate, tails, strict=True)
    if isinstance(padding, str):
        return tuple(
            from_keras(
                n, k, strides=s, padding=padding, output_padding=a, dilation_rate=d
            )
            for n, k, s, d, a in axes
        )
    windows = []
    for (n, k, s, d, a), (before, after) in zip(
        axes, _pairs(padding, rank), strict=True
    ):
        if a is not None and not 0 <= a < max(s, d):
            raise ValueError(
                "`output_padding` must be at least 0 and below `strides` or "
                f"`dilation_rate`. Received: output_padding={output_padding}, "
                f"strides={strides}, dilation_rate={dilation_rate}."
            )
        kept = full_length_of(n, k, s, d) - before - after + (a or 0)
        windows.append(Window(n, k, kept, s, d, before))
    return tuple(windows)


def windows_of_convolution(
    input_shape: Sequence[int],
    kernel_size: Sequence[int],
    *,
    strides: PerAxis,
    padding: Padding,
    dilation_rate: PerAxis,
) -> tuple[Window, ...]:
    """Return the windows that a convolution's arguments ask for."""
    rank = len(kernel_size)
    paddings = (padding,) * rank if isinstance(padding, str) else _pairs(padding, rank)
    axes = zip(
        input_shape,
        kernel_size,
        per_axis("strides", strides, rank),
        paddings,
        per_axis("dilation_rate", dilation_rate, rank),
        strict=True,
    )
    return tuple(
        window_of_convolution(length, k, strides=s, padding=p, dilation_rate=d)
        for length, k, s, p, d in axes
    )


def require_channels(kernel: np.ndarray, groups: int, channels: int, axis: int) -> None:
    """Raise unless `channels` and `groups` fit the kernel `(*spatial, in, out)`.

    `axis` is the kernel's channel axis that must fit: -2 for a convolution's input,
    -1 for its output, which is the input of the transposed convolution.
    """
    inputs, outputs = kernel.shape[-2:]
    if groups < 1 or outputs % groups:
        raise ValueError(
            "`groups` must be at least 1 and divide the last axis of the kernel. "
            f"Received: groups={groups}, kernel.shape={kernel.shape}."
        )
    expected = outputs if axis == -1 else inputs * groups
    if channels != expected:
        raise ValueError(
            f"The input must have {expected} channels for this kernel. Received: "
            f"{channels} channels, kernel.shape={kernel.shape}, groups={groups}."
        )


def with_batch(
    x: np.ndarray, kernel: np.ndarray, data_format: str
) -> tuple[np.ndarray, bool]:
    """Return `x` as (batch, *spatial, channels), and whether it had a batch axis."""
    rank = kernel.ndim - 2
    if rank < 1 or x.ndim not in (rank + 1, rank + 2):
        raise ValueError(
            "`kernel` must have two channel axes behind its spatial ones, and `x` as "
            "many spatial axes, one of channels and perhaps one of the batch. "
            f"Received: x.shape={x.shape}, kernel.shape={kernel.shape}."
        )
    if data_format not in ("channels_last", "channels_first"):
        raise ValueError(
            '`data_format` must be "channels_last" or "channels_first". '
            f"Received: data_format={data_format!r}."
        )
    batched = x.ndim == rank + 2
    if not batched:
        x = x[None]
    if data_format == "channels_first":
        x = np.moveaxis(x, 1, -1)
    return x, batched


def without_batch(y: np.ndarray, batched: bool, data_format: str) -> np.ndarray:
    """Undo `with_batch`."""
    if data_format == "channels_first":
        y = np.moveaxis(y, -1, 1)
    return y if batched else y[0]


def _pairs(padding: Padding, rank: int) -> list[Any]:
    values = padding if isinstance(padding, Sequence) else (padding,) * rank
    pairs = [_whole(value, 2) for value in values]
    if len(pairs) == rank:
        found = [pair for pair in pairs if pair is not None]
        if len(found) == rank:
            return found
    raise ValueError(
        '`padding` must be "valid", "same", an integer, or an integer or a pair '
        f"(before, after) for each of the {rank} spatial axes. "
        f"Received: padding={padding!r}."
    )


def _whole(value: Any, length: int) -> tuple[int, ...] | None:
    """Return `length` integers, one of them repeated or all of them given."""
    values = (value,) * length if np.ndim(value) == 0 else tuple(value)
    if len(values) == length and all(isinstance(v, int | np.integer) for v in values):
        return tuple(int(v) for v in values)
    return None

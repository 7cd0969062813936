"""The plain forms: a convolution and its transpose, one tap after the other.

The same loop twice. What the convolution reads, its transpose writes.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence

import numpy as np

from ..geometry import Window


def _taps(
    windows: Sequence[Window],
) -> Iterator[tuple[tuple[int, ...], tuple[slice, ...], tuple[slice, ...]]]:
    """For each tap: the pixels of the transpose's input and output that it joins."""
    batch = (slice(None),)
    for tap in itertools.product(*(range(w.kernel_size) for w in windows)):
        inputs, outputs = [], []
        for window, t in zip(windows, tap, strict=True):
            seen = window.inputs_of_tap(t)
            first = window.output_of(seen.start, t)
            last = window.output_of(seen.stop - 1, t)
            inputs.append(slice(seen.start, seen.stop))
            outputs.append(slice(first, last + 1, window.strides) if seen else slice(0))
        yield tap, batch + tuple(inputs), batch + tuple(outputs)


def gather(x: np.ndarray, kernel: np.ndarray, windows: Sequence[Window]) -> np.ndarray:
    """`C @ x`: each output pixel reads through every tap."""
    lengths = [window.input_length for window in windows]
    y = np.zeros((len(x), *lengths, kernel.shape[-1]), x.dtype)
    for tap, inputs, outputs in _taps(windows):
        y[inputs] += x[outputs] @ kernel[tap]
    return y


def scatter(x: np.ndarray, kernel: np.ndarray, windows: Sequence[Window]) -> np.ndarray:
    """`C.T @ x`: each input pixel writes through every tap."""
    lengths = [window.output_length for window in windows]
    y = np.zeros((len(x), *lengths, kernel.shape[-2]), x.dtype)
    for tap, inputs, outputs in _taps(windows):
        y[outputs] += x[inputs] @ kernel[tap].T
    return y

"""The separable form: a kernel that is one profile an axis, alike for each channel."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

import numpy as np
from numpy.lib.stride_tricks import as_strided

from ..geometry import Window
from .phases import meeting, phase

# Where rows are short, so many pixels are taken at a time, to keep BLAS busy.
_SHORT_ROW, _PIXELS = 256, 8


def profiles_of(kernel: np.ndarray) -> list[np.ndarray] | None:
    """Return one profile an axis whose outer product is the kernel, if there are.

    Channel `c` must feed channel `c` alone, and all channels alike. Only for floats.

    Args:
        kernel: Array `(*spatial, in, out)`.

    Returns:
        Profiles, or `None`.
    """
    inputs, outputs = kernel.shape[-2:]
    if kernel.dtype.kind != "f" or inputs != outputs or not kernel.size:
        return None
    middle = tuple(n // 2 for n in kernel.shape[:-2])
    if kernel[middle][0, 1:].any():  # dense: seen at a glance
        return None
    taps = kernel[..., 0, 0]
    pivot = np.unravel_index(np.argmax(np.abs(taps)), taps.shape)
    peak = taps[pivot]
    if not np.isfinite(peak) or peak == 0:
        return None
    longest = int(np.argmax(taps.shape))  # so that an axis of one tap gets just 1
    profiles = []
    for axis in range(taps.ndim):
        line = taps[(*pivot[:axis], slice(None), *pivot[axis + 1 :])]
        profiles.append(line if axis == longest else line / peak)
    outer = profiles[0]
    for profile in profiles[1:]:
        outer = outer[..., None] * profile
    near = 4 * np.finfo(kernel.dtype).eps * abs(peak)
    diagonal = np.einsum("...cc->...c", kernel)
    if (
        (np.abs(outer - taps) <= near).all()
        and (diagonal == taps[..., None]).all()
        # Comparing first is four times as fast as counting floats.
        and np.count_nonzero(kernel != 0) == np.count_nonzero(diagonal)
    ):
        return profiles
    return None


def separable(
    x: np.ndarray, kernel: np.ndarray, windows: Sequence[Window]
) -> np.ndarray:
    """`C.T @ x` for `x` of `(batch, *spatial, out)`, one axis after the other."""
    profiles = profiles_of(kernel)
    if profiles is None:
        raise ValueError(
            'method="separable" needs a floating-point kernel that is an outer product '
            "of one profile an axis, on the diagonal of its channels, such as "
            '`bilinear_kernel`. Received: another. Use method="phase".'
        )
    return _along_axes(x, profiles, windows)


def separable_or_phase(
    x: np.ndarray, kernel: np.ndarray, windows: Sequence[Window]
) -> np.ndarray:
    """`C.T @ x`, separable if the kernel is."""
    # Times the zeros of a block, infinity would spread to pixels that never saw it.
    profiles = profiles_of(kernel) if np.isfinite(x).all() else None
    if profiles is None:
        return phase(x, kernel, windows)
    return _along_axes(x, profiles, windows)


def _along_axes(
    x: np.ndarray, profiles: Sequence[np.ndarray], windows: Sequence[Window]
) -> np.ndarray:
    blocks = []
    row = x.shape[-1]  # values from one pixel of the axis to the next
    for profile, window in zip(profiles[::-1], windows[::-1], strict=True):
        pixels = _PIXELS if row < _SHORT_ROW else 1
        blocks.insert(0, _Block(profile.astype(x.dtype), window, pixels))
        row *= window.output_length

    padded = np.zeros((len(x), *(b.padded for b in blocks), x.shape[-1]), x.dtype)
    axes = [
        meeting(-block.high, block.padded, n)
        for block, n in zip(blocks, x.shape[1:-1], strict=True)
    ]
    padded[:, *(into for into, _ in axes)] = x[:, *(source for _, source in axes)]
    # The first axis last: its rows are the longest.
    for axis in reversed(range(len(blocks))):
        padded = blocks[axis].along(padded, axis + 1)
    return padded


class _Block:
    """A block of one axis' matrix, which repeats itself along the axis.

    The matrix of one axis is the same every `s` rows, one column further on: outputs
    `s*m` to `s*m + s - 1` see input pixels `m - high` to `m - low`. The block is that
    of `pixels` neighbouring `m`.
    """

    def __init__(self, profile: np.ndarray, window: Window, pixels: int) -> None:
        self.window, self.pixels = window, pixels
        self.count = -(-window.output_length // (window.strides * pixels))
        low = -window.crop // window.strides
        self.high = (window.extent - 1 - window.crop) // window.strides
        self.padded = self.count * pixels + self.high - low

        output = np.arange(pixels * window.strides)[:, None]
        pixel = np.arange(pixels + self.high - low) - self.high
        tap, between = np.divmod(
            output + window.crop - window.strides * pixel, window.dilation_rate
        )
        seen = (between == 0) & (tap >= 0) & (tap < len(profile))
        taps = profile[tap.clip(0, len(profile) - 1)]
        self.matrix = np.where(seen, taps, 0).astype(profile.dtype)

    def along(self, padded: np.ndarray, axis: int) -> np.ndarray:
        """Multiply one axis of an array that is padded along it."""
        before, after = padded.shape[:axis], padded.shape[axis + 1 :]
        padded = padded.reshape(prod(before), self.padded, prod(after))
        by_image, by_pixel, by_value = padded.strides
        parts = as_strided(
            padded,
            (len(padded), self.count, self.matrix.shape[1], padded.shape[-1]),
            (by_image, self.pixels * by_pixel, by_pixel, by_value),
        )
        length = self.window.output_length
        y = np.matmul(self.matrix, parts)
        y = y.reshape(len(padded), y.shape[1] * y.shape[2], padded.shape[-1])
        y = y[:, :length]
        return y.reshape(*before, length, *after)

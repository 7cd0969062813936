"""The separable form: a kernel that is one profile an axis, alike for each channel."""

from __future__ import annotations

from collections.abc import Sequence
from math import gcd, prod

import numpy as np
from numpy.lib.stride_tricks import as_strided

from ..geometry import Window
from .phases import phases_of

# Rows shorter than this are multiplied and added, longer ones go to BLAS.
_SHORT_ROW, _FEW_PHASES = 64, 8


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
    profiles = []
    for axis in range(taps.ndim):
        line = taps[(*pivot[:axis], slice(None), *pivot[axis + 1 :])]
        profiles.append(line if axis == 0 else line / peak)
    outer = profiles[0]
    for profile in profiles[1:]:
        outer = outer[..., None] * profile
    near = 4 * np.finfo(kernel.dtype).eps * abs(peak)
    if not np.allclose(outer, taps, rtol=0, atol=near):
        return None
    for channel in range(inputs):
        if not np.array_equal(kernel[..., channel, channel], taps):
            return None
    if np.count_nonzero(kernel) != inputs * np.count_nonzero(taps):
        return None
    return profiles


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
    # The first axis last: its rows are the longest.
    for axis in reversed(range(len(windows))):
        x = _along(x, axis + 1, profiles[axis].astype(x.dtype), windows[axis])
    return x


def _along(x: np.ndarray, axis: int, profile: np.ndarray, window: Window) -> np.ndarray:
    """Apply one profile along one axis."""
    before, n, after = x.shape[:axis], x.shape[axis], x.shape[axis + 1 :]
    lead, row = prod(before), prod(after)
    runs = phases_of(window)
    s, count = window.strides, -(-window.output_length // window.strides)
    if not runs:
        return np.zeros((*before, window.output_length, *after), x.dtype)

    step = window.dilation_rate // gcd(s, window.dilation_rate)
    low = min(run.lowest for run in runs)
    high = max(run.lowest + step * (len(run.taps) - 1) for run in runs)
    # Padded pixel `high + i` is input pixel `i`; output m begins to see at m + high.
    length = count + high - low
    padded = np.zeros((lead, length, row), x.dtype)
    kept = slice(max(-high, 0), min(n, length - high))
    if kept.start < kept.stop:
        padded[:, kept.start + high : kept.stop + high] = x.reshape(lead, n, row)[
            :, kept
        ]

    complete = sum(run.taps.shape[1] for run in runs) == s
    y = (np.empty if complete else np.zeros)((lead, count, s, row), x.dtype)
    for run in runs:
        pixels = len(run.taps)
        first = high - run.lowest - step * (pixels - 1)
        weights = profile[run.taps].T
        by_image, by_pixel, by_value = padded.strides
        seen = as_strided(
            padded[:, first:],
            (lead, count, pixels, row),
            (by_image, by_pixel, step * by_pixel, by_value),
        )
        into = y[:, :, run.places]
        if row < _SHORT_ROW and s < _FEW_PHASES:
            for phase, taps in enumerate(weights):
                total = seen[:, :, 0] * taps[0]
                for pixel in range(1, pixels):
                    total += seen[:, :, pixel] * taps[pixel]
                into[:, :, phase] = total
        else:
            np.matmul(weights, seen, out=into)
    y = y.reshape(lead, count * s, row)[:, : window.output_length]
    return y.reshape(*before, window.output_length, *after)

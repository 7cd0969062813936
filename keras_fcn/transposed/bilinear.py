"""Bilinear kernels: the tents that a transposed convolution interpolates with."""

from __future__ import annotations

import numpy as np


def bilinear_profile(factor: int, kernel_size: int | None = None) -> np.ndarray:
    """The one-dimensional tent that interpolates between pixels `factor` apart.

    Its middle lies halfway between the two central taps (even lengths) or on the
    central tap (odd lengths).

    Args:
        factor: `s`, output pixels per input pixel, at least 1.
        kernel_size: `k`, `2*s` or `2*s - 1`. Defaults to `2*s - s % 2`, whose parity
            is that of `s`.

    Returns:
        Array of shape `(k,)`, float64, that sums to `factor`.

    Raises:
        ValueError: If `factor` is below 1, or `kernel_size` another number.

    Example:
        For a factor of 2 the taps lie 1/4 and 3/4 of a pixel away:

        >>> bilinear_profile(2).tolist()
        [0.25, 0.75, 0.75, 0.25]
        >>> bilinear_profile(3).round(3).tolist()
        [0.333, 0.667, 1.0, 0.667, 0.333]
        >>> bilinear_profile(2, kernel_size=3).tolist()
        [0.5, 1.0, 0.5]

    Reference:
        `upsample_filt` in `surgery.py` of
        https://github.com/shelhamer/fcn.berkeleyvision.org.
    """
    if factor < 1:
        raise ValueError(f"`factor` must be at least 1. Received: factor={factor}.")
    kernel_size = kernel_size or 2 * factor - factor % 2
    if kernel_size not in (2 * factor, 2 * factor - 1):
        raise ValueError(
            f"`kernel_size` must be {2 * factor - 1} or {2 * factor} for a factor of "
            f"{factor}. Received: kernel_size={kernel_size}."
        )
    distance = np.abs(np.arange(kernel_size) - (kernel_size - 1) / 2)
    return 1 - distance / factor


def bilinear_kernel(
    factor: int, channels: int, kernel_size: int | None = None
) -> np.ndarray:
    """The kernel of a transposed convolution that upsamples each channel bilinearly.

    Input channel `c` feeds output channel `c` alone: the tent stands on the
    diagonal of the channel axes and everything else is zero.

    Args:
        factor: `s`, output pixels per input pixel, at least 1.
        channels: Number of input and of output channels.
        kernel_size: `k`, as in `bilinear_profile`.

    Returns:
        Array of shape `(k, k, channels, channels)`, float64, in the layout of
        `keras.layers.Conv2DTranspose` (`out` before `in`).

    Raises:
        ValueError: If `factor` or `channels` is below 1, or `kernel_size` does not
            belong to `factor`.

    Example:
        >>> bilinear_kernel(2, channels=21).shape
        (4, 4, 21, 21)
        >>> float(bilinear_kernel(2, channels=1)[1, 1, 0, 0])  # 0.75 * 0.75
        0.5625

    Reference:
        Long et al., section 3.3.
    """
    if channels < 1:
        raise ValueError(
            f"`channels` must be at least 1. Received: channels={channels}."
        )
    profile = bilinear_profile(factor, kernel_size)
    return np.einsum("i,j,oc->ijoc", profile, profile, np.eye(channels))

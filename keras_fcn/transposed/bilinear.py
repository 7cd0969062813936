"""Bilinear kernels: the tents that a transposed convolution interpolates with."""

from __future__ import annotations

import numpy as np


def bilinear_profile(factor: int) -> np.ndarray:
    """The one-dimensional tent that interpolates between pixels `factor` apart.

    Its length is `k = 2*factor - factor % 2` and its middle lies halfway between
    the two central taps (even factors) or on the central tap (odd factors).

    Args:
        factor: `s`, output pixels per input pixel, at least 1.

    Returns:
        Array of shape `(k,)`, float64, that sums to `factor`.

    Raises:
        ValueError: If `factor` is below 1.

    Example:
        For a factor of 2 the taps lie 1/4 and 3/4 of a pixel away:

        >>> bilinear_profile(2).tolist()
        [0.25, 0.75, 0.75, 0.25]
        >>> bilinear_profile(3).round(3).tolist()
        [0.333, 0.667, 1.0, 0.667, 0.333]

    Reference:
        `upsample_filt` in `surgery.py` of
        https://github.com/shelhamer/fcn.berkeleyvision.org.
    """
    if factor < 1:
        raise ValueError(f"`factor` must be at least 1. Received: factor={factor}.")
    kernel_size = 2 * factor - factor % 2
    distance = np.abs(np.arange(kernel_size) - (kernel_size - 1) / 2)
    return 1 - distance / factor


def bilinear_kernel(factor: int, channels: int) -> np.ndarray:
    """The kernel of a transposed convolution that upsamples each channel bilinearly.

    Input channel `c` feeds output channel `c` alone: the tent stands on the
    diagonal of the channel axes and everything else is zero.

    Args:
        factor: `s`, output pixels per input pixel, at least 1.
        channels: Number of input and of output channels.

    Returns:
        Array of shape `(k, k, channels, channels)`, float64, in the layout of
        `keras.layers.Conv2DTranspose` (`out` before `in`).

    Raises:
        ValueError: If `factor` or `channels` is below 1.

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
    profile = bilinear_profile(factor)
    return np.einsum("i,j,oc->ijoc", profile, profile, np.eye(channels))

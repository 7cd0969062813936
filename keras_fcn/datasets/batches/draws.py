"""Random numbers as a function of where they are used: no generator has a state.

Only the raw bits of NumPy's Philox are taken. NumPy promises these for all versions;
what its `Generator` makes of them may change with any.
"""

from __future__ import annotations

from enum import IntEnum

import numpy as np


class Use(IntEnum):
    """What numbers are drawn for; no two uses share any."""

    AUGMENT = 0
    ORDER = 1


def uniform(seed: int, number: int, count: int) -> np.ndarray:
    """Draw numbers evenly from 0..1, 1 excluded, for one sample.

    Args:
        seed: Any integer, taken modulo 2**64.
        number: Number of the sample, counted through all epochs.
        count: How many.

    Returns:
        Array `(count,)`, float64.

    Example:
        >>> uniform(seed=5, number=3, count=2).round(3).tolist()
        [0.752, 0.412]
    """
    return (_bits(seed, number, Use.AUGMENT, count) >> np.uint64(11)) * 2.0**-53


def permutation(seed: int, epoch: int, n: int) -> np.ndarray:
    """Draw an order of n samples, each as likely as any other, for one epoch.

    Args:
        seed: Any integer, taken modulo 2**64.
        epoch: Number of the epoch.
        n: How many.

    Returns:
        The numbers 0..n-1, reordered.

    Example:
        >>> permutation(seed=5, epoch=0, n=6).tolist()
        [5, 1, 4, 0, 3, 2]
    """
    return np.argsort(_bits(seed, epoch, Use.ORDER, n), kind="stable")


def _bits(seed: int, number: int, use: Use, count: int) -> np.ndarray:
    key = np.array([seed % 2**64, number], "uint64")
    return np.random.Philox(key=key, counter=[0, 0, 0, use]).random_raw(count)

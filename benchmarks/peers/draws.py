"""Numbers that every process draws alike: weights by their names, photos, labels.

Two networks with the same names have the same weights, so what they return can be
compared. Knows NumPy.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Sequence

import numpy as np

VOID = 255


def draw(name: str, shape: Sequence[int]) -> np.ndarray:
    """Return a weight of Keras' name and layout, float32.

    Kernels keep signals near 1 through any number of layers; upsampling kernels are
    such that two by two taps of each channel meet in a pixel, twice the stride long.

    Example:
        >>> draw("fc7/bias", (4096,)).shape
        (4096,)
    """
    random = np.random.default_rng(zlib.crc32(name.encode()))
    if len(shape) == 1:
        scale = 0.1
    elif name.startswith("upscore"):
        scale = 1 / math.sqrt(4 * shape[-1])
    else:
        scale = math.sqrt(2 / math.prod(shape[:-1]))
    return scale * random.standard_normal(shape, "float32")


def photos(batch: int, size: int) -> np.ndarray:
    """Return images `(batch, size, size, 3)`, float32, as after preprocessing."""
    return np.random.default_rng(0).standard_normal((batch, size, size, 3), "float32")


def label_maps(batch: int, size: int, num_classes: int = 21) -> np.ndarray:
    """Return labels `(batch, size, size)`, int32, a twentieth of them void."""
    random = np.random.default_rng(1)
    labels = random.integers(0, num_classes, (batch, size, size), "int32")
    labels[:, : max(1, size // 20)] = VOID
    return labels


def logits_of(batch: int, size: int, num_classes: int = 21) -> np.ndarray:
    """Return logits `(batch, size, size, num_classes)`, float32."""
    shape = (batch, size, size, num_classes)
    return np.random.default_rng(2).standard_normal(shape, "float32")

"""Where the tiles of a huge photo lie, and what each counts where they overlap.

On one axis at a time.
"""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Any

import numpy as np

STRIDE = 32  # of the networks: tiles begin where their coarsest map has a pixel
RAMP = 0.25  # of what two tiles share, the part in which they are blended
SMALLEST = 128  # pixels of a tile's side: half of it is more than a stride


def check_tile(tile: int, overlap: int) -> None:
    """Raise a ValueError unless tiles of this side can overlap by so much.

    Args:
        tile: Pixels of a tile's side.
        overlap: Pixels that neighbours share at least.

    Raises:
        ValueError: If `tile` is below 128, or `overlap` not from 0 to half of it.

    Example:
        >>> check_tile(512, 128)
        >>> check_tile(3, 0)
        Traceback (most recent call last):
        ...
        ValueError: `tile` must be an integer of at least 128. Received: tile=3. Pass \
more pixels a side, "auto", or None for never.
    """
    if not _is_integer(tile) or tile < SMALLEST:
        raise ValueError(
            f"`tile` must be an integer of at least {SMALLEST}. Received: "
            f'tile={tile!r}. Pass more pixels a side, "auto", or None for never.'
        )
    if not _is_integer(overlap) or not 0 <= overlap <= tile // 2:
        raise ValueError(
            "`overlap` must be an integer from 0 to half of the tile, "
            f"{tile // 2}. Received: overlap={overlap!r}. Pass fewer pixels, or larger "
            "tiles."
        )


def tile_starts(length: int, tile: int, overlap: int) -> tuple[int, list[int]]:
    """Return how long tiles are along one side of a photo, and where they begin.

    All begin at a multiple of 32, the stride of the networks, so that their maps lie
    on those of the whole photo, and all have one length, the shortest with which as
    many share enough and the last one ends with the photo. They are spread evenly.

    Args:
        length: Pixels of the photo's side.
        tile: Pixels of a tile's side. A shorter photo is taken whole.
        overlap: Pixels that neighbours share at least.

    Returns:
        The pixels of a tile along this side, and the ascending offsets.

    Example:
        >>> tile_starts(2000, 768, 128)
        (624, [0, 448, 896, 1376])
        >>> tile_starts(700, 768, 128)
        (700, [0])
    """
    if length <= tile:
        return length, [0]
    size = tile - (tile - length) % STRIDE
    last = (length - size) // STRIDE  # from here on in strides
    steps = math.ceil(last / ((size - overlap) // STRIDE))
    # As many tiles may be smaller, and still share enough.
    while math.ceil((last + 1) / steps) <= (size - STRIDE - overlap) // STRIDE:
        size, last = size - STRIDE, last + 1
    return size, [i * last // steps * STRIDE for i in range(steps + 1)]


def tile_weights(length: int, size: int, starts: list[int]) -> list[np.ndarray]:
    """Return what the scores of each tile count along one side of a photo.

    Near its end a tile has not seen what its neighbour has. So of what two share, the
    outer three eighths on either side are one tile's alone; in the middle quarter the
    weights of one fall in a line while those of the other rise. They sum to 1.

    Args:
        length: Pixels of the photo's side.
        size: Pixels of a tile's side, of `tile_starts`.
        starts: Of `tile_starts`.

    Returns:
        For each tile an array `(size,)`, float32.

    Example:
        >>> left, right = tile_weights(56, 32, [0, 24])
        >>> left[24:].tolist()
        [1.0, 1.0, 1.0, 0.75, 0.25, 0.0, 0.0, 0.0]
        >>> right[:8].tolist()
        [0.0, 0.0, 0.0, 0.25, 0.75, 1.0, 1.0, 1.0]
    """
    weights = [np.ones(size) for _ in starts]
    pairs = zip(weights, starts, strict=True)
    for (left, start), (right, following) in pairwise(pairs):
        shared = start + size - following
        middle = (np.arange(shared) + 0.5 - shared / 2) / (RAMP * shared or 1)
        rising = np.clip(middle + 0.5, 0, 1)
        right[:shared] = np.minimum(right[:shared], rising)
        left[size - shared :] = np.minimum(left[size - shared :], 1 - rising)
    total = np.zeros(length)
    for weight, start in zip(weights, starts, strict=True):
        total[start : start + size] += weight
    return [
        (weight / total[start : start + size]).astype("float32")
        for weight, start in zip(weights, starts, strict=True)
    ]


def _is_integer(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)

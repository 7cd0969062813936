"""A photo too large for one pass: tile by tile, in memory that the tile bounds.

Tiles overlap, and where they do their scores are blended. Of the scores only what a
later tile adds to is kept. Knows arrays and Pillow; knows no network: what scores a
tile is a function.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from itertools import pairwise, product
from typing import Any

import numpy as np
from PIL import Image

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


def label_by_tiles(
    score: Callable[[np.ndarray], np.ndarray],
    photo: np.ndarray | Image.Image,
    num_classes: int,
    tile: int,
    overlap: int,
    progress: Callable[[Iterable], Iterable] = iter,
) -> np.ndarray:
    """Label every pixel of a photo with the class of its highest blended score.

    Beside the photo and its labels this holds the scores of one tile and of what it
    shares with later ones: `4 * num_classes * (2 * tile**2 + overlap * short)` bytes,
    `short` being the photo's shorter side.

    Args:
        score: Takes a tile `(height, width, 3)`, uint8, and returns its scores
            `(height, width, num_classes)`. All tiles of a photo have one size.
        photo: An RGB array `(height, width, 3)` or a Pillow image of mode RGB, of which
            only tiles become arrays.
        num_classes: Number of classes.
        tile: Pixels of a tile's side.
        overlap: Pixels that neighbours share at least.
        progress: Wraps the loop over the tiles, to draw a bar. Defaults to nothing.

    Returns:
        A label map `(height, width)`, uint8 up to 256 classes.

    Raises:
        ValueError: As `check_tile`.

    Example:
        >>> dark_and_light = lambda rgb: np.stack([255 - rgb[..., 0], rgb[..., 0]], -1)
        >>> photo = np.zeros((100, 300, 3), "uint8")
        >>> photo[:, 200:] = 255
        >>> labels = label_by_tiles(dark_and_light, photo, 2, tile=128, overlap=32)
        >>> labels[0, 199:201].tolist()
        [0, 1]
    """
    check_tile(tile, overlap)
    mosaic = _Mosaic(size_of(photo), num_classes, tile, overlap)
    for place in progress(mosaic.places):
        # No name for the scores: they are gone before those of the next tile are made.
        mosaic.add(place, score(_cut(photo, *mosaic.box(place))))
    return mosaic.labels


class _Mosaic:
    """Labels, and the scores of pixels that a later tile adds to.

    Tiles come in rows. What reaches into the tile to the right and what reaches into
    the row below are kept. A photo wider than high is laid on its side, since the
    latter is as long as a row.
    """

    def __init__(
        self, size: tuple[int, int], num_classes: int, tile: int, overlap: int
    ):
        kind = "uint8" if num_classes <= 256 else "int32"
        self.labels = np.empty(size, kind)
        self.turned = size[1] > size[0]
        self.upright = self.labels.T if self.turned else self.labels
        sides = [tile_starts(n, tile, overlap) for n in self.upright.shape]
        self.size, self.starts = zip(*sides, strict=True)
        self.weights = [
            tile_weights(length, *side)
            for length, side in zip(self.upright.shape, sides, strict=True)
        ]
        # Where the pixels end that no later tile of the same row or column reaches.
        self.ends = [
            [*starts[1:], length]
            for length, starts in zip(self.upright.shape, self.starts, strict=True)
        ]
        self.places = list(product(*(range(len(starts)) for starts in self.starts)))
        rows = [self.shared(0, row) for row in range(len(self.starts[0]))]
        self.below = np.empty(
            (max(rows), self.upright.shape[1], num_classes), "float32"
        )
        self.beside = np.empty((self.size[0], 0, num_classes), "float32")

    def shared(self, axis: int, index: int) -> int:
        """Return the pixels that a tile shares with the one before."""
        if index == 0:
            return 0
        return self.starts[axis][index - 1] + self.size[axis] - self.starts[axis][index]

    def box(self, place: tuple[int, int]) -> tuple[int, int, int, int]:
        """Return top, left, height and width of a tile in the photo."""
        (top, left), (height, width) = self.corner(place), self.size
        return (left, top, width, height) if self.turned else (top, left, height, width)

    def corner(self, place: tuple[int, int]) -> tuple[int, int]:
        return self.starts[0][place[0]], self.starts[1][place[1]]

    def add(self, place: tuple[int, int], scores: np.ndarray) -> None:
        """Blend the scores of the next tile in; label the pixels that it completes."""
        if self.turned:
            scores = scores.swapaxes(0, 1)
        (row, column), (top, left) = place, self.corner(place)
        bottom, right = self.ends[0][row], self.ends[1][column]
        down, across = self.weights[0][row], self.weights[1][column]
        # In place: the scores are nobody else's, unless they cannot be written to.
        out = scores if scores.flags.writeable and scores.dtype == "float32" else None
        scores = np.multiply(scores, (down[:, None] * across)[..., None], out=out)
        if column:
            scores[:, : self.beside.shape[1]] += self.beside
        self.beside = scores[:, right - left :].copy()
        scores = scores[:, : right - left]
        above = self.shared(0, row)
        scores[:above] += self.below[:above, left:right]
        finished = scores[: bottom - top]
        self.upright[top:bottom, left:right] = finished.argmax(axis=-1)
        kept = self.size[0] - len(finished)
        self.below[:kept, left:right] = scores[len(finished) :]


def size_of(photo: np.ndarray | Image.Image) -> tuple[int, int]:
    """Return height and width of an array or a Pillow image."""
    if isinstance(photo, Image.Image):
        return photo.height, photo.width
    return photo.shape[0], photo.shape[1]


def _cut(
    photo: np.ndarray | Image.Image, top: int, left: int, height: int, width: int
) -> np.ndarray:
    if isinstance(photo, Image.Image):
        return np.asarray(photo.crop((left, top, left + width, top + height)))
    return photo[top : top + height, left : left + width]


def _is_integer(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)

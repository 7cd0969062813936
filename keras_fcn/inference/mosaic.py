"""A photo too large for one pass: tile by tile, in memory that the tile bounds.

Where tiles overlap their scores are blended. Of the scores only what a later tile adds
to is kept. Knows arrays and Pillow; knows no network: what scores a tile is a function.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import product

import numpy as np
from PIL import Image

from .tiles import check_tile, tile_starts, tile_weights


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

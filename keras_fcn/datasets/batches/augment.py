"""Augmentation: photo and label map scaled, cropped, flipped and padded together.

One sample is a function of its seed: the same whatever ran before, on any thread, with
any framework. Pixels are uint8 throughout. The order is that of least work: first only
the part that the crop will see is resampled, then that is mirrored, then padded.
"""

from __future__ import annotations

import math

import numpy as np
from PIL import Image

from . import draws

# Mean colour of ImageNet, RGB: what image padding looks like after mean subtraction
# is nothing.
MEAN_COLOUR = (124, 117, 104)

# Pillow's own image need not be laid out as an array where it is cut away.
Photo = np.ndarray | Image.Image


def prepare(
    image: Photo,
    label: np.ndarray,
    seed: tuple[int, int],
    *,
    crop_size: int | None,
    augment: bool,
    scale_range: tuple[float, float],
    ignore_class: int,
) -> tuple[np.ndarray, np.ndarray]:
    """Apply what training asks for to one sample.

    Args:
        image: uint8 `(height, width, 3)`, or a `PIL.Image.Image` of mode RGB.
        label: uint8 `(height, width)`.
        seed: Seed of the training, and number of the sample through all epochs.
        crop_size: Pixels a side of the cut, or `None` for the native size.
        augment: Whether to scale (only before a crop) and flip at random; the cut
            lies at random too then, else in the middle.
        scale_range: Lowest and highest factor of the scaling; factors are drawn evenly
            on a logarithmic scale.
        ignore_class: The label of padding.

    Returns:
        Image and label map, uint8; views of what was given where nothing changed.

    Example:
        >>> label = np.arange(12, dtype="uint8").reshape(3, 4)
        >>> image = np.stack([label] * 3, axis=-1)
        >>> _, cut = prepare(image, label, (0, 0), crop_size=2, augment=False,
        ...                  scale_range=(1, 1), ignore_class=255)
        >>> cut.tolist()
        [[5, 6], [9, 10]]
    """
    size, mirror, position = label.shape, False, (0.5, 0.5)
    if augment:
        scale, flip, *position = draws.uniform(*seed, count=4)
        mirror = flip < 0.5
        if crop_size is not None:
            lowest, highest = scale_range
            size = scaled_size(label.shape, lowest * (highest / lowest) ** scale)
    window = [
        span(length, crop_size or length, at)
        for length, at in zip(size, position, strict=True)
    ]
    cut_out = cut(image, label, size, *window, mirror=mirror)
    square = (crop_size or 0, crop_size or 0)
    return pad_to(*cut_out, square, ignore_class)


def scaled_size(size: tuple[int, ...], factor: float) -> tuple[int, int]:
    """Return height and width times one factor, in whole pixels, at least 1."""
    height, width = (max(round(length * factor), 1) for length in size)
    return height, width


def span(length: int, size: int, position: float) -> slice:
    """Choose where a cut lies along one side.

    Args:
        length: Pixels of the side.
        size: Pixels of the cut; a shorter side is kept whole.
        position: 0..1: where in the range of possible first pixels the cut begins. 0.5
            cuts out the middle.

    Returns:
        First pixel, and the one after the last.
    """
    room = max(length - size, 0)
    first = min(int(position * (room + 1)), room)
    return slice(first, min(first + size, length))


def cut(
    image: Photo,
    label: np.ndarray,
    size: tuple[int, ...],
    rows: slice,
    columns: slice,
    *,
    mirror: bool = False,
) -> tuple[np.ndarray, np.ndarray]:
    """Cut a window out of a scaled sample without scaling the rest of it.

    The photo is resampled with Pillow's triangle: bilinear where it grows, averaged
    over all that a pixel covers where it shrinks. A label is that of the nearest pixel.

    Args:
        image: uint8 `(height, width, 3)`, or a `PIL.Image.Image` of mode RGB.
        label: uint8 `(height, width)`.
        size: Height and width of the whole sample, scaled. At its own size nothing is
            resampled.
        rows: The window's rows in the scaled sample.
        columns: Its columns.
        mirror: Whether to mirror the window left to right.

    Returns:
        The window's photo and label map.
    """
    if size != label.shape:
        photo = _resampled(image, label.shape, size, rows, columns)
        nearest = [
            ((np.arange(part.start, part.stop) + 0.5) * old / new).astype(np.intp)
            for part, old, new in zip((rows, columns), label.shape, size, strict=True)
        ]
        label = label.take(nearest[0], axis=0).take(nearest[1], axis=1)
    elif isinstance(image, np.ndarray):
        photo, label = image[rows, columns], label[rows, columns]
    else:
        photo = image.crop((columns.start, rows.start, columns.stop, rows.stop))
        label = label[rows, columns]
    if mirror:
        return mirrored(photo, label)
    return np.asarray(photo), label


def mirrored(image: Photo, label: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mirror photo and label map left to right."""
    if isinstance(image, Image.Image):
        flipped = np.asarray(image.transpose(Image.Transpose.FLIP_LEFT_RIGHT))
    else:
        flipped = np.empty(image.shape, image.dtype)
        # NumPy reverses three planes in a third of the time of one plane of threes.
        for channel in range(3):
            flipped[..., channel] = image[:, ::-1, channel]
    return flipped, label[:, ::-1]


def pad_to(
    image: np.ndarray, label: np.ndarray, size: tuple[int, int], ignore_class: int
) -> tuple[np.ndarray, np.ndarray]:
    """Pad below and to the right up to a size: mean colour, and void."""
    height, width = label.shape
    rows, columns = max(height, size[0]), max(width, size[1])
    if (rows, columns) == (height, width):
        return image, label
    padded = np.empty((rows, columns, 3), np.uint8)
    # Row by row: by pixels of three bytes NumPy would take ten times as long.
    line = np.tile(np.array(MEAN_COLOUR, np.uint8), columns)
    padded.reshape(rows, -1)[height:] = line[: 3 * columns]
    padded.reshape(rows, -1)[:height, 3 * width :] = line[: 3 * (columns - width)]
    padded[:height, :width] = image
    void = np.full((rows, columns), ignore_class, np.uint8)
    void[:height, :width] = label
    return padded, void


def _resampled(
    image: Photo,
    old: tuple[int, ...],
    new: tuple[int, ...],
    rows: slice,
    columns: slice,
) -> Image.Image:
    """Resample a window of a photo scaled from one size to another."""
    top, bottom, first_row, last_row = _seen(old[0], new[0], rows)
    left, right, first_column, last_column = _seen(old[1], new[1], columns)
    # Cut alike, the two kinds come out alike, to the last bit.
    if isinstance(image, np.ndarray):
        image = Image.fromarray(image[first_row:last_row, first_column:last_column])
    else:
        image = image.crop((first_column, first_row, last_column, last_row))
    return image.resize(
        (columns.stop - columns.start, rows.stop - rows.start),
        Image.Resampling.BILINEAR,
        box=(left, top, right, bottom),
    )


def _seen(old: int, new: int, window: slice) -> tuple[float, float, int, int]:
    """Find what a window of a scaled side sees of the side as it was.

    Returns:
        Where the window begins and ends, and the first and last pixel that its
        resampling touches; the former are counted from the latter.
    """
    begin, end = window.start * old / new, window.stop * old / new
    reach = max(1.0, old / new) + 1  # of the triangle, and one for rounding
    first, last = max(math.floor(begin - reach), 0), min(math.ceil(end + reach), old)
    return begin - first, end - first, first, last

"""Samples of a data set: many on one page, and where a prediction of one is wrong."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PIL import Image

from ..datasets import VOID, SampleSource
from .labels import default_font, enlarged, legend_of, overlay, sheet, stack

WRONG = (255, 64, 0)  # told apart from grey by all eyes


def difference(
    image: np.ndarray, prediction: np.ndarray, truth: np.ndarray
) -> Image.Image:
    """A photo in pale grey, with the pixels coloured whose label is wrong.

    Void is never wrong.

    Args:
        image: `(height, width, 3)`, uint8 RGB.
        prediction: `(height, width)`, integers.
        truth: `(height, width)`, integers, 255 for void.

    Returns:
        A Pillow image of mode RGB, as large as the photo.

    Example:
        >>> photo = np.zeros((1, 3, 3), "uint8")
        >>> shown = difference(photo, np.array([[1, 1, 1]]), np.array([[1, 0, VOID]]))
        >>> [shown.getpixel((x, 0)) == WRONG for x in range(3)]
        [False, True, False]
    """
    grey = np.asarray(Image.fromarray(image).convert("L"), "float32")
    shown = np.repeat((128 + grey / 2)[..., None], 3, axis=-1).astype("uint8")
    shown[(prediction != truth) & (truth != VOID)] = WRONG
    return Image.fromarray(shown)


def contact_sheet(
    source: SampleSource, indices: Sequence[int], columns: int = 4, width: int = 240
) -> Image.Image:
    """Photos with their labels laid over them, in rows, with one legend.

    Args:
        source: The data set.
        indices: Which samples.
        columns: Pictures in a row. Defaults to `4`.
        width: Of each picture, in pixels. Defaults to `240`.

    Returns:
        A Pillow image of mode RGB.

    Example:
        >>> from keras_fcn.datasets import Shapes
        >>> contact_sheet(Shapes("val"), range(8)).mode
        'RGB'
    """
    shown, cells = [np.empty(0, int)], []
    for index in indices:
        image, label = source.image(index), source.voc_label(index)
        shown.append(np.unique(label))
        # Enlarged before the outlines are drawn, reduced after: both stay sharp.
        times = max(1, width // image.shape[1])
        picture = overlay(enlarged(image, times), enlarged(label, times))
        factor = min(width / picture.width, 2 * width / picture.height)
        wide, high = (max(1, round(factor * side)) for side in picture.size)
        title = _shortened(source.names[index], width)
        cells.append((title, picture.resize((wide, high))))
    rows = [sheet(cells[i : i + columns]) for i in range(0, len(cells), columns)]
    legend = legend_of(np.concatenate(shown), source.class_names, rows[0].width)
    return stack([*rows, legend])


def _shortened(text: str, width: int) -> str:
    """Return the end of a text that fits: file names differ in their endings."""
    font = default_font()
    short = text
    while len(short) > 1 and font.getlength(short) > width:
        short = "…" + short[2:]
    return short

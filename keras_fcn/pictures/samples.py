"""Many samples of a data set on one page."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PIL import Image

from ..datasets import SampleSource
from .labels import default_font, enlarged, legend_of, overlay, sheet, stack


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

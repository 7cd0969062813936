"""Sheets of cells with numbers in them: the squared paper of the other drawings.

Knows matplotlib; knows nothing of what the numbers mean.
"""

from __future__ import annotations

import io
import os
from pathlib import Path
from typing import Any

import numpy as np

from ..storage import write_atomically

# Okabe and Ito's colours, told apart with every common kind of colour vision; numbers
# are printed all the same.
HUES = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#D55E00", "#56B4E9", "#F0E442")
EMPTY, INK = "#F3F3F3", "#222222"

# Nothing of the day or of the machine stands in a file: the same drawing gives the same
# bytes.
_METADATA = {"svg": {"Date": None, "Creator": None}, "png": {"Software": None}}


class Sheet:
    """A drawing in units of one cell; rows go down, columns to the right.

    Args:
        size: Inches of a cell's side.
    """

    def __init__(self, size: float = 0.3) -> None:
        from matplotlib.figure import Figure

        self._size = size
        # One cell of paper: what lies beyond is drawn too, and taken in when saved.
        self._figure = Figure(figsize=(size, size))
        self._axes = self._figure.add_axes((0, 0, 1, 1))
        self._axes.set(xlim=(0, 1), ylim=(1, 0))
        self._axes.set_axis_off()

    def cell(self, row: float, column: float, text: Any, colour: str = EMPTY) -> None:
        """Draw one cell; its text shrinks until it fits."""
        self._rectangle(row, column, 1, 1, face=colour, edge="#BDBDBD", line=0.5)
        words = str(text)
        if words:
            length = 2 if words.startswith("$") else len(words)
            points = min(31 * self._size, 92 * self._size / length)
            ink = _ink_on(colour)
            self.text(row + 0.5, column + 0.5, words, points=points, colour=ink)

    def grid(
        self,
        row: float,
        column: float,
        texts: Any,
        colours: Any = EMPTY,
        title: str = "",
    ) -> None:
        """Draw rows of cells from this corner on, and a title above them.

        Args:
            row: Of the upper left corner.
            column: Of the upper left corner.
            texts: Array `(height, width)` of what stands in the cells.
            colours: One colour, or an array of one for each cell.
            title: What stands above.
        """
        texts = np.asarray(texts, object)
        height, width = texts.shape
        colours = np.broadcast_to(np.asarray(colours, object), texts.shape)
        for r, c in np.ndindex(height, width):
            self.cell(row + r, column + c, texts[r, c], colours[r, c])
        self.frame(row, column, height, width, line=0.8)
        if title:
            self.text(row - 0.55, column + width / 2, title)

    def frame(
        self,
        row: float,
        column: float,
        height: float,
        width: float,
        colour: str = INK,
        line: float = 2.0,
    ) -> None:
        """Draw the outline of a block of cells."""
        self._rectangle(row, column, height, width, face="none", edge=colour, line=line)

    def line(self, row: float, column: float, to_row: float, to_column: float) -> None:
        """Draw a thin line."""
        self._axes.plot(
            [column, to_column], [row, to_row], color=INK, lw=0.8, clip_on=False
        )

    def arrow(
        self,
        row: float,
        column: float,
        to_row: float,
        to_column: float,
        colour: str = INK,
    ) -> None:
        """Draw an arrow."""
        self._axes.annotate(
            "",
            (to_column, to_row),
            (column, row),
            arrowprops={"arrowstyle": "-|>", "color": colour, "lw": 1.2},
            annotation_clip=False,
        )

    def text(
        self,
        row: float,
        column: float,
        words: str,
        *,
        points: float | None = None,
        colour: str = INK,
        align: str = "center",
    ) -> None:
        """Write words whose middle, left or right end is here."""
        self._axes.text(
            column,
            row,
            words,
            fontsize=points or 33 * self._size,
            color=colour,
            ha=align,
            va="center_baseline",
            clip_on=False,
        )

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the file; its suffix, `.svg` or `.png`, says which kind."""
        save_figure(
            self._figure,
            path,
            facecolor="white",
            bbox_inches="tight",
            pad_inches=0.12,
        )

    def _rectangle(
        self,
        row: float,
        column: float,
        height: float,
        width: float,
        *,
        face: str,
        edge: str,
        line: float,
    ) -> None:
        from matplotlib.patches import Rectangle

        patch = Rectangle(
            (column, row),
            width,
            height,
            facecolor=face,
            edgecolor=edge,
            linewidth=line,
            clip_on=False,
        )
        self._axes.add_patch(patch)


def save_figure(figure: Any, path: str | os.PathLike[str], **options: Any) -> None:
    """Write a figure so that the same drawing gives the same bytes.

    Args:
        figure: A `matplotlib.figure.Figure`.
        path: The file, `.svg` or `.png`.
        **options: Of `figure.savefig`.

    Raises:
        ValueError: If `path` has another suffix.
    """
    import matplotlib

    kind = Path(path).suffix.removeprefix(".").lower()
    if kind not in _METADATA:
        raise ValueError(
            f"`path` must end with .svg or .png. Received: path={str(path)!r}."
        )
    buffer = io.BytesIO()
    with matplotlib.rc_context({"svg.hashsalt": "keras_fcn", "svg.fonttype": "path"}):
        figure.savefig(
            buffer, format=kind, dpi=150, metadata=_METADATA[kind], **options
        )
    write_atomically(path, buffer.getvalue())


def tint(colour: str, strength: float) -> str:
    """Return the colour on white paper, 0 for none of it and 1 for all."""
    from matplotlib.colors import to_hex, to_rgb

    red, green, blue = (1 - strength * (1 - part) for part in to_rgb(colour))
    return to_hex((red, green, blue))


def colour_of(index: int) -> str:
    """Return a colour for each number from 0 on; after seven they come again, paler."""
    again, hue = divmod(index, len(HUES))
    return tint(HUES[hue], 0.5 / (1 + again))


def short(value: Any) -> str:
    """Return a number in as few characters as a cell has room for."""
    if getattr(value, "denominator", 1) != 1:  # a fraction stays one
        return str(value)
    number = float(value)
    return str(int(number)) if number.is_integer() else f"{number:.4g}"


def _ink_on(colour: str) -> str:
    from matplotlib.colors import to_rgb

    red, green, blue = to_rgb(colour)
    return "white" if 0.3 * red + 0.59 * green + 0.11 * blue < 0.5 else INK

"""Small transposed convolutions as pictures in which every number can be read.

Knows kernels, windows and what `transposed` makes of them, on sheets of cells; knows
nothing of Keras. For a few pixels: this is squared paper, not a plot.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ..geometry import Window, overlap_counts
from ..transposed import convolution_matrix
from .cells import EMPTY, HUES, INK, Sheet, colour_of, short, tint

# More entries than these can only be looked at, no longer read.
_LIMIT = 2500


def draw_matrix(
    kernel: Any,
    input_shape: Sequence[int],
    path: str | os.PathLike[str],
    *,
    strides: int = 1,
    padding: str | int = "valid",
    dilation_rate: int = 1,
) -> None:
    """Draw the matrix `C` of a convolution beside its transpose.

    Every tap of the kernel has a colour, a hue for each row of the kernel and a shade
    for each column, and keeps it wherever it stands in `C` and in `C.T`. Lines part
    the rows of the image.

    Args:
        kernel: Array `(height, width)` or `(length,)`, without channels.
        input_shape: Spatial shape of the convolution's input, in pixels.
        path: The file, `.svg` or `.png`.
        strides: `s`, for all axes. Defaults to `1`.
        padding: `"valid"`, `"same"` or zeros around the input. Defaults to `"valid"`.
        dilation_rate: `d`, for all axes. Defaults to `1`.

    Raises:
        ValueError: If shapes do not fit, the matrix has more than 2500 entries, or
            `path` has another suffix.

    Example:
        >>> import tempfile, pathlib
        >>> file = pathlib.Path(tempfile.mkdtemp()) / "matrix.svg"
        >>> draw_matrix([[1, 2], [3, 4]], (3, 3), file)
        >>> file.read_text(encoding="utf-8").count("<svg")
        1
    """
    kernel = np.asarray(kernel)
    if kernel.ndim not in (1, 2):
        raise ValueError(
            "`kernel` must be (height, width) or (length,), without channels. "
            f"Received: kernel.shape={kernel.shape}."
        )
    numbers = tap_numbers(
        kernel,
        input_shape,
        strides=strides,
        padding=padding,
        dilation_rate=dilation_rate,
    )
    if numbers.size > _LIMIT:
        raise ValueError(
            f"At most {_LIMIT} entries are drawn. Received: a matrix of "
            f"{numbers.shape[0]} x {numbers.shape[1]}. Take a smaller `input_shape`."
        )
    rows, columns = numbers.shape
    kernel = np.atleast_2d(kernel)
    across = columns + rows + kernel.shape[1] + 3
    sheet = Sheet(min(0.3, 8.4 / across))
    texts, colours = inked(numbers, kernel)
    left = kernel.shape[1] + 1.5
    right = left + columns + 1.5
    top = (columns - rows) / 2
    sheet.grid((columns - len(kernel)) / 2, 0, *inked(None, kernel), "$w$")
    sheet.grid(top, left, texts, colours, rf"$C$   {rows}$\times${columns}")
    sheet.grid(0, right, texts.T, colours.T, rf"$C^T$   {columns}$\times${rows}")
    for pixel in range(input_shape[-1], columns, input_shape[-1]):
        sheet.line(top, left + pixel, top + rows, left + pixel)
        sheet.line(pixel, right, pixel, right + rows)
    sheet.save(path)


def draw_windows(
    windows: Mapping[str, Window], path: str | os.PathLike[str], *, columns: int = 2
) -> None:
    """Draw what transposed convolutions paint along one axis, and what they keep.

    Each input pixel has a row, in which its taps stand where they fall. Below is the
    ruler: pixels that are kept have a number from 0 on, pixels that are cropped are
    crossed out, and pixels on which nothing falls hold a zero.

    Args:
        windows: A title for each window.
        path: The file, `.svg` or `.png`.
        columns: How many stand side by side. Defaults to `2`.

    Raises:
        ValueError: If there is no window, or `path` has another suffix.

    Example:
        >>> import tempfile, pathlib
        >>> from keras_fcn.geometry import from_keras, from_pytorch
        >>> file = pathlib.Path(tempfile.mkdtemp()) / "windows.png"
        >>> draw_windows({
        ...     "Keras": from_keras(3, 3, strides=2, padding="same"),
        ...     "PyTorch": from_pytorch(3, 3, stride=2, padding=1, output_padding=1),
        ... }, file)
        >>> file.stat().st_size > 0
        True
    """
    widths = {
        title: w.full_length + max(-w.crop, 0) + max(-w.tail_crop, 0)
        for title, w in windows.items()
    }
    heights = [window.input_length + 2 for window in windows.values()]
    sheet, places = _side_by_side(widths, heights, columns)
    for (title, window), (top, left) in zip(windows.items(), places, strict=True):
        left += max(-window.crop, 0)  # zeros in front
        sheet.text(top - 0.7, left, title, align="left")
        for pixel in range(window.input_length):
            row = top + pixel
            sheet.text(row + 0.5, left - 0.4, f"$x_{{{pixel}}}$", align="right")
            for tap in range(window.kernel_size):
                place = pixel * window.strides + tap * window.dilation_rate
                sheet.cell(row, left + place, f"$w_{{{tap}}}$", colour_of(tap))
        row = top + window.input_length + 0.3
        for place in range(window.full_length):
            if not 0 <= place - window.crop < window.output_length:
                sheet.cell(row, left + place, r"$\times$", "#DADADA")
        for output in range(window.output_length):
            place = output + window.crop
            painted = 0 <= place < window.full_length
            sheet.cell(row, left + place, output if painted else "0", "#FFFFFF")
        sheet.frame(row, left + window.crop, 1, window.output_length)
        c, e = window.crop, window.tail_crop
        words = rf"$c$ = {c},  $O$ = {window.output_length},  $e$ = {e}"
        sheet.text(row + 1.6, left + window.full_length / 2, words)
    sheet.save(path)


def draw_overlap(
    kernels: Mapping[str, Sequence[Any]],
    path: str | os.PathLike[str],
    *,
    strides: int,
    input_length: int = 5,
    columns: int = 2,
) -> None:
    """Draw kernels side by side as a row of ones paints them, counted and summed.

    Taps of one phase have one colour. The lower rows say how many taps fall on an
    output pixel and what their sum is: the checkerboard is in the second, not in the
    first. Pixels near the borders, which see fewer taps, are pale.

    Args:
        kernels: Taps along one axis for each title.
        path: The file, `.svg` or `.png`.
        strides: `s`.
        input_length: `n`, how many ones. Defaults to `5`.
        columns: How many kernels stand side by side. Defaults to `2`.

    Raises:
        ValueError: If there is no kernel, or `path` has another suffix.

    Example:
        >>> import tempfile, pathlib
        >>> file = pathlib.Path(tempfile.mkdtemp()) / "overlap.svg"
        >>> draw_overlap({"even": [1, 2, 3, 4], "equal": [1, 2, 1]}, file, strides=2)
        >>> file.stat().st_size > 0
        True
    """
    widths = {
        title: strides * (input_length - 1) + len(taps)
        for title, taps in kernels.items()
    }
    heights = [input_length + 2.5] * len(kernels)
    sheet, places = _side_by_side(widths, heights, columns)
    for (title, taps), (top, left) in zip(kernels.items(), places, strict=True):
        sheet.text(top - 0.7, left, title, align="left")
        seen: list[list[Any]] = [[] for _ in range(widths[title])]
        for pixel in range(input_length):
            for tap, weight in enumerate(taps):
                place = pixel * strides + tap
                colour = colour_of(place % strides)
                sheet.cell(top + pixel, left + place, short(weight), colour)
                seen[place].append(weight)
        row = top + input_length + 0.3
        counts = [len(weights) for weights in seen]
        whole = overlap_counts(len(taps), strides)
        inner = [n == whole[place % strides] for place, n in enumerate(counts)]
        for name, values in (("count", counts), ("sum", [sum(w) for w in seen])):
            sheet.text(row + 0.5, left - 0.3, name, align="right")
            for place, colour in enumerate(_shades(values, inner)):
                sheet.cell(row, left + place, short(values[place]), colour)
            row += 1.2
    sheet.save(path)


def tap_numbers(
    kernel: np.ndarray, input_shape: Sequence[int], **geometry: Any
) -> np.ndarray:
    """Return `C` with the number of the tap, from 1, in the place of its weight."""
    taps = np.arange(1, kernel.size + 1).reshape(*kernel.shape, 1, 1)
    return convolution_matrix(taps, (*input_shape, 1), **geometry).toarray()


def inked(
    numbers: np.ndarray | None, kernel: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return the weights and colours of numbers of taps; `None` is the kernel itself.

    The first tap is 1; 0 is no tap.
    """
    if numbers is None:
        numbers = np.arange(1, kernel.size + 1).reshape(kernel.shape)
    texts, colours = [""], [EMPTY]
    height, width = kernel.shape
    for row, column in np.ndindex(height, width):
        texts.append(short(kernel[row, column]))
        if height == 1:
            colours.append(colour_of(column))
        else:
            shade = 0.25 + 0.6 * column / max(width - 1, 1)
            colours.append(tint(HUES[row % len(HUES)], shade))
    return np.array(texts, object)[numbers], np.array(colours, object)[numbers]


def _shades(values: Sequence[Any], inner: Sequence[bool]) -> list[str]:
    """Return a grey for each value, so that equal ones look equal; none at borders."""
    known = [float(v) for v, within in zip(values, inner, strict=True) if within]
    low, span = min(known, default=0.0), max(known, default=0.0) - min(known, default=0)
    return [
        tint(INK, 0.2 + 0.4 * (float(v) - low) / span if span else 0.2)
        if within
        else "#FFFFFF"
        for v, within in zip(values, inner, strict=True)
    ]


def _side_by_side(
    widths: Mapping[str, int], heights: Sequence[float], columns: int
) -> tuple[Sheet, list[tuple[float, float]]]:
    """Return a sheet as wide as a page, and a corner for each of several drawings."""
    if not widths:
        raise ValueError("There must be something to draw. Received: no titles.")
    step = max(max(width, 0.3 * len(title)) for title, width in widths.items()) + 3
    places = []
    top = 0.0
    for first in range(0, len(heights), columns):
        row = heights[first : first + columns]
        places += [(top, column * step) for column in range(len(row))]
        top += max(row) + 2
    return Sheet(min(0.3, 8.4 / (step * min(columns, len(heights))))), places

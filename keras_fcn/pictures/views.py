"""One transposed convolution, seen in five ways that give the same numbers.

Knows small images and kernels, on sheets of cells; knows nothing of padding, dilation
or channels: they change no view, only the size of the picture.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..suggestions import require_choice
from ..transposed import conv_transpose
from .cells import EMPTY, INK, Sheet, colour_of, short, tint
from .transposed import inked, tap_numbers

# More cells than these can only be looked at, no longer read.
_LIMIT = 1000
# Pixels of y: not the colours of the kernel's rows.
_HUES = ("#CC79A7", "#D55E00", "#56B4E9", "#8A7F00")
_THEN, _TIMES = r"$\rightarrow$", r"$\times$"


def draw_views(
    y: Any,
    kernel: Any,
    path: str | os.PathLike[str],
    *,
    strides: int = 1,
    views: Sequence[str] = ("paint", "matrix", "gradient", "gather", "phases"),
) -> None:
    """Draw a transposed convolution in up to five ways that give the same numbers.

    | view | what is seen |
    | --- | --- |
    | `"paint"` | each pixel of `y` paints a copy of the kernel; the copies are added |
    | `"matrix"` | `C.T` times `y`, read as an image again |
    | `"gradient"` | through which pixels of `C x` one pixel of `x` makes itself felt |
    | `"gather"` | the kernel, turned by 180 degrees, slides over `y` with gaps |
    | `"phases"` | the kernel in `s * s` pieces, one for each place of the stride |

    Args:
        y: Array `(height, width)`, what the transposed convolution is applied to.
        kernel: Array `(height, width)`.
        path: The file, `.svg` or `.png`.
        strides: `s`, for both axes. Defaults to `1`.
        views: Which, from top to bottom. Defaults to all five.

    Raises:
        ValueError: If an array has not two axes, a view is another word, or a picture
            would need more than 1000 cells.

    Example:
        >>> import tempfile, pathlib
        >>> file = pathlib.Path(tempfile.mkdtemp()) / "phases.png"
        >>> draw_views([[1, 2]], [[1, 2, 3]], file, strides=2, views=["phases"])
        >>> file.stat().st_size > 0
        True
    """
    y, kernel = np.asarray(y), np.asarray(kernel)
    for name, array in (("y", y), ("kernel", kernel)):
        if array.ndim != 2 or not array.size:
            raise ValueError(
                f"`{name}` must be (height, width). Received: shape {array.shape}."
            )
    image = conv_transpose(
        y[..., None], kernel[..., None, None], strides=strides, padding=0
    )
    if image.size * y.size > _LIMIT:
        raise ValueError(
            f"At most {_LIMIT} cells are drawn. Received: {y.size} pixels, each of "
            f"which paints into {image.size}. Take a smaller `y` or `kernel`."
        )
    scene, row = _Scene(Sheet(), y, kernel, image[..., 0], strides), 0.0
    for view in views:
        require_choice("view", view, list(_VIEWS))
        row += _VIEWS[view](scene, row) + 2.5
    scene.sheet.save(path)


@dataclass(frozen=True)
class _Scene:
    """What all views show: `image` is the transposed convolution of `y`."""

    sheet: Sheet
    y: np.ndarray
    kernel: np.ndarray
    image: np.ndarray
    strides: int

    def centred(
        self, middle: float, left: float, texts: Any, colours: Any, title: str = ""
    ) -> float:
        """Draw a grid around this height; return the row of its upper edge."""
        top = middle - texts.shape[0] / 2
        self.sheet.grid(top, left, texts, colours, title)
        return top

    def frames(self, top: float, left: float) -> None:
        """Outline what each pixel paints or reads, neighbours side by side."""
        for i, j in np.ndindex(self.y.shape):
            inset = 0.07 + 0.08 * ((i + j) % 2)
            height, width = (k - 2 * inset for k in self.kernel.shape)
            row, column = i * self.strides + inset, j * self.strides + inset
            self.sheet.frame(
                top + row, left + column, height, width, self.hue(i, j), 1.5
            )

    def hue(self, i: int, j: int) -> str:
        """Return the colour of a pixel of `y`."""
        return _HUES[(i * self.y.shape[1] + j) % len(_HUES)]

    def pixels(self) -> tuple[np.ndarray, np.ndarray]:
        """Return the numbers of `y` and, paler, the colours of its pixels."""
        colours = np.empty(self.y.shape, object)
        for i, j in np.ndindex(self.y.shape):
            colours[i, j] = tint(self.hue(i, j), 0.45)
        return _texts(self.y), colours


# A view draws itself below `top` and returns how many rows of cells it took.


def _paint(scene: _Scene, top: float) -> float:
    """One plate for each pixel, placed as the pixels are, and their sum."""
    sheet, y, kernel, s = scene.sheet, scene.y, scene.kernel, scene.strides
    height, width = scene.image.shape
    tall = y.shape[0] * (height + 1) - 1
    middle = top + tall / 2
    texts, colours = scene.pixels()
    scene.centred(middle, 0, texts, colours, "$y$")
    left = y.shape[1] + 0.75
    sheet.text(middle, left, _TIMES)
    scene.centred(middle, left + 0.75, *inked(None, kernel), "$w$")
    left += kernel.shape[1] + 1.5
    sheet.text(middle, left, _THEN)
    left += 0.75
    for (i, j), colour in np.ndenumerate(colours):
        plate, shades = _blank(scene.image.shape)
        painted = (
            slice(i * s, i * s + kernel.shape[0]),
            slice(j * s, j * s + kernel.shape[1]),
        )
        plate[painted], shades[painted] = _texts(y[i, j] * kernel), colour
        sheet.grid(top + i * (height + 1), left + j * (width + 1), plate, shades)
    left += y.shape[1] * (width + 1) - 1
    sheet.text(middle, left + 0.85, r"$\Sigma$")
    result = scene.centred(middle, left + 1.7, _texts(scene.image), EMPTY, "$C^T y$")
    scene.frames(result, left + 1.7)
    return tall


def _matrix(scene: _Scene, top: float) -> float:
    """`C.T` times `y`, and the product as the image that it is."""
    sheet, kernel, image = scene.sheet, scene.kernel, scene.image
    numbers = tap_numbers(kernel, image.shape, strides=scene.strides).T
    tall, wide = numbers.shape
    middle = top + tall / 2
    scene.centred(middle, 0, *inked(None, kernel), "$w$")
    matrix = kernel.shape[1] + 1.5
    sheet.grid(top, matrix, *inked(numbers, kernel), "$C^T$")
    left = matrix + wide + 0.75
    sheet.text(middle, left, _TIMES)
    texts, colours = scene.pixels()
    column = texts.reshape(-1, 1), colours.reshape(-1, 1)
    scene.centred(middle, left + 0.75, *column, "$y$")
    sheet.text(middle, left + 2.5, "=")
    product = left + 3.25
    sheet.grid(top, product, _texts(image.reshape(-1, 1)), EMPTY, "$C^T y$")
    for pixel in range(image.shape[1], tall, image.shape[1]):
        sheet.line(top + pixel, matrix, top + pixel, matrix + wide)
        sheet.line(top + pixel, product, top + pixel, product + 1)
    sheet.text(middle, product + 1.75, _THEN)
    scene.centred(middle, product + 2.5, _texts(image), EMPTY)
    return tall


def _gradient(scene: _Scene, top: float) -> float:
    """The outputs of the convolution that read one pixel of its input."""
    sheet, y, kernel, image = scene.sheet, scene.y, scene.kernel, scene.image
    height, width = image.shape
    row, column = (height - 1) // 2, (width - 1) // 2
    middle = top + height / 2
    texts, colours = _blank(image.shape)
    texts[row, column], colours[row, column] = f"$x_{{{row}{column}}}$", "#C9C9C9"
    sheet.grid(top, 0, texts, colours, "$x$")
    scene.frames(top, 0)
    sheet.arrow(middle, width + 0.4, middle, width + 2)
    left = width + 2.6
    terms = []
    for (i, j), colour in np.ndenumerate(scene.pixels()[1]):
        tap = row - i * scene.strides, column - j * scene.strides
        here = middle - y.shape[0] + 2 * i + 0.5, left + 2.2 * j
        sheet.cell(*here, short(y[i, j]), colour)
        if 0 <= tap[0] < kernel.shape[0] and 0 <= tap[1] < kernel.shape[1]:
            sheet.frame(*here, 1, 1, scene.hue(i, j), 1.5)
            weight, pixel = short(kernel[tap]), short(y[i, j])
            pixel = f"({pixel})" if pixel.startswith("-") else pixel
            terms.append(rf"{weight}$\cdot${pixel}")
    sheet.text(top - 0.55, left + 1.1 * y.shape[1] - 0.6, "$Cx$, weighed by $y$")
    left += 2.2 * y.shape[1] + 0.6
    formula = rf"$\partial\langle Cx, y\rangle\,/\,\partial x_{{{row}{column}}}$"
    total = f"{' + '.join(terms)} = {short(image[row, column])}"
    sheet.text(middle - 0.6, left, f"{formula}  =", align="left")
    sheet.text(middle + 0.6, left, total, align="left")
    return height


def _gather(scene: _Scene, top: float) -> float:
    """The kernel, turned by 180 degrees, over `y` with zeros between and around."""
    sheet, kernel, image = scene.sheet, scene.kernel, scene.image
    around = kernel.shape[0] - 1, kernel.shape[1] - 1
    texts, colours = _blank((image.shape[0] + around[0], image.shape[1] + around[1]))
    texts[:] = "0"
    tall, wide = texts.shape
    inside = slice(around[0], tall - around[0]), slice(around[1], wide - around[1])
    colours[inside] = "#D9D9D9"
    s = scene.strides
    texts[inside][::s, ::s], colours[inside][::s, ::s] = scene.pixels()
    middle = top + tall / 2
    scene.centred(middle, 0, *inked(None, kernel), "$w$")
    left = kernel.shape[1] + 0.3
    sheet.arrow(middle, left, middle, left + 1.4)
    sheet.text(middle - 0.6, left + 0.7, r"$180\degree$")
    left += 1.7
    weights, shades = inked(None, kernel)
    scene.centred(middle, left, weights[::-1, ::-1], shades[::-1, ::-1])
    left += kernel.shape[1] + 1.5
    sheet.grid(top, left, texts, colours, "$y$ with zeros")
    row, column = (image.shape[0] - 1) // 2, (image.shape[1] - 1) // 2
    height, width = kernel.shape
    sheet.frame(top + row, left + column, height, width, INK, 2.5)
    left += wide + 0.75
    sheet.text(middle, left, _THEN)
    result = scene.centred(middle, left + 0.75, _texts(image), EMPTY, "$C^T y$")
    sheet.frame(result + row, left + 0.75 + column, 1, 1, INK, 2.5)
    return tall


def _phases(scene: _Scene, top: float) -> float:
    """For each phase its taps and its pixels, and how the pixels interleave."""
    sheet, kernel, image, s = scene.sheet, scene.kernel, scene.image, scene.strides
    rows, columns = min(s, kernel.shape[0]), min(s, kernel.shape[1])
    high, wide, taps_wide = (
        -(-n // s) for n in (image.shape[0], image.shape[1], kernel.shape[1])
    )
    block = taps_wide + wide + 2.9
    tall = max(rows * (high + 1) - 1, image.shape[0])
    middle = top + tall / 2
    scene.centred(middle, 0, _texts(kernel), _by_phase(kernel.shape, s), "$w$")
    left = kernel.shape[1] + 1.2
    for r, c in np.ndindex(rows, columns):
        taps, part = _texts(kernel[r::s, c::s]), _texts(image[r::s, c::s])
        centre, here = top + r * (high + 1) + high / 2, left + c * block
        colour = colour_of(r * s + c)
        scene.centred(centre, here + taps_wide - taps.shape[1], taps, colour)
        sheet.text(centre, here + taps_wide + 0.85, r"$\ast\,y$  =")
        scene.centred(centre, here + taps_wide + 1.7, part, colour)
    left += columns * block
    sheet.text(middle, left - 0.4, _THEN)
    colours = _by_phase(image.shape, s)
    scene.centred(middle, left + 0.3, _texts(image), colours, "$C^T y$")
    return tall


_VIEWS: dict[str, Callable[[_Scene, float], float]] = {
    "paint": _paint,
    "matrix": _matrix,
    "gradient": _gradient,
    "gather": _gather,
    "phases": _phases,
}


def _by_phase(shape: tuple[int, ...], s: int) -> np.ndarray:
    colours = np.empty(shape, object)
    for r, c in np.ndindex(shape):
        colours[r, c] = colour_of(r % s * s + c % s)
    return colours


def _texts(array: np.ndarray) -> np.ndarray:
    return np.vectorize(short, otypes=[object])(array)


def _blank(shape: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
    return np.full(shape, "", object), np.full(shape, EMPTY, object)

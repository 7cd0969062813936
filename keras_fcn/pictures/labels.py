"""Label maps as pictures: palette PNG, overlay with legend, sheets side by side."""

from __future__ import annotations

import io
import os
from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from ..datasets import VOID, palette_image, voc_palette
from ..storage import write_atomically

BACKGROUND = 0
MARGIN = 8  # pixels around and between pictures and words
SMALLEST_SHOWN = 200  # pixels of a photo's longer side in a comparison, about


def overlay(
    image: np.ndarray,
    label: np.ndarray,
    class_names: Sequence[str] = (),
    opacity: float = 0.6,
) -> Image.Image:
    """A photo with its labels laid over it, and a legend of the classes seen.

    The background is left as it is; regions are outlined.

    Args:
        image: `(height, width, 3)`, uint8 RGB.
        label: `(height, width)`, integers.
        class_names: Names of the classes for the legend below the photo. Defaults to
            none: no legend.
        opacity: Of the colours, 0..1. Defaults to `0.6`.

    Returns:
        A Pillow image of mode RGB, as wide as the photo; higher by the legend.

    Example:
        >>> import numpy as np
        >>> photo, label = np.zeros((40, 200, 3), "uint8"), np.ones((40, 200), int)
        >>> overlay(photo, label).size
        (200, 40)
        >>> overlay(photo, label, ["background", "cat"]).height > 40
        True
    """
    label = np.asarray(label)
    colours = voc_palette()[label].astype("float32")
    strength = np.where(label == BACKGROUND, 0, opacity)[..., None]
    strength = np.where(_edges(label)[..., None], 1, strength)
    colours = np.where(_edges(label)[..., None], 255, colours)
    mixed = (1 - strength) * image + strength * colours
    picture = Image.fromarray(np.rint(mixed).astype("uint8"))
    if not len(class_names):
        return picture
    return stack([picture, legend_of(label, class_names, picture.width)])


def sheet(
    pictures: Sequence[tuple[str, Image.Image]], legend: Image.Image | None = None
) -> Image.Image:
    """Pictures in a row, each with its title above it.

    Args:
        pictures: Titles and pictures, left to right.
        legend: A picture to put below the row. Defaults to none.

    Returns:
        A Pillow image of mode RGB.

    Example:
        >>> from PIL import Image
        >>> red = Image.new("RGB", (100, 50), "red")
        >>> sheet([("one", red), ("two", red)]).width  # 2*100 + 3*8
        224
    """
    font = default_font()
    line = _line_height(font)
    widths = [max(p.width, round(font.getlength(title))) for title, p in pictures]
    width = sum(widths) + MARGIN * (len(widths) + 1)
    height = max(p.height for _, p in pictures) + line + 2 * MARGIN
    row = Image.new("RGB", (width, height), "white")
    draw = ImageDraw.Draw(row)
    x = MARGIN
    for (title, picture), taken in zip(pictures, widths, strict=True):
        draw.text((x, MARGIN // 2), title, "black", font)
        row.paste(picture.convert("RGB"), (x, line + MARGIN))
        x += taken + MARGIN
    return row if legend is None else stack([row, legend])


def comparison(
    image: np.ndarray,
    prediction: np.ndarray,
    class_names: Sequence[str],
    truth: np.ndarray | None = None,
) -> Image.Image:
    """Photo, labels, prediction and overlay side by side, with a legend.

    Args:
        image: `(height, width, 3)`, uint8 RGB.
        prediction: `(height, width)`, integers.
        class_names: Names of the classes.
        truth: `(height, width)`, integers; left out if there is none.

    Returns:
        A Pillow image of mode RGB; thumbnails are enlarged, pixel by pixel.
    """
    times = max(1, SMALLEST_SHOWN // max(image.shape[:2]))
    image, prediction = enlarged(image, times), enlarged(prediction, times)
    pictures = [("photo", Image.fromarray(image))]
    shown = prediction
    if truth is not None:
        truth = enlarged(truth, times)
        pictures.append(("truth", palette_image(truth)))
        shown = np.concatenate([prediction.ravel(), truth.ravel()])
    pictures.append(("prediction", palette_image(prediction)))
    pictures.append(("overlay", overlay(image, prediction)))
    width = sum(p.width + MARGIN for _, p in pictures) + MARGIN
    return sheet(pictures, legend_of(shown, class_names, width))


def write_png(picture: Image.Image, path: str | os.PathLike[str]) -> None:
    """Write a picture as PNG, whole or not at all.

    Args:
        picture: The picture.
        path: The file. Its folder is made if it is missing.
    """
    buffer = io.BytesIO()
    picture.save(buffer, format="PNG")
    write_atomically(path, buffer.getvalue())


def enlarged(array: np.ndarray, times: int) -> np.ndarray:
    """Repeat every pixel in both directions."""
    return np.asarray(array).repeat(times, axis=0).repeat(times, axis=1)


def _edges(label: np.ndarray) -> np.ndarray:
    """Return the pixels whose right or lower neighbour has another label."""
    edges = np.zeros(label.shape, bool)
    edges[:, :-1] |= label[:, :-1] != label[:, 1:]
    edges[:-1] |= label[:-1] != label[1:]
    return edges


def legend_of(label: np.ndarray, class_names: Sequence[str], width: int) -> Image.Image:
    """Return a strip with a swatch and a name for each class in `label`."""
    font = default_font()
    line = _line_height(font)
    entries = []
    for value in np.unique(label).tolist():
        if value < len(class_names):
            entries.append((value, class_names[value]))
        elif value == VOID:
            entries.append((value, "void"))
    x, y, placed = MARGIN, MARGIN // 2, []
    for value, name in entries:
        needed = round(line + font.getlength(name) + 2 * MARGIN)
        if x > MARGIN and x + needed > width:
            x, y = MARGIN, y + line
        placed.append((x, y, value, name))
        x += needed
    strip = Image.new("RGB", (width, y + line + MARGIN // 2), "white")
    draw = ImageDraw.Draw(strip)
    for x, y, value, name in placed:
        swatch = (x, y + 2, x + line - 6, y + line - 4)
        colour = tuple(voc_palette()[value].tolist())
        draw.rectangle(swatch, fill=colour, outline="grey")
        draw.text((x + line, y), name, "black", font)
    return strip


def stack(rows: Sequence[Image.Image]) -> Image.Image:
    """Put pictures below each other, on white."""
    size = max(row.width for row in rows), sum(row.height for row in rows)
    page = Image.new("RGB", size, "white")
    y = 0
    for row in rows:
        page.paste(row, (0, y))
        y += row.height
    return page


def default_font() -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    """Return the font of titles and legends; it comes with Pillow."""
    return ImageFont.load_default(size=14)


def _line_height(font) -> int:
    return round(font.getbbox("Ag")[3]) + 6

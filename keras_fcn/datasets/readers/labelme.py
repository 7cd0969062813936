"""Labelme's files: shapes drawn on a photo, as JSON."""

from __future__ import annotations

import base64
import io
import json
import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from ..sample_source import VOID
from .label_names import BACKGROUND

# As labelme's own export draws what has no area.
LINE_WIDTH = 10
POINT_RADIUS = 5

# Pillow takes minutes over a circle whose radius has seven digits.
FARTHEST = 100_000


def read_polygons(path: Path, class_names: Sequence[str]) -> np.ndarray:
    """Draw the shapes of a labelme file; later ones lie on earlier ones.

    All kinds are drawn as labelme's own export draws them: areas filled, outline
    included, lines 10 pixels wide, points as discs of radius 5, masks of its assistant
    laid on. `__ignore__` is void.

    Args:
        path: A `.json` of labelme.
        class_names: Names of the classes.

    Returns:
        Array `(height, width)`, uint8.

    Raises:
        ValueError: If it is no such file, or names an unknown class or an impossible
            shape; the message says which.

    Example:
        >>> import tempfile
        >>> file = Path(tempfile.mkdtemp()) / "photo.json"
        >>> box = {"shape_type": "rectangle", "points": [[1, 0], [2, 1]]}
        >>> box["label"] = "cat"
        >>> data = {"imageHeight": 2, "imageWidth": 4, "shapes": [box]}
        >>> _ = file.write_text(json.dumps(data))
        >>> read_polygons(file, ["background", "cat"]).tolist()
        [[0, 1, 1, 0], [0, 1, 1, 0]]
    """
    data = _labelme(path)
    labels = {name: label for label, name in enumerate(class_names)}
    labels |= dict.fromkeys(BACKGROUND, 0) | {"__ignore__": VOID}
    canvas = Image.new("L", (data["imageWidth"], data["imageHeight"]))
    for number, shape in enumerate(data["shapes"], start=1):
        name = shape.get("label")
        if not isinstance(name, str) or name not in labels:
            raise ValueError(
                f"A shape must have one of the classes {list(class_names)}. Received: "
                f"{str(path)!r}, shape {number}: {name!r}. Add it to the file of "
                "`labels`, or rename the shape in labelme."
            )
        try:
            _draw(canvas, shape, labels[name])
        except Exception as error:  # base64, Pillow and numbers, each with its own
            raise ValueError(
                f"A shape must be one that labelme draws. Received: {str(path)!r}, "
                f"shape {number}, {shape.get('shape_type')!r}: {error}."
            ) from error
    return np.asarray(canvas)


def polygon_names(masks: Sequence[Path]) -> tuple[str, ...]:
    """Return the classes that labelme files name: the background, then by alphabet."""
    shapes = (shape for mask in masks for shape in _labelme(mask)["shapes"])
    names = {str(shape.get("label")) for shape in shapes}
    return ("_background_", *sorted(names - {"__ignore__", *BACKGROUND}))


def _labelme(path: Path) -> dict:
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        height, width, shapes = data["imageHeight"], data["imageWidth"], data["shapes"]
        whole = isinstance(height, int) and isinstance(width, int)
        if not whole or min(height, width) < 1 or height * width > 2**28:
            raise ValueError(f"image size {height}x{width}")
        if not all(isinstance(shape, dict) for shape in shapes):
            raise ValueError("a shape that is no object")
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise ValueError(
            "A labelme file must be JSON with `imageHeight`, `imageWidth` and "
            f"`shapes`. Received: {str(path)!r}: {type(error).__name__}: {error}."
        ) from error
    return data


def _draw(canvas: Image.Image, shape: dict, label: int) -> None:
    kind = shape.get("shape_type") or "polygon"
    points = [(float(x), float(y)) for x, y in shape["points"]]
    if not (np.abs(points) <= FARTHEST).all():  # not a number is not within either
        raise ValueError(f"points must lie within {FARTHEST} pixels")
    draw = ImageDraw.Draw(canvas)
    if kind == "polygon":
        if len(points) < 3:
            raise ValueError(f"a polygon of {len(points)} points")
        draw.polygon(points, fill=label, outline=label)
    elif kind == "rectangle":
        (x0, y0), (x1, y1) = points
        corners = (min(x0, x1), min(y0, y1), max(x0, x1), max(y0, y1))
        draw.rectangle(corners, fill=label, outline=label)
    elif kind in ("circle", "point"):
        x, y = points[0]
        radius = math.dist(*points) if kind == "circle" else POINT_RADIUS
        corners = (x - radius, y - radius, x + radius, y + radius)
        draw.ellipse(corners, fill=label, outline=label)
    elif kind in ("line", "linestrip"):
        draw.line(points, fill=label, width=LINE_WIDTH)
    elif kind == "mask":
        stamp = Image.open(io.BytesIO(base64.b64decode(shape["mask"])), formats=["PNG"])
        inside = Image.fromarray(np.array(stamp, bool))  # labelme writes 0 and 1
        x, y = (int(n) for n in points[0])
        canvas.paste(label, (x, y, x + inside.width, y + inside.height), inside)
    else:
        raise ValueError("an unknown kind")

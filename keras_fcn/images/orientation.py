"""How the camera was held."""

from __future__ import annotations

import os
from typing import Any

from PIL import ExifTags, Image

from .files import opened

_ORIENTATION = ExifTags.Base.Orientation
_UPRIGHT = {  # how an image of each orientation is turned upright
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


def image_size(path: str | os.PathLike[str]) -> tuple[int, int]:
    """Return `(height, width)` of the upright image without decoding its pixels."""
    with opened(path, decode=False) as image:
        width, height = image.size
        if _ORIENTATION in getattr(image, "tag_v2", {}):
            return height, width  # Pillow gives a TIFF's size upright
        if orientation(image) in (5, 6, 7, 8):  # it lies on a side
            return width, height
        return height, width


def exif_orientation(path: str | os.PathLike[str]) -> int:
    """Return how the camera was held, 1 (upright) to 8; 1 where nothing says so."""
    with opened(path, decode=False) as image:
        turned = orientation(image)
        return turned if turned in _UPRIGHT else 1


def upright(image: Image.Image) -> Image.Image:
    """Apply the orientation; `ImageOps` also writes the EXIF anew, and may fail."""
    image.load()  # turns a TIFF already
    turn = _UPRIGHT.get(orientation(image))
    return image if turn is None else image.transpose(turn)


def orientation(image: Image.Image) -> Any:
    """Return what the camera wrote about it, whatever that is; 1 if nothing."""
    try:
        return image.getexif().get(_ORIENTATION, 1)
    except Exception:  # a photo with damaged EXIF is still a photo
        return 1

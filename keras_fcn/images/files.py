"""Opening an image file, of known formats only and of bounded size."""

from __future__ import annotations

import struct
import threading
import warnings
from pathlib import Path
from typing import Any

from PIL import Image

from .limits import TooLarge, require_size, require_webp_size, too_large

FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "TIFF", "GIF", "PPM")
SUFFIXES = (
    *(".jpg", ".jpeg", ".jpe", ".png", ".webp", ".bmp"),
    *(".tif", ".tiff", ".gif", ".ppm", ".pgm"),
)
SIXTEEN_BIT = ("I;16", "I;16L", "I;16B", "I;16N")  # Pillow's modes
_QUIET = threading.Lock()


class opened:
    """Open an image file; whatever is wrong with it, the error names the file."""

    def __init__(self, path: Any, decode: bool = True):
        self.path = Path(path)
        self.decode = decode

    def __enter__(self) -> Image.Image:
        if not self.path.is_file():
            raise FileNotFoundError(f"There is no image file {str(self.path)!r}.")
        image = None
        try:
            image = _identified(self.path)
            require_size(self.path, image)
            if self.decode:
                image.load()
        except Exception as error:  # on damaged files Pillow raises whatever it likes
            if image is not None:
                image.close()
            if isinstance(error, TooLarge):
                raise
            raise ValueError(
                f"{str(self.path)!r} is not an image that can be read: {error}."
            ) from error
        self.image = image
        return image

    def __exit__(self, *error: object) -> None:
        if has_file(self.image):
            self.image.close()


def _identified(path: Path) -> Image.Image:
    """Open a file as `Image.open` does, but leave it to us what is too large.

    Pillow warns of one up to twice its limit, and a warning is as good as nothing.
    """
    with path.open("rb") as file:
        start = file.read(30)
    require_webp_size(path, start)
    where: Any = str(path)  # Pillow then closes it when it is read
    for name in FORMATS:
        if name not in Image.OPEN:
            Image.init()
        factory, accept = Image.OPEN[name]
        if accept is not None and accept(start[:16]) is not True:
            continue
        try:
            if name != "GIF":
                return factory(where, where)
            with _QUIET, warnings.catch_warnings():  # of a frame beyond the canvas
                warnings.simplefilter("ignore", Image.DecompressionBombWarning)
                return factory(where, where)
        except Image.DecompressionBombError as error:  # of such a frame too
            raise too_large(path, str(error)) from error
        except (SyntaxError, IndexError, TypeError, struct.error):
            continue
    raise ValueError(f"it is none of {', '.join(FORMATS)}, or damaged")


def has_file(image: Image.Image) -> bool:
    """Return whether a file may be open still: further frames are read from it."""
    one_frame = image.format in ("JPEG", "PNG", "BMP", "PPM")
    moving = getattr(image, "is_animated", False)  # a PNG may be
    return moving or not one_frame or getattr(image, "fp", None) is not None

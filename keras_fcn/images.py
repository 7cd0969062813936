"""Image files in: upright RGB arrays, and label images as class indices.

Knows Pillow; knows nothing of TensorFlow, whose PNG decoder returns a palette's
colours instead of its indices and whose JPEG decoder ignores the orientation. No file
is decoded that declares more pixels than `PIL.Image.MAX_IMAGE_PIXELS`.
"""

from __future__ import annotations

import contextlib
import os
import struct
import threading
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from PIL import ExifTags, Image

FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "TIFF", "GIF", "PPM")
SUFFIXES = (
    *(".jpg", ".jpeg", ".jpe", ".png", ".webp", ".bmp"),
    *(".tif", ".tiff", ".gif", ".ppm", ".pgm"),
)
_SIXTEEN_BIT = ("I;16", "I;16L", "I;16B", "I;16N")
_ORIENTATION = ExifTags.Base.Orientation
_TILE = (322, 323)  # width and length of a TIFF's tiles
_QUIET = threading.Lock()
_UPRIGHT = {  # how an image of each orientation is turned upright
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


@contextlib.contextmanager
def pixel_limit(megapixels: float | None) -> Iterator[None]:
    """Let images inside have as many million pixels; `None` leaves Pillow's limit.

    Example:
        >>> before = Image.MAX_IMAGE_PIXELS
        >>> with pixel_limit(200):
        ...     Image.MAX_IMAGE_PIXELS
        200000000
        >>> Image.MAX_IMAGE_PIXELS == before
        True
    """
    before = Image.MAX_IMAGE_PIXELS
    if megapixels is not None:
        Image.MAX_IMAGE_PIXELS = round(megapixels * 1e6)
    try:
        yield
    finally:
        Image.MAX_IMAGE_PIXELS = before  # pyright: ignore[reportArgumentType]


def read_image(image: Any) -> np.ndarray:
    """Read a photo as an upright RGB array.

    The camera's orientation is applied. Grey, palette, 1-bit, CMYK, YCbCr and LAB
    images are converted; transparent ones are laid on white; 16-bit grey is scaled
    from 0..65535 to 0..255. 32-bit integer and floating point images have no known
    range and are refused. So is a file of more than `PIL.Image.MAX_IMAGE_PIXELS`, 89.5
    megapixels unless you set it; `None` is no limit.

    Args:
        image: A path, a `PIL.Image.Image`, or an array `(height, width, 3)` or
            `(height, width)` of grey levels 0..255.

    Returns:
        Array `(height, width, 3)`, uint8.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If the file is not an image that can be read whole, is too large,
            or has one of the refused kinds; the message names the file.

    Example:
        >>> from PIL import Image
        >>> read_image(Image.new("CMYK", (4, 2))).tolist()[0][0]
        [255, 255, 255]
    """
    if isinstance(image, np.ndarray):
        return _from_array(image)
    if isinstance(image, Image.Image):
        return np.array(_to_photo(image, "the image"))
    return np.array(open_photo(image))


def open_photo(path: str | os.PathLike[str]) -> Image.Image:
    """Read a photo as `read_image` does, and leave it to Pillow.

    Cutting a part out of it there is cheaper than laying out the whole as an array.

    Args:
        path: The file.

    Returns:
        An upright Pillow image of mode RGB, without a file behind it.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: As `read_image`.
    """
    with _opened(path) as opened:
        photo = _to_photo(opened, str(path))
        # A file of several frames stays open, and closing it destroys the pixels.
        return photo.copy() if photo is opened and _has_file(opened) else photo


def read_label(path: str | os.PathLike[str]) -> np.ndarray:
    """Read a label image as class indices.

    Args:
        path: A PNG whose pixels are class indices: grey of any depth, or with a
            palette, whose colours are not looked at.

    Returns:
        Array `(height, width)`, uint8.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If the file has colours instead of indices, or indices over 255.

    Example:
        A palette image keeps its indices, the void label 255 too:

        >>> import tempfile, pathlib
        >>> from keras_fcn.pictures import palette_image
        >>> file = pathlib.Path(tempfile.mkdtemp()) / "label.png"
        >>> palette_image([[1, 255]]).save(file)
        >>> read_label(file).tolist()
        [[1, 255]]
    """
    with _opened(path) as opened:
        if opened.mode in ("P", "L", "1"):
            label = np.asarray(opened, dtype="uint8")
            return label // _stretch(opened, path) if opened.mode == "L" else label
        if opened.mode == "F":
            raise ValueError(
                "A mask must hold one class index per pixel, a whole number. Received: "
                f"{str(path)!r}, a float image. Save it as 8-bit PNG."
            )
        if opened.mode in ("I", *_SIXTEEN_BIT):
            label = np.asarray(opened)
            if not 0 <= label.min() <= label.max() <= 255:
                raise ValueError(
                    "A mask must hold class indices 0..255. "
                    f"Received: {str(path)!r} with values {label.min()}..{label.max()}."
                )
            return label.astype("uint8")
        raise ValueError(
            "A mask must hold one class index per pixel (Pillow mode P or L). "
            f"Received: {str(path)!r} of mode {opened.mode}, colours. A `labelmap.txt` "
            "of lines `name:red,green,blue::` says which class each colour stands for "
            "(`--labels`)."
        )


def read_colours(path: str | os.PathLike[str]) -> np.ndarray:
    """Read a mask as the colours that it shows, whether it has a palette or not.

    Args:
        path: The mask.

    Returns:
        Array `(height, width, 3)`, uint8 RGB; transparency is left out.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If the file is not an image that can be read whole.

    Example:
        >>> import tempfile, pathlib
        >>> from keras_fcn.pictures import palette_image
        >>> file = pathlib.Path(tempfile.mkdtemp()) / "label.png"
        >>> palette_image([[1]]).save(file)
        >>> read_colours(file).tolist()
        [[[128, 0, 0]]]
    """
    with _opened(path) as opened:
        opened.info.pop("transparency", None)  # of which Pillow would warn
        return np.asarray(opened.convert("RGB"))


def image_size(path: str | os.PathLike[str]) -> tuple[int, int]:
    """Return `(height, width)` of the upright image without decoding its pixels."""
    with _opened(path, decode=False) as opened:
        width, height = opened.size
        if _ORIENTATION in getattr(opened, "tag_v2", {}):
            return height, width  # Pillow gives a TIFF's size upright
        if _orientation(opened) in (5, 6, 7, 8):  # it lies on a side
            return width, height
        return height, width


def _stretch(image: Image.Image, path: str | os.PathLike[str]) -> int:
    """Return by how much Pillow multiplied the indices of a 2- or 4-bit grey PNG."""
    if image.format != "PNG":
        return 1
    with Path(path).open("rb") as file:
        bits = file.read(25)[24]  # signature 8, length and name 8, width and height 8
    return {2: 85, 4: 17}.get(bits, 1)


def exif_orientation(path: str | os.PathLike[str]) -> int:
    """Return how the camera was held, 1 (upright) to 8; 1 where nothing says so."""
    with _opened(path, decode=False) as opened:
        turned = _orientation(opened)
        return turned if turned in _UPRIGHT else 1


class _opened:
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
            _require_size(self.path, image)
            if self.decode:
                image.load()
        except Exception as error:  # on damaged files Pillow raises whatever it likes
            if image is not None:
                image.close()
            if isinstance(error, _TooLarge):
                raise
            raise ValueError(
                f"{str(self.path)!r} is not an image that can be read: {error}."
            ) from error
        self.image = image
        return image

    def __exit__(self, *error: object) -> None:
        if _has_file(self.image):
            self.image.close()


class _TooLarge(ValueError):
    """An image that declares more pixels than are allowed."""


def _identified(path: Path) -> Image.Image:
    """Open a file as `Image.open` does, but leave it to us what is too large.

    Pillow warns of one up to twice its limit, and a warning is as good as nothing.
    """
    with path.open("rb") as file:
        start = file.read(30)
    _require_webp_size(path, start)
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
            raise _too_large(path, str(error)) from error
        except (SyntaxError, IndexError, TypeError, struct.error):
            continue
    raise ValueError(f"it is none of {', '.join(FORMATS)}, or damaged")


def _require_webp_size(path: Path, start: bytes) -> None:
    """Look for the size of a WebP, whose decoder takes its memory when it is opened."""
    if start[:4] != b"RIFF" or start[8:12] != b"WEBP" or len(start) < 30:
        return
    if start[12:16] == b"VP8X":
        width, height = (int.from_bytes(start[i : i + 3], "little") for i in (24, 27))
        _require_pixels(path, width + 1, height + 1)
    elif start[12:16] == b"VP8L":
        bits = int.from_bytes(start[21:25], "little")
        _require_pixels(path, (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1)
    elif start[12:16] == b"VP8 ":
        width, height = struct.unpack("<2H", start[26:30])
        _require_pixels(path, width & 0x3FFF, height & 0x3FFF)


def _require_size(path: Path, image: Image.Image) -> None:
    _require_pixels(path, *image.size)
    tags = getattr(image, "tag_v2", {})
    if all(tag in tags for tag in _TILE):  # a tile is decoded whole
        _require_pixels(path, *(tags[tag] for tag in _TILE))


def _require_pixels(path: Path, width: int, height: int) -> None:
    limit = Image.MAX_IMAGE_PIXELS
    if limit is not None and width * height > limit:
        pixels = f"{width} x {height} pixels, {width * height / 1e6:.1f} megapixels"
        raise _too_large(path, pixels)


def _too_large(path: Path, received: str) -> _TooLarge:
    return _TooLarge(
        f"An image must have at most {(Image.MAX_IMAGE_PIXELS or 0) / 1e6:.3g} "
        f"megapixels. Received: {str(path)!r}, {received}. If you trust it, raise "
        "`PIL.Image.MAX_IMAGE_PIXELS`, or use `keras-fcn predict --max-megapixels`."
    )


def _from_array(array: np.ndarray) -> np.ndarray:
    if array.ndim == 2:
        array = np.repeat(array[..., None], 3, axis=-1)
    if array.ndim != 3 or array.shape[-1] != 3 or not array.size:
        raise ValueError(
            "An image array must be `(height, width, 3)` or `(height, width)`. "
            f"Received: shape {array.shape}."
        )
    if array.dtype == np.uint8:
        return array
    if array.dtype.kind == "f" and 0 < array.max() <= 1:
        raise ValueError(
            "An image array must hold grey levels 0..255. Received: values up to "
            f"{array.max():.3g} of {array.dtype}, which look like 0..1. Multiply it by "
            "255."
        )
    if not np.isfinite(array).all() or array.min() < 0 or array.max() > 255:
        raise ValueError(
            "An image array must hold grey levels 0..255. Received: values "
            f"{array.min()}..{array.max()} of {array.dtype}."
        )
    return np.rint(array).astype("uint8")


def _has_file(image: Image.Image) -> bool:
    """Return whether a file may be open still: further frames are read from it."""
    one_frame = image.format in ("JPEG", "PNG", "BMP", "PPM")
    moving = getattr(image, "is_animated", False)  # a PNG may be
    return moving or not one_frame or getattr(image, "fp", None) is not None


def _to_photo(image: Image.Image, name: str) -> Image.Image:
    image = _upright(image)
    if image.mode in _SIXTEEN_BIT:
        grey = np.rint(np.asarray(image).astype("float64") / 257)  # 65535 / 255
        image = Image.fromarray(grey.astype("uint8"))
    if image.mode in ("I", "F"):
        raise ValueError(
            "A photo must have 8 or 16 bits per channel. "
            f"Received: {name}, of Pillow mode {image.mode} (32 bits). Scale it to "
            "0..255 first."
        )
    if image.has_transparency_data:
        image = image.convert("RGBA")
        white = Image.new("RGBA", image.size, "white")
        image = Image.alpha_composite(white, image)
    return image if image.mode == "RGB" else image.convert("RGB")  # else a copy


def _upright(image: Image.Image) -> Image.Image:
    """Apply the orientation; `ImageOps` also writes the EXIF anew, and may fail."""
    image.load()  # turns a TIFF already
    turn = _UPRIGHT.get(_orientation(image))
    return image if turn is None else image.transpose(turn)


def _orientation(image: Image.Image) -> Any:
    try:
        return image.getexif().get(_ORIENTATION, 1)
    except Exception:  # a photo with damaged EXIF is still a photo
        return 1

"""Photos of every kind as upright RGB."""

from __future__ import annotations

import os
from typing import Any

import numpy as np
from PIL import Image

from .files import SIXTEEN_BIT, has_file, opened
from .orientation import upright


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
    with opened(path) as image:
        photo = _to_photo(image, str(path))
        # A file of several frames stays open, and closing it destroys the pixels.
        return photo.copy() if photo is image and has_file(image) else photo


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


def _to_photo(image: Image.Image, name: str) -> Image.Image:
    image = upright(image)
    if image.mode in SIXTEEN_BIT:
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

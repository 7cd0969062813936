"""Masks: class indices, and the colours of those that have them instead."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
from PIL import Image

from .files import SIXTEEN_BIT, opened


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
    with opened(path) as image:
        if image.mode in ("P", "L", "1"):
            label = np.asarray(image, dtype="uint8")
            return label // _stretch(image, path) if image.mode == "L" else label
        if image.mode == "F":
            raise ValueError(
                "A mask must hold one class index per pixel, a whole number. Received: "
                f"{str(path)!r}, a float image. Save it as 8-bit PNG."
            )
        if image.mode in ("I", *SIXTEEN_BIT):
            label = np.asarray(image)
            if not 0 <= label.min() <= label.max() <= 255:
                raise ValueError(
                    "A mask must hold class indices 0..255. "
                    f"Received: {str(path)!r} with values {label.min()}..{label.max()}."
                )
            return label.astype("uint8")
        raise ValueError(
            "A mask must hold one class index per pixel (Pillow mode P or L). "
            f"Received: {str(path)!r} of mode {image.mode}, colours. A `labelmap.txt` "
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
    with opened(path) as image:
        image.info.pop("transparency", None)  # of which Pillow would warn
        return np.asarray(image.convert("RGB"))


def _stretch(image: Image.Image, path: str | os.PathLike[str]) -> int:
    """Return by how much Pillow multiplied the indices of a 2- or 4-bit grey PNG."""
    if image.format != "PNG":
        return 1
    with Path(path).open("rb") as file:
        bits = file.read(25)[24]  # signature 8, length and name 8, width and height 8
    return {2: 85, 4: 17}.get(bits, 1)

"""PASCAL VOC's classes and colours, and label maps as palette images."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image

from .sample_source import VOID

VOC_CLASSES = (
    *("background", "aeroplane", "bicycle", "bird", "boat", "bottle", "bus", "car"),
    *("cat", "chair", "cow", "diningtable", "dog", "horse", "motorbike", "person"),
    *("pottedplant", "sheep", "sofa", "train", "tvmonitor"),
)


def voc_palette() -> np.ndarray:
    """The colours that PASCAL VOC gives to the labels 0..255.

    The bits of a label are dealt to red, green and blue in turn, each colour filled
    from its highest bit down, so that near labels get far colours.

    Returns:
        Array `(256, 3)`, uint8 RGB.

    Example:
        >>> palette = voc_palette()
        >>> palette[1].tolist(), palette[15].tolist(), palette[255].tolist()
        ([128, 0, 0], [192, 128, 128], [224, 224, 192])

    Reference:
        `VOClabelcolormap.m` of the VOC2012 development kit.
    """
    labels = np.arange(256)
    colours = np.zeros((256, 3), int)
    for bit in range(8):
        for channel in range(3):
            value = (labels >> (3 * bit + channel)) & 1
            colours[:, channel] |= value << (7 - bit)
    return colours.astype("uint8")


def palette_image(label: np.ndarray) -> Image.Image:
    """A label map as a palette image in the colours of PASCAL VOC.

    Saved as PNG it looks coloured and re-reads as the same labels.

    Args:
        label: `(height, width)`, integers 0..255.

    Returns:
        A Pillow image of mode P.

    Raises:
        ValueError: If a label is outside 0..255.

    Example:
        >>> picture = palette_image(np.array([[0, 15, 255]]))
        >>> np.asarray(picture).tolist(), picture.convert("RGB").getpixel((1, 0))
        ([[0, 15, 255]], (192, 128, 128))
    """
    label = np.asarray(label)
    if label.size and not 0 <= label.min() <= label.max() <= VOID:
        raise ValueError(
            f"Labels must be in 0..{VOID} for a palette image. Received: "
            f"{label.min()}..{label.max()}."
        )
    picture = Image.fromarray(label.astype("uint8"))
    picture.putpalette(voc_palette().tobytes())
    return picture


def palette_png(label: np.ndarray) -> bytes:
    """Return the PNG file of `palette_image(label)`."""
    buffer = io.BytesIO()
    # Half the time of the usual level 6, and 1 KB more.
    palette_image(label).save(buffer, "PNG", compress_level=3)
    return buffer.getvalue()

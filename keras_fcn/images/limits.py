"""What is too large to be decoded, told from what a file declares."""

from __future__ import annotations

import contextlib
import struct
from collections.abc import Iterator
from pathlib import Path

from PIL import Image

_TILE = (322, 323)  # width and length of a TIFF's tiles


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


class TooLarge(ValueError):
    """An image that declares more pixels than are allowed."""


def too_large(path: Path, received: str) -> TooLarge:
    """Return the error for an image of more pixels than are allowed."""
    return TooLarge(
        f"An image must have at most {(Image.MAX_IMAGE_PIXELS or 0) / 1e6:.3g} "
        f"megapixels. Received: {str(path)!r}, {received}. If you trust it, raise "
        "`PIL.Image.MAX_IMAGE_PIXELS`, or use `keras-fcn predict --max-megapixels`."
    )


def require_size(path: Path, image: Image.Image) -> None:
    """Raise `TooLarge` if an image, or one of its tiles, has too many pixels."""
    _require_pixels(path, *image.size)
    tags = getattr(image, "tag_v2", {})
    if all(tag in tags for tag in _TILE):  # a tile is decoded whole
        _require_pixels(path, *(tags[tag] for tag in _TILE))


def require_webp_size(path: Path, start: bytes) -> None:
    """Raise `TooLarge` for such a WebP; opened, its decoder takes the memory."""
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


def _require_pixels(path: Path, width: int, height: int) -> None:
    limit = Image.MAX_IMAGE_PIXELS
    if limit is not None and width * height > limit:
        pixels = f"{width} x {height} pixels, {width * height / 1e6:.1f} megapixels"
        raise too_large(path, pixels)

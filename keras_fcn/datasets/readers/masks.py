"""Masks on disk as labels: class indices, colours, or black and white.

One reader a format, and `mask_reader`, which picks the one that a data set needs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np

from ...images import read_colours, read_label
from ..sample_source import VOID
from .label_names import Colour
from .labelme import read_polygons

VOC_VOID = (224, 224, 192)  # how VOC's palette, and so most tools, paint void

MaskReader = Callable[[Path], np.ndarray]


def mask_reader(
    masks: Sequence[Path],
    class_names: Sequence[str],
    colours: Mapping[Colour, int] | None = None,
    binary: bool = False,
) -> MaskReader:
    """Return the reader for a folder of masks: `reader(path)` is a label map.

    Args:
        masks: The files; the suffix `.json` means labelme's polygons.
        class_names: Names of the classes, by which polygons are looked up.
        colours: The label of each colour, where the colours decide. Defaults to
            `None`: pixels are class indices, and a palette is not looked at.
        binary: Whether masks are black and white. Defaults to `False`.
    """
    if any(mask.suffix.lower() == ".json" for mask in masks):
        return lambda path: read_polygons(path, class_names)
    if binary:
        return read_binary
    if colours:
        table = {VOC_VOID: VOID, **colours}
        return lambda path: read_coloured(path, table)
    return read_label


def read_binary(path: Path) -> np.ndarray:
    """Read a black and white mask: 0 stays 0, 255 (or 1) is class 1.

    Other values stay as they are: they may be a void label.

    Args:
        path: An image of one channel, or of three equal ones.

    Returns:
        Array `(height, width)`, uint8.

    Raises:
        ValueError: If it is no such image, or holds both 1 and 255.

    Example:
        >>> import tempfile
        >>> from PIL import Image
        >>> file = Path(tempfile.mkdtemp()) / "mask.png"
        >>> Image.fromarray(np.array([[0, 255]], "uint8")).save(file)
        >>> read_binary(file).tolist()
        [[0, 1]]
    """
    colours = read_colours(path)
    grey = colours[..., 0]
    if (colours != grey[..., None]).any():
        raise ValueError(
            f"A black and white mask must be grey. Received: {str(path)!r}, which has "
            "colours. Leave out `binary`, and name the colours in a `labelmap.txt`."
        )
    if grey.max() <= 1:  # 1-bit images come out as 0 and 255
        return grey
    if (grey == 1).any() and (grey == VOID).any():
        raise ValueError(
            f"A black and white mask must hold 0 and 255, or 0 and 1. Received: "
            f"{str(path)!r}, which holds both 1 and 255: a mask of indices with void? "
            "Leave out `binary`."
        )
    return np.where(grey == VOID, 1, grey).astype("uint8")


def read_coloured(path: Path, colours: Mapping[Colour, int]) -> np.ndarray:
    """Read a mask whose colours decide, also those of its palette.

    Args:
        path: The mask.
        colours: The label of each colour.

    Returns:
        Array `(height, width)`, uint8.

    Raises:
        ValueError: If a pixel has another colour; the message names file and colours.

    Example:
        >>> import tempfile
        >>> from PIL import Image
        >>> file = Path(tempfile.mkdtemp()) / "mask.png"
        >>> Image.new("RGB", (2, 1), (250, 50, 83)).save(file)
        >>> read_coloured(file, {(0, 0, 0): 0, (250, 50, 83): 1}).tolist()
        [[1, 1]]
    """
    pixels = _packed(read_colours(path))
    known = _packed(np.array(list(colours), "uint8"))
    order = np.argsort(known)
    place = np.searchsorted(known[order], pixels).clip(max=len(known) - 1)
    found = order[place]
    wrong = known[found] != pixels
    if wrong.any():
        packed, counts = np.unique(pixels[wrong], return_counts=True)
        shown = [
            f"{(int(c) >> 16, int(c) >> 8 & 255, int(c) & 255)} in {n} pixels"
            for c, n in zip(packed[:5], counts[:5], strict=True)
        ]
        more = f" and {len(packed) - 5} more" if len(packed) > 5 else ""
        cause = " Many near colours: a mask saved as JPEG, or smoothed?"
        raise ValueError(
            f"A mask must hold the colours of its `labelmap.txt`. Received: "
            f"{str(path)!r} with {', '.join(shown)}{more}."
            f"{cause if len(packed) > 20 else ''}"
        )
    return np.array(list(colours.values()), "uint8")[found]


def _packed(colours: np.ndarray) -> np.ndarray:
    """Return each RGB colour as one number."""
    red, green, blue = np.moveaxis(colours.astype("int32"), -1, 0)
    return red << 16 | green << 8 | blue

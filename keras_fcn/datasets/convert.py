"""Any data set written in the layout of PASCAL VOC, which most tools read."""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from PIL import Image

from ..images import exif_orientation
from ..storage import write_atomically
from .readers.voc import LISTS
from .sample_source import SampleSource
from .voc_labels import palette_png

# Photos of these kinds are copied byte by byte; others are written as PNG.
COPIED = (".jpg", ".jpeg", ".png")


def convert_to_voc(
    splits: Mapping[str, SampleSource],
    folder: str | os.PathLike[str],
    progress: Callable[[Iterable], Iterable] = iter,
) -> Path:
    """Write data sets as a folder in the layout of PASCAL VOC.

    `JPEGImages`, `SegmentationClass` with palette PNGs (void is 255),
    `ImageSets/Segmentation/SPLIT.txt` and `class_names.txt`. JPEG and PNG photos are
    copied byte by byte; other kinds, and what a camera stored lying on a side, are
    written upright as PNG. The folder appears when it is complete.

    Args:
        splits: The data sets by the name of their split.
        folder: A folder that does not exist yet.
        progress: Wraps the loop over the samples, to draw a bar. Defaults to
            nothing.

    Returns:
        The folder.

    Raises:
        FileExistsError: If the folder exists.
        ValueError: If the splits have different classes or share the name of a sample,
            or a sample cannot be read.

    Example:
        >>> import tempfile
        >>> from keras_fcn.datasets import Shapes, VOCSegmentation
        >>> folder = Path(tempfile.mkdtemp()) / "shapes"
        >>> _ = convert_to_voc({"val": Shapes("val", num_samples=2)}, folder)
        >>> VOCSegmentation(folder, "val").class_names
        ('background', 'circle', 'square', 'triangle', 'star')
    """
    folder = Path(folder)
    if folder.exists():
        raise FileExistsError(
            f"The folder to write must be new. Received: {str(folder)!r}, which exists."
        )
    classes = {source.class_names for source in splits.values()}
    if len(classes) != 1:
        raise ValueError(
            f"All splits must have the same classes. Received: {sorted(classes)}."
        )
    ids = {
        split: [_as_id(name) for name in source.names]
        for split, source in splits.items()
    }
    together = [name for names in ids.values() for name in names]
    if len(set(together)) < len(together):
        twice = sorted({name for name in together if together.count(name) > 1})
        raise ValueError(
            "No sample may be in two splits, and no two may have one name. Received: "
            f"{twice[:3]}."
        )
    temporary = folder.with_name(f".{folder.name[:40]}.{secrets.token_hex(8)}.part")
    try:
        for part in ("JPEGImages", "SegmentationClass", LISTS):
            (temporary / part).mkdir(parents=True)
        work = [
            (source, index, ids[split][index])
            for split, source in splits.items()
            for index in range(len(source))
        ]
        for source, index, name in progress(work):
            _write_photo(source, index, temporary / "JPEGImages", name)
            mask = temporary / "SegmentationClass" / f"{name}.png"
            mask.write_bytes(palette_png(source.voc_label(index)))
        for split, names in ids.items():
            lines = "".join(f"{name}\n" for name in names)
            write_atomically(temporary / LISTS / f"{split}.txt", lines.encode())
        lines = "".join(f"{name}\n" for name in classes.pop())
        write_atomically(temporary / "class_names.txt", lines.encode())
        temporary.rename(folder)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise
    return folder


def _as_id(name: str) -> str:
    """Return a sample's name as what a line of a list can hold."""
    plain = (c if c.isprintable() and c != "/" else "_" for c in name.strip())
    return "".join(plain)


def _write_photo(source: SampleSource, index: int, folder: Path, name: str) -> None:
    file = source.image_file(index)
    if file and file.suffix.lower() in COPIED and exif_orientation(file) == 1:
        shutil.copyfile(file, folder / f"{name}{file.suffix.lower()}")
    else:
        Image.fromarray(source.image(index)).save(folder / f"{name}.png")

"""Samples in files: a photo and a mask each, read when they are asked for."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ...images import SUFFIXES, image_size, open_photo, read_image, read_label
from ..sample_source import VOID, SampleSource


class FileSource(SampleSource):
    """Photos and masks in files; the base class of the data sets on disk.

    Args:
        names: A name for each sample.
        images: The photos.
        labels: The masks, in the same order.
        class_names: Names of the classes, the background first.
        ignore_class: The void label in the masks. Defaults to `255`.
        read_mask: Turns a mask's path into an array of labels `(height, width)`.
            Defaults to reading class indices.
        missing: What should be there and is not, in words.
        missing_ok: Whether to keep `missing` as an attribute, for a report, instead of
            raising. Defaults to `False`.

    Attributes:
        images: The photos.
        labels: The masks.
        missing: What should be there and is not, in words.

    Raises:
        FileNotFoundError: If something is missing; the message lists the first ones.
        ValueError: If there is no sample, or a file's name is not UTF-8.
    """

    def __init__(
        self,
        names: Sequence[str],
        images: Sequence[Path],
        labels: Sequence[Path],
        class_names: Sequence[str],
        *,
        ignore_class: int = VOID,
        read_mask: Callable[[Path], np.ndarray] = read_label,
        missing: Sequence[str] = (),
        missing_ok: bool = False,
    ):
        _require_utf8(images)
        if missing and not missing_ok:
            raise FileNotFoundError(
                "Every photo must have a mask, and every mask a photo. Missing: "
                f"{len(missing)} files, the first {list(missing[:3])}. "
                "`keras-fcn data check` lists all."
            )
        if not names:
            raise ValueError(
                "A data set must have at least one photo with its mask. Received: none"
                f"{', and missing are ' + str(list(missing[:3])) if missing else ''}."
            )
        self.names = tuple(names)
        self.images = list(images)
        self.labels = list(labels)
        self.class_names = tuple(class_names)
        self.ignore_class = ignore_class
        self.missing = tuple(map(_printable, missing))
        self._read_mask = read_mask

    def __getitem__(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        return self.image(index), self.label(index)

    def decoded(self, index: int) -> tuple[Any, np.ndarray]:
        return open_photo(self.images[index]), self.label(index)

    def image(self, index: int) -> np.ndarray:
        return read_image(self.images[index])

    def label(self, index: int) -> np.ndarray:
        return self._read_mask(self.labels[index])

    def image_size(self, index: int) -> tuple[int, int]:
        return image_size(self.images[index])

    def image_file(self, index: int) -> Path:
        return self.images[index]

    def label_file(self, index: int) -> Path:
        return self.labels[index]


def files_by_stem(
    folder: str | os.PathLike[str], suffixes: Sequence[str] = SUFFIXES
) -> dict[str, Path]:
    """Find the files of a folder, and of those within, by their path without suffix.

    Args:
        folder: The folder.
        suffixes: What the names end in. Defaults to those of images.

    Returns:
        The files by `path/in/folder/stem`, in the order of their names.

    Raises:
        FileNotFoundError: If there is no such folder.
        ValueError: If two files differ in their suffix only.

    Example:
        >>> import tempfile
        >>> folder = Path(tempfile.mkdtemp())
        >>> (folder / "a.JPG").touch()
        >>> list(files_by_stem(folder))
        ['a']
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise FileNotFoundError(f"There is no folder {str(folder)!r}.")
    found: dict[str, Path] = {}
    for file in sorted(folder.rglob("*")):
        inside = file.relative_to(folder)
        # macOS leaves "._photo.jpg" in archives, Jupyter ".ipynb_checkpoints/photo.jpg"
        hidden = any(part.startswith(".") for part in inside.parts)
        if hidden or file.suffix.lower() not in suffixes or not file.is_file():
            continue
        stem = inside.with_suffix("").as_posix()
        if stem in found:
            raise ValueError(
                "Files of one data set must not differ in their suffix only. "
                f"Received: {str(found[stem])!r} and {str(file)!r}."
            )
        found[stem] = file
    return found


def _printable(text: str) -> str:
    """What is missing may have a name that no terminal can show."""
    return text.encode(errors="backslashreplace").decode()


def _require_utf8(files: Sequence[Path]) -> None:
    """Neither the log of a run nor TensorFlow can write any other name."""
    for file in files:
        try:
            str(file).encode()
        except UnicodeEncodeError:
            raise ValueError(
                "File names must be UTF-8. "
                f"Received: {os.fsencode(file)!r}. Rename the file."
            ) from None

"""Where the data of each configuration come from: a folder, archives, or the web."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import Any

from tensorflow_datasets.core.utils import tqdm_utils

from .. import official
from ..readers.file_source import FileSource
from ..readers.sbd import (
    SEG11VALID,
    SBDSegmentation,
    find_sbd_root,
    load_voc2011_sbd,
    read_seg11valid,
)
from ..readers.voc import VOCSegmentation, find_voc_year

OFFICIAL = "the official archives"

# The parts that a configuration is made of, and its splits.
CONFIGS = {
    "2007": (("VOC2007",), ("train", "val", "test")),
    "2011": (("VOC2011",), ("train", "val")),
    "2012": (("VOC2012",), ("train", "val")),
    "sbd": (("SBD",), ("train", "val")),
    "voc2011_sbd": (("SBD", "VOC2011"), ("train", SEG11VALID)),
}

Splits = dict[str, FileSource]


def open_folder(config: str, folder: Path) -> Splits:
    """Open the splits of a configuration from unpacked data; subsets will do.

    Raises:
        FileNotFoundError: If something is missing.
        ValueError: If a list is.
    """
    parts, splits = CONFIGS[config]
    if len(parts) > 1:
        return {s: load_voc2011_sbd(folder, s, progress=_converting) for s in splits}
    (part,) = parts
    root = find_part(part, folder)
    if root is None:
        inside = "benchmark_RELEASE/dataset" if part == "SBD" else f"VOCdevkit/{part}"
        raise FileNotFoundError(
            f"`source_dir` must hold `{inside}`. Received: {str(folder)!r}, without "
            "it. Leave out `source_dir` to download the data."
        )
    return _open_parts(config, {part: root})


def obtain_splits(
    config: str, data_dir: Path, manual_dir: Path | None
) -> tuple[Splits, str]:
    """Open the splits of a configuration, after bringing here what is missing.

    Args:
        config: Its name.
        data_dir: Where downloads and what is unpacked are kept.
        manual_dir: A folder that may hold archives, or unpacked data.

    Returns:
        The splits, and in words where they come from: `OFFICIAL` if nothing was
        unpacked by anybody else.

    Raises:
        OSError: If no mirror gives an archive, or the disk is full.
        ValueError: If an archive has the wrong checksum, or the official archives do
            not make the published seg11valid.
    """
    roots, foreign = {}, []
    for part in CONFIGS[config][0]:
        unpacked = manual_dir and find_part(part, manual_dir)
        if unpacked:
            roots[part] = unpacked
            foreign.append(str(unpacked))
        else:
            roots[part] = _obtain(part, data_dir, manual_dir)
    splits = _open_parts(config, roots)
    if SEG11VALID in splits and not foreign:
        official.require_seg11valid(splits[SEG11VALID].names)
    return splits, ", ".join(foreign) or OFFICIAL


def find_part(part: str, folder: Path) -> Path | None:
    """Find `"VOC2012"`, say, or `"SBD"` unpacked in a folder, or the folder itself.

    Example:
        >>> import tempfile
        >>> folder = Path(tempfile.mkdtemp())
        >>> (folder / "VOCdevkit" / "VOC2012" / "SegmentationClass").mkdir(parents=True)
        >>> find_part("VOC2012", folder).relative_to(folder).as_posix()
        'VOCdevkit/VOC2012'
        >>> find_part("VOC2007", folder / "VOCdevkit" / "VOC2012")  # of another year
    """
    if part == "SBD":
        try:
            return find_sbd_root(folder)
        except FileNotFoundError:
            return None
    return find_voc_year(folder, part)


def _obtain(part: str, data_dir: Path, manual_dir: Path | None) -> Path:
    archives = []
    if manual_dir is not None:
        archives = [manual_dir / archive.file for archive in official.ARCHIVES[part]]
    with _Bars() as bars:
        return official.obtain(
            part,
            data_dir,
            archives=[archive for archive in archives if archive.is_file()],
            progress=bars,
        )


def _open_parts(config: str, roots: dict[str, Path]) -> Splits:
    opened: Splits = {}
    for split in CONFIGS[config][1]:
        if split == SEG11VALID:
            voc = roots["VOC2011"]
            ids = read_seg11valid(voc, roots["SBD"])
            opened[split] = VOCSegmentation(voc, ids=ids)
        elif "SBD" in roots:
            opened[split] = SBDSegmentation(roots["SBD"], split, progress=_converting)
        else:
            (root,) = roots.values()
            opened[split] = VOCSegmentation(root, split)
    return opened


# TFDS' bars, so that `tfds.disable_progress_bar()` is heeded.
_converting: Callable[[Iterable], Iterable] = partial(
    tqdm_utils.tqdm, desc="Converting labels...", unit=" files", leave=False
)


class _Bars:
    """Bars of bytes, one after the other."""

    def __enter__(self) -> _Bars:
        self._what, self._done, self._bar = "", 0, None
        return self

    def __exit__(self, *error: Any) -> None:
        if self._bar is not None:
            self._bar.close()

    def __call__(self, what: str, done: int, total: int | None) -> None:
        if what != self._what:
            self.__exit__()
            self._bar = tqdm_utils.tqdm(
                desc=what, total=total, unit="B", unit_scale=True, leave=False
            )
            self._what, self._done = what, 0
        if self._bar is not None:
            self._bar.update(done - self._done)
        self._done = done

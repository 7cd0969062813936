"""Published data sets, brought to a folder, and built for TensorFlow Datasets."""

from __future__ import annotations

import importlib
import os
from collections.abc import Callable, Sequence
from pathlib import Path

from ..suggestions import require_choice
from .official import ARCHIVES, obtain, require_seg11valid
from .readers.sbd import read_seg11valid, require_disjoint
from .readers.voc import read_list
from .tfds_builder import import_tfds
from .tfds_source import load_oxford_iiit_pet

# What each consists of, and its configuration of the TFDS builder `voc_segmentation`.
PARTS = {
    "voc2007": (("VOC2007",), "2007"),
    "voc2011": (("VOC2011",), "2011"),
    "voc2012": (("VOC2012",), "2012"),
    "sbd": (("SBD",), "sbd"),
    "voc2011_sbd": (("VOC2011", "SBD"), "voc2011_sbd"),
}
PREPARED = (*PARTS, "oxford_iiit_pet")


def prepare(
    dataset: str,
    data_dir: str | os.PathLike[str],
    *,
    archives: Sequence[str | os.PathLike[str]] = (),
    voc_root: str | os.PathLike[str] | None = None,
    tfds: bool = False,
    tfds_dir: str | os.PathLike[str] | None = None,
    progress: Callable[[str, int, int | None], None] = lambda what, done, total: None,
) -> list[Path]:
    """Download, check and unpack a published data set; what is there is kept.

    Args:
        dataset: `"voc2007"`, `"voc2011"`, `"voc2012"`, `"sbd"`, `"voc2011_sbd"` (the
            paper's) or `"oxford_iiit_pet"` (through TensorFlow Datasets).
        data_dir: Folder that holds, or will hold, `VOCdevkit` and `benchmark_RELEASE`.
        archives: Archives that are here already, under their published names.
        voc_root: A folder where the data set lies unpacked already. Nothing is
            downloaded then; it is for `tfds`.
        tfds: Whether to build the TFDS data set `voc_segmentation` of it too. Defaults
            to `False`.
        tfds_dir: TFDS' own folder. Defaults to `None`: where TFDS keeps its data.
        progress: Called with what is going on, and the bytes done and in all.

    Returns:
        The folders to give to `keras_fcn.datasets.load` or to TFDS.

    Raises:
        ValueError: If a name is unknown, or an archive is not the published one.
        OSError: If no mirror gives an archive, or the disk is full.

    Example:
        ```python
        keras_fcn.datasets.prepare("voc2012", "data")
        voc = keras_fcn.datasets.load("voc", "train", "data")
        ```
    """
    require_choice("dataset", dataset, PREPARED)
    if dataset == "oxford_iiit_pet":
        load_oxford_iiit_pet("train", data_dir)
        return [Path(data_dir)]
    names, config = PARTS[dataset]
    if voc_root is not None and not tfds:
        raise ValueError(
            "`voc_root` names a folder that is ready: there is nothing to do but to "
            f"build it for TFDS. Received: voc_root={str(voc_root)!r}, tfds=False."
        )
    given = [Path(archive) for archive in archives]
    known = {archive.file: name for name in names for archive in ARCHIVES[name]}
    unknown = [str(path) for path in given if path.name not in known]
    if unknown:
        raise ValueError(
            f"Archives of {dataset} must have their published names, {list(known)}. "
            f"Received: {unknown}."
        )
    folders = []
    if voc_root is None:
        for name in names:
            own = [path for path in given if known[path.name] == name]
            folder = obtain(name, data_dir, archives=own, progress=progress)
            folders.append(folder)
        if dataset == "voc2011_sbd":
            require_paper_split(*folders)
    if tfds:
        folders.append(_build(config, voc_root or data_dir, tfds_dir))
    return folders


def require_paper_split(voc2011: Path, sbd: Path) -> None:
    """Raise a `ValueError` unless these folders give the published seg11valid."""
    seg11valid = read_seg11valid(voc2011, sbd)
    require_seg11valid(seg11valid)
    require_disjoint(seg11valid, read_list(sbd, "train"))


def _build(
    config: str,
    source_dir: str | os.PathLike[str],
    tfds_dir: str | os.PathLike[str] | None,
) -> Path:
    """Build `voc_segmentation`; return the folder that TFDS wrote."""
    tfds = import_tfds()
    importlib.import_module(".voc_segmentation", __package__)  # registers the builder
    builder = tfds.builder(
        f"voc_segmentation/{config}",
        data_dir=tfds_dir,
        source_dir=os.fspath(source_dir),
    )
    builder.download_and_prepare()
    return Path(builder.data_path)

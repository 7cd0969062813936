"""Data sets: images and label maps, by index or as batches.

A data set is read sample by sample without a framework; TensorFlow Datasets is imported
only where a data set comes through it. Knows nothing of networks or of training.
"""

from __future__ import annotations

import os

from ..suggestions import require_choice
from .catalogue import DATASETS, DESCRIPTIONS
from .check import check, examine
from .config import DataConfig
from .convert import convert_to_voc
from .data_report import DataReport, Problem, find_binary, find_leaks, raise_errors
from .manifest import compare_manifest, write_manifest
from .prepare import prepare
from .readers.folder import FolderSegmentation
from .readers.sbd import SBDSegmentation, load_voc2011_sbd
from .readers.voc import VOCSegmentation
from .sample_source import VOID, SampleSource
from .shapes import Shapes
from .subset import Subset, hold_out
from .tfds_source import TFDSSegmentation, load_oxford_iiit_pet
from .voc_labels import VOC_CLASSES, palette_image, voc_palette


def load(
    name: str, split: str | None = None, data_dir: str | os.PathLike[str] | None = None
) -> SampleSource:
    """Open a data set by name.

    Args:
        name: `"shapes"`, generated; `"voc"`, a folder in the layout of PASCAL VOC;
            `"sbd"`, the Semantic Boundaries Dataset; `"voc2011_sbd"`, the paper's
            training set and seg11valid; or `"oxford_iiit_pet"`, through TensorFlow
            Datasets. Folders of photos and masks are opened by `FolderSegmentation`.
        split: `"train"`, `"val"`, `"test"` or `"seg11valid"`, as the data set names
            them. Defaults to the one to train on.
        data_dir: The folder of the data set: `VOCdevkit/VOC2012`, say, or one above
            it.

    Returns:
        A `SampleSource`: `source[i]` is an image and its label map,
        `source.batches(...)` is what `model.fit` takes.

    Raises:
        ValueError: If there is no such data set or split, or `data_dir` is missing.
        FileNotFoundError: If the folder is not laid out as expected.

    Example:
        >>> shapes = load("shapes", "val")
        >>> image, label = shapes[0]
        >>> image.shape[:2] == label.shape
        True
    """
    require_choice("name", name, DATASETS)
    folder = None if data_dir is None else os.fspath(data_dir)
    return DataConfig(dataset=name, data_dir=folder).open_split(split)


__all__ = [
    "DATASETS",
    "DESCRIPTIONS",
    "VOC_CLASSES",
    "VOID",
    "DataConfig",
    "DataReport",
    "FolderSegmentation",
    "Problem",
    "SBDSegmentation",
    "SampleSource",
    "Shapes",
    "Subset",
    "TFDSSegmentation",
    "VOCSegmentation",
    "check",
    "compare_manifest",
    "convert_to_voc",
    "examine",
    "find_binary",
    "find_leaks",
    "hold_out",
    "load",
    "load_oxford_iiit_pet",
    "load_voc2011_sbd",
    "palette_image",
    "prepare",
    "raise_errors",
    "voc_palette",
    "write_manifest",
]

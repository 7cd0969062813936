"""Data sets: images and label maps, by index or as `tf.data` batches.

A data set is read sample by sample without TensorFlow; TensorFlow is imported when
batches are asked for. Knows nothing of networks or of training.
"""

from __future__ import annotations

import os

from ..suggestions import require_choice
from .check import DataReport, check
from .sample_source import VOID, SampleSource
from .shapes import Shapes
from .voc import VOC_CLASSES, VOCSegmentation, voc_palette

DATASETS = ("shapes", "voc")


def load(
    name: str, split: str = "train", data_dir: str | os.PathLike[str] | None = None
) -> SampleSource:
    """Open a data set by name.

    Args:
        name: `"shapes"`, generated, or `"voc"`, a folder in the layout of PASCAL
            VOC.
        split: `"train"` or `"val"`, or for `"voc"` any list in
            `ImageSets/Segmentation`. Defaults to `"train"`.
        data_dir: For `"voc"`, the folder `VOCdevkit/VOC2012` or one above it.

    Returns:
        A `SampleSource`: `source[i]` is an image and its label map,
        `source.batches(...)` a `tf.data.Dataset`.

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
    if name == "shapes":
        return Shapes(split)
    if data_dir is None:
        raise ValueError(
            "`data_dir` must be the folder of the VOC images, `VOCdevkit/VOC2012` for "
            "example. Received: data_dir=None."
        )
    return VOCSegmentation(data_dir, split)


__all__ = [
    "DATASETS",
    "VOC_CLASSES",
    "VOID",
    "DataReport",
    "SampleSource",
    "Shapes",
    "VOCSegmentation",
    "check",
    "load",
    "voc_palette",
]

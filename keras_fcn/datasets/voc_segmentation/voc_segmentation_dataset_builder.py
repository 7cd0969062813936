"""The builder that TFDS calls: what a sample is, and what a data set must be."""

from __future__ import annotations

import os
from collections.abc import Iterator
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow_datasets as tfds
from PIL import Image

from ...images import image_size
from ..readers.file_source import FileSource
from ..readers.sbd import require_disjoint
from ..sample_source import VOID
from ..voc_labels import VOC_CLASSES
from .origins import obtain_splits, open_folder

DESCRIPTIONS = {
    "2007": "VOC2007: 209 photos to train on, 213 to validate, 210 to test.",
    "2011": "VOC2011: 1,112 photos to train on, 1,111 to validate.",
    "2012": "VOC2012: 1,464 photos to train on, 1,449 to validate.",
    "sbd": "SBD: 8,498 photos to train on, 2,857 to validate.",
    "voc2011_sbd": (
        "As the FCN paper: 8,498 photos of SBD to train on, 736 of VOC2011 to validate "
        "(seg11valid)."
    ),
}


class Builder(tfds.core.GeneratorBasedBuilder):
    """PASCAL VOC segmentation and SBD, one configuration for each way to split them.

    Args:
        source_dir: A folder that holds the data unpacked: `VOCdevkit/VOC2012`,
            `benchmark_RELEASE/dataset`, ... or is such a folder itself. A subset will
            do. Defaults to `None`: what lies in TFDS' manual folder, unpacked or as
            the official archives; what does not is downloaded.
        **options: As in `tfds.core.GeneratorBasedBuilder`.

    Raises:
        ValueError: If the data set was prepared from another source before.

    Example:
        ```python
        import keras_fcn.datasets.voc_segmentation

        folder = {"source_dir": "data"}  # with VOCdevkit/VOC2012 in it
        tfds.load("voc_segmentation/2012", split="train", builder_kwargs=folder)
        ```
    """

    VERSION = tfds.core.Version("1.0.0")
    RELEASE_NOTES = {"1.0.0": "The first version."}  # noqa: RUF012
    BUILDER_CONFIGS = [  # noqa: RUF012
        tfds.core.BuilderConfig(name=name, description=description)
        for name, description in DESCRIPTIONS.items()
    ]
    DEFAULT_BUILDER_CONFIG_NAME = "2012"
    # TFDS gives its manual folder only to data sets that have such instructions.
    MANUAL_DOWNLOAD_INSTRUCTIONS = """
        Nothing has to be downloaded by hand. What lies here is used instead of a
        download: the official VOCtrainval and VOCtest archives and SBD's
        `benchmark.tgz`, under these names, or the folders `VOCdevkit` and
        `benchmark_RELEASE` that they hold.
        """

    def __init__(
        self, *, source_dir: str | os.PathLike[str] | None = None, **options: Any
    ):
        super().__init__(**options)
        self._source_dir = None if source_dir is None else Path(source_dir).resolve()
        # TFDS takes what was prepared before, from whatever it was.
        origin = (self.info.metadata or {}).get("built_from")
        if origin and self._source_dir and origin != str(self._source_dir):
            raise ValueError(
                "`source_dir` must be what the data set was prepared from, "
                f"{origin!r}. Received: {str(self._source_dir)!r}. Delete "
                f"{self.data_dir!r}, or use another `data_dir`."
            )

    def _info(self) -> tfds.core.DatasetInfo:
        return self.dataset_info_from_configs(
            features=tfds.features.FeaturesDict(
                {
                    "image": tfds.features.Image(encoding_format="jpeg"),
                    "label": tfds.features.LabeledImage(
                        labels=list(VOC_CLASSES), encoding_format="png"
                    ),
                    "filename": tfds.features.Text(),
                }
            ),
            supervised_keys=("image", "label"),
            homepage="http://host.robots.ox.ac.uk/pascal/VOC/",
            metadata=tfds.core.MetadataDict(),
        )

    def _split_generators(
        self, dl_manager: tfds.download.DownloadManager
    ) -> dict[str, Iterator[tuple[str, dict]]]:
        config = self.builder_config.name
        if self._source_dir:
            splits = open_folder(config, self._source_dir)
            origin = str(self._source_dir)
        else:
            splits, origin = obtain_splits(
                config,
                Path(dl_manager.download_dir) / self.name,
                _manual_dir(dl_manager),
            )
        for source in splits.values():
            if source.class_names != VOC_CLASSES:
                raise ValueError(
                    "The classes must be those of PASCAL VOC. Received: "
                    f"{list(source.class_names)}, from a file in {origin!r}."
                )
        for one, other in combinations(splits.values(), 2):
            require_disjoint(other.names, one.names)
        self.info.metadata["built_from"] = origin
        return {split: self._generate_examples(s) for split, s in splits.items()}

    def _generate_examples(self, source: FileSource) -> Iterator[tuple[str, dict]]:
        for i, name in enumerate(source.names):
            photo, label = source.images[i], source.label(i)
            _require_labels(label, source.labels[i], photo)
            yield (
                name,
                {
                    # A path: TFDS keeps the bytes of the file. Not so of the mask,
                    # for TensorFlow would read its palette's colours. A Pillow image,
                    # and not an array, can be stored without TensorFlow.
                    "image": photo,
                    "label": Image.fromarray(label),
                    "filename": photo.name,
                },
            )


def _manual_dir(dl_manager: tfds.download.DownloadManager) -> Path | None:
    try:
        return Path(dl_manager.manual_dir)
    except AssertionError:  # there is no such folder, or nothing in it
        return None


def _require_labels(label: np.ndarray, mask: Path, photo: Path) -> None:
    if label.shape != image_size(photo):
        raise ValueError(
            "A mask must be as large as its photo. Received: "
            f"{str(mask)!r} of {label.shape}, for a photo of {image_size(photo)}."
        )
    present = np.flatnonzero(np.bincount(label.ravel()))
    other = set(present.tolist()) - {*range(len(VOC_CLASSES)), VOID}
    if other:
        raise ValueError(
            f"Labels must be 0..{len(VOC_CLASSES) - 1}, or {VOID} for void. "
            f"Received: {str(mask)!r} with {sorted(other)}."
        )

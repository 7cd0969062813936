"""Data sets of TensorFlow Datasets, sample by sample and without TensorFlow."""

from __future__ import annotations

import io
import os
import re
from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any

import numpy as np
from PIL import Image

from ..images import FORMATS, SUFFIXES, read_image
from .sample_source import VOID, SampleSource
from .tfds_builder import find_mask, import_tfds, prepared_builder, require_image

PET_CLASSES = ("pet", "background", "border")
FILE_NAMES = ("filename", "file_name", "image/filename", "image_id")
# Names stand in the records, beside the photos; so many bytes take five seconds.
CHEAP_BYTES = 2**30


class TFDSSegmentation(SampleSource):
    """A data set of TensorFlow Datasets that has photos and masks, by index.

    What is not there yet is downloaded and prepared. That may need TensorFlow
    (`"voc_segmentation"` does not); reading never does. The files that `tfds.load`
    prepares (TFRecord) cannot be read by index, and it cannot read those that can:
    they go into the folder `by_index` of `data_dir`. Downloads are shared.

    Photos are decoded by `keras_fcn.images`, as those of all data sets here, and masks
    by Pillow: what OpenCV makes of a palette depends on whether it is installed.

    Samples are named by their files, if the data set has such a feature and its split
    is not larger than a gigabyte, for all of it has to be read; else
    `NAME_SPLIT_000123`.

    Args:
        name: Name of the data set, `"voc_segmentation/2012"` for example.
        split: Split, or a part of one, `"train[:80%]"`. Defaults to `"train"`.
        data_dir: TFDS' folder. Defaults to `None`: `~/tensorflow_datasets`.
        download: Whether to download and prepare what is not in `data_dir`. Defaults
            to `True`.
        image_key: Name of the feature with the photo. Defaults to `"image"`.
        label_key: Name of the feature with the mask. Defaults to `None`: the only
            image of one channel, or the one with a usual name.
        label_offset: Added to all labels except `ignore_class`. What falls below 0
            becomes void. Defaults to `0`.
        class_names: Names of the classes, the background first. Defaults to `None`:
            those of the feature, if it has any.
        ignore_class: The value of void in the masks. Defaults to `255`.
        builder_kwargs: More arguments of the builder: `{"source_dir": ...}` for
            `"voc_segmentation"`.

    Raises:
        ModuleNotFoundError: If TensorFlow Datasets is not installed, or TensorFlow is
            not and to prepare the data set needs it.
        FileNotFoundError: If the data set is not in `data_dir`, and `download` is off.
        ValueError: If there is no such split or feature, or the classes have no names.

    Example:
        ```python
        voc = keras_fcn.datasets.TFDSSegmentation("voc_segmentation/2012", "val")
        image, label = voc[0]
        ```
    """

    def __init__(
        self,
        name: str,
        split: str = "train",
        *,
        data_dir: str | os.PathLike[str] | None = None,
        download: bool = True,
        image_key: str = "image",
        label_key: str | None = None,
        label_offset: int = 0,
        class_names: Sequence[str] | None = None,
        ignore_class: int = VOID,
        builder_kwargs: Mapping[str, Any] | None = None,
    ):
        tfds = import_tfds()
        builder = prepared_builder(
            name, data_dir, download=download, options=builder_kwargs
        )
        features, splits = builder.info.features, builder.info.splits
        whole = re.split(r"[\[+]", split)[0]
        if whole not in splits:
            raise ValueError(
                f"`split` must be one of {list(splits)}, or a part of one. "
                f"Received: split={split!r}."
            )
        self._image_key = require_image(features, image_key)
        label_key = label_key or find_mask(features, image_key)
        self._label_key = require_image(features, label_key)
        names = class_names
        if not names and getattr(features[self._label_key], "num_classes", None):
            names = features[self._label_key].names
        if not names:
            raise ValueError(
                f"`class_names` must be given, for {name!r} does not name its classes. "
                "Received: class_names=None."
            )
        self.class_names = tuple(names)
        self.ignore_class = ignore_class
        self._offset = label_offset
        skip = {
            key: tfds.decode.SkipDecoding()
            for key, feature in features.items()
            if isinstance(feature, tfds.features.Image)
        }
        self._data = builder.as_data_source(split, decoders=skip)
        if len(self._data) != splits[split].num_examples:  # TFDS with Parquet
            raise ValueError(
                "A part of a split can be read from ArrayRecord files only. Received: "
                f"split={split!r}. Install array_record, and delete "
                f"{builder.data_dir!r} so that the data are prepared anew."
            )
        stem = re.sub(r"\W+", "_", f"{name}_{split}").strip("_")
        self.names = tuple(f"{stem}_{i:06d}" for i in range(len(self._data)))
        key = next((key for key in FILE_NAMES if key in features), None)
        size = splits[whole].num_bytes / max(splits[whole].num_examples, 1)
        if key is not None and size * len(self._data) <= CHEAP_BYTES:
            self.names = tuple(_stem(example[key]) for example in self._data)

    def __getitem__(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        example = self._read(index)
        with self._opened(example, self._image_key, index) as photo:
            image = read_image(photo)
        return image, self._label(example, index)

    def label(self, index: int) -> np.ndarray:
        return self._label(self._read(index), index)

    def _read(self, index: int) -> dict[str, Any]:
        # An index past the end must be an `IndexError`, or loops would not end.
        return self._data[range(len(self))[index]]

    def _label(self, example: Mapping[str, Any], index: int) -> np.ndarray:
        with self._opened(example, self._label_key, index) as mask:
            if mask.mode not in ("1", "L", "P", "I;16", "I"):
                raise ValueError(
                    "A mask must hold one class index per pixel (Pillow mode P or L). "
                    f"Received: {self._label_key!r} of {self.names[index]!r}, of mode "
                    f"{mask.mode}."
                )
            label = np.asarray(mask).astype("int64")
        void = (label == self.ignore_class) | (label + self._offset < 0)
        label = np.where(void, self.ignore_class, label + self._offset)
        if label.max(initial=0) > VOID:
            raise ValueError(
                f"A mask must hold labels 0..{VOID}. Received: {self._label_key!r} of "
                f"{self.names[index]!r}, with {label.max()}."
            )
        return label.astype("uint8")

    def _opened(self, example: Mapping[str, Any], key: str, index: int) -> Image.Image:
        try:
            image = Image.open(io.BytesIO(example[key]), formats=FORMATS)
            image.load()
        except Exception as error:  # on damaged files Pillow raises whatever it likes
            raise ValueError(
                f"{key!r} of {self.names[index]!r} is not an image that can be read: "
                f"{error}."
            ) from error
        return image


def load_oxford_iiit_pet(
    split: str = "train",
    data_dir: str | os.PathLike[str] | None = None,
    download: bool = True,
) -> TFDSSegmentation:
    """Open the Oxford-IIIT Pet data set: 7,349 cats and dogs, cut out roughly.

    Its masks hold 1 for the pet, 2 for the background and 3 for the border between
    them; here they are 0, 1 and 2, and none is void.

    Args:
        split: `"train"` or `"test"`. Defaults to `"train"`.
        data_dir: As in `TFDSSegmentation`.
        download: As in `TFDSSegmentation`: 800 MB. Defaults to `True`.

    Returns:
        A data set.

    Example:
        ```python
        pets = keras_fcn.datasets.load_oxford_iiit_pet("test")
        image, label = pets[0]
        ```

    Reference:
        Parkhi et al., Cats and dogs, CVPR 2012.
        https://www.robots.ox.ac.uk/~vgg/data/pets
    """
    return TFDSSegmentation(
        "oxford_iiit_pet",
        split,
        data_dir=data_dir,
        download=download,
        label_offset=-1,
        class_names=PET_CLASSES,
    )


def _stem(name: Any) -> str:
    """Return a name without the suffix of an image: dots may stand in names too."""
    path = PurePosixPath(name.decode() if isinstance(name, bytes) else str(name))
    return str(path.with_suffix("") if path.suffix.lower() in SUFFIXES else path)

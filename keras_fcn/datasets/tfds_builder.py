"""Builders of TensorFlow Datasets: data that can be read by index, and their features.

TFDS is imported when it is asked for.
"""

from __future__ import annotations

import importlib
import os
import re
from collections.abc import Mapping
from importlib.util import find_spec
from typing import Any

import numpy as np

OWN = "voc_segmentation"  # TFDS knows it once its package is imported
# The file formats that can be read by index, the better first: TFDS reads all of a
# Parquet file into memory, but ArrayRecord does not exist for Windows.
BY_INDEX = ("array_record", "parquet")
FOLDER = "by_index"
MASKS = ("segmentation_mask", "segmentation_label", "mask", "label", "annotation")


def import_tfds() -> Any:
    """Import TensorFlow Datasets.

    Raises:
        ModuleNotFoundError: If it is not installed, or not whole; the message says how
            to install it.
    """
    try:
        importlib.import_module("importlib_resources")  # TFDS forgets to declare it
        return importlib.import_module("tensorflow_datasets")
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            "This data set comes through TensorFlow Datasets, which is not installed "
            f'whole: {error}. Run `pip install "keras-fcn[datasets]"`.'
        ) from error


def prepared_builder(
    name: str,
    data_dir: str | os.PathLike[str] | None = None,
    *,
    download: bool = True,
    options: Mapping[str, Any] | None = None,
) -> Any:
    """Return a builder of TFDS whose data are there and can be read by index.

    Args:
        name: Name of the data set.
        data_dir: TFDS' folder. Defaults to `None`: `~/tensorflow_datasets`. What is
            prepared goes into its folder `by_index`, and not where `tfds.load` would
            look: that cannot read it.
        download: Whether to download and prepare what is not there. Defaults to
            `True`.
        options: More arguments of the builder.

    Raises:
        FileNotFoundError: If the data are not there, and `download` is off.
        ModuleNotFoundError: If TFDS is not installed, or TensorFlow is not and to
            prepare the data needs it.

    Example:
        ```python
        builder = prepared_builder("oxford_iiit_pet")
        builder.as_data_source("test")[0]["segmentation_mask"]
        ```
    """
    tfds = import_tfds()
    options = dict(options or {})
    if re.split("[/:]", name)[0] == OWN:
        importlib.import_module(f".{OWN}", __package__)
    builder = tfds.builder(name, data_dir=data_dir, **options)
    root = builder.data_dir_root
    why = f"is not in {str(root)!r}"
    # TFDS makes this folder in one step, when everything in it is written.
    if builder.data_path.exists():
        formats = {kind.value for kind in builder.info.available_file_formats()}
        if formats & {*BY_INDEX}:
            return builder
        why = f"is in {str(root)!r} as {', '.join(formats)}: not readable by index"
    builder = tfds.builder(name, data_dir=root / FOLDER, **options)
    if builder.data_path.exists():
        return builder
    if not download:
        raise FileNotFoundError(
            "With `download=False` the data set must be there already. Received: "
            f"{name!r}, which {why}. `download=True` downloads and prepares it."
        )
    installed = [kind for kind in BY_INDEX if kind == "parquet" or find_spec(kind)]
    try:
        builder.download_and_prepare(
            file_format=installed[0], download_dir=root / "downloads"
        )
    except ModuleNotFoundError as error:
        if find_spec("tensorflow"):
            raise
        raise ModuleNotFoundError(
            f"Preparing {name!r} needs TensorFlow, reading it does not. Install "
            "tensorflow-cpu (tensorflow on a Mac)."
        ) from error
    return builder


def require_image(features: Mapping[str, Any], key: str) -> str:
    """Return `key` if this feature is an image of whole numbers.

    Raises:
        ValueError: If it is not; the message names those that are.
    """
    image = import_tfds().features.Image
    images = [
        key
        for key, feature in features.items()
        # Its `dtype` would import TensorFlow.
        if isinstance(feature, image) and feature.np_dtype != np.float32
    ]
    if key not in images:
        raise ValueError(
            f"`image_key` and `label_key` must be two of {images}, the images of whole "
            f"numbers among the features. Received: {key!r}."
        )
    return key


def find_mask(features: Mapping[str, Any], image_key: str) -> str:
    """Return the name of the feature with class indices, an image of one channel.

    Raises:
        ValueError: If there is none, or several and none with a usual name.
    """
    image = import_tfds().features.Image
    found = [
        key
        for key, feature in features.items()
        if key != image_key and isinstance(feature, image) and feature.shape[-1] == 1
    ]
    usual = [key for key in MASKS if key in found]
    if len(found) == 1 or usual:
        return (usual or found)[0]
    raise ValueError(
        f"`label_key` must name the feature with the masks, one of {found or 'none'}: "
        f"an image of one channel. Received: label_key=None; features {list(features)}."
    )

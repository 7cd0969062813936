"""LiteRT, once TensorFlow Lite: converted from a SavedModel, run by its interpreter."""

from __future__ import annotations

import os
import re
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np

from .classes import CLASSES_FILE, Classes
from .saved_model_format import write_saved_model

MODULES = ("ai_edge_litert",)


def write_litert(
    network: keras.Model, file: Path, classes: Classes, logits: bool
) -> None:
    """Write a network and the choice of labels for LiteRT, in float32.

    Only LiteRT's own operations are used, which every build of its runtime has.

    Args:
        network: A network of `exportable`. Keras must run on TensorFlow.
        file: An empty file. Gets one signature, `serving_default`, with the input
            `image` and the output `labels`; behind it, as an archive in zip,
            `classes.json`.
        classes: Names and colours.
        logits: Whether `logits` is an output, too.

    Raises:
        ValueError: If the network has operations that LiteRT has not.

    Reference:
        "Adding metadata to LiteRT models", the section on associated files: they are
        a zip archive behind the model, which readers of the model do not look at.
    """
    import tensorflow as tf
    from tensorflow.lite.python.convert_phase import ConverterError

    with tempfile.TemporaryDirectory() as folder:
        write_saved_model(network, Path(folder), classes, logits)
        converter: Any = tf.lite.TFLiteConverter.from_saved_model(folder)
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS]
        try:
            content = converter.convert()
        except ConverterError as error:
            raise ValueError(
                "`model` must consist of operations that LiteRT has. Received: "
                f"{_said(error)}. Choose another backbone, or another format."
            ) from error
    file.write_bytes(content)
    with zipfile.ZipFile(file, "a") as archive:
        # The same time in every file: the same network is the same bytes.
        archive.writestr(zipfile.ZipInfo(CLASSES_FILE), classes.to_json())


def run_litert(file: Path) -> Callable[[np.ndarray], np.ndarray]:
    """Return what labels a photo with a `.tflite` file, on the CPU."""
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(str(file), num_threads=os.cpu_count())
    runner: Any = interpreter.get_signature_runner("serving_default")

    def label(image: np.ndarray) -> np.ndarray:
        # It resizes what is to be; the next run writes into what this one gives.
        return runner(image=image[None])["labels"][0].copy()

    return label


def _said(error: Exception) -> str:
    """Return which operations a converter names, or the first line of what it says."""
    named = re.findall(r"^\s*tf\.(\w+)\(", str(error), re.MULTILINE)
    return ", ".join(sorted(set(named))) or str(error).splitlines()[0]

"""SavedModel: a folder written and run by TensorFlow."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np

from .classes import CLASSES_FILE, Classes
from .network import outputs

MODULES = ()
# What TensorFlow may write into such a folder, and we.
# Left by SavedModel's specification to those who write one.
EXTRA = "assets.extra"
PARTS = {"assets", EXTRA, "fingerprint.pb", "saved_model.pb", "variables"}


def write_saved_model(
    network: keras.Model, folder: Path, classes: Classes, logits: bool
) -> None:
    """Write a network and the choice of labels as a SavedModel, in float32.

    Args:
        network: A network of `exportable`. Keras must run on TensorFlow.
        folder: An empty folder. Gets one signature, `serving_default`, with the input
            `image` and the output `labels`, and `assets.extra/classes.json`.
        classes: Names and colours.
        logits: Whether `logits` is an output, too.
    """
    import tensorflow as tf

    def serve(image: Any) -> dict[str, Any]:
        return outputs(network(tf.cast(image, tf.float32), training=False), logits)

    signature = tf.TensorSpec(network.input.shape, tf.uint8, name="image")
    module: Any = tf.Module()  # Keras' own `ExportArchive` keeps all weights twice
    module.weights = [weight.value for weight in network.weights]
    module.serve = tf.function(serve, input_signature=[signature])
    tf.saved_model.save(module, str(folder), {"serving_default": module.serve})
    (folder / EXTRA).mkdir()
    (folder / EXTRA / CLASSES_FILE).write_text(classes.to_json(), encoding="utf-8")


def is_export(folder: Path) -> bool:
    """Return whether a folder holds a SavedModel, and nothing besides."""
    names = {file.name for file in folder.iterdir()}
    return "saved_model.pb" in names and names <= PARTS


def run_saved_model(folder: Path) -> Callable[[np.ndarray], np.ndarray]:
    """Return what labels a photo with a SavedModel."""
    import tensorflow as tf

    loaded: Any = tf.saved_model.load(str(folder))  # without it no weights are left

    def label(image: np.ndarray) -> np.ndarray:
        serve = loaded.signatures["serving_default"]
        return serve(image=tf.constant(image[None]))["labels"].numpy()[0]

    return label

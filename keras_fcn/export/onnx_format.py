"""ONNX: written by tf2onnx, tidied and run by ONNX Runtime."""

from __future__ import annotations

import contextlib
import logging
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import keras
import numpy as np
from keras.ops import convert_to_numpy as to_numpy

from .classes import Classes
from .network import as_function

MODULES = ("onnx", "tf2onnx", "onnxruntime")
OPSET = 17  # 13 is the first with one scale for each channel


def write_onnx(
    network: keras.Model, file: Path, classes: Classes, logits: bool
) -> None:
    """Write a network and the choice of labels as ONNX, in float32.

    Args:
        network: A network of `exportable`. Keras must run on TensorFlow.
        file: The file. Gets the input `image` and the output `labels`, and as
            `metadata_props` the lists `class_names` and `palette` in JSON.
        classes: Names and colours.
        logits: Whether `logits` is an output, too.

    Raises:
        ValueError: If the network has operations that ONNX has not.
    """
    import onnx
    import tensorflow as tf
    import tf2onnx

    label, weights = as_function(network, logits)
    arrays = {f"weight_{i}": to_numpy(weight) for i, weight in enumerate(weights)}
    signature = [tf.TensorSpec(network.input.shape, tf.uint8, name="image")]
    for name, array in arrays.items():
        signature.append(tf.TensorSpec(array.shape, array.dtype, name=name))
    function = tf.function(label)
    graph = function.get_concrete_function(*signature).graph
    # What layers keep beside their weights: the mean and variance of a normalization.
    arrays |= {inner.name: to_numpy(outer) for outer, inner in graph.captures}

    with _quiet("tf2onnx"):
        model, _ = tf2onnx.convert.from_function(function, signature, opset=OPSET)
    _require_known_operations(model)
    _make_constants(model, arrays)
    for value in (*model.graph.input, *model.graph.output):
        for axis, name in enumerate(("batch", "height", "width")):
            dimension = value.type.tensor_type.shape.dim[axis]
            if not dimension.HasField("dim_value"):
                dimension.dim_param = name
    tidied = _tidied(model)
    kept = {entry.key: entry.value for entry in tidied.metadata_props}  # quantization's
    onnx.helper.set_model_props(tidied, kept | classes.to_texts())
    file.write_bytes(tidied.SerializeToString())


def run_onnx(file: Path) -> Callable[[np.ndarray], np.ndarray]:
    """Return what labels a photo with a `.onnx` file, on the CPU."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    # Its threads would go on looking for work while others are timed.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    session = onnxruntime.InferenceSession(
        str(file), options, providers=["CPUExecutionProvider"]
    )

    def label(image: np.ndarray) -> np.ndarray:
        (labels,) = session.run(["labels"], {"image": image[None]})
        return labels[0]

    return label


@contextlib.contextmanager
def _quiet(name: str) -> Iterator[None]:
    """Let a library's log be silent: what matters of it is raised as an error."""
    log = logging.getLogger(name)
    level = log.level
    log.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        log.setLevel(level)


def _require_known_operations(model: Any) -> None:
    import onnx

    unknown: dict[str, str] = {}
    for node in model.graph.node:
        if not onnx.defs.has(node.op_type, node.domain):
            unknown.setdefault(node.op_type, node.name)
    if unknown:
        named = ", ".join(f"{kind} ({name})" for kind, name in unknown.items())
        raise ValueError(
            "`model` must consist of operations that tf2onnx can write. Received: "
            f"{named}. Choose another backbone."
        )


def _make_constants(model: Any, arrays: dict[str, np.ndarray]) -> None:
    """Turn inputs with these names into constants, those that anything reads."""
    import onnx

    read = {name for node in model.graph.node for name in node.input}
    for value in list(model.graph.input):
        if value.name in arrays:
            model.graph.input.remove(value)
            if value.name in read:
                tensor = onnx.numpy_helper.from_array(arrays[value.name], value.name)
                model.graph.initializer.append(tensor)


def _tidied(model: Any) -> Any:
    """Compute what depends on constants alone; make normalizations parts of kernels.

    Quantization asks for both.
    """
    import onnx
    from onnxruntime.quantization.shape_inference import quant_pre_process

    with tempfile.TemporaryDirectory() as folder:
        written, tidied = (
            str(Path(folder) / n) for n in ("written.onnx", "tidied.onnx")
        )
        onnx.save(model, written)
        quant_pre_process(written, tidied, skip_symbolic_shape=True)
        return onnx.load(tidied)

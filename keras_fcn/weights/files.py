"""Weights files: safetensors with tensors named by layer, and Keras' `.weights.h5`."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

import h5py
import keras
import numpy as np
import safetensors
import safetensors.numpy

from ..storage import write_atomically

SUFFIXES = (".safetensors", ".weights.h5")

Shapes = dict[str, tuple[int, ...]]


class WeightsFormatError(ValueError):
    """A weights file that is broken, or that belongs to another network."""


def save_weights(model: keras.Model, path: str | os.PathLike[str]) -> None:
    """Save a model's weights as safetensors, each tensor named `layer/variable`.

    The file is written whole or not at all.

    Args:
        model: A built Keras model whose layers have different names.
        path: A file ending in `.safetensors`.

    Raises:
        ValueError: If `path` has another ending.

    Example:
        >>> import keras_fcn, tempfile, pathlib
        >>> model = keras_fcn.build_fcn32s(num_classes=2, weights=None, width=0.02)
        >>> file = pathlib.Path(tempfile.mkdtemp()) / "thin.safetensors"
        >>> keras_fcn.save_weights(model, file)
        >>> keras_fcn.load_weights(model, file)
    """
    if not str(path).endswith(".safetensors"):
        raise ValueError(
            "Weights are saved to a file ending in `.safetensors`. "
            f"Received: path={str(path)!r}."
        )
    tensors = {
        name: np.array(keras.ops.convert_to_numpy(variable), order="C")
        for name, variable in named_variables(model).items()
    }
    # One entry only: safetensors writes several in any order, and two files of the
    # same weights would differ.
    metadata = {"keras_fcn": model.name}
    write_atomically(path, safetensors.numpy.save(tensors, metadata))


def load_weights(model: keras.Model, path: str | os.PathLike[str]) -> None:
    """Load the weights of a file into a model of exactly the same architecture.

    Names and shapes are compared before any tensor is read, and the model is
    changed only if all of them agree.

    Args:
        model: A built Keras model.
        path: A `.safetensors` file of `save_weights`, or a `.weights.h5` file of
            Keras' `Model.save_weights`.

    Raises:
        FileNotFoundError: If there is no such file.
        WeightsFormatError: If the file is broken or of another architecture; the
            message names every layer that differs. It is a `ValueError`.
    """
    path = check_weights_path(path)
    variables = named_variables(model)
    if path.name.endswith(".safetensors"):
        keys = {name: name for name in variables}
        found = _shapes_in_safetensors(path)
    else:
        keys = {name: key for name, key, _ in _walk(model)}
        found = _shapes_in_h5(path)
    _require_same_shapes(
        model,
        path,
        {name: (keys[name], v.shape) for name, v in variables.items()},
        found,
    )
    if path.name.endswith(".safetensors"):
        with safetensors.safe_open(path, framework="numpy") as file:
            for name, variable in variables.items():
                variable.assign(file.get_tensor(name))
    else:
        with h5py.File(path, "r") as file:
            for name, variable in variables.items():
                variable.assign(file[keys[name]][()])  # pyright: ignore[reportIndexIssue]


def check_weights_path(path: str | os.PathLike[str]) -> Path:
    """Return `path` if it is a file with a known ending, or say what is wrong."""
    path = Path(path)
    if not path.name.endswith(SUFFIXES):
        raise ValueError(
            "A weights file must end in `.safetensors` or `.weights.h5`. "
            f"Received: {str(path)!r}."
        )
    if not path.is_file():
        raise FileNotFoundError(f"There is no weights file {str(path)!r}.")
    return path


def named_variables(model: keras.Model) -> dict[str, keras.Variable]:
    """Return the variables of a model, each named `layer/variable`.

    Those of a model within it are named `model/layer/variable`. Layers and
    variables that Keras numbered by itself (`conv2d_7`) are numbered within their
    model, since Keras counts all that a program has made.
    """
    return {name: variable for name, _, variable in _walk(model)}


def _walk(model: keras.Model) -> Iterator[tuple[str, str, keras.Variable]]:
    """Yield each variable with our name and with Keras' path in a `.weights.h5` file.

    Keras numbers the layers of each class there: `conv2d`, `conv2d_1`, ... in order.
    """
    seen: dict[str, int] = {}
    for layer in model.layers:
        word = re.sub(r"(.)([A-Z][a-z]+)", r"\1_\2", type(layer).__name__)
        word = re.sub(r"([a-z])([A-Z])", r"\1_\2", word).lower()
        number = seen.get(word, 0)
        seen[word] = number + 1
        folder = f"{word}_{number}" if number else word
        name = folder if re.fullmatch(rf"{word}(_\d+)?", layer.name) else layer.name
        if isinstance(layer, keras.Model):
            for inner, key, variable in _walk(layer):
                yield f"{name}/{inner}", f"layers/{folder}/{key}", variable
            continue
        for index, variable in enumerate(layer.weights):
            numbered = re.fullmatch(r"variable(_\d+)?", variable.name)
            last = f"variable_{index}" if numbered else variable.name
            yield f"{name}/{last}", f"layers/{folder}/vars/{index}", variable


def _shapes_in_safetensors(path: Path) -> Shapes:
    try:
        with safetensors.safe_open(path, framework="numpy") as file:
            names = file.keys()
            return {n: tuple(file.get_slice(n).get_shape()) for n in names}
    except safetensors.SafetensorError as error:
        raise WeightsFormatError(
            f"{str(path)!r} is not a readable safetensors file: {error}."
        ) from error


def _shapes_in_h5(path: Path) -> Shapes:
    shapes: Shapes = {}

    def visit(name, item):
        # Generators of random numbers (of Dropout) are state, not weights.
        if isinstance(item, h5py.Dataset) and "seed_generator" not in name:
            shapes[name] = item.shape

    try:
        with h5py.File(path, "r") as file:
            file.visititems(visit)
    except (OSError, RuntimeError) as error:
        raise WeightsFormatError(
            f"{str(path)!r} is not a readable HDF5 file: {error}."
        ) from error
    return {n: s for n, s in shapes.items() if not n.startswith("optimizer/")}


def _require_same_shapes(
    model: keras.Model,
    path: Path,
    wanted: dict[str, tuple[str, tuple[int, ...]]],
    found: Shapes,
) -> None:
    """Raise one error with a line for every tensor that differs."""
    lines = []
    for name, (key, shape) in wanted.items():
        if key not in found:
            lines.append(f"  - {name} {tuple(shape)}: not in the file")
        elif found[key] != tuple(shape):
            lines.append(
                f"  - {name}: {found[key]} in the file, {tuple(shape)} in the model"
            )
    known = {key for key, _ in wanted.values()}
    lines += [
        f"  + {key} {shape}: not in the model"
        for key, shape in found.items()
        if key not in known
    ]
    if lines:
        raise WeightsFormatError(
            f"The weights file must be of the same architecture as `{model.name}`. "
            f"Received: {str(path)!r}, which differs in {len(lines)} tensors:\n"
            + "\n".join(lines)
            + "\nBuild the model with the arguments that the file was trained with."
        )

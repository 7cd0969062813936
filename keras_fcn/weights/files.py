"""Weights files: safetensors with tensors named by layer, and Keras' `.weights.h5`.

A file is tensors and nothing else: no code, no configuration and no other file is ever
read because of what stands in it. It is never passed on to Keras.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

import keras
import numpy as np

from ..native import assign_rows
from ..storage import replacing
from .hdf5 import open_hdf5
from .safetensors import open_safetensors
from .stored import StoredTensor
from .writing import tensor_of_variable, write_safetensors

SUFFIXES = (".safetensors", ".weights.h5")
_FLOATS = ("bfloat16", "float16", "float32", "float64")
_LARGE = 2**23  # numbers, of a part that is read at once
MOST_NAMES = 1000  # that a message lists of what is not in the model


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
        OSError: If the disk is full, with the bytes that are needed, or the folder
            cannot be written to. A file of that name is left as it was.

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
        name: tensor_of_variable(variable)
        for name, variable in named_variables(model).items()
    }
    with replacing(path) as temporary:
        write_safetensors(temporary, tensors, {"keras_fcn": model.name}, path)


def load_weights(model: keras.Model, path: str | os.PathLike[str]) -> None:
    """Load the weights of a file into a model of exactly the same architecture.

    Names, shapes and types are compared before any tensor is read, and the model is
    changed only if all of them agree and all could be read. Nothing but tensors is
    taken from a file, and no other file is opened, whatever it says.

    Args:
        model: A built Keras model.
        path: A `.safetensors` file of `save_weights`, or a `.weights.h5` file of
            Keras' `Model.save_weights`. Numbers may have 16, 32 or 64 bits; the model
            keeps its own precision. An HDF5 file must be as Keras writes it: without
            links, compression, and data elsewhere.

    Raises:
        FileNotFoundError: If there is no such file.
        WeightsFormatError: If the file is broken or of another architecture; the
            message names every layer that differs. It is a `ValueError`.
    """
    path = check_weights_path(path)
    opened, keys = open_safetensors, {}
    if path.name.endswith(".weights.h5"):
        opened, keys = open_hdf5, {name: key for name, key, _ in _walk(model)}
    variables = named_variables(model)
    wanted = {name: (keys.get(name, name), v) for name, v in variables.items()}
    try:
        with opened(path) as tensors:
            _require_same(model, path, wanted, tensors)
            if opened is open_safetensors:  # whose header says all that can be wrong
                for name, variable in variables.items():
                    _assign_stored(variable, tensors[name])
                return
            values = {n: tensors[key].read() for n, (key, _) in wanted.items()}
    except (WeightsFormatError, PermissionError, MemoryError):
        raise  # of what is not the file's fault
    except Exception as error:  # on damaged files h5py raises whatever it likes
        raise WeightsFormatError(
            f"A weights file must be whole, and hold nothing but tensors. Received: "
            f"{str(path)!r}, which does not: {error}."
        ) from error
    for name, variable in variables.items():
        _assign(variable, values.pop(name))


def _assign_stored(variable: keras.Variable, stored: StoredTensor) -> None:
    """Read a tensor and assign it; with TensorFlow, which copies it, part by part."""
    number = int(np.prod(stored.shape, dtype="int64"))
    by_rows = keras.backend.backend() == "tensorflow" and variable.dtype == stored.dtype
    if number <= _LARGE or not by_rows or stored.read_rows is None:
        _assign(variable, stored.read())
        return
    rows = stored.shape[0]
    step = max(1, rows * _LARGE // number)
    for first in range(0, rows, step):
        end = min(first + step, rows)
        assign_rows(variable, first, stored.read_rows(first, end))


def _assign(variable: keras.Variable, values: np.ndarray) -> None:
    with np.errstate(all="ignore"):  # of what is too large for 16 bits
        variable.assign(values)


def check_weights_path(path: str | os.PathLike[str]) -> Path:
    """Return `path` if it is a file with a known ending, or say what is wrong."""
    path = Path(path)
    if not path.name.endswith(SUFFIXES):
        raise ValueError(
            "A weights file must end in `.safetensors` or `.weights.h5`. "
            f"Received: {str(path)!r}."
        )
    if not path.exists():
        raise FileNotFoundError(f"There is no weights file {str(path)!r}.")
    if not path.is_file():
        raise WeightsFormatError(
            "A weights file must be a regular file. "
            f"Received: {str(path)!r}, a folder, pipe or device."
        )
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


def _require_same(
    model: keras.Model,
    path: Path,
    wanted: dict[str, tuple[str, keras.Variable]],
    found: dict[str, StoredTensor],
) -> None:
    """Raise one error with a line for every tensor that differs."""
    lines = []
    for name, (key, variable) in wanted.items():
        shape = tuple(variable.shape)
        if key not in found:
            lines.append(f"  - {name} {shape}: not in the file")
        elif found[key].shape != shape:
            lines.append(
                f"  - {name}: {found[key].shape} in the file, {shape} in the model"
            )
        elif found[key].dtype not in _FLOATS:
            lines.append(
                f"  - {name}: {found[key].dtype} in the file, {variable.dtype} in the "
                f"model, which takes {', '.join(_FLOATS)}"
            )
    known = {key for key, _ in wanted.values()}
    others = [key for key in found if key not in known]
    lines += [
        f"  + {_shown(key)} {found[key].shape}: not in the model"
        for key in others[:MOST_NAMES]
    ]
    if lines:
        raise WeightsFormatError(
            f"The weights file must be of the same architecture as `{model.name}`. "
            f"Received: {str(path)!r}, which differs in "
            f"{len(lines) + len(others[MOST_NAMES:])} tensors:\n"
            + "\n".join(lines)
            + "\nBuild the model with the arguments that the file was trained with."
        )


def _shown(name: str) -> str:
    """Return a name that someone else thought of as a terminal can show it."""
    return name if len(name) < 200 and name.isprintable() else f"{ascii(name)[:200]}..."

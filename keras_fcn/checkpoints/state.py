"""Everything that a training step depends on, out of a model and into it again.

Weights alone do not do: the optimiser has moments and counts, Dropout has generators of
random numbers, and in the middle of an epoch the metrics have counted already.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping

import keras
import numpy as np

from ..weights import WeightsFormatError
from ..weights.writing import Tensor, tensor_of_variable

GROUPS = MODEL, OPTIMIZER, METRICS = "model", "optimizer", "metrics"
_COUNTED = re.compile(r"_\d+")


def variables_of(model: keras.Model, *groups: str) -> dict[str, keras.Variable]:
    """Return variables that a training step reads or writes, by name.

    Args:
        model: A compiled model whose optimiser is built.
        groups: `MODEL` (weights, statistics, generators of random numbers),
            `OPTIMIZER`, or `METRICS` (the mean of the loss is one).

    Returns:
        `group/number/name` in the order that Keras has them; the number because
        Keras names two variables alike. The name without what Keras has counted: the
        `_7` of a `conv2d_7` is another one in the next program.
    """
    found = {
        MODEL: lambda: model.variables,
        OPTIMIZER: lambda: model.optimizer.variables,
        METRICS: lambda: model.metrics_variables,
    }
    return {
        f"{group}/{number:04d}/{_COUNTED.sub('', variable.name)}": variable
        for group in groups
        for number, variable in enumerate(found[group]())
    }


def build_optimizer(model: keras.Model) -> None:
    """Let the optimiser make its variables now, as its first step would."""
    if not model.optimizer.built:
        model.optimizer.build(model.trainable_variables)


def tensors_of(variables: Mapping[str, keras.Variable]) -> dict[str, Tensor]:
    """Return variables as tensors to be written; each is fetched when its turn comes.

    Fetching one that holds what is no number raises a `FloatingPointError`.
    """
    return {
        name: tensor_of_variable(variable)._replace(
            values=functools.partial(_numbers, name, variable)
        )
        for name, variable in variables.items()
    }


def fetch(variables: Mapping[str, keras.Variable]) -> dict[str, np.ndarray]:
    """Return copies of the values of variables."""
    return {
        name: np.array(keras.ops.convert_to_numpy(variable))
        for name, variable in variables.items()
    }


def require_same(
    variables: Mapping[str, keras.Variable],
    found: Mapping[str, tuple[str, tuple[int, ...]]],
    source: str,
) -> None:
    """Raise unless a checkpoint has exactly these variables.

    Args:
        variables: Those of the model.
        found: Type and shape of each tensor of the checkpoint.
        source: The checkpoint, for the message.

    Raises:
        WeightsFormatError: If a name, a type or a shape differs; the message has a
            line for each of the first few.
    """
    wanted = {
        name: (keras.backend.standardize_dtype(v.dtype), tuple(v.shape))
        for name, v in variables.items()
    }
    lines = []
    for name in sorted(wanted.keys() | found.keys()):
        if wanted.get(name) != found.get(name):
            here, there = (_told(side.get(name)) for side in (wanted, found))
            lines.append(f"  {name}: {there} in the checkpoint, {here} in the model")
    if lines:
        more = f"\n  and {len(lines) - 8} more" if len(lines) > 8 else ""
        raise WeightsFormatError(
            f"A checkpoint must be of this very model and optimiser. Received: "
            f"{source}, which differs in {len(lines)} tensors:\n"
            + "\n".join(lines[:8])
            + more
            + "\nBuild and compile the model as it was then."
        )


def _numbers(name: str, variable: keras.Variable) -> np.ndarray:
    values = keras.ops.convert_to_numpy(variable)
    if values.dtype.kind == "f" and not np.isfinite(values).all():
        raise FloatingPointError(
            f"A checkpoint must hold numbers. Received: {name} ({variable.path}) with "
            "others; it is not written, and those before are kept. Lower the learning "
            "rate."
        )
    return values


def _told(kind: tuple[str, tuple[int, ...]] | None) -> str:
    return "nothing" if kind is None else f"{kind[0]} {kind[1]}"

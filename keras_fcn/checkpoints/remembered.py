"""What Keras' own callbacks forget in a restart: best values, patience, kept weights.

What a callback was made with is a setting and not remembered: another `patience` for
the rest of a training is the user's wish, and Keras turns the sign of a `min_delta`.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import keras
import numpy as np

from ..weights.writing import Tensor, tensor_of

_OF_KERAS = ("params", "validation_data")
_SCALARS = (bool, int, float, str, type(None))


class Remembered:
    """The changing attributes of some callbacks.

    Numbers, texts, and lists and mappings of them are remembered, and lists of arrays.
    Others, such as open files, are not.

    Args:
        callbacks: The callbacks, in an order that stays.

    Example:
        >>> early = keras.callbacks.EarlyStopping(patience=3)
        >>> early.wait = 2
        >>> Remembered([early]).notes()[0]["values"]["wait"]
        2
    """

    def __init__(self, callbacks: Iterable[keras.callbacks.Callback]):
        self.callbacks = tuple(callbacks)

    def notes(self) -> list[dict[str, Any]]:
        """Return what is remembered besides arrays, as JSON can hold it."""
        return [
            {"class": type(callback).__name__, "values": _plain(callback)}
            for callback in self.callbacks
        ]

    def tensors(self) -> dict[str, Tensor]:
        """Return the arrays of the callbacks, by `callbacks/number/name/number`."""
        return {
            f"callbacks/{number}/{name}/{index:04d}": tensor_of(np.asarray(array))
            for number, callback in enumerate(self.callbacks)
            for name, arrays in _arrays(callback).items()
            for index, array in enumerate(arrays)
        }

    def restore(
        self, notes: Sequence[Mapping[str, Any]], tensors: Mapping[str, np.ndarray]
    ) -> None:
        """Give the callbacks what they had.

        Raises:
            ValueError: If they are other callbacks.
        """
        here = [type(callback).__name__ for callback in self.callbacks]
        there = [note["class"] for note in notes]
        if here != there:
            raise ValueError(
                "`callbacks` must be those of the training that is gone on with: "
                f"{there}. Received: {here}."
            )
        for callback, note in zip(self.callbacks, notes, strict=True):
            for name, value in note["values"].items():
                setattr(callback, name, value)
        lists: dict[tuple[int, str], list[np.ndarray]] = {}
        for name in sorted(n for n in tensors if n.startswith("callbacks/")):
            _, number, attribute, _ = name.split("/")
            lists.setdefault((int(number), attribute), []).append(tensors[name])
        for (number, attribute), arrays in lists.items():
            setattr(self.callbacks[number], attribute, arrays)


def _own(callback: keras.callbacks.Callback) -> dict[str, Any]:
    settings = inspect.signature(type(callback)).parameters
    return {
        name: value
        for name, value in vars(callback).items()
        if not name.startswith("_") and name not in (*settings, *_OF_KERAS)
    }


def _plain(callback: keras.callbacks.Callback) -> dict[str, Any]:
    """Return copies of the attributes that JSON can hold."""
    plain = {}
    for name, value in _own(callback).items():
        if isinstance(value, np.generic):
            value = value.item()
        if _is_plain(value):
            plain[name] = _copy(value)
    return plain


def _is_plain(value: Any) -> bool:
    if isinstance(value, list):
        return all(map(_is_plain, value))
    if isinstance(value, dict):
        return all(isinstance(k, str) and _is_plain(v) for k, v in value.items())
    return isinstance(value, _SCALARS)


def _copy(value: Any) -> Any:
    if isinstance(value, list):
        return [_copy(item) for item in value]
    if isinstance(value, dict):
        return {key: _copy(item) for key, item in value.items()}
    return value


def _arrays(callback: keras.callbacks.Callback) -> dict[str, list[np.ndarray]]:
    """Return lists of arrays, such as `EarlyStopping.best_weights`."""
    return {
        name: value
        for name, value in _own(callback).items()
        if isinstance(value, list)
        and value
        and all(isinstance(array, np.ndarray) for array in value)
    }

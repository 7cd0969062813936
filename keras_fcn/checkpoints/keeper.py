"""A training's state to a checkpoint and back, its log and its best epoch with it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import keras
import numpy as np

from ..native import random_states, set_random_states
from ..storage import require_room
from ..weights.writing import size_of, tensor_of
from . import state
from .file import Checkpoint, find_checkpoints, write_checkpoint
from .folder import prune
from .remembered import Remembered


class Keeper:
    """Writes the checkpoints of one training, and brings back what they hold.

    Args:
        folder: Folder of the checkpoints.
        remembered: Callbacks whose state belongs to the training's.
        identity: What the training is, as JSON holds it.
        monitor: Name of the score whose best epoch keeps its checkpoint.
        mode: `"max"` or `"min"`, which is better.
        keep: Checkpoints that are kept besides the best.
        changed: Whether the identity is another than that of the checkpoint that is
            gone on from.

    Attributes:
        history: Everything that was logged, a list for each name.
    """

    def __init__(
        self,
        folder: Path,
        remembered: Remembered,
        identity: Mapping[str, Any],
        monitor: str,
        mode: str,
        keep: int,
        changed: bool,
    ):
        self.history: dict[str, list[float]] = {}
        self._folder, self._keep = folder, keep
        self._remembered, self._identity = remembered, identity
        self._monitor, self._sign = monitor, 1 if mode == "max" else -1
        self._changed = changed
        self._best: dict[str, Any] = {"value": None, "file": None}

    def log(self, logs: Mapping[str, Any]) -> bool:
        """Add what an epoch logged to the history; return whether it is the best."""
        for name, number in logs.items():
            self.history.setdefault(name, []).append(float(number))
        value, before = float(logs.get(self._monitor, np.nan)), self._best["value"]
        if before is not None and not self._sign * value > self._sign * before:
            return False
        if not np.isfinite(value):
            return False
        self._best = {"value": value, "file": None}  # its file has no name yet
        return True

    def write(
        self,
        model: keras.Model,
        epoch: int,
        step: int,
        steps_per_epoch: int,
        *,
        repeat: int,
        finished: bool = False,
        best: bool = False,
        counted: Mapping[str, np.ndarray] | None = None,
    ) -> Checkpoint:
        """Write a checkpoint, and remove those that it makes superfluous.

        Args:
            model: The model.
            epoch: Epochs that are finished.
            step: Steps that are done.
            steps_per_epoch: Steps of an epoch.
            repeat: Steps to make once more when going on; 0 between epochs.
            finished: Whether the training is at its end.
            best: Whether this is the best epoch so far.
            counted: What `passing` gave, where that has gone on since. Defaults to
                what it gives now.

        Raises:
            FloatingPointError: If a variable holds what is no number.
            OSError: If the disk is full.
        """
        variables = state.variables_of(model, state.MODEL, state.OPTIMIZER)
        tensors = state.tensors_of(variables) | self._remembered.tensors()
        values = counted or (self.passing(model) if repeat else _generators())
        tensors |= {name: tensor_of(array) for name, array in values.items()}
        notes = {
            "identity": self._identity,
            "steps_per_epoch": steps_per_epoch,
            "repeat": repeat,
            "finished": finished,
            "history": self.history,
            "callbacks": self._remembered.notes(),
            "best": self._best,
        }
        written = write_checkpoint(self._folder, epoch, step, tensors, notes)
        if best:
            self._best["file"] = written.path.name
        prune(self._folder, self._keep, self._best["file"])
        return written

    def passing(self, model: keras.Model) -> dict[str, np.ndarray]:
        """Return what validation changes: metrics, and the backend's own generators."""
        metrics = state.variables_of(model, state.METRICS)
        return state.fetch(metrics) | _generators()

    def restore(self, model: keras.Model, checkpoint: Checkpoint) -> None:
        """Bring back everything but the metrics, which an epoch begins with at zero."""
        notes = checkpoint.notes()
        self.restore_values(model, checkpoint, state.MODEL, state.OPTIMIZER)
        arrays = dict(checkpoint.read("callbacks/"))
        self._remembered.restore(notes["callbacks"], arrays)
        self.history = notes["history"]
        self._best = notes["best"]
        if self._best["value"] is not None and self._best["file"] is None:
            self._best["file"] = checkpoint.path.name  # it is the best itself

    def restore_values(
        self, model: keras.Model, checkpoint: Checkpoint, *groups: str
    ) -> None:
        """Give variables and generators their values, after all have been compared.

        Raises:
            WeightsFormatError: If the checkpoint is of another model.
        """
        variables = state.variables_of(model, *groups)
        own = tuple(f"{group}/" for group in groups)
        kinds = {n: kind for n, kind in checkpoint.kinds().items() if n.startswith(own)}
        state.require_same(variables, kinds, str(checkpoint.path))
        for name, values in checkpoint.read(own):
            # Another rate is what a user changes a setting for.
            if not (self._changed and name.endswith("/learning_rate")):
                variables[name].assign(values)
        self.restore_generators(checkpoint)

    def restore_generators(self, checkpoint: Checkpoint) -> None:
        """Give the backend's own generators of random numbers their states."""
        states = checkpoint.read("generators/")
        set_random_states({name.split("/")[1]: values for name, values in states})

    def require_room(self, model: keras.Model) -> None:
        """Raise an `OSError` now if the disk will be full later."""
        variables = state.variables_of(model, state.MODEL, state.OPTIMIZER)
        size = size_of(state.tensors_of(variables))
        there = sum(c.path.stat().st_size for c in find_checkpoints(self._folder))
        number = self._keep + 2  # the best one, and the one being written
        require_room(self._folder, number * size - there, f"{number} checkpoints")


def _generators() -> dict[str, np.ndarray]:
    return {f"generators/{name}": state for name, state in random_states().items()}

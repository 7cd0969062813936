"""Steps of `fit` that are counted and not computed."""

from __future__ import annotations

from typing import Any

import keras


def skips_batches() -> bool:
    """Return whether a step that is passed over takes no batch.

    With PyTorch `fit` has taken it before: they are read, and the data must begin with
    the epoch.
    """
    return keras.backend.backend() != "torch"


class Skipper:
    """Lets `fit` pass over the steps of a begun epoch that were done before.

    They change nothing, but their numbers are seen, by progress bars
    too. Ending the epoch early instead would leave a `keras.utils.PyDataset` in the
    middle of its epoch for ever.

    Args:
        model: The model that is being fitted; its `train_function` is put back after
            the last of these steps.
        steps: How many.
    """

    def __init__(self, model: keras.Model, steps: int):
        self._model, self._left = model, steps
        self._own = model.train_function
        if steps > 0:
            model.train_function = self

    def __call__(self, *arguments: Any) -> Any:
        """Return what a step would: logs, and with JAX the state, which stays."""
        self._left -= self._model.steps_per_execution
        if self._left <= 0:
            self.leave()
        return {} if keras.backend.backend() != "jax" else ({}, arguments[0])

    def leave(self) -> None:
        """Let all further steps be computed."""
        self._model.train_function = self._own

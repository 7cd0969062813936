"""A callback with which a killed `model.fit` goes on as if nothing had happened."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import keras
import numpy as np

from ..storage import require_writable
from ..suggestions import require_choice
from . import state
from .folder import RunLock, newest_valid, remove_leftovers
from .identity import require_same_identity
from .keeper import Keeper
from .remembered import Remembered
from .signals import StopRequest
from .skipper import Skipper, skips_batches


class ExactResume(keras.callbacks.Callback):
    """Write checkpoints while `model.fit` trains, and go on from the newest whole one.

    Killed at any moment and started again with the same arguments, a training ends with
    the same weights, optimiser, random numbers and history, bit for bit, as one that
    was never killed: on the same machine and versions, with deterministic operations,
    and with batches that are a function of their number, as those of
    `keras_fcn.datasets` are. Python's and NumPy's own generators are not kept.

    It must be the last of the callbacks. The first SIGINT (Ctrl-C), SIGTERM or SIGHUP
    ends the training after its step with a checkpoint, by `KeyboardInterrupt` or
    `SystemExit`; a second one ends the process at once.

    Within an epoch, the steps that were done are passed over without computing. But the
    last of them is made once more, which builds what Keras builds late, and everything
    is then set to what it was after it.

    Args:
        folder: Folder of the checkpoints, for this training only.
        callbacks: Callbacks whose state is kept too, such as `EarlyStopping`; list
            them before this one in `fit`.
        identity: What must be the same when going on, as JSON can hold it: settings,
            checksums of data. Defaults to nothing.
        allow_change: Whether to go on in spite of another identity. Then the learning
            rate is the optimiser's own, not the checkpoint's. Defaults to `False`.
        every_steps: Steps between checkpoints within an epoch. Defaults to `None`:
            only time counts.
        every_minutes: Minutes between checkpoints within an epoch. At the end of an
            epoch there is always one. Defaults to `10`.
        monitor: Name of the score whose best epoch keeps its checkpoint. Defaults to
            `"val_mean_iou"`.
        mode: `"max"` or `"min"`, which is better. Defaults to `"max"`.
        keep: Checkpoints that are kept besides the best. Defaults to `2`.
        tell: Called with a sentence on what is gone on from. Defaults to `print`.
        writes: Whether this process writes the checkpoints: one of several that train
            together. Defaults to `True`.
        agree: Called by all of these at the same places, with the number of a signal
            that one has received or 0; returns the largest number. Defaults to
            `None`: this process trains alone.

    Attributes:
        initial_epoch: What `fit` must be given as `initial_epoch`.
        first_step: Number of the first batch that `fit` must be given, all epochs
            counted: `first_step` of `batches(endless=True)`.
        going_on: Whether there is a checkpoint to go on from.
        finished: Whether the training had come to its end.
        history: Everything that `fit` logged, a list for each name.

    Raises:
        ValueError: If an argument is wrong, or the identity is another one; the
            message shows the difference.

    Example:
        >>> import tempfile
        >>> from keras_fcn.datasets import load
        >>> def train(epochs):
        ...     resume = ExactResume(folder, tell=lambda message: None)
        ...     model = keras.Sequential([keras.Input((16, 16, 3)),
        ...                               keras.layers.Conv2D(5, 1)])
        ...     model.compile("adam", keras.losses.SparseCategoricalCrossentropy(
        ...         from_logits=True, ignore_class=255))
        ...     batches = load("shapes").batches(
        ...         4, crop_size=16, endless=True, first_step=resume.first_step)
        ...     model.fit(batches, steps_per_epoch=3, epochs=epochs, shuffle=False,
        ...               initial_epoch=resume.initial_epoch, callbacks=[resume],
        ...               verbose=0)
        ...     return resume.initial_epoch, len(resume.history["loss"])
        >>> folder = tempfile.mkdtemp()
        >>> train(epochs=2), train(epochs=3)
        ((0, 2), (2, 3))
    """

    def __init__(
        self,
        folder: str | os.PathLike[str],
        *,
        callbacks: Iterable[keras.callbacks.Callback] = (),
        identity: Mapping[str, Any] | None = None,
        allow_change: bool = False,
        every_steps: int | None = None,
        every_minutes: float = 10.0,
        monitor: str = "val_mean_iou",
        mode: str = "max",
        keep: int = 2,
        tell: Callable[[str], None] = print,
        writes: bool = True,
        agree: Callable[[int], int] | None = None,
    ):
        super().__init__()
        for name, value, least in (
            ("every_steps", every_steps, 1),
            ("every_minutes", every_minutes, 0),
            ("keep", keep, 1),
        ):
            if value is not None and not value >= least:
                raise ValueError(
                    f"`{name}` must be at least {least}. Received: {name}={value}."
                )
        require_choice("mode", mode, ("max", "min"))
        self.folder = Path(folder)
        self.every_steps, self.every_seconds = every_steps, 60 * every_minutes
        self._tell = tell
        self._writes, self._agree, self._agreed = writes, agree, False
        self._lock = RunLock(self.folder)
        self._skipper: Skipper | None = None
        self._stop = StopRequest(tell)
        self._checkpoint = checkpoint = newest_valid(self.folder, tell)
        notes = {} if checkpoint is None else checkpoint.notes()
        identity = dict(identity or {})
        changed = checkpoint is not None and require_same_identity(
            notes["identity"], identity, allow_change, str(self.folder)
        )
        self._keeper = Keeper(
            self.folder, Remembered(callbacks), identity, monitor, mode, keep, changed
        )
        self._steps_before = notes.get("steps_per_epoch")
        self._to_repeat = notes.get("repeat", 0)
        self.initial_epoch = 0 if checkpoint is None else checkpoint.epoch
        self._passed = 0 if checkpoint is None else checkpoint.step - self._to_repeat
        self.first_step = self._passed
        if not skips_batches():
            self.first_step = self.initial_epoch * (self._steps_before or 0)
        self.going_on = checkpoint is not None
        self.finished = notes.get("finished", False)
        # Of an epoch whose steps are over: its metrics, before those of validation.
        self._counted: dict[str, np.ndarray] = {}

    @property
    def history(self) -> dict[str, list[float]]:
        """Everything that `fit` logged, a list for each name."""
        return self._keeper.history

    def on_train_begin(self, logs=None):
        if self._writes:
            require_writable(self.folder)
            self._lock.acquire()
            remove_leftovers(self.folder, self._checkpoint, self._tell)
        self._require_steps()
        state.build_optimizer(self.model)
        if self._writes:
            self._keeper.require_room(self.model)
        if self._checkpoint is not None:
            self._keeper.restore(self.model, self._checkpoint)
            # What `fit` returns.
            self._model.history.history.update(
                {name: list(values) for name, values in self.history.items()}
            )
            self._tell(
                f"Going on from {self._checkpoint.path.name}: "
                f"{self._checkpoint.step} steps done, {self.initial_epoch} epochs "
                "finished."
            )
        self._step = self._passed
        self._first_epoch = self._first_step = True
        self._saved_at = time.monotonic()
        self._stop.listen()

    def on_epoch_begin(self, epoch, logs=None):
        self._epoch = epoch
        if not self._first_epoch:
            return
        self._first_epoch = False
        if epoch != self.initial_epoch:
            raise ValueError(
                f"`fit` must be given initial_epoch={self.initial_epoch}, as "
                f"`{type(self).__name__}.initial_epoch` says. Received: {epoch}."
            )
        self._model.history.epoch = list(range(epoch))
        self._repeat = self._to_repeat > 0
        self._step = epoch * self._steps
        self._skipper = Skipper(self._model, self._passed - self._step)

    def on_train_batch_begin(self, batch, logs=None):
        self._batch = batch
        if self._first_step and self._checkpoint is not None:
            # PyTorch draws when an iteration over data begins, which is now.
            self._keeper.restore_generators(self._checkpoint)
        self._first_step = False

    def on_train_batch_end(self, batch, logs=None):
        # Not `self.model`: with JAX it fetches all variables, each time.
        self._done = batch - self._batch + 1
        self._step += self._done
        if self._step <= self._passed:
            return
        if self._repeat and self._checkpoint is not None:
            self._repeat = False
            self._keeper.restore_values(self.model, self._checkpoint, *state.GROUPS)
        if self._step == (self._epoch + 1) * self._steps:
            self._counted = self._keeper.passing(self.model)
        asked = self.every_steps and self._step % self.every_steps < self._done
        late = time.monotonic() - self._saved_at >= self.every_seconds
        if self._must_stop() or asked or late:
            self._save_within()

    def on_test_batch_end(self, batch, logs=None):
        if self._counted and self._must_stop():
            self._save_within()

    def on_epoch_end(self, epoch, logs=None):
        self._counted = {}
        last = epoch + 1 == self.params["epochs"] or self._model.stop_training
        best = self._keeper.log(logs or {})
        self._must_stop()
        self._save(epoch + 1, repeat=0, finished=bool(last), best=best)

    def on_train_end(self, logs=None):
        self.finished = True
        self.leave()

    def leave(self) -> None:
        """Give back signals, folder and model, as the end of a training does."""
        self._stop.leave()
        self._lock.release()
        if self._skipper is not None:
            self._skipper.leave()

    def _must_stop(self) -> bool:
        """Whether a signal has come, to this process or another."""
        if self._agree is not None:
            number = self._agree(self._stop.received or 0)
            self._agreed = number > 0
            if self._agreed:
                self._stop.received = signal.Signals(number)
        return self._stopping

    @property
    def _stopping(self) -> bool:
        return self._agreed if self._agree else self._stop.received is not None

    def _save_within(self) -> None:
        self._save(self._epoch, repeat=self._done, counted=self._counted)

    def _save(self, epoch: int, **how: Any) -> None:
        """Write a checkpoint; end the training if that was asked for."""
        kept = self.folder
        if self._writes:
            model, steps = self.model, self._steps
            kept = self._keeper.write(model, epoch, self._step, steps, **how).path
        self._saved_at = time.monotonic()
        if self._stopping:
            self.leave()
            self._stop.end(f"Everything is kept in {kept}.")

    def _require_steps(self) -> None:
        self._steps = self.params["steps"]
        if self._steps is None:
            raise ValueError(
                "`fit` must know the steps of an epoch. Received: none. Pass "
                "`steps_per_epoch`."
            )
        if self._steps_before not in (None, self._steps):
            raise ValueError(
                f"An epoch must have as many steps as it had: {self._steps_before}. "
                f"Received: {self._steps}. Take that back, or begin in another folder."
            )

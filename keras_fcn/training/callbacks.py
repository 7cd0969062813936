"""What is kept while a network trains: its log, its weights, and pictures."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
from keras import ops
from PIL import Image

from ..datasets import SampleSource
from ..pictures import plot_learning_curves
from ..pictures.labels import comparison, stack, write_png
from ..runs import LOG
from ..storage import write_atomically
from ..weights import save_weights

_ADVICE = (
    "The weights and checkpoints of before are kept. Lower the learning rate, or look "
    "at these samples and their labels (`keras-fcn data check`)."
)
SHOWN = 4  # validation samples in the picture of each epoch


class StopOnNaN(keras.callbacks.Callback):
    """Stop where a loss or a weight is no number, before that epoch is kept.

    A ReLU may turn not-a-number into 0, so that the loss alone does not tell.

    Args:
        name_samples: Gives the names of the samples of a batch, by its number over all
            epochs. Defaults to none.
        first_step: Number of the first batch.
    """

    def __init__(
        self,
        name_samples: Callable[[int], Sequence[str]] = lambda number: (),
        first_step: int = 0,
    ):
        super().__init__()
        self.name_samples = name_samples
        self.next_step = first_step

    def on_epoch_begin(self, epoch, logs=None):
        self.epoch = epoch + 1

    def on_train_batch_end(self, batch, logs=None):
        step, self.next_step = self.next_step, self.next_step + 1
        loss = (logs or {}).get("loss", 0.0)
        if not np.isfinite(loss):
            names = ", ".join(self.name_samples(step))
            where = f"step {step + 1}" + (f" (samples {names})" if names else "")
            self._raise(loss, where)

    def on_epoch_end(self, epoch, logs=None):
        loss = (logs or {}).get("val_loss", 0.0)
        if not np.isfinite(loss):
            self._raise(loss, "validation")
        for weight in self.model.weights:
            is_float = keras.backend.is_float_dtype(weight.dtype)
            if is_float and not bool(ops.all(ops.isfinite(weight))):
                raise FloatingPointError(
                    f"Weights must be numbers. Received: {weight.path} with others at "
                    f"the end of epoch {self.epoch}, at the learning rate "
                    f"{self._rate()}. {_ADVICE}"
                )

    def _raise(self, loss: float, where: str) -> None:
        raise FloatingPointError(
            f"The loss must be a number. Received: {loss} in epoch {self.epoch}, "
            f"{where}, at the learning rate {self._rate()}. {_ADVICE}"
        )

    def _rate(self) -> str:
        rate = keras.ops.convert_to_numpy(self.model.optimizer.learning_rate)
        return f"{float(rate):.3g}"


class KeepHistory(keras.callbacks.Callback):
    """Write `log.csv` and draw the learning curves after each epoch.

    Args:
        run_dir: The run folder.
        writes: Whether this process is the one that writes. Defaults to `True`.

    Attributes:
        history: A list for each logged name, one value an epoch.
    """

    def __init__(self, run_dir: Path, writes: bool = True):
        super().__init__()
        self.run_dir = run_dir
        self.writes = writes
        self.history: dict[str, list[float]] = {}

    def on_epoch_end(self, epoch, logs=None):
        for name, value in (logs or {}).items():
            self.history.setdefault(name, []).append(float(value))
        if not self.writes:
            return
        text = io.StringIO()
        table = csv.writer(text)
        table.writerow(["epoch", *self.history])
        rows = zip(*self.history.values(), strict=True)
        table.writerows([number, *row] for number, row in enumerate(rows, start=1))
        write_atomically(self.run_dir / LOG, text.getvalue().encode())
        curves = self.run_dir / "pictures" / "learning_curves.png"
        plot_learning_curves(self.history, curves)


class SaveWeights(keras.callbacks.Callback):
    """Save `last.safetensors` each epoch and `best.safetensors` when a score rises.

    Args:
        run_dir: The run folder.
        monitor: Name of the score in the logs. Defaults to `"val_mean_iou"`.
        writes: Whether this process is the one that writes. Defaults to `True`.

    Attributes:
        best: The highest score so far.
        best_epoch: Its epoch; 0 is before the first one.
    """

    def __init__(
        self, run_dir: Path, monitor: str = "val_mean_iou", writes: bool = True
    ):
        super().__init__()
        self.run_dir = run_dir
        self.monitor = monitor
        self.writes = writes
        self.best = -np.inf
        self.best_epoch = 0

    def begin(self, model: keras.Model, scores: dict[str, float]) -> None:
        """Keep the weights that a run begins with as its best ones so far."""
        self.best = scores[self.monitor.removeprefix("val_")]
        self._save(model, "best")

    def on_epoch_end(self, epoch, logs=None):
        self._save(self.model, "last")
        score = (logs or {})[self.monitor]
        if score > self.best:
            self.best, self.best_epoch = score, epoch + 1
            self._save(self.model, "best")

    def describe_best(self) -> str:
        """Return a sentence on the best weights."""
        name = self.monitor.removeprefix("val_").replace("_", " ").replace("iou", "IoU")
        when = f"in epoch {self.best_epoch}" if self.best_epoch else "before training"
        return f"Best validation {name} {100 * self.best:.2f} % {when}."

    def _save(self, model: keras.Model, name: str) -> None:
        if self.writes:
            save_weights(model, self.run_dir / f"{name}.safetensors")


class DrawPredictions(keras.callbacks.Callback):
    """Draw the predictions of the first few samples after each epoch.

    Args:
        run_dir: The run folder; the pictures go into its `pictures`.
        source: The samples.
        writes: Whether this process is the one that writes; all must predict. Defaults
            to `True`.

    Attributes:
        picture: What was drawn last.
    """

    def __init__(self, run_dir: Path, source: SampleSource, writes: bool = True):
        super().__init__()
        self.folder = run_dir / "pictures"
        self.writes = writes
        self.source = source
        self.picture: Image.Image | None = None

    def on_epoch_end(self, epoch, logs=None):
        rows = [self._row(i) for i in range(min(SHOWN, len(self.source)))]
        self.picture = stack(rows)
        name = f"predictions_epoch_{epoch + 1:03d}.png"
        if self.writes:
            write_png(self.picture, self.folder / name)

    def _row(self, index: int) -> Any:
        image, label = self.source.image(index), self.source.voc_label(index)
        logits = self.model.predict_on_batch(image[None])
        prediction = np.argmax(logits[0], axis=-1)
        return comparison(image, prediction, self.source.class_names, truth=label)

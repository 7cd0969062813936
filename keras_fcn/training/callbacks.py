"""What is kept while a network trains: the best and the last weights, and pictures."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np

from ..datasets import SampleSource
from ..pictures import plot_learning_curves
from ..pictures.labels import comparison, stack
from ..weights import save_weights

SHOWN = 4  # validation samples in the picture of each epoch


class SaveWeights(keras.callbacks.Callback):
    """Save `last.safetensors` each epoch and `best.safetensors` when a score rises.

    Args:
        run_dir: The run folder.
        monitor: Name of the score in the logs. Defaults to `"val_mean_iou"`.
    """

    def __init__(self, run_dir: Path, monitor: str = "val_mean_iou"):
        super().__init__()
        self.run_dir = run_dir
        self.monitor = monitor
        self.best = -np.inf
        self.best_epoch: int | None = None

    def on_epoch_end(self, epoch, logs=None):
        logs = logs or {}
        if not np.isfinite(logs.get("loss", 0.0)):
            return  # never over good weights
        save_weights(self.model, self.run_dir / "last.safetensors")
        if logs[self.monitor] > self.best:
            self.best, self.best_epoch = logs[self.monitor], epoch
            save_weights(self.model, self.run_dir / "best.safetensors")


class DrawPictures(keras.callbacks.Callback):
    """Draw the learning curves and a few predictions after each epoch.

    Args:
        run_dir: The run folder; the pictures go into its `pictures`.
        source: The samples whose first few are shown.
    """

    def __init__(self, run_dir: Path, source: SampleSource):
        super().__init__()
        self.folder = run_dir / "pictures"
        self.folder.mkdir(exist_ok=True)
        self.source = source
        self.history: dict[str, list[float]] = {}

    def on_epoch_end(self, epoch, logs=None):
        for name, value in (logs or {}).items():
            self.history.setdefault(name, []).append(value)
        plot_learning_curves(self.history, self.folder / "learning_curves.png")
        rows = [self._row(i) for i in range(min(SHOWN, len(self.source)))]
        stack(rows).save(self.folder / f"predictions_epoch_{epoch + 1:03d}.png")

    def _row(self, index: int) -> Any:
        image, label = self.source[index]
        logits = self.model.predict_on_batch(image[None])
        prediction = np.argmax(logits[0], axis=-1)
        return comparison(image, prediction, self.source.class_names, truth=label)


class StopOnNaN(keras.callbacks.Callback):
    """Stop at the first step whose loss is not a number, and say which it was."""

    def on_epoch_begin(self, epoch, logs=None):
        self.epoch = epoch

    def on_train_batch_end(self, batch, logs=None):
        loss = (logs or {}).get("loss", 0.0)
        if not np.isfinite(loss):
            raise FloatingPointError(
                f"The loss must be a number. Received: {loss} in epoch "
                f"{self.epoch + 1}, step {batch + 1}. The weights of the epoch before "
                "are kept. Lower the learning rate, or check the labels."
            )

"""What TensorBoard shows of a training: curves, pictures and the configuration.

Written by tensorboardX, which needs no TensorFlow. A file goes on growing while the
process lives; one that goes on with the run begins another file, whose first event
takes back what the file before has of the same epochs.
"""

from __future__ import annotations

import importlib.util
import io
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import keras
from PIL import Image

from ..metrics import SCORES, SegmentationScores
from ..pictures import draw_confusion_matrix
from ..runs import RunConfig
from .callbacks import DrawPredictions, KeepHistory

EVENTS = "tensorboard"  # in the run folder
MOST_CLASSES = 64  # of a confusion matrix that is drawn each epoch
PARTS = ("train", "validation")  # runs of their own, for TensorBoard: one chart of both


def writes_events(run_dir: Path, asked: bool) -> bool:
    """Return whether a training writes events: it was asked to, or has begun to.

    Args:
        run_dir: The run folder.
        asked: Whether it is asked to now.

    Raises:
        ImportError: If it does and tensorboardX is not installed.
    """
    if not asked and not (run_dir / EVENTS).is_dir():
        return False
    if importlib.util.find_spec("tensorboardX") is None:
        raise ImportError(
            "Events for TensorBoard are written with the package tensorboardX. "
            "Received: it is not installed. "
            'Install it, `pip install "keras-fcn[tensorboard]"`, or leave '
            f"`--tensorboard` out and remove {str(run_dir / EVENTS)!r} if it is there."
        )
    return True


class WriteEvents(keras.callbacks.Callback):
    """Write losses, scores, pictures and the configuration for TensorBoard.

    Each epoch has its events once, whenever a run was stopped or killed. Epochs of a
    time without events get their losses and scores from its history.

    Args:
        run_dir: The run folder; the events go into its `tensorboard`.
        config: The configuration.
        scores: The metric that validation leaves its counts in.
        drawn: What draws predictions; list it before this one in `fit`.
        kept: What has the epochs before.
    """

    def __init__(
        self,
        run_dir: Path,
        config: RunConfig,
        scores: SegmentationScores,
        drawn: DrawPredictions,
        kept: KeepHistory,
    ):
        super().__init__()
        self.folder = run_dir / EVENTS
        self.config = config
        self.scores, self.drawn, self.kept = scores, drawn, kept
        self._files: dict[str, _EventFile] = {}

    def on_epoch_begin(self, epoch, logs=None):
        """Open the files, now that what was before is known."""
        if self._files:
            return
        self._files = begin_events(self.folder, epoch, self.kept.history)
        text = "\n".join(f"    {line}" for line in self.config.to_yaml().splitlines())
        self._files["validation"].text("configuration", text, epoch + 1)

    def on_epoch_end(self, epoch, logs=None):
        """Write what is known of an epoch."""
        step = epoch + 1
        _write_scalars(self._files, logs or {}, step)
        rate = float(keras.ops.convert_to_numpy(self.model.optimizer.learning_rate))
        self._files["train"].scalar("learning_rate", rate, step)
        shown = self._files["validation"]
        if self.drawn.picture is not None:
            shown.picture("predictions", self.drawn.picture, step, "JPEG")
        if len(self.config.class_names) <= MOST_CLASSES:
            matrix = self.scores.confusion_matrix()
            table = draw_confusion_matrix(matrix, self.config.class_names)
            shown.picture("confusion_matrix", table, step, "PNG")
        for file in self._files.values():
            file.flush()  # before the epoch's checkpoint: no point is ever lost

    def close(self) -> None:
        """Close the files."""
        for file in self._files.values():
            file.close()
        self._files = {}


def write_history(run_dir: Path, history: Mapping[str, list[float]]) -> None:
    """Write the losses and scores of a finished run that has no events."""
    if not _has_events(run_dir / EVENTS):
        epochs = max(map(len, history.values()), default=0)
        for file in begin_events(run_dir / EVENTS, epochs, history).values():
            file.close()


def begin_events(
    folder: Path, epochs: int, history: Mapping[str, list[float]]
) -> dict[str, _EventFile]:
    """Open files for the epochs to come; those before are written if nowhere."""
    late = not _has_events(folder)
    files = {part: _EventFile(folder / part, epochs + 1) for part in PARTS}
    for epoch in range(epochs if late else 0):
        logs = {name: values[epoch] for name, values in history.items()}
        _write_scalars(files, logs, epoch + 1)
    for file in files.values():
        file.flush()
    return files


def _has_events(folder: Path) -> bool:
    return any(folder.glob("*/events.*"))


def _write_scalars(
    files: Mapping[str, _EventFile], logs: Mapping[str, Any], step: int
) -> None:
    for name, value in logs.items():
        word = name.removeprefix("val_")
        tag = f"scores/{word}" if word in SCORES else word
        part = "validation" if name.startswith("val_") else "train"
        files[part].scalar(tag, float(value), step)


class _EventFile:
    """One file of events, written at once: no queue whose rest a kill would take.

    Args:
        folder: Its folder; made if missing.
        first: First epoch that it holds; what other files have of it and of later
            ones no longer counts.
    """

    def __init__(self, folder: Path, first: int):
        from tensorboardX.event_file_writer import EventsWriter
        from tensorboardX.proto.event_pb2 import SessionLog

        folder.mkdir(parents=True, exist_ok=True)
        # TensorBoard reads them by name, which begins with the second.
        number = len([*folder.glob("events.*")])
        self._writer: Any = EventsWriter(str(folder / "events"), f".{number:04d}")
        self._write(first, session_log=SessionLog(status=SessionLog.START))

    def scalar(self, tag: str, value: float, step: int) -> None:
        from tensorboardX import summary

        self._write(step, summary=summary.scalar(tag, value))

    def text(self, tag: str, text: str, step: int) -> None:
        from tensorboardX import summary

        self._write(step, summary=summary.text(tag, text))

    def picture(self, tag: str, picture: Image.Image, step: int, format: str) -> None:
        from tensorboardX.proto.summary_pb2 import Summary

        file = io.BytesIO()
        picture.save(file, format, quality=85)
        image = Summary.Image(
            width=picture.width,
            height=picture.height,
            colorspace=3,
            encoded_image_string=file.getvalue(),
        )
        self._write(step, summary=Summary(value=[Summary.Value(tag=tag, image=image)]))

    def flush(self) -> None:
        self._writer.flush()

    def close(self) -> None:
        self._writer.close()

    def _write(self, step: int, **what: Any) -> None:
        from tensorboardX.proto.event_pb2 import Event

        self._writer.write_event(Event(wall_time=time.time(), step=step, **what))

"""One training, from its configuration to its run folder, at once or in pieces."""

from __future__ import annotations

import contextlib
import dataclasses
import math
import os
import sys
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import keras

from ..checkpoints import ExactResume, Remembered, RunLock
from ..datasets import DataReport
from ..datasets.batches.numbered import NumberedBatches
from ..distribution import Devices, open_devices
from ..hardware import resolve_jit
from ..losses import PixelwiseCrossentropy
from ..metrics import SegmentationScores
from ..native import make_deterministic
from ..runs import CONFIG, RunConfig, load_run, write_config
from ..storage import remove_leftovers, require_writable
from ..weights import Inheritance, inherit
from .callbacks import DrawPredictions, KeepHistory, SaveWeights, StopOnNaN
from .optimizers import make_optimizer
from .resuming import CHECKPOINTS, find_end, identity_of, require_same_config
from .samples import check_samples
from .tensorboard import WriteEvents, write_history, writes_events


def train(
    config: RunConfig,
    run_dir: str | os.PathLike[str],
    *,
    resume: bool = False,
    allow_config_change: bool = False,
    checkpoint_steps: int | None = None,
    checkpoint_minutes: float = 10.0,
    tensorboard: bool = False,
    distribute: str = "none",
    on_checked: Callable[[str, DataReport], None] = lambda split, report: None,
    on_inherited: Callable[[Inheritance, dict[str, float]], None] = lambda *_: None,
    progress: Callable[[Iterable], Iterable] = iter,
    tell: Callable[[str], None] = lambda message: None,
    verbose: bool = True,
) -> dict[str, list[float]]:
    """Train a network and keep everything about it in a run folder.

    All photos and masks are read before anything is built. The folder receives
    `config.yaml`, `log.csv`, `best.safetensors`, `last.safetensors`, `pictures/` and
    `checkpoints/`. With `from_run` the best weights are those of that run until an
    epoch scores higher.

    Ctrl-C (SIGINT), SIGTERM and SIGHUP end the training after its step with a
    checkpoint. Stopped or killed at any moment, `resume` goes on to the same end as
    without a stop; bit for bit with `config.deterministic`.

    Args:
        config: What to train. Its `class_names` are taken from the data set.
        run_dir: The run folder; made if missing, and not yet a run's.
        resume: Go on where the run in `run_dir` stopped; begin it if there is none.
            Defaults to `False`.
        allow_config_change: Go on in spite of another configuration or other data.
            Defaults to `False`.
        checkpoint_steps: Steps between checkpoints within an epoch. Defaults to `None`:
            only time counts. After each epoch there is always one.
        checkpoint_minutes: Minutes between checkpoints within an epoch. Defaults to
            `10`.
        tensorboard: Write `tensorboard/`, for TensorBoard to show; a run that has
            begun to goes on with it. Defaults to `False`.
        distribute: `"data"` shares each batch out among all devices, on JAX among
            those of all processes too, of which the first writes and calls; `"none"`
            takes one. Not a part of what must be the same to resume. Defaults to
            `"none"`.
        on_checked: Called with a split's name and its `DataReport`. Defaults to
            nothing.
        on_inherited: Called with what was taken over from `config.from_run` and the
            validation scores before the first step. Defaults to nothing.
        progress: Wraps the loops over samples, to draw a bar. Defaults to nothing.
        tell: Called with a sentence on what is gone on from, and one on the best
            epoch. Defaults to nothing.
        verbose: Whether Keras draws a bar (in a terminal) or prints a line (elsewhere)
            for each epoch. Defaults to `True`.

    Returns:
        The history: a list with a value for each epoch, by logged name.

    Raises:
        FileExistsError: If the folder holds a run already, without `resume`.
        ImportError: If `tensorboard` asks for a package that is not installed.
        OSError: If the folder cannot be written to, or its disk has no room.
        RuntimeError: If another process trains into the folder.
        ValueError: If the backend cannot distribute, the data or the configuration are
            not as they should be, or, with `resume`, as they were; the message shows
            what differs.
        FloatingPointError: If the loss stops being a number.

    Example:
        >>> import tempfile
        >>> from keras_fcn.runs import RunConfig
        >>> config = RunConfig(weights="none", width=0.01, topology="same", epochs=1,
        ...                    crop_size=16, batch_size=100)
        >>> history = train(config, tempfile.mkdtemp(), verbose=False)
        >>> len(history["val_mean_iou"])
        1
    """
    devices = open_devices(distribute)
    if not devices.writes:
        on_checked = on_inherited = tell = _say_nothing
        progress, verbose = iter, False
    folder = Path(run_dir)
    is_new = devices.writes and not folder.exists()
    lock = RunLock(folder / CHECKPOINTS)
    try:
        with devices.together():
            tensorboard = devices.writes and _take(folder, lock, resume, tensorboard)
            require_same_config(folder, config, allow_config_change)
        writes = devices.writes
        keep = SaveWeights(folder, writes=writes)
        log = KeepHistory(folder, writes)
        kept = keep, log
        if (end := find_end(folder, config)) is not None:
            tell(f"This run is finished: {config.epochs} epochs.")
            Remembered(kept).restore(end.notes()["callbacks"], {})
            if tensorboard:
                write_history(folder, log.history)
        else:
            if devices.count > 1:
                tell(devices.describe())
            _train(
                config,
                folder,
                devices,
                kept,
                tensorboard,
                on_checked,
                on_inherited,
                progress,
                verbose,
                {
                    "allow_change": allow_config_change,
                    "every_steps": checkpoint_steps,
                    "every_minutes": checkpoint_minutes,
                    "tell": tell,
                },
            )
        tell(keep.describe_best())
        return log.history
    finally:
        lock.release()
        if is_new:  # nothing stays of a training that was refused
            with contextlib.suppress(OSError):  # not empty
                (folder / CHECKPOINTS).rmdir()
                folder.rmdir()


def _say_nothing(*_: Any) -> None:
    """Leave the word to the first process."""


def _take(folder: Path, lock: RunLock, resume: bool, tensorboard: bool) -> bool:
    """Take a folder for this process; return whether events are written into it."""
    require_writable(folder)
    if (folder / CONFIG).exists() and not resume:
        raise FileExistsError(
            f"A run folder must be new. Received: {str(folder)!r}, which holds a run. "
            "Go on with it (`--resume`, `resume=True`), or name another folder."
        )
    tensorboard = writes_events(folder, tensorboard)
    lock.acquire()
    for place in (folder, folder / "pictures"):
        remove_leftovers(place)  # of a process that was killed
    return tensorboard


def _train(
    config: RunConfig,
    folder: Path,
    devices: Devices,
    kept: tuple[SaveWeights, KeepHistory],
    tensorboard: bool,
    on_checked: Callable[[str, DataReport], None],
    on_inherited: Callable[[Inheritance, dict[str, float]], None],
    progress: Callable[[Iterable], Iterable],
    verbose: bool,
    checkpoints: Mapping[str, Any],
) -> None:
    if config.deterministic:
        make_deterministic()
    keras.utils.set_random_seed(config.seed)
    with devices.together():
        training, validation = config.open_both(progress=progress)
        config = dataclasses.replace(config, class_names=training.class_names)
        contents = check_samples(config, training, validation, on_checked, progress)

        keep, log = kept
        resume = ExactResume(
            folder / CHECKPOINTS,
            callbacks=kept,
            identity=identity_of(config, contents),
            writes=devices.writes,
            agree=devices.agree if devices.processes > 1 else None,
            **checkpoints,
        )
        steps = config.steps_per_epoch or math.ceil(len(training) / config.batch_size)
        with devices.building():
            model, inherited = _begin(config, resume.going_on)
            optimizer = make_optimizer(
                config.optimizer,
                config.lr,
                steps * config.epochs,
                momentum=config.momentum,
                weight_decay=config.weight_decay,
                lr_policy=config.lr_policy,
                accumulate=config.accumulate,
                doubled_biases=config.doubled_biases,
            )
        model = devices.place(model)
        loss = PixelwiseCrossentropy(
            ignore_class=training.ignore_class, reduction=config.loss
        )
        with devices.counting():
            metric = SegmentationScores(training.num_classes, training.ignore_class)
            model.compile(
                optimizer=optimizer,
                loss=loss,
                metrics=[metric],
                jit_compile=resolve_jit(config.jit),
            )
        devices.prepare(model, loss, metric)
        order = {"shuffle": True, "seed": config.seed}
        batches = devices.batches(
            training,
            config.batch_size,
            crop_size=config.crop_size or None,
            augment=config.augment,
            scale_range=config.scale_range,
            cache=config.cache,
            endless=True,
            first_step=resume.first_step,
            **order,
        )
        if devices.writes:
            write_config(folder, config)
    devices.require_same("checkpoint", resume.initial_epoch, resume.first_step)
    drawn = DrawPredictions(folder, validation, devices.writes)
    events = [WriteEvents(folder, config, metric, drawn, log)] if tensorboard else []
    try:
        with devices.running():
            if inherited is not None:
                scores = model.evaluate(
                    devices.batches(validation),
                    steps=devices.steps(validation),
                    return_dict=True,
                    verbose=0,
                )
                on_inherited(inherited, scores)
                keep.begin(model, scores)
            model.fit(
                batches,
                epochs=config.epochs,
                steps_per_epoch=steps,
                initial_epoch=resume.initial_epoch,
                validation_data=devices.batches(validation),
                validation_steps=devices.steps(validation),
                shuffle=False,  # the batches come shuffled
                verbose=(1 if sys.stdout.isatty() else 2) if verbose else 0,
                callbacks=[
                    # First: nothing of such an epoch is kept.
                    StopOnNaN(
                        NumberedBatches(training, config.batch_size, **order).names,
                        resume.initial_epoch * steps,
                    ),
                    *kept,
                    drawn,
                    *events,
                    resume,  # last: the others' memory is part of a checkpoint
                ],
            )
    finally:
        resume.leave()
        for callback in events:
            callback.close()


def _begin(config: RunConfig, going_on: bool) -> tuple[keras.Model, Inheritance | None]:
    """Return the network with its first weights, and what it has from another run."""
    if going_on:
        return config.build(precision=config.precision), None
    if config.from_run is None:
        weights = None if config.weights == "none" else config.weights
        return config.build(weights, config.precision), None
    model = config.build(precision=config.precision)
    stage, earlier = load_run(config.from_run)
    return model, inherit(stage, model, earlier.class_names, config.class_names)

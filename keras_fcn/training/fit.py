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


def train(
    config: RunConfig,
    run_dir: str | os.PathLike[str],
    *,
    resume: bool = False,
    allow_config_change: bool = False,
    checkpoint_steps: int | None = None,
    checkpoint_minutes: float = 10.0,
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
        OSError: If the folder cannot be written to, or its disk has no room.
        RuntimeError: If another process trains into the folder.
        ValueError: If the data or the configuration are not as they should be, or, with
            `resume`, as they were; the message shows what differs.
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
    folder = Path(run_dir)
    is_new = not folder.exists()
    require_writable(folder)
    if (folder / CONFIG).exists() and not resume:
        raise FileExistsError(
            f"A run folder must be new. Received: {str(folder)!r}, which holds a run. "
            "Go on with it (`--resume`, `resume=True`), or name another folder."
        )
    lock = RunLock(folder / CHECKPOINTS)
    lock.acquire()
    for place in (folder, folder / "pictures"):
        remove_leftovers(place)  # of a process that was killed
    try:
        require_same_config(folder, config, allow_config_change)
        keep, log = kept = SaveWeights(folder), KeepHistory(folder)
        if (end := find_end(folder, config)) is not None:
            tell(f"This run is finished: {config.epochs} epochs.")
            Remembered(kept).restore(end.notes()["callbacks"], {})
        else:
            _train(
                config,
                folder,
                kept,
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


def _train(
    config: RunConfig,
    folder: Path,
    kept: tuple[SaveWeights, KeepHistory],
    on_checked: Callable[[str, DataReport], None],
    on_inherited: Callable[[Inheritance, dict[str, float]], None],
    progress: Callable[[Iterable], Iterable],
    verbose: bool,
    checkpoints: Mapping[str, Any],
) -> None:
    if config.deterministic:
        make_deterministic()
    keras.utils.set_random_seed(config.seed)
    training, validation = config.open_both(progress=progress)
    config = dataclasses.replace(config, class_names=training.class_names)
    contents = check_samples(config, training, validation, on_checked, progress)

    keep, _ = kept
    resume = ExactResume(
        folder / CHECKPOINTS,
        callbacks=kept,
        identity=identity_of(config, contents),
        **checkpoints,
    )
    steps = config.steps_per_epoch or math.ceil(len(training) / config.batch_size)
    model, inherited = _begin(config, resume.going_on)
    model.compile(
        optimizer=make_optimizer(
            config.optimizer,
            config.lr,
            steps * config.epochs,
            momentum=config.momentum,
            weight_decay=config.weight_decay,
            lr_policy=config.lr_policy,
            accumulate=config.accumulate,
            doubled_biases=config.doubled_biases,
        ),
        loss=PixelwiseCrossentropy(
            ignore_class=training.ignore_class, reduction=config.loss
        ),
        metrics=[SegmentationScores(training.num_classes, training.ignore_class)],
        jit_compile=resolve_jit(config.jit),
    )
    write_config(folder, config)
    order = {"shuffle": True, "seed": config.seed}
    batches = training.batches(
        config.batch_size,
        crop_size=config.crop_size or None,
        augment=config.augment,
        scale_range=config.scale_range,
        cache=config.cache,
        endless=True,
        first_step=resume.first_step,
        **order,
    )
    if inherited is not None:
        scores = model.evaluate(validation.batches(1), return_dict=True, verbose=0)
        on_inherited(inherited, scores)
        keep.begin(model, scores)
    try:
        model.fit(
            batches,
            epochs=config.epochs,
            steps_per_epoch=steps,
            initial_epoch=resume.initial_epoch,
            validation_data=validation.batches(1),
            shuffle=False,  # the batches come shuffled
            verbose=(1 if sys.stdout.isatty() else 2) if verbose else 0,
            callbacks=[
                # First: nothing of such an epoch is kept.
                StopOnNaN(
                    NumberedBatches(training, config.batch_size, **order).names,
                    resume.initial_epoch * steps,
                ),
                *kept,
                DrawPredictions(folder, validation),
                resume,  # last: the others' memory is part of a checkpoint
            ],
        )
    finally:
        resume.leave()


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

"""One training, from its configuration to its run folder."""

from __future__ import annotations

import dataclasses
import math
import os
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

import keras

from ..datasets import (
    DataReport,
    SampleSource,
    examine,
    find_binary,
    find_leaks,
    raise_errors,
)
from ..hardware import resolve_jit
from ..losses import PixelwiseCrossentropy
from ..metrics import SegmentationScores
from ..runs import CONFIG, RunConfig, load_run, write_config
from ..weights import Inheritance, inherit
from .callbacks import DrawPredictions, KeepHistory, SaveWeights, StopOnNaN
from .optimizers import make_optimizer


def train(
    config: RunConfig,
    run_dir: str | os.PathLike[str],
    *,
    on_checked: Callable[[str, DataReport], None] = lambda split, report: None,
    on_inherited: Callable[[Inheritance, dict[str, float]], None] = lambda *_: None,
    progress: Callable[[Iterable], Iterable] = iter,
    verbose: bool = True,
) -> dict[str, list[float]]:
    """Train a network and keep everything about it in a run folder.

    All photos and masks are read before anything is built. The folder receives
    `config.yaml`, `log.csv`, `best.safetensors`, `last.safetensors` and `pictures/`.
    With `from_run` the best weights are those of that run until an epoch scores
    higher. An interrupt (Ctrl-C) keeps what the finished epochs gave.

    Args:
        config: What to train. Its `class_names` are taken from the data set.
        run_dir: The run folder; made if missing, and not yet a run's.
        on_checked: Called with a split's name and its `DataReport`. Defaults to
            nothing.
        on_inherited: Called with what was taken over from `config.from_run` and the
            validation scores before the first step. Defaults to nothing.
        progress: Wraps the loops over samples, to draw a bar. Defaults to nothing.
        verbose: Whether Keras draws a bar (in a terminal) or prints a line (elsewhere)
            for each epoch. Defaults to `True`.

    Returns:
        The history: a list with a value for each epoch, by logged name.

    Raises:
        FileExistsError: If the folder holds a run already.
        ValueError: If the data or the configuration are not as they should be.
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
    if (folder / CONFIG).exists():
        raise FileExistsError(
            f"A run folder must be new. Received: {str(folder)!r}, which holds a run. "
            "Name another folder, or remove this one."
        )
    keras.utils.set_random_seed(config.seed)
    training, validation = config.open_both(progress=progress)
    config = dataclasses.replace(config, class_names=training.class_names)
    _check(config, training, validation, on_checked, progress)

    steps = config.steps_per_epoch or math.ceil(len(training) / config.batch_size)
    model, inherited = _begin(config)
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
    batches = training.batches(
        config.batch_size,
        crop_size=config.crop_size or None,
        augment=config.augment,
        scale_range=config.scale_range,
        cache=config.cache,
        shuffle=True,
        seed=config.seed,
        endless=True,
    )
    log, keep = KeepHistory(folder), SaveWeights(folder)
    if inherited is not None:
        scores = model.evaluate(validation.batches(1), return_dict=True, verbose=0)
        on_inherited(inherited, scores)
        keep.begin(model, scores)
    model.fit(
        batches,
        epochs=config.epochs,
        steps_per_epoch=steps,
        validation_data=validation.batches(1),
        shuffle=False,  # the batches come shuffled
        verbose=(1 if sys.stdout.isatty() else 2) if verbose else 0,
        callbacks=[
            StopOnNaN(),  # first: nothing of such an epoch is kept
            keep,
            log,
            DrawPredictions(folder, validation),
        ],
    )
    return log.history


def _begin(config: RunConfig) -> tuple[keras.Model, Inheritance | None]:
    """Return the network with its first weights, and what it has from another run."""
    if config.from_run is None:
        weights = None if config.weights == "none" else config.weights
        return config.build(weights, config.precision), None
    model = config.build(precision=config.precision)
    stage, earlier = load_run(config.from_run)
    return model, inherit(stage, model, earlier.class_names, config.class_names)


def _check(
    config: RunConfig,
    training: SampleSource,
    validation: SampleSource,
    on_checked: Callable[[str, DataReport], None],
    progress: Callable[[Iterable], Iterable],
) -> None:
    """Read everything once; hours later is too late for a wrong label."""
    report = examine(training, progress)
    raise_errors(report.problems)
    on_checked(config.describe_training(), report)
    if (validation.names, config.describe_validation()) == (
        training.names,
        config.describe_training(),
    ):
        raise_errors(find_binary(report))
        return  # validated on what is trained on, by the user's own wish
    other = examine(validation, progress)
    raise_errors(other.problems)
    on_checked(config.describe_validation(), other)
    raise_errors([*find_binary(report, other), *find_leaks(report, other)])

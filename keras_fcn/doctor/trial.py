"""Keras and its backend, tried in a process of their own.

A broken backend may end its process: a wheel for another processor does. There, `main`
imports Keras, looks at its device, trains a tiny network twice from one seed, and
prints what came of it as JSON.
"""

from __future__ import annotations

import dataclasses
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import keras

SECONDS = 300  # that the process may take; with TensorFlow it takes 10
MARK = "keras-fcn doctor: "  # what a backend prints is not ours
STEPS = 4


@dataclass(frozen=True)
class Trial:
    """What Keras did.

    Attributes:
        error: Why nothing else is known; `None` where Keras works.
        backend: The backend that it took.
        device: `"GPU"`, `"TPU"` or `"CPU"`.
        precision: What `--precision auto` takes.
        precision_reason: Why.
        jit: Whether `--jit auto` compiles.
        jit_reason: Why.
        repeatable: Whether two trainings from one seed gave the same bits.
        repeatable_error: Why they could not be compared, if they could not.
    """

    error: str | None = None
    backend: str | None = None
    device: str | None = None
    precision: str | None = None
    precision_reason: str | None = None
    jit: bool | None = None
    jit_reason: str | None = None
    repeatable: bool | None = None
    repeatable_error: str | None = None


def try_keras(seconds: float = SECONDS) -> Trial:
    """Try Keras in a process of its own.

    Args:
        seconds: How long it may take. Defaults to `SECONDS`.

    Returns:
        What came of it; a `Trial` with an `error` if it raised, died or took too long.
    """
    # -P: a `keras.py` that lies in the current folder is not what is meant.
    program = f"from {__name__} import main; main()"
    command = [sys.executable, "-P", "-c", program]
    environment = {"TF_CPP_MIN_LOG_LEVEL": "2", **os.environ}
    # JAX must know before it begins; see `make_deterministic`.
    flags = f"{os.environ.get('XLA_FLAGS', '')} --xla_gpu_deterministic_ops=true"
    environment["XLA_FLAGS"] = flags.strip()
    try:
        told = subprocess.run(
            command, capture_output=True, env=environment, timeout=seconds
        )
    except subprocess.TimeoutExpired:
        return Trial(error=f"no answer within {seconds:g} s")
    except OSError as error:
        return Trial(error=str(error))
    answers = _lines(told.stdout)
    for line in answers:
        if line.startswith(MARK):
            return Trial(**json.loads(line.removeprefix(MARK)))
    if told.returncode < 0:
        with suppress(ValueError):
            return Trial(
                error=f"its process died of {signal.Signals(-told.returncode).name}"
            )
    words = [line for line in _lines(told.stderr) if line.strip()]
    return Trial(error=(words or [f"exit status {told.returncode}"])[-1])


def look() -> Trial:
    """Import Keras here, and look at what it does."""
    import keras

    from .. import hardware, native

    precision, why = hardware.fastest_precision()
    compiled = hardware.resolve_jit("auto")
    trial = Trial(
        backend=keras.backend.backend(),
        device=hardware.accelerator()[0],
        precision=precision,
        precision_reason=why,
        jit=compiled,
        jit_reason="JAX is slow without"
        if compiled
        else "a compiler begins anew for each size of image",
    )
    try:
        native.make_deterministic()
        return dataclasses.replace(trial, repeatable=repeats(tiny_network))
    except Exception as error:  # of any backend
        return dataclasses.replace(trial, repeatable_error=_told(error))


def repeats(build: Callable[[], keras.Model]) -> bool:
    """Return whether two short trainings from one seed give the same bits.

    Keras' random numbers begin anew.

    Args:
        build: Makes the network, of images `(16, 16, 3)`.
    """
    return _trained(build) == _trained(build)


def tiny_network() -> keras.Model:
    """Return a network of the layers that FCNs are made of, Dropout among them."""
    import keras

    return keras.Sequential(
        [
            keras.Input((16, 16, 3)),
            keras.layers.Conv2D(8, 3, padding="same", activation="relu"),
            keras.layers.MaxPooling2D(2),
            keras.layers.Dropout(0.5),
            keras.layers.Conv2DTranspose(2, 4, strides=2, padding="same"),
        ]
    )


def _trained(build: Callable[[], keras.Model]) -> list[bytes]:
    import keras
    import numpy as np

    keras.utils.set_random_seed(0)
    rng = np.random.default_rng(0)
    images = rng.normal(size=(STEPS, 2, 16, 16, 3)).astype("float32")
    labels = rng.integers(0, 2, (STEPS, 2, 16, 16))
    network = build()
    network.compile(
        optimizer=keras.optimizers.SGD(0.1, momentum=0.9),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    )
    for image, label in zip(images, labels, strict=True):
        network.train_on_batch(image, label)
    return [np.asarray(weight).tobytes() for weight in network.get_weights()]


def _lines(output: bytes) -> list[str]:
    return output.decode("utf-8", "replace").splitlines()


def _told(error: BaseException) -> str:
    return " ".join(f"{type(error).__name__}: {error}".split())[:500]


def main() -> None:
    """Look, and print what came of it."""
    try:
        trial = look()
    except Exception as error:  # a broken package raises whatever it likes
        trial = Trial(error=_told(error))
    print(f"{MARK}{json.dumps(dataclasses.asdict(trial))}")

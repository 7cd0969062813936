"""What one waits for before anything is computed, and the memory that it takes.

Imports are timed in fresh processes, the interpreter's own start included; memory is
the peak of a fresh process that does the work once.
"""

from __future__ import annotations

import functools
import importlib.util
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from races import Pair, Race, Settings
from side_by_side import Contender
from workers import NotHere, Work

from .inference import EAGER
from .networks import Shape, inference, network, ours, peer, training

FRAMEWORKS = ("keras", "tensorflow", "jax", "torch")


def races(settings: Settings) -> Iterator[Race]:
    """Yield what is measured."""
    yield _imports()
    shape = Shape.of(settings)
    yield _build(shape)
    yield from _files(shape)
    kinds = [("inference", inference), ("training", training)]
    for kind, work in kinds[:1] if settings.quick else kinds:
        contenders = {
            "Keras TensorFlow": ours(work, "tensorflow", shape, "paper"),
            EAGER: peer(kind, shape, "paper"),
        }
        title = f"peak memory, {kind} of FCN-8s paper, {shape}"
        yield Race(title, contenders, [Pair("Keras TensorFlow", EAGER)], memory=True)


def _imports() -> Race:
    contenders = {
        name: Contender("numpy", functools.partial(importing, statement, light))
        for name, statement, light in (
            ("keras_fcn.geometry", "import keras_fcn.geometry", True),
            ("keras_fcn.transposed", "import keras_fcn.transposed", True),
            ("numpy", "import numpy", True),
            ("keras", "import keras", False),
        )
    }
    pairs = [
        Pair("keras_fcn.geometry", "keras", 0.1),
        Pair("keras_fcn.transposed", "keras", 0.1),
        Pair("keras_fcn.transposed", "numpy"),
    ]
    return Race("import in a fresh process", contenders, pairs)


def importing(statement: str, light: bool) -> Work:
    """Return an import in a fresh process; `light` must load no framework."""
    found = [name for name in FRAMEWORKS[1:] if importlib.util.find_spec(name)]
    if not light and not found:
        raise NotHere("Keras has no backend")
    command = [sys.executable, "-c", statement]
    if light:
        command[2] += f"; import sys; assert not {set(FRAMEWORKS)} & set(sys.modules)"
    environment = os.environ | {"KERAS_BACKEND": found[0] if found else "numpy"}

    def run():
        subprocess.run(command, check=True, env=environment)

    return run


def _build(shape: Shape) -> Race:
    contenders = {
        "build_fcn8s": Contender("tensorflow", functools.partial(building, shape)),
        "PyTorch": Contender("torch", functools.partial(torch_building, shape)),
    }
    pairs = [Pair("build_fcn8s", "PyTorch")]
    return Race("build FCN-8s paper with random weights", contenders, pairs)


def building(shape: Shape) -> Work:
    """Return the building of FCN-8s."""
    import keras_fcn

    def build():
        keras_fcn.build_fcn8s(weights=None, width=shape.width)

    return build


def torch_building(shape: Shape) -> Work:
    """Return the same of `torch.nn`, whose own start the layers are given."""
    from peers.fcn8s import FCN8s

    def build():
        FCN8s("paper", width=shape.width, drawn=False)

    return build


def _files(shape: Shape) -> Iterator[Race]:
    for verb in ("save", "load"):
        contenders = {
            name: Contender("tensorflow", functools.partial(files, shape, verb, name))
            for name in (".safetensors", ".weights.h5", ".keras")
        }
        pairs = [Pair(".safetensors", peer) for peer in (".weights.h5", ".keras")]
        yield Race(f"{verb} FCN-8s paper", contenders, pairs)


def files(shape: Shape, verb: str, suffix: str) -> Work:
    """Return the saving or loading of weights; `.keras` holds the whole model."""
    import keras

    import keras_fcn

    model = network(shape, "paper")
    folder = tempfile.TemporaryDirectory()
    file = Path(folder.name, f"model{suffix}")
    write: Callable[[], Any]
    if suffix == ".keras":
        write, read = functools.partial(model.save, file), keras.saving.load_model
    elif suffix == ".weights.h5":
        write, read = functools.partial(model.save_weights, file), model.load_weights
    else:
        write = functools.partial(keras_fcn.save_weights, model, file)
        read = functools.partial(keras_fcn.load_weights, model)
    write()

    def work():
        write() if verb == "save" else read(os.fspath(file))
        assert folder  # it lives as long as the work

    return work

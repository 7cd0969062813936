"""Fully Convolutional Networks for Keras 3.

The public names, each resolved when it is first used: importing `keras_fcn.geometry`
or `keras_fcn.transposed` loads no framework, and `import keras_fcn` is instant.
"""

from __future__ import annotations

import importlib
import importlib.metadata
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from . import (
        backbones,
        checkpoints,
        datasets,
        export,
        geometry,
        losses,
        metrics,
        optimizers,
        pictures,
        pretrained,
        recipes,
        sharing,
        transposed,
        weights,
    )
    from .inference import evaluate, fold_for_inference, predict
    from .models import build_fcn8s, build_fcn16s, build_fcn32s
    from .report import write_report
    from .runs import from_pretrained, load_run
    from .sharing import publish
    from .weights import load_weights, save_weights

    __version__: str

_MODULES = (
    "backbones",
    "checkpoints",
    "datasets",
    "export",
    "geometry",
    "losses",
    "metrics",
    "optimizers",
    "pictures",
    "pretrained",
    "recipes",
    "sharing",
    "transposed",
    "weights",
)
_HOMES = {
    "build_fcn32s": "models",
    "build_fcn16s": "models",
    "build_fcn8s": "models",
    "evaluate": "inference",
    "fold_for_inference": "inference",
    "from_pretrained": "runs",
    "load_run": "runs",
    "load_weights": "weights",
    "predict": "inference",
    "publish": "sharing",
    "save_weights": "weights",
    "write_report": "report",
}

__all__ = [
    "backbones",
    "build_fcn8s",
    "build_fcn16s",
    "build_fcn32s",
    "checkpoints",
    "datasets",
    "evaluate",
    "export",
    "fold_for_inference",
    "from_pretrained",
    "geometry",
    "load_run",
    "load_weights",
    "losses",
    "metrics",
    "optimizers",
    "pictures",
    "predict",
    "pretrained",
    "publish",
    "recipes",
    "save_weights",
    "sharing",
    "transposed",
    "weights",
    "write_report",
]


def __getattr__(name: str):
    if name == "__version__":
        return importlib.metadata.version("keras-fcn")
    if name in _MODULES:
        return importlib.import_module(f".{name}", __name__)
    if name in _HOMES:
        return getattr(importlib.import_module(f".{_HOMES[name]}", __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])

"""A run folder: `config.yaml`, and weights named by layer."""

from __future__ import annotations

import importlib
import importlib.metadata
import os
import platform
from pathlib import Path

import keras

from ..hardware import resolve_precision
from ..storage import write_atomically
from ..suggestions import require_choice
from ..weights import load_weights
from ..weights.undrawn import undrawn
from .config import RunConfig
from .plain_yaml import MOST_CHARACTERS

CONFIG = "config.yaml"


def write_config(run_dir: str | os.PathLike[str], config: RunConfig) -> None:
    """Write `config.yaml` into a run folder, with the versions that it ran with."""
    text = config.to_yaml(environment=_environment())
    write_atomically(Path(run_dir) / CONFIG, text.encode())


def load_run(
    run_dir: str | os.PathLike[str],
    weights: str = "best",
    precision: str | None = None,
) -> tuple[keras.Model, RunConfig]:
    """Build the network of a run folder and load its weights.

    Args:
        run_dir: A folder that `keras-fcn train` wrote.
        weights: `"best"`, those of the epoch with the best validation mean IoU, or
            `"last"`. Defaults to `"best"`.
        precision: `"float32"`, `"mixed_float16"`, `"mixed_bfloat16"`, or `"auto"` for
            the fastest of this machine. Defaults to `None`: that of Keras.

    Returns:
        The model and the run's configuration.

    Raises:
        FileNotFoundError: If the folder, its `config.yaml` or the weights are
            missing.
        ValueError: If `config.yaml` or the weights are not what they should be.

    Example:
        >>> import tempfile, keras_fcn
        >>> config = RunConfig(width=0.02, class_names=("background", "cat"))
        >>> folder = Path(tempfile.mkdtemp())
        >>> write_config(folder, config)
        >>> keras_fcn.save_weights(config.build(), folder / "best.safetensors")
        >>> model, read = keras_fcn.load_run(folder)
        >>> read == config, model.name
        (True, 'fcn8s')
    """
    require_choice("weights", weights, ("best", "last"))
    config = read_config(run_dir)
    if precision is not None:
        precision, _ = resolve_precision(precision)
    with undrawn():
        model = config.build(precision=precision)
    load_weights(model, Path(run_dir) / f"{weights}.safetensors")
    return model, config


def read_config(run_dir: str | os.PathLike[str]) -> RunConfig:
    """Read the configuration of a run folder.

    Raises:
        FileNotFoundError: If the folder or its `config.yaml` is missing.
        ValueError: If `config.yaml` is not what it should be.
    """
    folder = Path(run_dir)
    file = folder / CONFIG
    if not file.is_file():
        raise FileNotFoundError(
            f"A run folder must hold {CONFIG!r}. Received: {str(folder)!r}, which does "
            "not. `keras-fcn train --run-dir` makes one."
        )
    try:
        with file.open(encoding="utf-8") as opened:  # no more than can be one
            return RunConfig.from_yaml(opened.read(MOST_CHARACTERS + 1))
    except ValueError as error:
        raise ValueError(f"{str(file)!r} cannot be used: {error}") from error


def _environment() -> dict[str, str]:
    backend = keras.backend.backend()
    return {
        "keras_fcn": importlib.metadata.version("keras-fcn"),
        "keras": keras.__version__,
        "backend": f"{backend} {importlib.import_module(backend).__version__}",
        "python": platform.python_version(),
        "machine": platform.platform(),
    }

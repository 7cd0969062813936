"""Where a trained network is: a run folder, a published folder, or the Hub.

A run folder has `config.yaml` and weights named by layer; a published one the same as
`config.json` and `model.safetensors`, and nothing of the training.
"""

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
from ..weights.files import check_weights_path
from ..weights.undrawn import undrawn
from .config import RunConfig
from .hub import fetch, is_on_hub
from .plain_yaml import MOST_CHARACTERS
from .published import PUBLISHED_CONFIG, PUBLISHED_WEIGHTS, read_published

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
        run_dir: A folder that `keras-fcn train` or `keras-fcn publish` wrote, or
            `hf://user/name`, as in `from_pretrained`.
        weights: `"best"`, those of the epoch with the best validation mean IoU, or
            `"last"`; a published network has only its best. Defaults to `"best"`.
        precision: `"float32"`, `"mixed_float16"`, `"mixed_bfloat16"`, or `"auto"` for
            the fastest of this machine. Defaults to `None`: that of Keras.

    Returns:
        The model and the run's configuration.

    Raises:
        FileNotFoundError: If the folder, its configuration or the weights are
            missing.
        HubError: If the Hub does not give it. It is an `OSError`.
        ValueError: If the configuration or the weights are not what they should be.

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
    folder = find_folder(run_dir)
    config = read_config(folder)
    file = folder / f"{weights}.safetensors"
    if is_published(folder):
        require_choice("weights", weights, ("best",))
        file = check_weights_path(folder / PUBLISHED_WEIGHTS)  # before memory is taken
    if precision is not None:
        precision, _ = resolve_precision(precision)
    with undrawn():
        model = config.build(precision=precision)
    load_weights(model, file)
    return model, config


def from_pretrained(
    source: str | os.PathLike[str],
    *,
    revision: str | None = None,
    precision: str | None = None,
    cache_dir: str | os.PathLike[str] | None = None,
    offline: bool = False,
) -> tuple[keras.Model, RunConfig]:
    """Build a network that someone has shared and load its weights.

    Nothing but JSON and safetensors is read, and nothing in them is run.

    Args:
        source: `"hf://user/name"` or `"hf://user/name@revision"` on the Hugging Face
            Hub, a folder that `keras-fcn publish` wrote, or a run folder.
        revision: A branch, tag or commit on the Hub. Defaults to `None`: that of
            `source`, else the newest.
        precision: As in `load_run`.
        cache_dir: Where downloads are kept. Defaults to `None`: huggingface_hub's
            own folder, which `HF_HOME` moves.
        offline: Whether to ask nobody, and take what is kept. Defaults to `False`:
            the Hub is asked first, and what is kept is taken if it does not answer.

    Returns:
        The model, and its configuration. A published network has no data: that is
        as in a `RunConfig()`.

    Raises:
        FileNotFoundError: If there is no such folder, or no network in it.
        HubError: If the Hub does not give it. It is an `OSError`.
        ImportError: If `source` is on the Hub and huggingface_hub is not installed.
        ValueError: If an argument is impossible, or the configuration or the weights
            are not what they should be.

    Example:
        ```python
        model, config = keras_fcn.from_pretrained("hf://user/name")
        labels = keras_fcn.predict(model, "photo.jpg")
        ```

    Reference:
        https://huggingface.co/docs/huggingface_hub
    """
    if is_on_hub(source):
        source = fetch(source, revision, cache_dir, offline)
    elif revision is not None:
        raise ValueError(
            "`revision` must go with an address on the Hub. Received: "
            f"revision={revision!r} with source={os.fspath(source)!r}. Leave it out."
        )
    return load_run(source, precision=precision)


def find_folder(source: str | os.PathLike[str]) -> Path:
    """Return the folder of a network, fetched if it is on the Hub.

    Raises:
        HubError: If the Hub does not give it.
        ImportError: If huggingface_hub is needed and not installed.
    """
    return fetch(source) if is_on_hub(source) else Path(source)


def is_published(source: str | os.PathLike[str]) -> bool:
    """Return whether a network was published: it knows no data and takes no files.

    Example:
        >>> is_published("hf://someone/pets"), is_published("runs/pets")
        (True, False)
    """
    if is_on_hub(source):
        return True
    folder = Path(source)
    return not (folder / CONFIG).exists() and (folder / PUBLISHED_CONFIG).is_file()


def read_config(run_dir: str | os.PathLike[str]) -> RunConfig:
    """Read the configuration of a run folder, or of a network as in `from_pretrained`.

    Raises:
        FileNotFoundError: If the folder or its configuration is missing.
        HubError: If the Hub does not give it.
        ValueError: If the configuration is not what it should be.
    """
    folder = find_folder(run_dir)
    if is_published(folder):
        return read_published(folder)
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

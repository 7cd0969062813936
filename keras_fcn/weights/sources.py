"""What a network can begin with: our own files, published files, published names."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import keras

from .caffe import load_caffemodel
from .files import SUFFIXES, load_weights
from .placement import LoadReport
from .published import PUBLISHED, obtain_weights
from .pytorch import load_torch

LOADERS = {".caffemodel": load_caffemodel, ".pth": load_torch, ".pt": load_torch}


def check_source(source: str | os.PathLike[str]) -> None:
    """Raise an error if `source` is neither published weights nor a weights file.

    Raises:
        ValueError: If it is a file of another kind.
        FileNotFoundError: If there is no such file.
    """
    if source in PUBLISHED:
        return
    path = Path(source)
    if not path.name.endswith((*SUFFIXES, *LOADERS)):
        raise ValueError(
            "Weights must be a file that ends in "
            + ", ".join(f"`{suffix}`" for suffix in (*SUFFIXES, *LOADERS))
            + f', or the name of published weights. Received: "{source}". '
            "`keras-fcn convert --list` prints the names."
        )
    if not path.is_file():
        raise FileNotFoundError(f'There is no weights file "{source}".')


def fill(model: keras.Model, source: str | os.PathLike[str]) -> LoadReport | None:
    """Fill a network with a weights file or with published weights.

    Args:
        model: A network of `build_fcn8s` and the like.
        source: A file of our own (`.safetensors`, `.weights.h5`), which must be of
            exactly this network; one of Caffe (`.caffemodel`) or PyTorch (`.pth`,
            `.pt`), whose report is returned; or a name in `PUBLISHED`, which is
            downloaded once.

    Returns:
        What became of each tensor; `None` for our own files.

    Raises:
        FileNotFoundError: If there is no such file.
        WeightsFormatError: If it does not fit. Nothing is changed then.
        DownloadError: If published weights cannot be downloaded.
    """
    check_source(source)
    path = Path(source)
    if source in PUBLISHED:
        path = obtain_weights(str(source), progress=_draw_bars())
    load = LOADERS.get(path.suffix)
    if load is None:
        load_weights(model, path)
        return None
    return load(model, path)


def _draw_bars() -> Callable[[str, int, int | None], None]:
    """Return what draws Keras' bar, as for its own downloads, for every step."""
    bars: dict[str, keras.utils.Progbar] = {}

    def draw(what: str, done: int, total: int | None) -> None:
        if what not in bars:
            print(what)
            bars[what] = keras.utils.Progbar(total)
        bars[what].update(done)

    return draw

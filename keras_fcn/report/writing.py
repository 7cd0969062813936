"""The one door: a run folder becomes a page."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from pathlib import Path

from ..datasets import DataConfig
from ..runs import load_run, read_log
from ..storage import require_writable, write_atomically
from .facts import read_environment, recipe_of, settings_of
from .page import fill_page
from .scoring import score


def write_report(
    run_dir: str | os.PathLike[str],
    file: str | os.PathLike[str] | None = None,
    *,
    data: DataConfig | None = None,
    weights: str = "best",
    samples: int = 4,
    precision: str | None = None,
    progress: Callable[[str], Callable[[Iterable], Iterable]] = lambda what: iter,
) -> Path:
    """Score a run and write what there is to know of it as one HTML file.

    The page needs no network and no other file. It has the scores, the learning
    curves, each class, the confusions, the best and the worst photos with their
    labels, and the settings.

    Args:
        run_dir: A folder that `keras-fcn train` or `keras-fcn convert` wrote.
        file: The page. Defaults to `None`: `report.html` in the run folder.
        data: What to score on, its validation part: `config.with_validation(...)`.
            Defaults to `None`: what the run was validated on.
        weights: `"best"` or `"last"`. Defaults to `"best"`.
        samples: How many of the best photos are shown, and of the worst. Defaults to
            `4`.
        precision: As in `load_run`. Defaults to `None`: that of Keras.
        progress: Returns for a description what wraps a loop, to draw a bar. Defaults
            to nothing.

    Returns:
        The file.

    Raises:
        FileNotFoundError: If the folder, its configuration or the weights are
            missing.
        ValueError: If the run is damaged, or the data are not of its classes.
        OSError: If the file cannot be written.

    Example:
        >>> import tempfile, keras_fcn
        >>> from keras_fcn.runs import RunConfig, write_config
        >>> names = keras_fcn.datasets.Shapes().class_names
        >>> config = RunConfig(width=0.02, topology="same", class_names=names)
        >>> run = Path(tempfile.mkdtemp())
        >>> write_config(run, config)
        >>> keras_fcn.save_weights(config.build(), run / "best.safetensors")
        >>> write_report(run).name
        'report.html'
    """
    folder = Path(run_dir)
    page = folder / "report.html" if file is None else Path(file)
    if samples < 0:
        raise ValueError(f"`samples` must be at least 0. Received: samples={samples}.")
    if page.is_dir():
        raise ValueError(
            "A report must be written to a file. Received: "
            f"{os.fspath(page)!r}, a folder. Name a file in it, report.html say."
        )
    model, config = load_run(folder, weights, precision)
    history = read_log(folder)
    require_writable(page.parent)
    data = data or config
    source = data.open_validation(progress=progress("Converting labels"))
    part = data.describe_validation()
    scored = score(model, source, samples, progress(f"Scoring {part}"))
    text = fill_page(
        title=folder.resolve().name,
        trained={
            "model": config.model,
            "backbone": config.backbone,
            "dataset": config.dataset,
            "part": config.describe_training(),
            "epochs": max(map(len, history.values()), default=0),
            "recipe": recipe_of(config) if history else None,
            "from_run": config.from_run,
            "source": config.weights,
            "weights": weights,
            "scored_dataset": data.dataset,
            "scored_part": part,
        },
        settings=settings_of(config, trained=bool(history)),
        environment=read_environment(folder),
        history=history,
        scored=scored,
        class_names=source.class_names,
    )
    # The name of a folder may be no text at all.
    write_atomically(page, text.encode(errors="xmlcharrefreplace"))
    return page

"""What is known of how well a network does: its run's log, and files of `evaluate`.

Nothing is computed here, and nothing made up: what is not known is left out.
"""

from __future__ import annotations

import json
import math
import os
from pathlib import Path
from typing import Any, NamedTuple

from ..runs import RunConfig, read_log

# The paper's four, as our files name them and as people do.
METRICS = {
    "mean_iou": "mean IU",
    "pixel_accuracy": "pixel accuracy",
    "mean_accuracy": "mean accuracy",
    "frequency_weighted_iou": "frequency weighted IU",
}


class Scores(NamedTuple):
    """Scores from 0 to 1, and what they were measured on."""

    dataset: str
    split: str
    images: int | None
    metrics: dict[str, float]
    per_class_iou: dict[str, float | None]
    source: str  # in words: where they stand


def best_of_log(run_dir: Path) -> tuple[int, dict[str, float]] | None:
    """Return the epoch whose weights are the run's best, and what was logged of it.

    Args:
        run_dir: The run folder.

    Returns:
        `None` if nothing was logged, or no score that is a number.

    Raises:
        ValueError: If `log.csv` is no table of numbers.
    """
    history = read_log(run_dir)
    scores = dict(enumerate(history.get("val_mean_iou", ())))
    scored = [row for row, score in scores.items() if not math.isnan(score)]
    if not scored:
        return None
    best = max(scored, key=scores.__getitem__)
    return best + 1, {name: values[best] for name, values in history.items()}


def validation_of(config: RunConfig) -> str:
    """Return in a few words what a run was validated on; its data may be gone."""
    try:
        return config.describe_validation()
    except (OSError, ValueError):
        return config.val_split or "validation"


def scores_of_log(config: RunConfig, log: tuple[int, dict[str, float]]) -> Scores:
    """Return what a training logged of its best epoch, on its validation."""
    epoch, row = log
    metrics = {name: row[f"val_{name}"] for name in METRICS if f"val_{name}" in row}
    return Scores(
        config.dataset,
        validation_of(config),
        None,
        {name: value for name, value in metrics.items() if math.isfinite(value)},
        {},
        f"from the training's log, epoch {epoch}, the best of all by this mean IU",
    )


def read_scores(file: str | os.PathLike[str], config: RunConfig) -> Scores:
    """Read what `keras-fcn evaluate --json` wrote.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is another file, or of a network with other classes.
    """
    file = Path(file)
    if not file.is_file():
        raise FileNotFoundError(f"There is no file of scores {str(file)!r}.")
    try:
        data = json.loads(file.read_text(encoding="utf-8"))
        by_class = {str(k): _share(v) for k, v in data["per_class_iou"].items()}
        metrics = {name: _share(data[name]) for name in METRICS}
        told = str(data["dataset"]), str(data["split"]), int(data["images"])
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise ValueError(
            "Scores must be a file of `keras-fcn evaluate --json`. Received: "
            f"{str(file)!r}: {type(error).__name__} {str(error)[:200]}."
        ) from error
    if set(by_class) != set(config.class_names):
        raise ValueError(
            "Scores must be of the run's classes, "
            f"{list(config.class_names)[:5]}... Received: {str(file)!r} with "
            f"{list(by_class)[:5]}..."
        )
    known = {name: value for name, value in metrics.items() if value is not None}
    return Scores(*told, known, by_class, "by `keras-fcn evaluate`")


def _share(value: Any) -> float | None:
    """Return a score; one that does not exist is `None`."""
    if value is None:
        return None
    if isinstance(value, bool) or not 0 <= float(value) <= 1:
        raise ValueError(f"a score of {value!r}, not from 0 to 1")
    return float(value)

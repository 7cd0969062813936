"""The page of a report: what its template is given, and the template filled in.

The template knows HTML only; numbers become words here. Whatever comes from the run or
its data is escaped by Jinja2, and the page forbids itself to load anything.
"""

from __future__ import annotations

import base64
import hashlib
import importlib.metadata
import importlib.resources
from collections.abc import Mapping, Sequence
from typing import Any

import jinja2

from ..datasets import VOID, voc_palette
from ..pictures import WRONG, learning_curves_svg
from ..scores import segmentation_scores
from .scoring import Scored
from .tables import class_rows, confusions, shares

MOST_CLASSES = 64  # of a confusion matrix that is shown cell by cell
MOST_EPOCHS = 200  # of the table of the log
# The paper's word for each score, and what it says.
SCORES = {
    "mean_iou": "mean IU",
    "pixel_accuracy": "pixel accuracy",
    "mean_accuracy": "mean accuracy",
    "frequency_weighted_iou": "f.w. IU",
}
MEANINGS = {
    "mean_iou": "Of each class: the pixels that are both labelled and truly so, among "
    "those that are either. Averaged over the classes. Weights are chosen by it.",
    "pixel_accuracy": "Of all pixels, the share that is labelled rightly. Large "
    "classes decide it, the background first.",
    "mean_accuracy": "The share of each class's own pixels that is labelled rightly, "
    "averaged over the classes. Labelling too much as a class costs that class "
    "nothing.",
    "frequency_weighted_iou": "Frequency weighted: the IU of each class, averaged by "
    "how many pixels truly are of it.",
}


def fill_page(
    *,
    title: str,
    trained: Mapping[str, Any],
    settings: Mapping[str, Mapping[str, str]],
    environment: Mapping[str, str],
    history: Mapping[str, Sequence[float]],
    scored: Scored,
    class_names: Sequence[str],
) -> str:
    """Return the page as HTML.

    Args:
        title: Name of the run.
        trained: What the first paragraph is about: `network`, `dataset`, `trained_on`,
            `scored_on`, `weights`, `recipe`, `from_run`.
        settings: The settings of the run as words, by group.
        environment: Versions and machine of the training.
        history: What was logged, a list for each name; empty without a log.
        scored: What came of scoring.
        class_names: Names of the classes.
    """
    matrix = scored.confusion_matrix
    things, missed = confusions(matrix, class_names)
    numbers = segmentation_scores(matrix)
    script, style = _file("report.js"), _file("report.css")
    return _TEMPLATES.get_template("report.html").render(
        title=title,
        trained=trained,
        settings=settings,
        environment=environment,
        curves=learning_curves_svg(history) if history else {},
        log=_log(history),
        log_names=list(history),
        best_epoch=_best_epoch(history),
        scores=[(word, MEANINGS[n], numbers[n]) for n, word in SCORES.items()],
        images=scored.images,
        classes=class_rows(matrix, class_names),
        class_names=class_names,
        pixels=matrix.tolist(),
        shares=shares(matrix) if len(class_names) <= MOST_CLASSES else None,
        most_classes=MOST_CLASSES,
        things=things,
        missed=missed,
        best=scored.best,
        worst=scored.worst,
        colours=[_colour(c) for c in voc_palette().tolist()],
        wrong=_colour(WRONG),
        void=VOID,
        script=script,
        style=style,
        script_digest=_digest(script),
        version=importlib.metadata.version("keras-fcn"),
    )


def _colour(rgb: Sequence[int]) -> str:
    return f"rgb({' '.join(map(str, rgb))})"


def _percent(value: float | None, digits: int = 2) -> str:
    return "absent" if value is None else f"{100 * value:.{digits}f} %"


def _named(labels: Sequence[int], class_names: Sequence[str]) -> list[tuple[int, str]]:
    """Return labels with their names; void has one too."""
    return [
        (label, class_names[label] if label < len(class_names) else "void")
        for label in labels
    ]


def _log(history: Mapping[str, Sequence[float]]) -> list[tuple[int, list[float]]]:
    """Return the last epochs, each with its number."""
    rows = enumerate(zip(*history.values(), strict=True), start=1)
    return [(epoch, list(row)) for epoch, row in rows][-MOST_EPOCHS:]


def _best_epoch(history: Mapping[str, Sequence[float]]) -> tuple[int, float] | None:
    values = history.get("val_mean_iou")
    if not values:
        return None
    best = max(values)
    return list(values).index(best) + 1, best


def _file(name: str) -> str:
    folder = importlib.resources.files(__package__ or "") / "templates"
    return (folder / name).read_text(encoding="utf-8")


def _digest(text: str) -> str:
    """Return what a page says of the only script that it allows."""
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


_TEMPLATES = jinja2.Environment(
    loader=jinja2.FunctionLoader(_file),
    autoescape=True,
    undefined=jinja2.StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_TEMPLATES.filters |= {"percent": _percent, "named": _named}

"""The numbers of a confusion matrix, as the rows and sentences of a page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..scores import per_class_iou

BACKGROUND = 0
LEAST_CONFUSED = 0.01  # share of a class's pixels that is worth a sentence
MOST_CONFUSIONS = 10


@dataclass(frozen=True)
class ClassRow:
    """One class; what cannot be said of it is `None`.

    Attributes:
        label: Its number.
        name: Its name.
        iou: Intersection over union; `None` if it is neither true nor predicted.
        accuracy: Share of its true pixels that is predicted; `None` without any.
        pixels: True pixels.
        share: Share of all valid pixels.
        predicted: Predicted pixels.
    """

    label: int
    name: str
    iou: float | None
    accuracy: float | None
    pixels: int
    share: float
    predicted: int


@dataclass(frozen=True)
class Confusion:
    """One class taken for another.

    Attributes:
        true: The class that it is.
        predicted: The class that it is taken for.
        share: Of the true class's pixels.
        pixels: How many.
    """

    true: str
    predicted: str
    share: float
    pixels: int


def class_rows(matrix: np.ndarray, class_names: Sequence[str]) -> list[ClassRow]:
    """Return a row for each class.

    Args:
        matrix: `(num_classes, num_classes)` pixels, row true, column predicted.
        class_names: Names of the classes.

    Example:
        >>> row, _ = class_rows(np.array([[3, 1], [0, 0]]), ["background", "cat"])
        >>> row.iou, row.accuracy, row.pixels
        (0.75, 0.75, 4)
    """
    true, predicted = matrix.sum(axis=1).tolist(), matrix.sum(axis=0).tolist()
    right, total = np.diagonal(matrix).tolist(), max(1, int(matrix.sum()))
    return [
        ClassRow(
            label=label,
            name=name,
            iou=None if np.isnan(iou) else float(iou),
            accuracy=right[label] / true[label] if true[label] else None,
            pixels=true[label],
            share=true[label] / total,
            predicted=predicted[label],
        )
        for label, (name, iou) in enumerate(
            zip(class_names, per_class_iou(matrix), strict=True)
        )
    ]


def shares(matrix: np.ndarray) -> list[list[float | None]]:
    """Return each row as shares of the true class's pixels, `None` without any.

    Example:
        >>> shares(np.array([[3, 1], [0, 0]]))
        [[0.75, 0.25], [None, None]]
    """
    return [
        [pixels / sum(row) if sum(row) else None for pixels in row]
        for row in matrix.tolist()
    ]


def confusions(
    matrix: np.ndarray, class_names: Sequence[str]
) -> tuple[list[Confusion], list[Confusion]]:
    """Return what is worth knowing of the errors, the largest share first.

    Args:
        matrix: `(num_classes, num_classes)` pixels, row true, column predicted.
        class_names: Names of the classes, the background first.

    Returns:
        Things taken for other things, and things taken for background. Background
        taken for a thing is in neither: its share is small where there is much.

    Example:
        >>> matrix = np.array([[90, 0, 0], [0, 75, 25], [50, 0, 50]])
        >>> things, missed = confusions(matrix, ["background", "cat", "dog"])
        >>> [(c.true, c.predicted, c.share) for c in things + missed]
        [('cat', 'dog', 0.25), ('dog', 'background', 0.5)]
    """
    found: tuple[list[Confusion], list[Confusion]] = [], []
    for true, row in enumerate(matrix.tolist()):
        for predicted, pixels in enumerate(row):
            if true in (BACKGROUND, predicted) or pixels < LEAST_CONFUSED * sum(row):
                continue
            if not pixels:
                continue
            found[predicted == BACKGROUND].append(
                Confusion(
                    true=class_names[true],
                    predicted=class_names[predicted],
                    share=pixels / sum(row),
                    pixels=pixels,
                )
            )
    things, missed = (
        sorted(several, key=lambda one: -one.share)[:MOST_CONFUSIONS]
        for several in found
    )
    return things, missed

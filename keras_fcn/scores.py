"""The paper's four scores as formulas of a confusion matrix.

`n_ij` is the number of pixels of class `i` predicted to be class `j`: row true,
column predicted, as in Long et al., section 5, and the authors' `score.py`. Knows
NumPy; the same four lines serve any library with its names.
"""

from __future__ import annotations

from typing import Any

import numpy as np

SCORES = (
    "pixel_accuracy",
    "mean_accuracy",
    "mean_iou",
    "frequency_weighted_iou",
)


def segmentation_scores(confusion_matrix: Any) -> dict[str, float]:
    """The four scores of a confusion matrix.

    - `pixel_accuracy`: sum_i n_ii / sum_i t_i
    - `mean_accuracy`: mean over classes of n_ii / t_i
    - `mean_iou`: mean over classes of n_ii / (t_i + sum_j n_ji - n_ii)
    - `frequency_weighted_iou`: sum_i t_i IU_i / sum_k t_k

    with `t_i = sum_j n_ij`. A class without a pixel is left out of the means: out of
    `mean_accuracy` if it is never true, out of `mean_iou` if it is neither true nor
    predicted. Without any pixel all four are 0.

    Args:
        confusion_matrix: Array `(num_classes, num_classes)`, row true, column
            predicted.

    Returns:
        A dict of the four, each 0..1.

    Example:
        Class 0: 3 of 4 pixels right. Class 1: 1 of 1, and 1 too many.

        >>> scores = segmentation_scores([[3, 1], [0, 1]])
        >>> {name: round(float(score), 3) for name, score in scores.items()}
        ... # doctest: +NORMALIZE_WHITESPACE
        {'pixel_accuracy': 0.8, 'mean_accuracy': 0.875, 'mean_iou': 0.625,
         'frequency_weighted_iou': 0.7}

    Reference:
        Long et al., https://arxiv.org/abs/1411.4038, section 5, "Metrics".
    """
    matrix = np.asarray(confusion_matrix, "float64")
    return {name: float(score) for name, score in four_scores(matrix, np).items()}


def per_class_iou(confusion_matrix: Any) -> np.ndarray:
    """Intersection over union of each class, NaN where a class has no pixel.

    Args:
        confusion_matrix: Array `(num_classes, num_classes)`, row true, column
            predicted.

    Returns:
        Array `(num_classes,)`, float64.

    Example:
        >>> per_class_iou([[3, 1, 0], [0, 1, 0], [0, 0, 0]]).tolist()
        [0.75, 0.5, nan]
    """
    matrix = np.asarray(confusion_matrix, "float64")
    right = np.diagonal(matrix)
    union = matrix.sum(axis=1) + matrix.sum(axis=0) - right
    return np.divide(right, union, out=np.full(len(matrix), np.nan), where=union > 0)


def four_scores(matrix, xp) -> dict[str, Any]:
    """Return the four by name; `xp` is `numpy`, or `keras.ops` in compiled code."""
    right = xp.diagonal(matrix)
    true = xp.sum(matrix, axis=1)
    union = true + xp.sum(matrix, axis=0) - right
    total = xp.sum(true)

    def ratio(a, b):
        return xp.where(b > 0, a / xp.where(b > 0, b, 1), 0)

    def mean(values, present):
        return ratio(xp.sum(values), xp.sum(xp.where(present, 1.0, 0.0)))

    iou = ratio(right, union)
    return {
        "pixel_accuracy": ratio(xp.sum(right), total),
        "mean_accuracy": mean(ratio(right, true), true > 0),
        "mean_iou": mean(iou, union > 0),
        "frequency_weighted_iou": ratio(xp.sum(true * iou), total),
    }

"""The paper's four scores as a Keras metric, from one matrix over the whole data set.

The formulas stand in `scores.py`; here pixels are counted, exactly, on every backend.
"""

from __future__ import annotations

import keras
import numpy as np
from keras import ops

from . import pixels
from .pixels.cells import SMALLEST
from .scores import SCORES, four_scores, per_class_iou, segmentation_scores

__all__ = ["SCORES", "SegmentationScores", "per_class_iou", "segmentation_scores"]

CARRY_BITS = 30  # a count is low + high * 2**30, exact where there is no int64


@keras.saving.register_keras_serializable("keras_fcn")
class SegmentationScores(keras.metrics.Metric):
    """The paper's four scores as one Keras metric with one confusion matrix.

    Give it to `compile(metrics=[...])`, or call it on labels `(batch, height,
    width)` and logits `(batch, height, width, num_classes)`, or predicted labels of
    the labels' own shape. `result()` is a dict, so Keras logs `pixel_accuracy`,
    `mean_accuracy`, `mean_iou` and `frequency_weighted_iou`.

    Counts are exact up to 2**61 pixels on every backend.

    Args:
        num_classes: Number of classes, the background included.
        ignore_class: The void label, or `None` if there is none. Defaults to `255`.
        name: Name of the metric.

    Raises:
        ValueError: If `num_classes` is below 1; and by `result()` and
            `confusion_matrix()`, if a label was neither a class nor void. While a
            training step is being compiled nothing can be raised: the scores are
            not-a-number then, and the error follows at the end of the epoch.

    Example:
        >>> import numpy as np
        >>> scores = SegmentationScores(num_classes=2)
        >>> scores.update_state(np.array([[0, 0, 1, 255]]), np.array([[0, 1, 1, 1]]))
        >>> scores.confusion_matrix().tolist()
        [[1, 1], [0, 1]]
        >>> round(scores.result()["mean_iou"], 3)
        0.5

    Reference:
        Long et al., https://arxiv.org/abs/1411.4038, section 5, "Metrics".
    """

    def __init__(
        self,
        num_classes: int,
        ignore_class: int | None = 255,
        name: str = "segmentation_scores",
    ):
        super().__init__(name=name, dtype="int32")
        if num_classes < 1:
            raise ValueError(
                "`num_classes` must be at least 1. "
                f"Received: num_classes={num_classes}."
            )
        self.num_classes = num_classes
        self.ignore_class = ignore_class
        side = num_classes + 1  # the last row and column for what is no class
        self._counts = self.add_variable(
            shape=(2, side, side), initializer="zeros", dtype="int32", name="counts"
        )
        self._largest = self.add_variable(
            shape=(2,),
            initializer=keras.initializers.Constant(SMALLEST),
            dtype="int32",
            name="largest_wrong",
        )

    def update_state(self, y_true, y_pred, sample_weight=None):
        """Count a batch. `sample_weight` is not used: pixels count once or not."""
        self.add(*pixels.confusion(y_true, y_pred, self.num_classes, self.ignore_class))

    def add(self, counts, largest):
        """Add pixels that were counted elsewhere, by `pixels.confusion`."""
        if pixels.is_compiling(counts):
            self._counts.assign(_add(self._counts.value, counts, ops))
            self._largest.assign(ops.maximum(self._largest, largest))
            return
        # For so few numbers each call of a backend costs more than what it does.
        before, counts = map(ops.convert_to_numpy, (self._counts.value, counts))
        self._counts.assign(_add(before, counts, np))
        if counts[-1].any() or counts[:, -1].any():
            self._largest.assign(ops.maximum(self._largest, largest))

    def result(self):
        """Return the four scores, as Python floats outside of compiled code."""
        if not pixels.is_compiling(self._counts.value):
            return segmentation_scores(self.confusion_matrix())
        counts = ops.cast(self._counts[0], "float32")
        counts += ops.cast(self._counts[1], "float32") * 2.0**CARRY_BITS
        scores = four_scores(counts[:-1, :-1], ops)
        wrong = ops.sum(counts[-1]) + ops.sum(counts[:, -1]) > 0
        return {k: ops.where(wrong, float("nan"), v) for k, v in scores.items()}

    def confusion_matrix(self) -> np.ndarray:
        """Return `n_ij`, row true, column predicted, int64.

        Raises:
            ValueError: If a label was neither a class nor void.
        """
        low, high = ops.convert_to_numpy(self._counts).astype("int64")
        counts = low + high * 2**CARRY_BITS
        largest = ops.convert_to_numpy(self._largest)
        self._require_classes("Labels", counts[-1].sum(), largest[0])
        self._require_classes("Predictions", counts[:-1, -1].sum(), largest[1])
        return counts[:-1, :-1]

    def per_class_iou(self) -> np.ndarray:
        """Return each class's intersection over union, NaN where it has no pixel."""
        return per_class_iou(self.confusion_matrix())

    def reset_state(self):
        self._counts.assign(ops.zeros(self._counts.shape, "int32"))
        self._largest.assign(ops.full(self._largest.shape, SMALLEST, "int32"))

    def get_config(self):
        return {
            "num_classes": self.num_classes,
            "ignore_class": self.ignore_class,
            "name": self.name,
        }

    def _require_classes(self, what: str, pixels: int, largest: int) -> None:
        if pixels:
            allowed = f"0..{self.num_classes - 1}"
            if self.ignore_class is not None:
                allowed += f" or {self.ignore_class} (void)"
            raise ValueError(
                f"{what} must be in {allowed}. Received: {pixels} pixels of other "
                f"values, the largest {largest}. Check `num_classes` and how the label "
                "images are read."
            )


def _add(before, counts, xp):
    """Return the low and high parts of the counts before and these."""
    low = before[0] + counts
    high = before[1] + xp.right_shift(low, CARRY_BITS)
    return xp.stack([xp.bitwise_and(low, 2**CARRY_BITS - 1), high])

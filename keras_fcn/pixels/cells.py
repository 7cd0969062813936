"""Pixels counted by cell of the confusion matrix; knows `numpy` or `keras.ops`."""

from __future__ import annotations

import keras
from keras import ops

SMALLEST = -(2**31)


def count_cells(labels, predictions, num_classes, ignore_class, xp, void=None):
    """Count pixels by label and prediction, both `(pixels,)` and int32.

    The last row and column are for labels and predictions that are no class.

    Args:
        labels: The labels.
        predictions: The predicted classes.
        num_classes: Number of classes, `n`.
        ignore_class: The void label, or `None`.
        xp: `numpy`, or `keras.ops` in compiled code.
        void: Pixels not to be counted besides those, or `None`.

    Returns:
        Counts `(n + 1, n + 1)` and the largest wrong label and prediction, `(2,)`.
    """
    if ignore_class is not None:
        is_ignored = labels == ignore_class
        void = is_ignored if void is None else void | is_ignored
    rows, columns, largest = num_classes, num_classes, []
    for values in (labels, predictions):
        is_wrong = (values < 0) | (values >= num_classes)
        rows, columns = columns, xp.where(is_wrong, num_classes, values)
        if void is not None:
            is_wrong &= ~void
        wrong = xp.where(is_wrong, values, SMALLEST)
        largest.append(xp.max(wrong, initial=SMALLEST))
    side = num_classes + 1
    cells = side * rows + columns
    if void is not None:
        cells = xp.where(void, side * side, cells)  # counted, then thrown away
    counts = _bincount(cells, side * side + 1, xp)[:-1]
    return xp.reshape(counts, (side, side)), xp.stack(largest)


def _bincount(values, length, xp):
    backend = keras.backend.backend()
    if xp is ops and backend == "tensorflow":
        import tensorflow as tf

        # Keras' looks for the largest value. XLA, which wants to know the length, does
        # so with its interpreter, in a time that grows as the square of the pixels.
        return tf.raw_ops.DenseBincount(
            input=values, size=length, weights=tf.constant([], tf.int32)
        )
    if xp is ops and backend == "jax":  # Keras' does not compile
        return ops.segment_sum(ops.ones_like(values), values, num_segments=length)
    return xp.bincount(values, minlength=length)

"""Scores of a network on a data set."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import keras

from ..datasets import SampleSource
from ..metrics import SegmentationScores
from .predict import predict


def evaluate(
    model: keras.Model,
    source: SampleSource,
    progress: Callable[[Iterable], Iterable] = iter,
) -> SegmentationScores:
    """Score a network on every sample of a data set, at native sizes.

    Args:
        model: A network of `build_fcn8s` and the like.
        source: The data set.
        progress: Wraps the loop over the samples, to draw a bar. Defaults to
            nothing.

    Returns:
        A `SegmentationScores`: `result()` is the four scores, `per_class_iou()` and
        `confusion_matrix()` what is behind them.

    Raises:
        ValueError: If the data set is empty, or a label is neither a class of the
            network nor void.

    Example:
        >>> import keras_fcn
        >>> shapes = keras_fcn.datasets.Shapes("val", num_samples=2)
        >>> model = keras_fcn.build_fcn8s(num_classes=5, weights=None, width=0.02)
        >>> scores = keras_fcn.evaluate(model, shapes)
        >>> sorted(scores.result())
        ['frequency_weighted_iou', 'mean_accuracy', 'mean_iou', 'pixel_accuracy']
    """
    require_scorable(model, source)
    scores = SegmentationScores(source.num_classes, source.ignore_class)
    for index in progress(range(len(source))):
        image, label = source[index]
        scores.update_state(label[None], predict(model, image)[None])
    return scores


def require_scorable(model: keras.Model, source: SampleSource) -> None:
    """Raise unless a network has the classes of a data set that is not empty.

    Raises:
        ValueError: If it has not, or there is nothing to score.
    """
    num_classes = model.output_shape[-1]
    if num_classes != source.num_classes:
        raise ValueError(
            "Network and data set must have the same classes. "
            f"Received: {num_classes} and {source.num_classes} classes."
        )
    if not len(source):
        raise ValueError("A data set must have at least one sample. Received: none.")

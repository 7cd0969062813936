"""A network on a data set, each photo once: its pixels counted, the extremes drawn.

What is kept does not grow with the number of photos.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import keras
import numpy as np

from ..datasets import SampleSource
from ..inference import predict
from ..inference.evaluate import require_scorable
from ..metrics import SegmentationScores
from ..scores import segmentation_scores
from .photos import Photo, draw


@dataclass(frozen=True)
class Scored:
    """What came of scoring.

    Attributes:
        images: How many photos were scored.
        confusion_matrix: `(num_classes, num_classes)` pixels of all of them, row true,
            column predicted.
        best: The photos with the highest mean IoU of their own, the highest first.
        worst: Those with the lowest, the lowest first; none of `best`.
    """

    images: int
    confusion_matrix: np.ndarray
    best: tuple[Photo, ...]
    worst: tuple[Photo, ...]


def score(
    model: keras.Model,
    source: SampleSource,
    samples: int,
    progress: Callable[[Iterable], Iterable] = iter,
) -> Scored:
    """Score a network on every sample of a data set, at native sizes.

    A photo's own mean IoU is over the classes that are in it or are predicted in it;
    one that is void everywhere has none.

    Args:
        model: A network of `build_fcn8s` and the like.
        source: The data set.
        samples: How many of the best photos to draw, and of the worst.
        progress: Wraps the loop over the samples. Defaults to nothing.

    Raises:
        ValueError: If the data set is empty or of other classes, or a label is
            neither a class nor void.
    """
    require_scorable(model, source)
    num_classes = source.num_classes
    counted = SegmentationScores(num_classes, source.ignore_class)
    total = np.zeros((num_classes, num_classes), "int64")
    best, worst = _Extremes(samples, sign=1), _Extremes(samples, sign=-1)
    for index in progress(range(len(source))):
        image, label = source[index]
        prediction = predict(model, image)
        counted.reset_state()
        counted.update_state(label[None], prediction[None])
        matrix = counted.confusion_matrix()
        total += matrix
        own = segmentation_scores(matrix)["mean_iou"]
        if matrix.any() and (best.takes(own, index) or worst.takes(own, index)):
            photo = draw(source, index, image, label, prediction, own)
            best.add(photo)
            worst.add(photo)
    return Scored(len(source), total, *_apart(best.kept, worst.kept, samples))


class _Extremes:
    """The photos of the highest scores so far, or of the lowest.

    Of equal scores the first are the highest and the last the lowest: none is both.
    """

    def __init__(self, most: int, sign: int):
        self.kept: list[Photo] = []
        self._most, self._sign = most, sign

    def takes(self, score: float, index: int) -> bool:
        if len(self.kept) < self._most:
            return True
        return self._most > 0 and self._rank(score, index) < self._of(self.kept[-1])

    def add(self, photo: Photo) -> None:
        self.kept = sorted([*self.kept, photo], key=self._of)[: self._most]

    def _of(self, photo: Photo) -> tuple[float, int]:
        return self._rank(photo.mean_iou, photo.index)

    def _rank(self, score: float, index: int) -> tuple[float, int]:
        return -self._sign * score, self._sign * index


def _apart(
    best: Sequence[Photo], worst: Sequence[Photo], most: int
) -> tuple[tuple[Photo, ...], tuple[Photo, ...]]:
    """Return both without a photo twice: of a few, the better half and the rest."""
    by_index = {photo.index: photo for photo in (*best, *worst)}
    ranked = sorted(by_index.values(), key=lambda photo: (-photo.mean_iou, photo.index))
    half = min(most, (len(ranked) + 1) // 2)
    return tuple(ranked[:half]), tuple(reversed(ranked[half:]))

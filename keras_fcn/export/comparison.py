"""A file against the network that it was made of, on photos."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterable
from typing import NamedTuple

import keras
import numpy as np

from ..datasets import SampleSource
from ..inference import predict
from ..metrics import SegmentationScores
from .photos import Photos

Labeller = Callable[[np.ndarray], np.ndarray]


class Comparison(NamedTuple):
    """What two labellers have in common, the network first.

    Attributes:
        photos: How many photos both have labelled.
        agreement: Share of pixels that both give the same label, 0..1.
        mean_iou: Mean IU of the network and of the file, 0..1; `None` without masks.
        seconds: Median time for a photo, of the network and of the file.
    """

    photos: int
    agreement: float
    mean_iou: tuple[float, float] | None
    seconds: tuple[float, float]


def compare(
    model: keras.Model,
    label: Labeller,
    photos: Photos,
    progress: Callable[[Iterable], Iterable] = iter,
) -> Comparison:
    """Label photos with a network and with a file of it.

    Args:
        model: The network.
        label: Labels a photo `(height, width, 3)` by the file.
        photos: Photos, one at least, with masks or without.
        progress: Wraps the loop over the photos, to draw a bar. Defaults to nothing.
    """
    labellers: tuple[Labeller, ...] = (lambda photo: predict(model, photo), label)
    scores: list[SegmentationScores] = []
    if isinstance(photos.source, SampleSource):
        number, void = model.output_shape[-1], photos.source.ignore_class
        scores = [SegmentationScores(number, void) for _ in labellers]
    equal = pixels = 0
    seconds: tuple[list[float], list[float]] = ([], [])
    for index in progress(range(len(photos))):
        photo = photos[index]
        if index == 0:  # what is compiled once is not timed
            for labeller in labellers:
                labeller(photo)
        results = []
        for labeller, times in zip(labellers, seconds, strict=True):
            begun = time.perf_counter()
            results.append(labeller(photo))
            times.append(time.perf_counter() - begun)
        expected, found = results
        if found.shape != expected.shape:
            raise RuntimeError(
                "The exported file must give labels of the photo's own size, "
                f"{expected.shape}. Received: {found.shape}. Please report this."
            )
        equal += int(np.count_nonzero(found == expected))
        pixels += expected.size
        if (mask := photos.mask(index)) is not None:
            for metric, result in zip(scores, results, strict=True):
                metric.update_state(mask[None], result[None])
    mean_iou = [metric.result()["mean_iou"] for metric in scores]
    return Comparison(
        len(photos),
        equal / pixels,
        (mean_iou[0], mean_iou[1]) if mean_iou else None,
        (statistics.median(seconds[0]), statistics.median(seconds[1])),
    )

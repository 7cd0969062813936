"""A look at every label map before anything trains."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np

from .sample_source import SampleSource


@dataclass(frozen=True)
class DataReport:
    """What a data set holds.

    Attributes:
        class_names: Names of the classes.
        images: Number of samples.
        pixels: Pixels of each class, `(num_classes,)`.
        images_with: Samples in which each class is seen, `(num_classes,)`.
        void_pixels: Pixels without a class.
    """

    class_names: tuple[str, ...]
    images: int
    pixels: np.ndarray
    images_with: np.ndarray
    void_pixels: int

    @property
    def classes_seen(self) -> tuple[str, ...]:
        """Names of the classes that have a pixel."""
        return tuple(n for n, p in zip(self.class_names, self.pixels, strict=True) if p)


def check(
    source: SampleSource, progress: Callable[[Iterable], Iterable] = iter
) -> DataReport:
    """Read every label map and say which classes it holds.

    Args:
        source: The data set.
        progress: Wraps the loop over the samples, to draw a bar. Defaults to
            nothing.

    Returns:
        A `DataReport`.

    Raises:
        ValueError: If a label is neither a class nor void, a label map and its image
            differ in size, or every pixel is void. All samples are read first; the
            message names the first few and says how many there are.

    Example:
        >>> from keras_fcn.datasets import load
        >>> check(load("shapes", "val")).classes_seen
        ('background', 'circle', 'square', 'triangle', 'star')
    """
    counts = np.zeros(256, "int64")
    images_with = np.zeros(256, "int64")
    problems: list[str] = []
    with ThreadPoolExecutor() as pool:
        read = pool.map(lambda index: _read(source, index), range(len(source)))
        for histogram, problem in progress(read):
            counts += histogram
            images_with += histogram > 0
            problems += [problem] if problem else []
    n = source.num_classes
    if problems:
        listed = "\n".join(f"  - {problem}" for problem in problems[:5])
        more = f"\n  and {len(problems) - 5} more" if len(problems) > 5 else ""
        raise ValueError(
            f"Labels must be in 0..{n - 1} or {source.ignore_class} (void), and label "
            f"maps of their image's size. Received: {len(problems)} of {len(source)} "
            f"samples that are not:\n{listed}{more}\nCheck the number of classes, and "
            "that the label images hold indices, not colours."
        )
    if not counts[:n].any():
        raise ValueError(
            f"A data set must have a pixel that is not void. Received: {len(source)} "
            "samples without one."
        )
    return DataReport(
        class_names=source.class_names,
        images=len(source),
        pixels=counts[:n],
        images_with=images_with[:n],
        void_pixels=int(counts[source.ignore_class]),
    )


def _read(source: SampleSource, index: int) -> tuple[np.ndarray, Any]:
    """Return the histogram of one label map, and what is wrong with it, if anything."""
    label = source.label(index)
    size = source.image_size(index)
    histogram = np.bincount(label.ravel(), minlength=256)
    name = source.names[index]
    if label.shape != size:
        return histogram, f"{name}: label map {label.shape}, image {size}"
    wrong = histogram.copy()
    wrong[: source.num_classes] = 0
    wrong[source.ignore_class] = 0
    if wrong.any():
        values = np.flatnonzero(wrong).tolist()
        return histogram, f"{name}: values {values} in {wrong.sum()} pixels"
    return histogram, None

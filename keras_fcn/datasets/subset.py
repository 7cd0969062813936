"""A part of a data set, and a share of it held out for validation."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from .sample_source import SampleSource


class Subset(SampleSource):
    """Some samples of a data set.

    Args:
        source: The whole.
        indices: Which of its samples, in which order.

    Example:
        >>> from keras_fcn.datasets import Shapes
        >>> part = Subset(Shapes("val"), [7, 3])
        >>> part.names
        ('shapes_val_0007', 'shapes_val_0003')
    """

    def __init__(self, source: SampleSource, indices: Sequence[int]):
        self._source = source
        self._indices = tuple(indices)
        self.names = tuple(source.names[i] for i in self._indices)
        self.class_names = source.class_names
        self.ignore_class = source.ignore_class

    def __getitem__(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        return self._source[self._indices[index]]

    def decoded(self, index: int) -> tuple[Any, np.ndarray]:
        return self._source.decoded(self._indices[index])

    def image(self, index: int) -> np.ndarray:
        return self._source.image(self._indices[index])

    def label(self, index: int) -> np.ndarray:
        return self._source.label(self._indices[index])

    def image_size(self, index: int) -> tuple[int, int]:
        return self._source.image_size(self._indices[index])

    def image_file(self, index: int) -> Path | None:
        return self._source.image_file(self._indices[index])

    def label_file(self, index: int) -> Path | None:
        return self._source.label_file(self._indices[index])


def hold_out(
    source: SampleSource, share: float = 0.1, seed: int = 0
) -> tuple[Subset, Subset]:
    """Divide a data set into samples to train on and samples to validate on.

    Which side a sample falls on is a matter of its name and the seed: it stays there
    on every machine.

    Args:
        source: The data set.
        share: Share of the samples to validate on, at least one. Defaults to `0.1`.
        seed: Another seed holds out other samples. Defaults to `0`.

    Returns:
        What is left to train on, and what is held out.

    Raises:
        ValueError: If the share is not between 0 and 1, or there is only one sample.

    Example:
        >>> from keras_fcn.datasets import Shapes
        >>> train, val = hold_out(Shapes(num_samples=50), share=0.2)
        >>> len(train), len(val), set(train.names) & set(val.names)
        (40, 10, set())
    """
    if not 0 < share < 1:
        raise ValueError(f"`val_share` must lie between 0 and 1. Received: {share}.")
    n = len(source)
    if n < 2:
        raise ValueError(
            f"Holding out samples needs two of them. Received: {n}. Give a validation "
            "set, or more photos."
        )
    held = min(n - 1, max(1, round(share * n)))

    def rank(index: int) -> bytes:
        return hashlib.sha256(f"{seed}:{source.names[index]}".encode()).digest()

    chosen = sorted(sorted(range(n), key=rank)[:held])
    rest = sorted(set(range(n)) - set(chosen))
    training, validation = Subset(source, rest), Subset(source, chosen)
    training.missing = source.missing  # reported once
    return training, validation

"""Decoded samples kept in memory."""

from __future__ import annotations

import threading
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np

from ..sample_source import SampleSource


class Cached(SampleSource):
    """A data set that decodes each sample once, as long as there is room.

    Kept are the pixels, before augmentation. What does not fit is read again each time.
    Everything else is asked of the data set itself.

    Args:
        source: The data set.
        max_bytes: Bytes of pixels to keep. Defaults to 4 GiB; PASCAL VOC's 1464
            training samples need 1.1.

    Raises:
        ValueError: If `max_bytes` is below 0.

    Example:
        >>> from keras_fcn.datasets import load
        >>> shapes = Cached(load("shapes", "val"))
        >>> image, label = shapes[0]
        >>> shapes[0][0] is image
        True
    """

    def __init__(self, source: SampleSource, max_bytes: int = 4 * 2**30):
        if max_bytes < 0:
            raise ValueError(
                f"`max_bytes` must be at least 0. Received: max_bytes={max_bytes}."
            )
        self.source = source
        self.names = source.names
        self.class_names = source.class_names
        self.ignore_class = source.ignore_class
        self.missing = source.missing
        self._kept: dict[int, tuple[np.ndarray, np.ndarray]] = {}
        self._room = max_bytes
        self._lock = threading.Lock()
        self._reading: defaultdict[int, threading.Lock] = defaultdict(threading.Lock)

    def __getitem__(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        if index in self._kept:
            return self._kept[index]
        with self._lock:
            reading = self._reading[index]
        with reading:  # who comes second waits for the first
            if index in self._kept:
                return self._kept[index]
            image, label = self.source[index]
            with self._lock:
                fits = image.nbytes + label.nbytes <= self._room
                self._room -= (image.nbytes + label.nbytes) * fits
            if not fits:
                return image, label
            # Copies: the arrays may be parts of larger ones, or be filled anew.
            image, label = np.array(image), np.array(label)
            image.flags.writeable = label.flags.writeable = False  # they are shared
            self._kept[index] = image, label
            return image, label

    def decoded(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        return self[index]

    def image(self, index: int) -> np.ndarray:
        kept = self._kept.get(index)
        return self.source.image(index) if kept is None else kept[0]

    def image_file(self, index: int) -> Path | None:
        return self.source.image_file(index)

    def label_file(self, index: int) -> Path | None:
        return self.source.label_file(index)

    def label(self, index: int) -> np.ndarray:
        kept = self._kept.get(index)
        return self.source.label(index) if kept is None else kept[1]

    def image_size(self, index: int) -> tuple[int, int]:
        kept = self._kept.get(index)
        return self.source.image_size(index) if kept is None else kept[1].shape

    def __len__(self) -> int:
        return len(self.source)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") or "source" not in self.__dict__:
            raise AttributeError(name)  # while being copied or unpickled
        return getattr(self.source, name)

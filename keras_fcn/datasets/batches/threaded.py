"""Batches made by threads, for JAX and PyTorch; needs no TensorFlow.

Threads are enough: Pillow decodes and resamples without Python's lock.
"""

from __future__ import annotations

import itertools
import os
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor

import keras
import numpy as np

from .numbered import NumberedBatches

Batch = tuple[np.ndarray, np.ndarray]


class ThreadedBatches(keras.utils.PyDataset):
    """A `keras.utils.PyDataset` whose batches are made ahead, in order.

    Keras's own threads are left out: they begin an epoch's first batches before the
    epoch is told to begin, and an endless data set loses the batches that `fit` looks
    at to build the model.

    Args:
        batches: All batches by number.
        first: Number of the first one.
        endless: Whether to run through all epochs. Else each iteration is the next
            epoch. Asked by index, as Keras does, an epoch is over with its last batch:
            so `fit`, which looks at batch 0 to build the model and then begins anew,
            sees the first epoch first, unless an epoch is a single batch.
        workers: Number of threads. Defaults to one for each processor, up to 16.

    Raises:
        ValueError: When asked for the batches of an epoch in another order.

    Example:
        >>> from keras_fcn.datasets import load
        >>> shapes = NumberedBatches(load("shapes", "val"), 40, crop_size=64)
        >>> [images.shape for images, labels in ThreadedBatches(shapes)]
        [(40, 64, 64, 3), (40, 64, 64, 3), (20, 64, 64, 3)]
    """

    def __init__(
        self,
        batches: NumberedBatches,
        *,
        first: int = 0,
        endless: bool = False,
        workers: int | None = None,
    ):
        super().__init__(workers=1)  # Keras: no threads
        self._batches = batches
        self._threads = workers or min(os.cpu_count() or 1, 16)
        self._endless = endless
        self._next_pass = itertools.repeat(first)
        if not endless:
            self._next_pass = itertools.count(first, batches.per_epoch)
        self._first = first
        self._over = True
        self._made: Iterator[Batch] = iter(())
        self._next = 0

    @property
    def num_batches(self) -> int | None:
        """Batches of a pass, `None` if endless."""
        return None if self._endless else self._batches.per_epoch

    def __len__(self) -> int:
        if self._endless:
            raise TypeError("Endless batches have no length: name `steps_per_epoch`.")
        return self._batches.per_epoch

    def __iter__(self) -> Iterator[Batch]:
        return self._from(next(self._next_pass), 0)

    def __getitem__(self, index: int) -> Batch:
        """Return one batch of this epoch; asked in order, it is ready."""
        if index not in (0, self._next) and not self._endless:
            raise ValueError(
                f"Batch {self._next} or 0 must be asked for. Received: {index}. If "
                "`fit` asked, it shuffles: pass `shuffle=False` to it, and "
                "`shuffle=True` where the batches are made."
            )
        if index == 0 and self._over:
            self._first = next(self._next_pass)
        if index == 0 or index != self._next:
            self._made = self._from(self._first, index)
        self._next = index + 1
        self._over = self._next == self.num_batches
        return next(self._made)

    def _from(self, first: int, index: int) -> Iterator[Batch]:
        numbers: Iterable[int] = itertools.count(first + index)
        if not self._endless:
            numbers = range(first + index, first + self._batches.per_epoch)
        return _made_ahead(self._batches, numbers, self._threads)


def _made_ahead(
    batches: NumberedBatches, numbers: Iterable[int], threads: int
) -> Iterator[Batch]:
    """Yield batches in order, while threads make the next ones."""
    # Nothing closes the pool: when this generator goes, so do the pool and its threads.
    pool = ThreadPoolExecutor(threads, thread_name_prefix="batches")
    numbers = iter(numbers)
    # Each thread has one at hand, and two are ready.
    begun = deque(
        pool.submit(batches.__getitem__, number)
        for number in itertools.islice(numbers, threads + 2)
    )
    while begun:
        ready = begun.popleft().result()
        for number in itertools.islice(numbers, 1):
            begun.append(pool.submit(batches.__getitem__, number))
        yield ready

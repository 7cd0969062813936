"""One device, of one process: what a training asks of devices, and the plain answer."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from contextlib import AbstractContextManager
from typing import Any

import keras
import numpy as np

from ..datasets import SampleSource
from ..metrics import SegmentationScores


class Devices:
    """The devices of a training; these are one, and nothing is shared out.

    Attributes:
        count: Number of devices, of all processes.
        process: Number of this process.
        processes: Number of processes.
    """

    count = 1
    process = 0
    processes = 1

    @property
    def writes(self) -> bool:
        """Whether this process is the one that writes files and speaks."""
        return self.process == 0

    def describe(self) -> str:
        """Return a sentence on them, empty for one."""
        return ""

    def building(self) -> AbstractContextManager[Any]:
        """Lay out what is built inside: the network and its optimiser."""
        return contextlib.nullcontext()

    def counting(self) -> AbstractContextManager[Any]:
        """Lay out what is built inside: metrics; `compile` makes one too."""
        return contextlib.nullcontext()

    def running(self) -> AbstractContextManager[Any]:
        """Let `fit` and `evaluate` inside run on all of them."""
        return contextlib.nullcontext()

    def place(self, model: keras.Model) -> keras.Model:
        """Return a network to compile, of the same layers as what was built."""
        return model

    def prepare(
        self, model: keras.Model, loss: keras.losses.Loss, scores: SegmentationScores
    ) -> None:
        """Let the steps of a compiled network run on all of them."""

    def batches(self, source: SampleSource, batch_size: int = 1, **options: Any) -> Any:
        """Return what `SampleSource.batches` does, each batch shared out."""
        return source.batches(batch_size, **options)

    def steps(self, source: SampleSource) -> int | None:
        """Return how many batches of one sample `fit` must be told of, if it must."""
        return None

    def agree(self, number: int) -> int:
        """Return the largest of the numbers that all processes call this with."""
        return number

    @contextlib.contextmanager
    def together(self) -> Iterator[None]:
        """Leave the block when all processes are at its end, or none of them.

        Raises:
            RuntimeError: If another process has failed inside; its own message says
                why.
        """
        try:
            yield
        except BaseException:
            self.agree(1)
            raise
        if self.agree(0):
            raise RuntimeError(
                "All processes of a training must begin together. Received: another "
                "one has failed. Its own message says why."
            )

    def require_same(self, what: str, *numbers: int) -> None:
        """Refuse to go on unless all processes have the same numbers.

        Raises:
            ValueError: If they have not.
        """
        if any(self.agree(n) != n or -self.agree(-n) != n for n in numbers):
            raise ValueError(
                f"All processes must have the same {what}. Received: {numbers} in "
                f"process {self.process}, others elsewhere. Give all of them the same "
                "arguments, and a folder that all of them see."
            )


def build_metrics(model: keras.Model, scores: SegmentationScores) -> None:
    """Let Keras know the metrics of a compiled network now, as its first step would."""
    labels = np.zeros((1, 1, 1), "uint8")
    logits = np.zeros((1, 1, 1, scores.num_classes), "float32")
    model.compute_metrics(None, labels, logits, None)
    model.reset_metrics()

"""Photos that are read when they are asked for, with masks if a data set has them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..datasets import SampleSource
from ..images import read_image


class Photos(Sequence[np.ndarray]):
    """A data set, or a list of what `predict` takes, as arrays `(height, width, 3)`.

    Args:
        source: The data set or the list.

    Example:
        >>> photos = Photos([np.zeros((4, 6, 3), "uint8")])
        >>> len(photos), photos[0].shape, photos.mask(0)
        (1, (4, 6, 3), None)
    """

    def __init__(self, source: SampleSource | Sequence[Any]):
        self.source = source

    def __len__(self) -> int:
        return len(self.source)

    def __getitem__(self, index: Any) -> Any:
        if not 0 <= index < len(self):
            raise IndexError(index)
        if isinstance(self.source, SampleSource):
            return self.source.image(index)
        return read_image(self.source[index])

    def mask(self, index: int) -> np.ndarray | None:
        """Return the label map of a photo, if there is one."""
        if isinstance(self.source, SampleSource):
            return self.source.label(index)
        return None

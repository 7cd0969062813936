"""Photos that are read when they are asked for, with masks if a data set has them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..datasets import SampleSource
from ..images import read_image
from ..inference.predict import WHOLE


class Photos(Sequence[np.ndarray]):
    """A data set, or a list of what `predict` takes, as arrays `(height, width, 3)`.

    Of a photo that `predict` takes in tiles only the middle: a file takes all of it at
    once, which labels otherwise near seams and may need more memory than there is.

    Args:
        source: The data set or the list.

    Example:
        >>> photos = Photos([np.zeros((4, 6, 3), "uint8")])
        >>> len(photos), photos[0].shape, photos.mask(0)
        (1, (4, 6, 3), None)
        >>> Photos([np.zeros((3000, 4000, 3), "uint8")])[0].shape
        (1060, 1414, 3)
    """

    def __init__(self, source: SampleSource | Sequence[Any]):
        self.source = source

    def __len__(self) -> int:
        return len(self.source)

    def __getitem__(self, index: Any) -> Any:
        if not 0 <= index < len(self):
            raise IndexError(index)
        if isinstance(self.source, SampleSource):
            return _middle(self.source.image(index))
        return _middle(read_image(self.source[index]))

    def mask(self, index: int) -> np.ndarray | None:
        """Return the label map of a photo, if there is one."""
        if isinstance(self.source, SampleSource):
            return _middle(self.source.label(index))
        return None


def _middle(array: np.ndarray) -> np.ndarray:
    """Return the middle of a photo or mask, of the same proportions."""
    share = min(1.0, (WHOLE / (array.shape[0] * array.shape[1])) ** 0.5)
    height, width = (int(n * share) or 1 for n in array.shape[:2])
    top, left = (array.shape[0] - height) // 2, (array.shape[1] - width) // 2
    return array[top : top + height, left : left + width]

"""A tensor in a file."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np


class StoredTensor(NamedTuple):
    """A tensor in a file, which is read when it is asked for.

    Args:
        shape: Its shape.
        dtype: Name of its type, as NumPy has it.
        read: Returns its values.
        read_row: Returns the values at an index of its first axis; by default none can
            be read alone.
    """

    shape: tuple[int, ...]
    dtype: str
    read: Callable[[], np.ndarray]
    read_row: Callable[[int], np.ndarray] | None = None

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
        read_rows: Returns a part, from one index of its first axis to another; by
            default no part can be read alone.
    """

    shape: tuple[int, ...]
    dtype: str
    read: Callable[[], np.ndarray]
    read_rows: Callable[[int, int], np.ndarray] | None = None

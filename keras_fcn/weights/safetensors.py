"""Safetensors files, checked by the library and read one tensor at a time.

The library maps the whole file, whose pages count as memory once they are read.
"""

from __future__ import annotations

import contextlib
import functools
import json
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import safetensors

from .stored import StoredTensor

_FLOATS = {"F16": "float16", "F32": "float32", "F64": "float64"}


@contextlib.contextmanager
def open_safetensors(path: Path) -> Iterator[dict[str, StoredTensor]]:
    """Yield the tensors in a file by their names; none is read yet.

    Names, types and places are checked by the library, which refuses a file whose
    header does not describe its bytes exactly.
    """
    with safetensors.safe_open(path, framework="numpy") as file:
        begins, tensors = _places(path), {}
        for name in list(file.keys()):
            part = file.get_slice(name)
            kind, shape = str(part.get_dtype()), tuple(part.get_shape())
            if kind in _FLOATS:
                place = _Place(path, begins[name], _FLOATS[kind], shape)
                tensors[name] = StoredTensor(
                    shape, place.dtype, place.read, place.read_rows
                )
            else:
                dtype = "bfloat16" if kind == "BF16" else kind
                read = functools.partial(file.get_tensor, name)
                tensors[name] = StoredTensor(shape, dtype, read)
        yield tensors


def _places(path: Path) -> dict[str, int]:
    """Return where each tensor begins; the header has been checked."""
    with path.open("rb") as file:
        size = int.from_bytes(file.read(8), "little")
        header = json.loads(file.read(size))
    header.pop("__metadata__", None)
    return {n: 8 + size + about["data_offsets"][0] for n, about in header.items()}


class _Place(NamedTuple):
    """Where the numbers of a tensor stand."""

    path: Path
    begin: int
    dtype: str
    shape: tuple[int, ...]

    def read(self) -> np.ndarray:
        number = int(np.prod(self.shape, dtype="int64"))
        kind = np.dtype(self.dtype).newbyteorder("<")
        with self.path.open("rb") as file:
            file.seek(self.begin)
            values = np.fromfile(file, kind, number)
        if values.size != number:
            raise ValueError("it has become shorter while it was read")
        return values.reshape(self.shape)

    def read_rows(self, first: int, end: int) -> np.ndarray:
        row = self.shape[1:]
        size = int(np.prod(row, dtype="int64")) * np.dtype(self.dtype).itemsize
        begin = self.begin + first * size
        return self._replace(begin=begin, shape=(end - first, *row)).read()

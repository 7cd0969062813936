"""What `keras.Model.save_weights` writes, read with nothing that HDF5 can do besides.

HDF5 can store a dataset in other files, compose it of other datasets, pass it through
filters that are loaded from plug-ins, and declare more than there is. Keras writes
plain arrays, and nothing else is read here. Knows h5py; knows nothing of models.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterator
from pathlib import Path

import h5py
import numpy as np

from .stored import StoredTensor

DEEPEST = 32  # groups within groups; models within models go no deeper
_PAIR = np.dtype("V2")


@contextlib.contextmanager
def open_hdf5(path: Path) -> Iterator[dict[str, StoredTensor]]:
    """Yield the tensors in a `.weights.h5` file by their names; none is read yet.

    The state of the optimizer and of generators of random numbers is left out.

    Raises:
        ValueError: If something in the file is no plain array in that file; the message
            names it. On damaged files h5py raises other errors too.
    """
    with h5py.File(path, "r") as file:
        yield {name: _stored(name, item) for name, item in _datasets(file)}


def _datasets(file: h5py.File) -> Iterator[tuple[str, h5py.Dataset]]:
    """Walk through a file along hard links only: others may lead out of it."""
    seen = {_address(file)}
    groups: list[tuple[str, h5py.Group, int]] = [("", file, 0)]
    while groups:
        folder, group, depth = groups.pop()
        for part in group:
            name = f"{folder}{part}"
            if name == "optimizer" or part.startswith("seed_generator"):
                continue
            link = group.get(part, getlink=True)
            if not isinstance(link, h5py.HardLink):
                raise ValueError(f"{name!r} is a {type(link).__name__}, not a tensor")
            item = group[part]
            if _address(item) in seen or depth == DEEPEST:
                raise ValueError(f"{name!r} is there twice, or within itself")
            seen.add(_address(item))
            if isinstance(item, h5py.Group):
                groups.append((f"{name}/", item, depth + 1))
            elif isinstance(item, h5py.Dataset):
                yield name, item
            else:
                raise ValueError(f"{name!r} is a {type(item).__name__}, not a tensor")


def _address(item: h5py.Group | h5py.Dataset | h5py.Datatype) -> tuple[int, int]:
    found = h5py.h5o.get_info(item.id)
    return found.fileno, found.addr


def _stored(name: str, dataset: h5py.Dataset) -> StoredTensor:
    """Say what a dataset holds, if it is a plain array.

    Compression, which Keras does not use, is refused: a small file must not grow.
    """
    how = dataset.id.get_create_plist()
    shape, dtype, chunk = dataset.shape, dataset.dtype, dataset.chunks
    if how.get_external_count():
        raise ValueError(f"{name!r} is stored in another file")
    if how.get_layout() not in (h5py.h5d.CONTIGUOUS, h5py.h5d.CHUNKED):
        raise ValueError(f"{name!r} is virtual, or otherwise no plain array")
    if how.get_nfilters():
        raise ValueError(f"{name!r} is compressed, or filtered otherwise")
    if shape is None:
        raise ValueError(f"{name!r} has no shape")
    size = math.prod(shape) * dtype.itemsize
    if dataset.id.get_storage_size() < size or (
        chunk and np.any(np.array(chunk) > shape)
    ):
        raise ValueError(f"{name!r} must have {size} bytes, which are not all there")
    if dtype == _PAIR and dataset.attrs.get("dtype") == "bfloat16":
        return StoredTensor(shape, "bfloat16", lambda: _widened(dataset[()]))
    return StoredTensor(shape, dtype.name, lambda: dataset[()])


def _widened(pairs: np.ndarray) -> np.ndarray:
    """Return bfloat16, which HDF5 does not know, as float32: it is the upper half."""
    return (pairs.view("<u2").astype("uint32") << 16).view("float32")

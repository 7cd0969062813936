"""PyTorch state dicts as NumPy arrays, without PyTorch.

Knows the files of `torch.save` (the zip of PyTorch 1.6 and later, and the format
before it) and safetensors; knows nothing of what the tensors are for.
"""

from __future__ import annotations

import io
import os
import struct
import zipfile
import zlib
from collections.abc import Callable
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
import safetensors

from ..files import WeightsFormatError
from .pickles import Storage, TensorEntry, unpickle

# The state dict inside a checkpoint of these keys.
CHECKPOINT_KEYS = ("state_dict", "model_state_dict", "model")

_MAGIC = 0x1950A86A20F9469CFC6C  # the first pickle of a file before PyTorch 1.6
_VERSION = 1001  # the second
# A tensor that repeats its storage's elements (stride 0) may have this many.
_MAX_REPEATED = 1 << 20
_SAFETENSORS_DTYPES = {
    **{"F64": "float64", "F32": "float32", "F16": "float16", "BF16": "bfloat16"},
    **{"I64": "int64", "I32": "int32", "I16": "int16", "I8": "int8"},
    **{"U8": "uint8", "BOOL": "bool"},
}
# What the readers raise on files that are broken or hostile.
_MALFORMED = (
    *(ValueError, LookupError, EOFError, OverflowError, struct.error, zlib.error),
    *(zipfile.BadZipFile, NotImplementedError, RuntimeError, OSError),
    safetensors.SafetensorError,
)


def read_state_dict(path: str | os.PathLike[str]) -> dict[str, np.ndarray]:
    """Read the tensors of a PyTorch state dict; nothing in the file is run.

    Args:
        path: A file of `torch.save(model.state_dict(), path)`, of any version of
            PyTorch since 0.1.10, or a `.safetensors` file. Also a checkpoint: a
            dictionary that has the state dict as `"state_dict"`,
            `"model_state_dict"` or `"model"`.

    Returns:
        Read-only arrays by name, in the file's order and PyTorch's layout. The
        prefix `module.`, which `DataParallel` adds to every name, is taken off;
        bfloat16 becomes float32.

    Raises:
        FileNotFoundError: If there is no such file.
        WeightsFormatError: If the file is broken, holds no state dict, or names
            anything but the parts of one. It is a `ValueError`.

    Example:
        >>> import tempfile, safetensors.numpy
        >>> file = Path(tempfile.mkdtemp()) / "net.safetensors"
        >>> safetensors.numpy.save_file({"fc.bias": np.ones(2, "float16")}, file)
        >>> read_state_dict(file)
        {'fc.bias': array([1., 1.], dtype=float16)}

    Reference:
        `torch/serialization.py` and `torch/_utils.py` of
        https://github.com/pytorch/pytorch.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"There is no weights file {str(path)!r}.")
    with path.open("rb") as file:
        start = file.read(16)
    try:
        if path.suffix == ".safetensors":
            tensors = _read_safetensors(path)
        elif start.startswith(b"PK\x03\x04"):
            tensors = _read_zip(path)
        elif start.startswith(b"\x80"):
            tensors = _read_legacy(path)
        else:
            raise ValueError(f"it begins with {start!r}")
    except _MALFORMED as error:
        raise WeightsFormatError(
            f"{str(path)!r} must be a state dict of PyTorch. Received a file that "
            f"cannot be read as one: {(str(error) or repr(error))[:500]}. Nothing in "
            "it was run. Get the file again; or, if it is a whole model, save its "
            "weights alone with `torch.save(model.state_dict(), path)`."
        ) from error
    if all(name.startswith("module.") for name in tensors):
        tensors = {name.removeprefix("module."): a for name, a in tensors.items()}
    return tensors


def _read_zip(path: Path) -> dict[str, np.ndarray]:
    with zipfile.ZipFile(path) as archive:
        members = {info.filename: info for info in archive.infolist()}
        found = [name for name in members if name.endswith("/data.pkl")]
        if len(found) != 1:
            raise ValueError(f"its zip archive has {len(found)} files data.pkl")
        root = found[0].removesuffix("/data.pkl")
        if f"{root}/constants.pkl" in members:
            raise ValueError("it is a TorchScript program")
        for info in members.values():
            if info.compress_type or info.compress_size != info.file_size:
                raise ValueError(f"{info.filename!r} in it is compressed")
        if sum(info.file_size for info in members.values()) > path.stat().st_size:
            raise ValueError("its members are larger than the file")
        byteorder = f"{root}/byteorder"
        big = byteorder in members and archive.read(byteorder) == b"big"
        content = unpickle(io.BytesIO(archive.read(found[0])))

        def block(storage: Storage) -> np.ndarray:
            data = archive.read(f"{root}/data/{storage.key}")
            return _elements(data, storage.dtype, big)

        return _arrays(content, block)


def _read_legacy(path: Path) -> dict[str, np.ndarray]:
    data = path.read_bytes()
    stream = io.BytesIO(data)
    if unpickle(stream) != _MAGIC or unpickle(stream) != _VERSION:
        raise ValueError("it is a pickle, but not one of `torch.save`")
    unpickle(stream)  # the sizes of C's types where it was written
    dtypes: dict[str, str] = {}
    content = unpickle(stream, dtypes)
    # The storages follow: of each a count and its elements, always little-endian.
    blocks: dict[str, memoryview] = {}
    for key in unpickle(stream):
        (count,) = struct.unpack("<q", stream.read(8))
        first = stream.tell()
        size = count * _dtype(dtypes[key]).itemsize
        if not 0 <= size <= len(data) - first:
            raise ValueError(f"it ends within the storage {key!r}")
        blocks[key] = memoryview(data)[first : first + size]
        stream.seek(first + size)

    def block(storage: Storage) -> np.ndarray:
        return _elements(blocks[storage.key], storage.dtype)

    return _arrays(content, block)


def _read_safetensors(path: Path) -> dict[str, np.ndarray]:
    tensors = {}
    # Not their `get_tensor`: NumPy alone has no bfloat16.
    for name, entry in safetensors.deserialize(path.read_bytes()):
        dtype = _SAFETENSORS_DTYPES[entry["dtype"]]
        tensors[name] = _elements(entry["data"], dtype).reshape(entry["shape"])
    return tensors


def _dtype(name: str) -> np.dtype:
    return np.dtype("uint16" if name == "bfloat16" else name)


def _elements(data: Any, dtype: str, big_endian: bool = False) -> np.ndarray:
    """Return the elements of a storage, in this machine's byte order, read-only."""
    raw = np.frombuffer(data, _dtype(dtype).newbyteorder(">" if big_endian else "<"))
    block = raw.astype(raw.dtype.newbyteorder("="), copy=False)
    if dtype == "bfloat16":  # the upper half of a float32
        block = (block.astype("uint32") << 16).view("float32")
    block.flags.writeable = False
    return block


def _arrays(
    content: Any, block_of: Callable[[Storage], np.ndarray]
) -> dict[str, np.ndarray]:
    """Return the state dict's tensors, as views of their storages."""
    blocks: dict[str, np.ndarray] = {}
    arrays = {}
    for name, tensor in _state_dict(content).items():
        storage = tensor.storage
        if not isinstance(storage, Storage):
            raise ValueError(f"the tensor {name!r} has no storage")
        if storage.key not in blocks:
            blocks[storage.key] = block_of(storage)
        arrays[name] = _view(name, tensor, blocks[storage.key])
    return arrays


def _state_dict(content: Any) -> dict[str, TensorEntry]:
    for key in CHECKPOINT_KEYS:
        if isinstance(content, dict) and isinstance(content.get(key), dict):
            content = content[key]
            break
    if not isinstance(content, dict) or not content:
        kind = type(content).__name__
        raise ValueError(f"it holds no dictionary of tensors, but a {kind}")
    others = {
        str(key)[:100]: type(value).__name__
        for key, value in content.items()
        if not isinstance(key, str) or not isinstance(value, TensorEntry)
    }
    if others:
        raise ValueError(f"its dictionary has what is no tensor: {_few(others)}")
    return content


def _few(kinds: dict[str, str]) -> str:
    shown = [f"{name!r} ({kind})" for name, kind in list(kinds.items())[:5]]
    return ", ".join(shown) + (", ..." if len(kinds) > len(shown) else "")


def _view(name: str, tensor: TensorEntry, block: np.ndarray) -> np.ndarray:
    """Return a tensor as a view of its storage, if it lies inside."""
    size, stride, offset = tensor.size, tensor.stride, tensor.offset
    first, length = tensor.storage.part or (0, len(block))
    if not isinstance(size, tuple) or not isinstance(stride, tuple):
        raise ValueError(f"the tensor {name!r} has no shape")
    numbers = (first, length, offset, *size, *stride)
    if (
        not all(type(number) is int and number >= 0 for number in numbers)
        or len(size) != len(stride)
        or len(size) > 8
        or first + length > len(block)
    ):
        raise ValueError(f"the tensor {name!r} has a malformed shape")
    block = block[first : first + length]
    count = prod(size)
    if not count:
        return block[:0].reshape(size)
    last = offset + sum((n - 1) * s for n, s in zip(size, stride, strict=True))
    if last >= len(block):
        raise ValueError(
            f"the tensor {name!r}, of shape {size} and strides {stride}, reaches "
            f"beyond the {len(block)} elements of its storage"
        )
    if count > max(len(block), _MAX_REPEATED):
        raise ValueError(
            f"the tensor {name!r}, of shape {size}, repeats the {len(block)} elements "
            "of its storage too often"
        )
    width = block.itemsize
    steps = [s * width if n > 1 else 0 for n, s in zip(size, stride, strict=True)]
    # A view of what cannot be written cannot be either.
    return np.lib.stride_tricks.as_strided(block[offset:], size, steps)

"""A safetensors file written tensor by tensor, flushed, and named when it is whole.

`safetensors.numpy` wants all tensors in memory at once, leaves a file of its own naming
behind when it is killed, lets the owner only read it, and cannot tell the checksum of
what it wrote. The bytes here are the same as its own.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import keras
import numpy as np

from ..storage import is_full

# In the order in which they are laid out: the widest first, as the library has it.
_TYPES = {
    "uint64": "U64",
    "int64": "I64",
    "float64": "F64",
    "float32": "F32",
    "uint32": "U32",
    "int32": "I32",
    "bfloat16": "BF16",
    "float16": "F16",
    "uint16": "U16",
    "int16": "I16",
    "int8": "I8",
    "uint8": "U8",
    "bool": "BOOL",
}


class Tensor(NamedTuple):
    """A tensor to be written: what it is, and how to get it when its turn comes."""

    dtype: str
    shape: tuple[int, ...]
    values: Callable[[], np.ndarray]


def tensor_of_variable(variable: keras.Variable) -> Tensor:
    """Return a variable as a tensor that is fetched when its turn comes."""
    return Tensor(
        keras.backend.standardize_dtype(variable.dtype),
        tuple(variable.shape),
        lambda: keras.ops.convert_to_numpy(variable),
    )


def tensor_of(array: np.ndarray) -> Tensor:
    """Return an array that is there already as a tensor to be written."""
    return Tensor(str(array.dtype), array.shape, lambda: array)


def size_of(tensors: Mapping[str, Tensor]) -> int:
    """Return how many bytes these tensors take."""
    return sum(_bytes(tensor) for tensor in tensors.values())


def write_safetensors(
    path: Path,
    tensors: Mapping[str, Tensor],
    metadata: Mapping[str, str],
    target: str | os.PathLike[str] | None = None,
) -> str:
    """Write a safetensors file; no more than one tensor is in memory at a time.

    Args:
        path: The file, a temporary one; what it holds is replaced.
        tensors: By name.
        metadata: Entries for the header.
        target: What the file is for, for the message. Defaults to `path`.

    Returns:
        The SHA-256 of the file, in hexadecimal digits.

    Raises:
        ValueError: If a tensor has a type that safetensors has not, or turns out to
            be another than it was said to be.
        OSError: If the disk is full; the message names the bytes that are needed.

    Example:
        >>> import tempfile, safetensors.numpy
        >>> file = Path(tempfile.mkdtemp()) / "a.safetensors"
        >>> digest = write_safetensors(file, {"a": tensor_of(np.ones(2, "int8"))}, {})
        >>> safetensors.numpy.load_file(file)["a"].tolist(), len(digest)
        ([1, 1], 64)

    Reference:
        https://github.com/huggingface/safetensors, "Format".
    """
    for name, tensor in tensors.items():
        if tensor.dtype not in _TYPES:
            raise ValueError(
                f"A tensor must be of one of {', '.join(_TYPES)}. Received: "
                f"{name!r} of {tensor.dtype}."
            )
    order = sorted(tensors, key=lambda name: (_rank(tensors[name]), name))
    header: dict[str, object] = {"__metadata__": dict(metadata)} if metadata else {}
    end = 0
    for name in order:
        begin, end = end, end + _bytes(tensors[name])
        kind, shape = _TYPES[tensors[name].dtype], list(tensors[name].shape)
        header[name] = {"dtype": kind, "shape": shape, "data_offsets": [begin, end]}
    text = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode()
    text += b" " * (-len(text) % 8)
    digest = hashlib.sha256()
    try:
        with path.open("wb") as file:
            for part in (len(text).to_bytes(8, "little"), text):
                file.write(part)
                digest.update(part)
            for name in order:
                part = _laid_out(name, tensors[name])
                file.write(part)
                digest.update(part)
    except OSError as error:
        if not is_full(error):
            raise
        needed = 8 + len(text) + end
        raise OSError(
            error.errno,
            f"The disk must have room for {needed:,} bytes. Received: "
            f"{error.strerror}. Free some, or name a folder on another disk. "
            "To be written",
            str(target or path),
        ) from error
    return digest.hexdigest()


def _rank(tensor: Tensor) -> int:
    return list(_TYPES).index(tensor.dtype)


def _bytes(tensor: Tensor) -> int:
    size = 2 if tensor.dtype == "bfloat16" else np.dtype(tensor.dtype).itemsize
    return int(np.prod(tensor.shape, dtype="int64")) * size


def _laid_out(name: str, tensor: Tensor) -> Any:
    array = np.ascontiguousarray(tensor.values())
    if str(array.dtype) != tensor.dtype or array.size != np.prod(tensor.shape):
        raise ValueError(
            f"{name!r} must be {tensor.dtype} {tensor.shape}. Received: "
            f"{array.dtype} {array.shape}."
        )
    return array.reshape(-1).view("uint8").data

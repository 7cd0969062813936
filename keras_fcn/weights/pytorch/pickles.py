"""What the pickles of PyTorch's state dicts may say of tensors and storages."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import IO, Any

from .pickle_machine import Name, Unread, read_pickle, update

# The type of the elements of `torch.FloatStorage` and its like.
STORAGES = {
    "torch.FloatStorage": "float32",
    "torch.DoubleStorage": "float64",
    "torch.HalfStorage": "float16",
    "torch.BFloat16Storage": "bfloat16",
    "torch.LongStorage": "int64",
    "torch.IntStorage": "int32",
    "torch.ShortStorage": "int16",
    "torch.CharStorage": "int8",
    "torch.ByteStorage": "uint8",
    "torch.BoolStorage": "bool",
}
# Found in checkpoints beside the weights: a best score, the type it is in.
_UNREAD = (
    *("numpy.core.multiarray.scalar", "numpy._core.multiarray.scalar"),
    *("numpy.dtype", "_codecs.encode", "torch.device"),
)
_DTYPES = ("torch.float32", "torch.float16", "torch.bfloat16", "torch.float64")


@dataclass(frozen=True)
class Storage:
    """One block of elements that tensors look into.

    Args:
        key: Its name in the file.
        dtype: Name of its elements' type.
        part: First element and number of elements, where it is not the whole block
            of that name; not checked yet.
    """

    key: str
    dtype: str
    part: tuple[Any, Any] | None = None


@dataclass(frozen=True)
class TensorEntry:
    """What a pickle says of a tensor; nothing of it is checked yet."""

    storage: Any
    offset: Any
    size: Any
    stride: Any


def unpickle(stream: IO[bytes], dtypes: dict[str, str] | None = None) -> Any:
    """Read one pickle of a file of `torch.save`.

    Args:
        stream: Positioned at the pickle's first byte; behind its last one afterwards.
        dtypes: Filled with the type of every storage by its key, also of those
            that only an optimizer's tensors look into.

    Returns:
        Dictionaries, lists, tuples and plain values, with a `TensorEntry` where a
        tensor or parameter is.

    Raises:
        ValueError: If the pickle is broken, or names anything but the parts of a
            state dict.
    """
    known = {} if dtypes is None else dtypes

    def storage(reference: Any) -> Storage:
        kind, of, key, _location, _count, *view = reference
        if kind != "storage" or not isinstance(of, Name) or not isinstance(key, str):
            raise TypeError("a reference to what is no storage")
        dtype = STORAGES[of.full]
        if known.setdefault(key, dtype) != dtype:
            raise TypeError("a storage of two types")
        if not view or view[0] is None:
            return Storage(key, dtype)
        _, first, count = view[0]
        return Storage(key, dtype, (first, count))

    return read_pickle(stream, _CALLS, (*STORAGES, *_DTYPES), storage)


def _dictionary(pairs: Any = ()) -> dict[Any, Any]:
    return update({}, pairs)


def _tensor(storage: Any, offset: Any, size: Any, stride: Any, *_: Any) -> TensorEntry:
    return TensorEntry(storage, offset, size, stride)


def _first(value: Any, *_: Any) -> Any:
    return value


def _unread(*_: Any) -> Unread:
    return Unread()


_CALLS: dict[str, Callable[..., Any]] = {
    "collections.OrderedDict": _dictionary,
    "torch.Size": _first,
    "torch._utils._rebuild_tensor": _tensor,
    "torch._utils._rebuild_tensor_v2": _tensor,
    "torch._utils._rebuild_parameter": _first,
    "torch._utils._rebuild_parameter_with_state": _first,
    **dict.fromkeys(_UNREAD, _unread),
}

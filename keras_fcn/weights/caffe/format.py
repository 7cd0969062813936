"""The `.caffemodel` format: layers and their weights in Caffe's network message.

Three generations of Caffe laid out their layers differently; the numbers below are
those of `caffe.proto` in https://github.com/BVLC/caffe. Knows neither Keras nor any
network.
"""

from __future__ import annotations

import math
import mmap
import os
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from .wire import BYTES, FIXED32, FIXED64, VARINT, Field, WireReader

# Type numbers of the second generation's layers that have weights.
V1_TYPES = {4: "Convolution", 14: "InnerProduct", 39: "Deconvolution"}

MOST_AXES = 32  # Caffe's own limit


@dataclass(frozen=True, eq=False)
class CaffeLayer:
    """A layer of a `.caffemodel` file.

    Args:
        name: Its name.
        type: `"Convolution"`, `"InnerProduct"`, `"Deconvolution"`, ...
        blobs: Its weights, in Caffe's layout: a kernel and a bias, mostly. They are
            views of the file.
    """

    name: str
    type: str
    blobs: list[np.ndarray] = field(default_factory=list)


@dataclass(frozen=True)
class Layout:
    """The numbers of a layer message's fields."""

    name: int
    type: int
    blobs: int
    older: int | None = None  # a message of the generation before, inside
    older_layout: Layout | None = None


V0 = Layout(name=1, type=2, blobs=50)
V1 = Layout(name=4, type=5, blobs=6, older=1, older_layout=V0)
V2 = Layout(name=1, type=2, blobs=7)
LAYERS = {2: V1, 100: V2}  # of the network message


def read_caffemodel(path: str | os.PathLike[str]) -> list[CaffeLayer]:
    r"""Read the layers of a `.caffemodel` file, without Caffe and without protobuf.

    The weights stay on disk until they are used.

    Args:
        path: The file, of any generation of Caffe.

    Returns:
        Its layers in order, those without weights too.

    Raises:
        FileNotFoundError: If there is no such file.
        WeightsFormatError: If the file is not a `.caffemodel`, is cut short or does
            not agree with itself. It is a `ValueError`.

    Example:
        A layer called "c" with a bias of 1.5 (field 100; in it fields 1 and 7):

        >>> import tempfile
        >>> file = Path(tempfile.mkdtemp()) / "one.caffemodel"
        >>> blob = b"\x2a\x04" + np.float32(1.5).tobytes()
        >>> _ = file.write_bytes(b"\xa2\x06\x0b\x0a\x01c\x3a\x06" + blob)
        >>> [(layer.name, layer.blobs[0].tolist()) for layer in read_caffemodel(file)]
        [('c', [1.5])]
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"There is no weights file {str(path)!r}.")
    with path.open("rb") as file:
        try:
            data = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
        except ValueError:  # nothing can be mapped of an empty file
            data = memoryview(b"")
    reader = _CaffeReader(
        path,
        data,
        expected="A Caffe weights file must be a whole `.caffemodel`.",
        advice="Download it again, and pass the `.caffemodel` file itself, not its "
        "page or its `.prototxt`.",
    )
    layers = [
        reader.layer(f, LAYERS[f.number])
        for f in reader.fields(0, len(data))
        if f.number in LAYERS and f.wire == BYTES
    ]
    if not any(layer.blobs for layer in layers):
        reader.fail(f"none of its {len(layers)} layers has weights")
    return layers


class _CaffeReader(WireReader):
    """The layers of one file."""

    def layer(self, message: Field, layout: Layout) -> CaffeLayer:
        name, kind, blobs = "", "", []
        for f in self.fields(message.start, message.end):
            if f.wire == BYTES and f.number == layout.name:
                name = self.text(f)
            elif f.number == layout.type:
                kind = self.text(f) if f.wire == BYTES else V1_TYPES.get(f.value, "")
            elif f.wire == BYTES and f.number == layout.blobs:
                blobs.append(self._blob(f, name))
            elif f.wire == BYTES and f.number == layout.older and layout.older_layout:
                older = self.layer(f, layout.older_layout)
                name, kind = name or older.name, kind or older.type
                blobs += older.blobs
        return CaffeLayer(name, kind, blobs)

    def _blob(self, message: Field, name: str) -> np.ndarray:
        floats, doubles = [], []
        legacy: dict[int, int] = {}  # num, channels, height, width
        shape: list[int] | None = None
        for f in self.fields(message.start, message.end):
            if f.number == 5 and f.wire in (BYTES, FIXED32):
                floats.append(self._numbers(f, "<f4", name))
            elif f.number == 8 and f.wire in (BYTES, FIXED64):
                doubles.append(self._numbers(f, "<f8", name))
            elif f.number == 7 and f.wire == BYTES:
                shape = self._shape(f, name)
            elif f.number in (1, 2, 3, 4) and f.wire == VARINT:
                legacy[f.number] = f.value
        chunks = doubles or floats or [np.zeros(0, "<f4")]
        values = chunks[0] if len(chunks) == 1 else np.concatenate(chunks)
        if legacy:  # as Caffe: these count first where there are both
            shape = [legacy.get(number, 0) for number in (1, 2, 3, 4)]
        if shape is None:
            return values
        if len(shape) > MOST_AXES or not all(0 < n < 2**31 for n in shape):
            self.fail(f"layer {name!r} has a tensor of the shape {shape[:8]}")
        if math.prod(shape) != values.size:
            self.fail(
                f"layer {name!r} has a tensor of the shape {tuple(shape)} with "
                f"{values.size} values"
            )
        return values.reshape(shape)

    def _shape(self, message: Field, name: str) -> list[int]:
        shape: list[int] = []
        for f in self.fields(message.start, message.end):
            if f.number == 1 and f.wire == VARINT:
                shape.append(f.value)
            elif f.number == 1 and f.wire == BYTES:
                position = f.start
                while position < f.end and len(shape) <= MOST_AXES:
                    size, position = self.varint(position, f.end)
                    shape.append(size)
        return shape

    def _numbers(self, f: Field, dtype: str, name: str) -> np.ndarray:
        if (f.end - f.start) % np.dtype(dtype).itemsize:
            self.fail(f"layer {name!r} has {f.end - f.start} bytes of numbers")
        return np.frombuffer(self.data[f.start : f.end], dtype)

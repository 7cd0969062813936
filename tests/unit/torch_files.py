"""Files of PyTorch written by hand, byte for byte, without PyTorch."""

import io
import struct
import zipfile

import numpy as np

MAGIC, VERSION = 0x1950A86A20F9469CFC6C, 1001
STORAGES = {
    "float32": "FloatStorage",
    "float64": "DoubleStorage",
    "float16": "HalfStorage",
    "int64": "LongStorage",
    "int32": "IntStorage",
}


class Global:
    """A name that the pickle imports."""

    def __init__(self, module, name):
        self.code = f"c{module}\n{name}\n".encode()


class Call:
    """A function that the pickle calls."""

    def __init__(self, module, name, *arguments):
        self.code = Global(module, name).code + code(arguments) + b"R"


class Reference:
    """A storage that stands outside the pickle."""

    def __init__(self, *identifier):
        self.code = code(identifier) + b"Q"


def code(value):
    """Instructions of pickle's protocol 2 that make a value."""
    if hasattr(value, "code"):
        return value.code
    if value is None or isinstance(value, bool):
        return {None: b"N", True: b"\x88", False: b"\x89"}[value]
    if isinstance(value, int):
        if -(2**31) <= value < 2**31:
            return b"J" + struct.pack("<i", value)
        size = value.bit_length() // 8 + 1
        return b"\x8a" + bytes([size]) + value.to_bytes(size, "little", signed=True)
    if isinstance(value, str):
        text = value.encode()
        return b"X" + struct.pack("<I", len(text)) + text
    if isinstance(value, dict):
        items = b"".join(code(k) + code(v) for k, v in value.items())
        return b"}(" + items + b"u"
    items = b"".join(map(code, value))
    return b"(" + items + b"t" if isinstance(value, tuple) else b"](" + items + b"e"


def pickled(value):
    return b"\x80\x02" + code(value) + b"."


def tensor(key, size, stride, *, offset=0, dtype="float32", count=6, view=()):
    """A tensor as `torch.save` describes it."""
    kind = Global("torch", STORAGES[dtype])
    storage = Reference("storage", kind, key, "cpu", count, *view)
    hooks = Call("collections", "OrderedDict")
    return Call(
        "torch._utils",
        "_rebuild_tensor_v2",
        storage,
        offset,
        size,
        stride,
        False,
        hooks,
    )


def zip_file(pickle, storages, *, root="archive", compression=0, **members):
    """The file of PyTorch 1.6 and later."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", compression) as archive:
        archive.writestr(f"{root}/data.pkl", pickle)
        for key, array in storages.items():
            archive.writestr(f"{root}/data/{key}", array.tobytes())
        for name, content in members.items():
            archive.writestr(f"{root}/{name.replace('_', '.')}", content)
    return file.getvalue()


def legacy_file(pickle, storages, *, order=None):
    """The file before PyTorch 1.6."""
    info = {"protocol_version": VERSION, "little_endian": True}
    head = pickled(MAGIC) + pickled(VERSION) + pickled(info)
    blocks = [struct.pack("<q", a.size) + a.tobytes() for a in storages.values()]
    order = list(storages) if order is None else order
    return head + pickle + pickled(order) + b"".join(blocks)


WRITERS = {"zip": zip_file, "legacy": legacy_file}
SIX = np.arange(6, dtype="float32")

"""A writer of `.caffemodel` files: three generations of Caffe, byte by byte.

Written from `caffe.proto` and protobuf's encoding alone; shares nothing with the
reader that it tests.
"""

import struct

import numpy as np

V1_NUMBERS = {"Convolution": 4, "InnerProduct": 14, "Deconvolution": 39, "ReLU": 18}


def varint(number):
    low, rest = number % 128, number // 128
    return struct.pack("B", low + 128) + varint(rest) if rest else bytes([low])


def number(field, value):
    return varint(field * 8) + varint(value)


def message(field, payload):
    return varint(field * 8 + 2) + varint(len(payload)) + payload


def shape(*sizes):
    return message(7, message(1, b"".join(map(varint, sizes))))


def legacy_shape(*sizes):
    sizes = (1,) * (4 - len(sizes)) + sizes
    return b"".join(number(i + 1, size) for i, size in enumerate(sizes))


def floats(array, field=5):
    return message(field, np.asarray(array, "<f4").tobytes())


def blob(array, legacy=False):
    return (legacy_shape if legacy else shape)(*np.shape(array)) + floats(array)


def v0_layer(name, type, *blobs):
    inner = message(1, name.encode()) + message(2, type.encode())
    inner += b"".join(message(50, b) for b in blobs)
    return message(2, message(1, inner))


def v1_layer(name, type, *blobs):
    tops = message(2, b"below") + message(3, b"above")
    blobs = b"".join(message(6, b) for b in blobs)
    return message(2, tops + message(4, name.encode()) + number(5, type) + blobs)


def v2_layer(name, type, *blobs):
    start = message(1, name.encode()) + message(2, type.encode())
    return message(100, start + b"".join(message(7, b) for b in blobs))


def write_caffemodel(path, layers, generation=2):
    """Write `{name: (type, arrays)}`, as Caffe of 2014 (1) or of 2015 (2) does."""
    data = message(1, b"net")
    for name, (type, arrays) in layers.items():
        if generation == 1:
            blobs = [blob(a, legacy=True) for a in arrays]
            data += v1_layer(name, V1_NUMBERS.get(type, 0), *blobs)
        else:
            data += v2_layer(name, type, *map(blob, arrays))
    path.write_bytes(data)
    return path

"""Files that are no `.caffemodel`, or one made to do harm: one clear error for all."""

import tracemalloc
import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from keras_fcn.weights import WeightsFormatError
from keras_fcn.weights.caffe.format import read_caffemodel

from ..unit import caffe_files as caffe

KERNEL = np.arange(24, dtype="float32").reshape(2, 3, 2, 2)
GOOD = (
    caffe.message(1, b"net")
    + caffe.v2_layer("relu", "ReLU")
    + caffe.v2_layer("conv", "Convolution", caffe.blob(KERNEL), caffe.blob([1.0, 2.0]))
    + caffe.v1_layer("fc", 14, caffe.blob(KERNEL, legacy=True))
)
MANY = 2**62


def conv(blob):
    return caffe.v2_layer("conv", "Convolution", blob)


def announcing(field, size, payload=b"abc"):
    return caffe.varint(field * 8 + 2) + caffe.varint(size) + payload


NUMBERS = caffe.floats([1, 2])
HOSTILE = {
    "empty": (b"", "0 bytes"),
    "a web page": (b"<!DOCTYPE html>\n<p>404", "begin with b'<!DOCTYPE html>"),
    "a prototxt": (b'name: "VGG"\nlayer {\n}\n', r"\.prototxt"),
    "an archive": (b"PK\x03\x04" + bytes(60), "number 0 at byte"),
    "zeros": (bytes(1000), "number 0 at byte 0"),
    "no layers": (caffe.message(1, b"net"), "none of its 0 layers"),
    "layers only": (caffe.v2_layer("relu", "ReLU"), "none of its 1 layers"),
    "a length of 4 EiB": (announcing(100, MANY), f"{MANY} bytes announced"),
    "a length of a layer": (
        caffe.message(100, announcing(7, 1000)),
        "1000 bytes announced",
    ),
    "a group": (b"\x0b" * 1000, "unknown kind 3"),
    "a group's end": (b"\x0c", "unknown kind 4"),
    "an endless number": (b"\x08" + b"\xff" * 10**6, "more than 10 bytes"),
    "a number cut short": (b"\x08\xff", "ends within a number"),
    "a number beyond its message": (
        caffe.message(100, b"\x08\xff") + caffe.message(1, b"net"),
        "ends within a number",
    ),
    "a key cut short": (b"\xff", "ends within a number"),
    "a name that is no text": (
        caffe.message(100, caffe.message(1, b"\xff\xfe")),
        "no text",
    ),
    "a long name": (caffe.v2_layer("x" * 10**6, "Convolution"), "name of 1000000"),
    "half a float": (conv(caffe.message(5, b"abcdef")), "has 6 bytes of numbers"),
    "half a double": (conv(caffe.message(8, b"abcdef")), "has 6 bytes of numbers"),
    "more values": (conv(caffe.shape(1) + NUMBERS), r"\(1,\) with 2 values"),
    "fewer values": (conv(caffe.shape(3) + NUMBERS), r"\(3,\) with 2 values"),
    "no values": (conv(caffe.shape(3)), r"\(3,\) with 0 values"),
    "nothing": (conv(caffe.shape(0) + NUMBERS), r"shape \[0\]"),
    "a huge shape": (conv(caffe.shape(2**31, 2**31) + NUMBERS), "of the shape"),
    "a shape that overflows to 2": (
        conv(caffe.shape(2**30, 2**30, 2**30, 2**30, 16, 2) + NUMBERS),
        "with 2 values",
    ),
    "a negative shape": (conv(caffe.shape(2**64 - 2, 2**64 - 1) + NUMBERS), "shape"),
    "a shape of many axes": (
        conv(caffe.shape(*[1] * 10**5, 2) + NUMBERS),
        "of the shape",
    ),
    "axes that are not all read": (
        conv(caffe.message(7, caffe.message(1, b"\x01" * 40 + b"\xff")) + NUMBERS),
        "of the shape",
    ),
    "half a legacy shape": (conv(caffe.number(1, 2) + NUMBERS), r"\[2, 0, 0, 0\]"),
    "endless fields": (b"\x08\x00" * 10**6, "more than 100000 fields"),
    "messages in messages": (
        b"\x12\x80\x80\x40" * 10**5 + bytes(2**20),
        "number 0|announced",
    ),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_what_is_no_caffemodel_is_refused_by_name_and_reason(tmp_path, name):
    data, reason = HOSTILE[name]
    file = tmp_path / "bad.caffemodel"
    file.write_bytes(data)
    with pytest.raises(WeightsFormatError, match=reason) as error:
        read_caffemodel(file)
    assert "bad.caffemodel" in str(error.value)
    assert "Download it again" in str(error.value)
    assert len(str(error.value)) < 1000


def test_a_file_cut_anywhere_is_refused_or_ends_between_two_layers(tmp_path):
    file = tmp_path / "cut.caffemodel"
    whole = set()
    for end in range(len(GOOD)):
        file.write_bytes(GOOD[:end])
        try:
            whole.add(len(read_caffemodel(file)))
        except WeightsFormatError as error:
            assert "cut.caffemodel" in str(error)  # noqa: PT017
    assert whole == {2}  # at the end of the second layer


def test_no_memory_is_taken_for_what_a_file_announces(tmp_path):
    file = tmp_path / "bad.caffemodel"
    tracemalloc.start()
    for name, (data, _) in HOSTILE.items():
        if (
            name == "endless fields"
        ):  # time, not memory; and half a minute under tracemalloc
            continue
        file.write_bytes(data)
        with pytest.raises(WeightsFormatError):
            read_caffemodel(file)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 16 * 2**20


def test_weights_stay_on_disk_until_they_are_used(tmp_path):
    file = tmp_path / "large.caffemodel"
    caffe.write_caffemodel(
        file, {"fc6": ("InnerProduct", [np.ones((1024, 4096), "float32")])}
    )
    tracemalloc.start()
    (layer,) = read_caffemodel(file)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert layer.blobs[0].nbytes == 16 * 2**20
    assert peak < 2**20
    assert layer.blobs[0].sum() == 1024 * 4096


changes = st.lists(
    st.tuples(
        st.integers(0, len(GOOD) - 1),
        st.sampled_from(["set", "insert", "delete"]),
        st.integers(0, 255),
    ),
    min_size=1,
    max_size=6,
)


@hypothesis_settings(max_examples=250)
@given(changes)
def test_a_changed_file_is_refused_or_read(tmp_path_factory, changes):
    data = bytearray(GOOD)
    for position, change, byte in changes:
        position %= max(1, len(data))
        if change == "set":
            data[position] = byte
        elif change == "insert":
            data.insert(position, byte)
        else:
            del data[position]
    read(tmp_path_factory, bytes(data))


@hypothesis_settings(max_examples=100)
@given(st.binary(max_size=60))
def test_any_bytes_are_refused_or_read(tmp_path_factory, data):
    read(tmp_path_factory, data)
    read(tmp_path_factory, conv(data))


def read(tmp_path_factory, data):
    file = tmp_path_factory.getbasetemp() / "changed.caffemodel"
    file.write_bytes(data)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            layers = read_caffemodel(file)
        except WeightsFormatError:
            return
    for layer in layers:
        assert sum(blob.nbytes for blob in layer.blobs) <= len(data)

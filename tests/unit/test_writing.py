"""Safetensors files, written tensor by tensor: the bytes are the library's own."""

import hashlib

import ml_dtypes
import numpy as np
import pytest
import safetensors.numpy

from keras_fcn.weights.writing import Tensor, size_of, tensor_of, write_safetensors

KINDS = [
    *("bool", "int8", "uint8", "int16", "uint16", "int32", "uint32", "int64"),
    *("uint64", "float16", "bfloat16", "float32", "float64"),
]


def arrays():
    """Arrays of every type, in an order of their own, with odd names and shapes."""
    rng = np.random.default_rng(0)
    found = {"empty": np.zeros((0, 3), "float32"), "scalar": np.array(3.0, "float32")}
    for number, kind in enumerate([*KINDS, *reversed(KINDS)]):
        dtype = ml_dtypes.bfloat16 if kind == "bfloat16" else kind
        values = rng.integers(0, 2, (number % 3 + 1, 2, 3))
        found[f"{number * 7 % 29}é/{kind}"] = values.astype(dtype)
    return found


def test_the_bytes_and_the_checksum_are_those_of_the_library(tmp_path):
    file, metadata = tmp_path / "a.safetensors", {"notes": '{"a": "ü"}'}
    tensors = {name: tensor_of(array) for name, array in arrays().items()}
    digest = write_safetensors(file, tensors, metadata)
    expected = safetensors.numpy.save(arrays(), metadata)
    assert file.read_bytes() == expected
    assert digest == hashlib.sha256(expected).hexdigest()
    assert size_of(tensors) == sum(array.nbytes for array in arrays().values())


def test_an_array_that_lies_otherwise_in_memory_is_written_in_order(tmp_path):
    array = np.arange(12, dtype="float32").reshape(3, 4).T
    write_safetensors(tmp_path / "a", {"a": tensor_of(array)}, {})
    read = safetensors.numpy.load_file(tmp_path / "a")
    np.testing.assert_array_equal(read["a"], array)


def test_a_tensor_is_fetched_when_its_turn_comes(tmp_path):
    fetched = []

    def values(name):
        fetched.append(name)
        return np.zeros(2, "float32")

    tensors = {
        name: Tensor("float32", (2,), lambda name=name: values(name)) for name in "ba"
    }
    assert fetched == []
    write_safetensors(tmp_path / "a", tensors, {})
    assert fetched == ["a", "b"]


@pytest.mark.parametrize("shape", [(3,), (2, 1)], ids=repr)
def test_a_tensor_that_is_another_than_was_said_is_refused(tmp_path, shape):
    tensor = Tensor("float32", (2,), lambda: np.zeros(shape, "float64"))
    told = r"'a' must be float32 \(2,\). Received: float64"
    with pytest.raises(ValueError, match=told):
        write_safetensors(tmp_path / "a", {"a": tensor}, {})


def test_a_type_that_safetensors_has_not_is_refused(tmp_path):
    tensors = {"a": tensor_of(np.zeros(1, "complex64"))}
    with pytest.raises(ValueError, match="'a' of complex64"):
        write_safetensors(tmp_path / "a", tensors, {})

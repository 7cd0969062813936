import re
import sys

import numpy as np
import pytest
import safetensors.numpy

from keras_fcn.weights import WeightsFormatError
from keras_fcn.weights.pytorch.format import read_state_dict

from .torch_files import SIX, WRITERS, legacy_file, pickled, tensor, zip_file

FORMATS = [True, False]  # torch.save's own two: zip or not


@pytest.fixture
def saved(tmp_path):
    """Save what `torch.save` takes; return the file."""
    torch = pytest.importorskip("torch")
    file = tmp_path / "net.pth"

    def save(content, **options):
        torch.save(content, file, **options)
        return file

    return save


def values(torch):
    """Tensors of every type and of every way to look into a storage."""
    base = torch.arange(24.0)
    whole = base.reshape(4, 6)
    return {
        "whole": whole,
        "transposed": whole.T,
        "part": whole[1:3, ::2],
        "same again": whole,
        "last": base[-1:],
        "repeated": torch.tensor([2.5]).expand(3, 4),
        "scalar": torch.tensor(7),
        "empty": torch.zeros(0, 3),
        "parameter": torch.nn.Parameter(torch.ones(2, 2)),
        "channels last": torch.rand(1, 3, 2, 2).to(memory_format=torch.channels_last),
        "double": torch.rand(3, dtype=torch.float64),
        "half": torch.tensor([1.5, 6e4, -0.0], dtype=torch.half),
        "long": torch.tensor([-(2**62), 3]),
        "int": torch.tensor([1, -2], dtype=torch.int32),
        "short": torch.tensor([1, -2], dtype=torch.int16),
        "char": torch.tensor([1, -2], dtype=torch.int8),
        "byte": torch.tensor([1, 255], dtype=torch.uint8),
        "bool": torch.tensor([True, False]),
    }


@pytest.mark.parametrize("zipped", FORMATS)
def test_every_tensor_that_torch_saves_comes_back(zipped, saved):
    import torch

    tensors = values(torch)
    file = saved(tensors, _use_new_zipfile_serialization=zipped)
    read = read_state_dict(file)
    assert list(read) == list(tensors)
    for name, array in read.items():
        expected = tensors[name].detach().numpy()
        assert array.dtype == expected.dtype
        np.testing.assert_array_equal(array, expected, name)


@pytest.mark.parametrize("zipped", FORMATS)
def test_bfloat16_becomes_the_same_numbers_in_float32(zipped, saved):
    import torch

    numbers = torch.tensor([1.0, -3.14, 3e38, 1e-40]).bfloat16()
    file = saved({"b": numbers}, _use_new_zipfile_serialization=zipped)
    read = read_state_dict(file)["b"]
    assert read.dtype == np.float32
    np.testing.assert_array_equal(read, numbers.float().numpy())


@pytest.mark.parametrize("zipped", FORMATS)
@pytest.mark.parametrize("key", ["state_dict", "model_state_dict", "model", None])
def test_a_state_dict_is_found_in_a_checkpoint(key, zipped, saved):
    import torch

    net = torch.nn.Sequential(torch.nn.Conv2d(2, 3, 1), torch.nn.BatchNorm2d(3))
    # As wkentaro's trainer writes it: a NumPy score, and the optimizer's own tensors.
    momentum = {i: {"momentum_buffer": torch.rand(7)} for i in range(4)}
    groups = [{"lr": 1e-10, "betas": (0.9, 0.999), "params": [0, 1, 2, 3]}]
    around = {
        "epoch": 3,
        "arch": "FCN8s",
        "optim_state_dict": {"state": momentum, "param_groups": groups},
        "best_mean_iu": np.float64(0.5),
    }
    content = net.state_dict() if key is None else {**around, key: net.state_dict()}
    read = read_state_dict(saved(content, _use_new_zipfile_serialization=zipped))
    assert list(read) == list(net.state_dict())
    for name, value in net.state_dict().items():
        np.testing.assert_array_equal(read[name], value.numpy())


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_every_protocol_of_pickle_since_2_is_read(protocol, saved):
    import torch

    names = {f"layer{i}.weight": torch.full((2,), i) for i in range(300)}
    read = read_state_dict(saved(names, pickle_protocol=protocol))
    assert [a.tolist() for a in read.values()] == [[i, i] for i in range(300)]


def test_the_prefix_of_data_parallel_is_taken_off(saved):
    import torch

    net = torch.nn.DataParallel(torch.nn.Linear(2, 1))
    assert list(read_state_dict(saved(net.state_dict()))) == ["weight", "bias"]
    mixed = {"module.weight": torch.ones(1), "bias": torch.ones(1)}
    assert list(read_state_dict(saved(mixed))) == list(mixed)


def test_pytorch_is_not_needed(saved, monkeypatch):
    import torch

    file = saved({"a": torch.ones(2)})
    monkeypatch.setitem(sys.modules, "torch", None)
    assert read_state_dict(file)["a"].tolist() == [1, 1]


@pytest.mark.parametrize("zipped", FORMATS)
def test_a_whole_model_is_refused_with_what_to_do(zipped, saved):
    import torch

    file = saved(torch.nn.Linear(2, 1), _use_new_zipfile_serialization=zipped)
    with pytest.raises(WeightsFormatError) as caught:
        read_state_dict(file)
    message = str(caught.value)
    assert "'torch.nn.modules.linear.Linear'" in message
    assert "torch.save(model.state_dict(), path)" in message
    assert "net.pth" in message


def test_a_torchscript_program_is_refused_by_that_name(tmp_path):
    file = tmp_path / "net.pt"
    content = zip_file(pickled({}), {}, constants_pkl=pickled(()))
    file.write_bytes(content)
    with pytest.raises(WeightsFormatError, match="TorchScript"):
        read_state_dict(file)


def test_safetensors_come_back_with_bfloat16_too(tmp_path):
    torch = pytest.importorskip("torch")
    from safetensors.torch import save_file

    file = tmp_path / "net.safetensors"
    tensors = {"module.a": torch.rand(2, 3), "module.b": torch.rand(4).bfloat16()}
    save_file(tensors, file)
    read = read_state_dict(file)
    np.testing.assert_array_equal(read["a"], tensors["module.a"].numpy())
    np.testing.assert_array_equal(read["b"], tensors["module.b"].float().numpy())


def test_a_broken_safetensors_file_is_refused(tmp_path):
    file = tmp_path / "net.safetensors"
    safetensors.numpy.save_file({"a": SIX}, file)
    file.write_bytes(file.read_bytes()[:-1])
    with pytest.raises(WeightsFormatError, match=r"net\.safetensors"):
        read_state_dict(file)


# Written by hand, since no PyTorch of today writes them.


def read(folder, content):
    file = folder / "net.pth"
    file.write_bytes(content)
    return read_state_dict(file)


def test_a_big_endian_file_has_the_same_numbers(tmp_path):
    pickle = pickled({"a": tensor("0", (2, 3), (3, 1))})
    content = zip_file(pickle, {"0": SIX.astype(">f4")}, byteorder="big")
    array = read(tmp_path, content)["a"]
    assert array.tolist() == [[0, 1, 2], [3, 4, 5]]
    assert array.dtype.isnative


def test_a_storage_that_is_part_of_another_is_read_from_there(tmp_path):
    part = tensor("7", (2,), (1,), offset=1, view=(("8", 2, 3),))
    content = legacy_file(pickled({"a": part}), {"7": SIX})
    assert read(tmp_path, content)["a"].tolist() == [3, 4]
    none = tensor("7", (2,), (1,), offset=1, view=(None,))
    content = legacy_file(pickled({"a": none}), {"7": SIX})
    assert read(tmp_path, content)["a"].tolist() == [1, 2]


BAD_TENSORS = {
    "end": (tensor("0", (2, 3), (3, 2)), "reaches beyond the 6 elements"),
    "offset": (tensor("0", (1,), (1,), offset=6), "reaches beyond the 6 elements"),
    "negative offset": (tensor("0", (1,), (1,), offset=-1), "malformed shape"),
    "negative stride": (tensor("0", (2,), (-1,)), "malformed shape"),
    "huge stride": (tensor("0", (2,), (2**62,)), "reaches beyond"),
    "lengths": (tensor("0", (2, 3), (1,)), "malformed shape"),
    "axes": (tensor("0", (1,) * 40, (1,) * 40), "malformed shape"),
    "no integers": (tensor("0", (True,), (1,)), "malformed shape"),
    "text": (tensor("0", "ab", (1,)), "no shape"),
    "repeated": (tensor("0", (2**20, 2**10), (0, 0)), "too often"),
    "bomb": (tensor("0", (2**40,), (0,)), "too often"),
    "view": (tensor("0", (1,), (1,), view=(("1", 4, 3),)), "malformed shape"),
    "view offset": (tensor("0", (2,), (1,), view=(("1", 5, 1),)), "beyond the 1 el"),
    "no storage": (tensor("1", (1,), (1,)), "'1'|data/1"),
    "other type": (tensor("0", (3,), (1,), dtype="int64"), "two types"),
}


@pytest.mark.parametrize("form", WRITERS)
@pytest.mark.parametrize("case", BAD_TENSORS)
def test_a_tensor_that_leaves_its_storage_is_refused(case, form, tmp_path):
    bad, message = BAD_TENSORS[case]
    good = tensor("0", (6,), (1,))
    content = WRITERS[form](pickled({"a": good, "b": bad}), {"0": SIX})
    with pytest.raises(WeightsFormatError, match=message):
        read(tmp_path, content)


def test_strides_of_axes_of_one_do_not_matter(tmp_path):
    odd = tensor("0", (1, 6), (2**62, 1))
    content = zip_file(pickled({"a": odd}), {"0": SIX})
    assert read(tmp_path, content)["a"].tolist() == [[0, 1, 2, 3, 4, 5]]


def test_arrays_cannot_be_written_through(tmp_path):
    content = zip_file(pickled({"a": tensor("0", (6,), (0,))}), {"0": SIX})
    with pytest.raises(ValueError, match="read-only"):
        read(tmp_path, content)["a"][0] = 1


OTHERS = {
    "an HTML page": b"<html>404</html>",
    "nothing": b"",
    "another pickle": pickled({"a": 1}),
    "an empty dictionary": zip_file(pickled({}), {}),
    "a list": zip_file(pickled([tensor("0", (6,), (1,))]), {"0": SIX}),
    "no names": zip_file(pickled({3: tensor("0", (6,), (1,))}), {"0": SIX}),
    "more than tensors": zip_file(pickled({"epoch": 3}), {}),
    "two pickles": zip_file(pickled({}), {}, root="a/data.pkl"),
}


@pytest.mark.parametrize("what", OTHERS)
def test_what_is_no_state_dict_is_refused_by_name(what, tmp_path):
    with pytest.raises(WeightsFormatError, match=r"net\.pth.*state_dict\(\)"):
        read(tmp_path, OTHERS[what])


def test_what_is_beside_the_tensors_is_named(tmp_path):
    content = zip_file(pickled({"epoch": 3, "net": {"a": 1}}), {})
    message = re.escape("'epoch' (int), 'net' (dict)")
    with pytest.raises(WeightsFormatError, match=message):
        read(tmp_path, content)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"absent\.pth"):
        read_state_dict(tmp_path / "absent.pth")

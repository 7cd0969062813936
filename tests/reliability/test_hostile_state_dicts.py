"""State dicts made to do harm: none runs anything, none costs more than its size."""

import random
import struct
import sys
import time
import tracemalloc
import zipfile

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from keras_fcn.weights import WeightsFormatError
from keras_fcn.weights.pytorch.format import read_state_dict
from keras_fcn.weights.pytorch.pickle_machine import MAX_PICKLE

from ..unit.torch_files import (
    SIX,
    WRITERS,
    Call,
    Global,
    Reference,
    legacy_file,
    pickled,
    tensor,
    zip_file,
)
from .damage import damaged

GOOD = tensor("0", (2, 3), (3, 1))
WHOLE = pickled({"conv1_1.weight": GOOD, "conv1_1.bias": tensor("0", (6,), (1,))})
FILES = {form: write(WHOLE, {"0": SIX}) for form, write in WRITERS.items()}


def read(folder, content):
    file = folder / "net.pth"
    file.write_bytes(content)
    return read_state_dict(file)


# Each leaves a mark on this process if it is run.
RUN = "import sys; sys.was_run = True"
ATTACKS = {
    "os.system": Call("os", "system", "exit 3"),
    "posix.system": Call("posix", "system", "exit 3"),
    "builtins.exec": Call("builtins", "exec", RUN),
    "builtins.eval": Call("builtins", "eval", "1"),
    "builtins.getattr": Call("builtins", "getattr", GOOD, "__class__"),
    "__builtin__.eval": Call("__builtin__", "eval", "1"),
    "subprocess.Popen": Call("subprocess", "Popen", ("true",)),
    "torch.load": Call("torch", "load", "other.pth"),
    "torch.hub.load": Call("torch.hub", "load", "someone/net"),
    "torch.nn.modules.conv.Conv2d": Global("torch.nn.modules.conv", "Conv2d"),
    "numpy.f2py.crackfortran.getlincoef": Global(
        "numpy.f2py.crackfortran", "getlincoef"
    ),
    "keras_fcn.weights.pytorch.format.read_state_dict": Global(
        "keras_fcn.weights.pytorch.format", "read_state_dict"
    ),
}


def inside(attack):
    """Everywhere that an attack may hide in a state dict."""
    return {
        "alone": attack,
        "as a tensor": {"a": GOOD, "b": attack},
        "as a key": {"a": GOOD, attack: 1},
        "beside a state dict": {"state_dict": {"a": GOOD}, "optimizer": [(attack,)]},
        "as a shape": {"a": tensor("0", attack, (1,))},
        "as an offset": {"a": tensor("0", (1,), (1,), offset=attack)},
        "as a hook": {"a": Call("torch._utils", "_rebuild_parameter", GOOD, attack)},
        "as a storage": {
            "a": Call(
                *("torch._utils", "_rebuild_tensor_v2"),
                *(Reference("storage", attack, "0", "cpu", 6), 0, (1,), (1,)),
            )
        },
    }


@pytest.mark.parametrize("form", WRITERS)
@pytest.mark.parametrize("name", ATTACKS)
def test_whatever_a_pickle_names_is_refused_by_that_name(name, form, tmp_path):
    for content in inside(ATTACKS[name]).values():
        with pytest.raises(WeightsFormatError, match=f"names '{name}'"):
            read(tmp_path, WRITERS[form](pickled(content), {"0": SIX}))
    assert not hasattr(sys, "was_run")


def test_names_from_the_stack_are_refused_too(tmp_path):
    for module in [b"\x8c\x02os", b"\x8c\x08builtins"]:
        pickle = b"\x80\x04" + module + b"\x8c\x06system\x93."
        with pytest.raises(WeightsFormatError, match=r"names '(os|builtins)\.system'"):
            read(tmp_path, zip_file(pickle, {}))


# Instructions that make objects, or run what an object brings along.
FORBIDDEN = {
    "INST": b"(ios\nsystem\n",
    "OBJ": b"(cos\nsystem\no",
    "NEWOBJ": b"ctorch\nSize\n)\x81",
    "EXT1": b"\x82\x01",
    "PERSID": b"P0\n",
    "BYTEARRAY8": b"\x96" + struct.pack("<Q", 1) + b"x",
}


@pytest.mark.parametrize("opcode", FORBIDDEN)
def test_instructions_that_no_state_dict_needs_are_refused(opcode, tmp_path):
    pickle = b"\x80\x02" + FORBIDDEN[opcode] + b"."
    with pytest.raises(WeightsFormatError, match=f"{opcode}|names 'os.system'"):
        read(tmp_path, zip_file(pickle, {}))


# What ours does not do, though the instruction is known.
REFUSED = {
    "a key of type tuple": b"}))s",
    "a list out of place": b"]}b",
    "a dict out of place": b"}Na",
    "a call of what is no function": b"])R",
    "a reference to what is no storage": b"(NNNNNtQ",
    "STRING, which does not belong": b"S'\\q'\n",  # an escape that Python warns of
}


@pytest.mark.parametrize("message", REFUSED)
def test_instructions_out_of_place_are_refused(message, tmp_path):
    pickle = b"\x80\x02" + REFUSED[message] + b"."
    with pytest.raises(WeightsFormatError, match=message):
        read(tmp_path, zip_file(pickle, {}))


# Small pickles that are large, deep or endless. `pickle.Unpickler` ends the process
# with the first, a million deep, and takes gigabytes for the second, whatever its
# `find_class` refuses.
DEEP = 10_000
BOMBS = {
    "a key nested deep": b"}N" + b"\x85" * DEEP + b"Ns.",
    "a memo of a billion places": b"Nr" + struct.pack("<I", 1_000_000_000) + b".",
    "a string of exabytes": b"\x8d" + struct.pack("<Q", 2**60) + b"ab.",
    "bytes of gigabytes": b"B" + struct.pack("<I", 2**32 - 1) + b"ab.",
    "an array of exabytes": b"\x96" + struct.pack("<Q", 2**60) + b"ab.",
    "a number of gigabytes": b"\x8b" + struct.pack("<i", 2**31 - 1) + b"ab.",
    "lists nested deep": b"]" + b"]" * DEEP + b"a" * DEEP + b".",
    "marks only": b"(" * DEEP + b".",
    "nothing": b"",
    "no end": b"]" * 1000,
    "itself": b"}q\x00X\x01\x00\x00\x00ah\x00s.",
}


@pytest.mark.parametrize("form", WRITERS)
@pytest.mark.parametrize("bomb", BOMBS)
def test_a_bomb_costs_no_more_than_its_size(bomb, form, tmp_path):
    content = WRITERS[form](b"\x80\x02" + BOMBS[bomb], {"0": SIX})
    tracemalloc.start()
    start = time.perf_counter()
    try:
        with pytest.raises(WeightsFormatError):
            read(tmp_path, content)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 200 * len(content) + 5e6
    assert time.perf_counter() - start < 30  # with tracing, on a busy machine


def test_a_pickle_without_end_is_left_early(tmp_path):
    text = b"X" + struct.pack("<I", 1 << 20) + b"a" * (1 << 20)
    pickle = b"\x80\x02" + (text + b"0") * 12
    assert len(pickle) > MAX_PICKLE
    pickle = b"\x80\x02" + text * 12 + b"."
    with pytest.raises(WeightsFormatError, match=f"more than {MAX_PICKLE} bytes"):
        read(tmp_path, legacy_file(pickle, {}))


def test_a_compressed_member_is_refused_before_it_is_unpacked(tmp_path):
    zeros = np.zeros(10_000_000, "float32")
    bomb = pickled({"a": tensor("0", (zeros.size,), (1,), count=zeros.size)})
    content = zip_file(bomb, {"0": zeros}, compression=zipfile.ZIP_DEFLATED)
    assert len(content) < 100_000
    with pytest.raises(WeightsFormatError, match="in it is compressed"):
        read(tmp_path, content)


def test_members_that_share_their_bytes_are_refused(tmp_path):
    """Many entries of a directory that point to one member: a bomb without zlib."""
    file = tmp_path / "net.pth"
    block = np.zeros(1 << 18, "float32")
    tensors = {str(i): tensor(str(i), (1,), (1,)) for i in range(50)}
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("archive/data.pkl", pickled(tensors))
        archive.writestr("archive/data/0", block.tobytes())
        first = archive.getinfo("archive/data/0")
        for i in range(1, 50):
            again = zipfile.ZipInfo(f"archive/data/{i}")
            for field in ("header_offset", "file_size", "compress_size", "CRC"):
                setattr(again, field, getattr(first, field))
            archive.filelist.append(again)
    with pytest.raises(WeightsFormatError, match="larger than the file"):
        read_state_dict(file)


@pytest.mark.parametrize("form", WRITERS)
def test_a_file_cut_anywhere_is_refused(form, tmp_path):
    content = FILES[form]
    assert len(read(tmp_path, content)) == 2
    for end in range(0, len(content), 7):
        with pytest.raises(WeightsFormatError):
            read(tmp_path, content[:end])


@pytest.mark.parametrize("count", [-1, 2**31, 2**62, 7])
def test_a_storage_longer_than_the_file_is_refused(count, tmp_path):
    content = FILES["legacy"]
    at = content.index(struct.pack("<q", 6) + SIX.tobytes())
    content = content[:at] + struct.pack("<q", count) + content[at + 8 :]
    with pytest.raises(WeightsFormatError, match="ends within the storage '0'"):
        read(tmp_path, content)


def assert_refused_or_read(folder, content):
    """Return whether it was read: then every element is there to be added up."""
    try:
        arrays = read(folder, content)
    except WeightsFormatError as error:
        message = str(error)
    else:
        message = ""
    if message:
        assert "net.pth" in message
        assert len(message) < 1500
        return False
    for name, array in arrays.items():
        assert isinstance(name, str)
        assert array.size <= 1 << 20
        with np.errstate(all="ignore"):
            array.astype("float64").sum()
    return True


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("hostile")


KINDS = ("zip", "legacy", "pickle")


def content_of(kind, seed):
    """A damaged file; a damaged pickle stands under a checksum that is right."""
    chance = random.Random(seed)
    if kind == "pickle":
        return zip_file(damaged(WHOLE, chance), {"0": SIX})
    return damaged(FILES[kind], chance)


@settings(max_examples=400)
@given(st.integers(0, 2**32), st.sampled_from(KINDS))
@example(0, "zip")
def test_damaged_files_are_refused_or_read(folder, seed, kind):
    assert_refused_or_read(folder, content_of(kind, seed))


def test_damage_is_felt_and_not_always_fatal(folder):
    contents = (content_of("pickle", seed) for seed in range(150))
    accepted = sum(assert_refused_or_read(folder, content) for content in contents)
    assert 3 < accepted < 100


@pytest.mark.slow
def test_a_hundred_thousand_damaged_files_are_refused_or_read(folder):
    for seed in range(100_000):
        assert_refused_or_read(folder, content_of(KINDS[seed % 3], seed))

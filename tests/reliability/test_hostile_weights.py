"""Damaged and hostile weights files: one error, and the model is as it was.

What may crash or take memory is loaded by child processes; they run Keras on NumPy,
which starts fast.
"""

import json
import os
import pickle
import random
import shutil
import struct
import subprocess
import sys
import warnings
import zipfile
from pathlib import Path

import h5py
import keras
import numpy as np
import pytest

from keras_fcn.weights import WeightsFormatError, load_weights, save_weights

from .damage import damaged

ROOT = Path(__file__).parents[2]
KERNEL = "layers/conv2d/vars/0"
SHAPE = (3, 3, 3, 4)
SECRET = 42.0  # what stands in files that are none of a weights file's business


def network(first=0):
    """A small network with numbers of its own: another `first`, all are others."""
    inputs = keras.Input((8, 8, 3))
    options = {"data_format": "channels_last"}
    x = keras.layers.Conv2D(4, 3, name="conv", **options)(inputs)
    x = keras.layers.BatchNormalization(name="norm")(x)
    x = keras.layers.Conv2D(2, 1, name="score", **options)(x)
    model = keras.Model(inputs, x, name="small")
    for i, variable in enumerate(model.weights):
        values = np.arange(np.prod(variable.shape)).reshape(variable.shape)
        variable.assign(values / 100 + i + first)
    return model


def whole_files(folder):
    """Write a file of each kind; return them by their endings."""
    model, folder = network(first=100), Path(folder)
    save_weights(model, folder / "whole.safetensors")
    model.save_weights(folder / "whole.weights.h5")
    return {s: folder / f"whole{s}" for s in (".safetensors", ".weights.h5")}


def refusal(model, file):
    """Load a file; return why it was refused, or "" if it was not.

    Fails if the model was changed by a refused file, or has lost its shapes by another.
    """
    before = [np.array(values) for values in model.get_weights()]
    types = [variable.dtype for variable in model.weights]
    message = ""
    try:
        load_weights(model, file)
    except WeightsFormatError as error:
        message = str(error)
    after = model.get_weights()
    if message:
        assert repr(str(file)) in message, message
        assert len(message) < 5000, message
        for old, new in zip(before, after, strict=True):
            np.testing.assert_array_equal(old, new)
    assert [variable.dtype for variable in model.weights] == types
    assert [values.shape for values in after] == [values.shape for values in before]
    return message


# Damaged files


def load_damaged(folder, begin, end):
    """Load damaged files of both kinds; print how many were accepted and refused."""
    model = network()
    originals = {s: f.read_bytes() for s, f in whole_files(folder).items()}
    limit_memory(500e6)
    accepted, refused = dict.fromkeys(originals, 0), dict.fromkeys(originals, 0)
    for seed in range(begin, end):
        for suffix, content in originals.items():
            file = Path(folder) / f"damaged{suffix}"
            file.write_bytes(damaged(content, random.Random(seed), head=2500))
            print(seed, suffix, flush=True)  # the last one is the one that crashed
            message = refusal(model, file)
            (refused if message else accepted)[suffix] += 1
    print(json.dumps([accepted, refused]))


def limit_memory(more):
    """Let this process have so many bytes more than now; it is on Linux."""
    import resource

    pages = int(Path("/proc/self/statm").read_text().split()[0])
    limit = pages * resource.getpagesize() + int(more)
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))


def in_child(call, *arguments, before=()):
    """Call a function of this module in a process of its own; return what it prints."""
    code = (
        "import sys, warnings; warnings.simplefilter('error', RuntimeWarning)\n"
        f"from tests.reliability.test_hostile_weights import {call}\n"
        f"{call}(*sys.argv[1:2], *map(int, sys.argv[2:]))"
    )
    words = [*before, sys.executable, "-c", code, *map(str, arguments)]
    environment = {**os.environ, "KERAS_BACKEND": keras.backend.backend()}
    child = subprocess.run(
        words, cwd=ROOT, capture_output=True, text=True, env=environment, timeout=600
    )
    lines = child.stdout.splitlines()
    assert child.returncode == 0, (child.returncode, lines[-1:], child.stderr[-3000:])
    return lines


on_linux = pytest.mark.skipif(sys.platform != "linux", reason="limits memory by /proc")


@on_linux
@pytest.mark.fault(24)
@pytest.mark.parametrize(
    "number", [150, pytest.param(10_000, marks=pytest.mark.slow)], ids=str
)
def test_damaged_files_crash_nothing_and_change_nothing(
    tmp_path, number, record_property
):
    for begin in range(0, number, 2500):
        end = min(number, begin + 2500)
        accepted, refused = json.loads(
            in_child("load_damaged", tmp_path, begin, end)[-1]
        )
        print(accepted, refused)
        for suffix in (".safetensors", ".weights.h5"):
            assert accepted[suffix] > (end - begin) // 20, suffix
            assert refused[suffix] > (end - begin) // 10, suffix
    record_property("cases", 2 * number)


@pytest.mark.fault(24)
@pytest.mark.parametrize("suffix", [".safetensors", ".weights.h5"])
def test_a_file_cut_anywhere_is_refused(tmp_path, suffix):
    model = network()
    content = whole_files(tmp_path)[suffix].read_bytes()
    file = tmp_path / f"cut{suffix}"
    for end in [*range(0, len(content), len(content) // 40), len(content) - 1]:
        file.write_bytes(content[:end])
        assert refusal(model, file), end


@pytest.mark.fault(24)
def test_a_tensor_that_cannot_be_read_leaves_all_others_as_they_were(tmp_path):
    """Its place in the file is damaged, which only shows when it is read."""
    whole_files(tmp_path)
    file, last = tmp_path / "last.weights.h5", "layers/conv2d_1/vars/1"
    with replaced(file, last) as opened:
        values = np.ones(2, "float32")
        dataset = opened.create_dataset(last, data=values, chunks=(2,))
        place = struct.pack("<Q", dataset.id.get_chunk_info(0).byte_offset)
    content = file.read_bytes()
    assert content.count(place) == 1
    file.write_bytes(content.replace(place, struct.pack("<Q", 2**40)))
    with h5py.File(file) as opened, pytest.raises(OSError, match="read"):
        opened[last][()]
    assert "must be whole" in refusal(network(), file)


# Files made to do harm: each writes itself and returns what the refusal must tell


def replaced(file, name=KERNEL):
    """Open the whole HDF5 file beside a new one, without one of its datasets."""
    shutil.copy(file.with_name("whole.weights.h5"), file)
    opened = h5py.File(file, "r+")
    del opened[name]
    return opened


def secret_h5(file):
    secret = file.with_name("secret.h5")
    with h5py.File(secret, "w") as opened:
        opened["x"] = np.full(SHAPE, SECRET, "float32")
    return secret


def external_link(file):
    with replaced(file) as opened:
        opened[KERNEL] = h5py.ExternalLink(str(secret_h5(file)), "x")
    return f"'{KERNEL}' is a ExternalLink"


def external_group(file):
    secret = secret_h5(file)
    with h5py.File(secret, "a") as opened:
        opened["vars/0"] = opened["vars/1"] = opened["x"]
    with replaced(file, "layers/conv2d/vars") as opened:
        opened["layers/conv2d/vars"] = h5py.ExternalLink(secret.name, "vars")
    return "is a ExternalLink"


def soft_link(file):
    with replaced(file) as opened:
        opened["out"] = h5py.ExternalLink(str(secret_h5(file)), "/")
        opened[KERNEL] = h5py.SoftLink("/out/x")
    return "Link, not a tensor"


def virtual_dataset(file):
    source = h5py.VirtualSource(str(secret_h5(file)), "x", shape=SHAPE)
    layout = h5py.VirtualLayout(shape=SHAPE, dtype="float32")
    layout[:] = source
    with replaced(file) as opened:
        opened.create_virtual_dataset(KERNEL, layout)
    return f"'{KERNEL}' is virtual"


def external_storage(file):
    secret = file.with_name("secret.bin")
    values = np.full(SHAPE, SECRET, "float32")
    secret.write_bytes(values.tobytes())
    with replaced(file) as opened:
        place = [(str(secret), 0, values.nbytes)]
        opened.create_dataset(KERNEL, SHAPE, "float32", external=place)
    return f"'{KERNEL}' is stored in another file"


def shape_bomb(file):
    with replaced(file) as opened:
        opened.create_dataset(KERNEL, (10**6, 10**6), "float32", chunks=(10, 10))
    return f"'{KERNEL}' must have {4 * 10**12} bytes"


def tensor_that_is_not_there(file):
    with replaced(file) as opened:
        opened.create_dataset(KERNEL, SHAPE, "float32")  # HDF5 would make up zeros
    return "must have 432 bytes, which are not all there"


def chunk_bomb(file):
    with replaced(file) as opened:
        most, chunk = (None, *SHAPE[1:]), (10_000_000, *SHAPE[1:])
        opened.create_dataset(KERNEL, SHAPE, "float32", maxshape=most, chunks=chunk)
    return "must have 432 bytes"


def gzip_bomb(file):
    with replaced(file) as opened:
        zeros = np.zeros((10_000, 10_000), "float16")
        opened.create_dataset(KERNEL, data=zeros, compression="gzip", chunks=True)
    assert file.stat().st_size < 2e6
    return f"'{KERNEL}' is compressed"


def unknown_filter(file):
    with replaced(file) as opened:
        place = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        place.set_chunk(SHAPE)
        place.set_filter(32001, h5py.h5z.FLAG_OPTIONAL)  # HDF5 looks for a plug-in
        space = h5py.h5s.create_simple(SHAPE)
        group = opened["layers/conv2d/vars"]
        h5py.h5d.create(group.id, b"0", h5py.h5t.IEEE_F32LE, space, place)
    return "is compressed, or filtered"


def group_in_itself(file):
    with replaced(file) as opened:
        opened["layers/conv2d/again"] = opened["layers"]
    return "'layers/conv2d/again' is there twice, or within itself"


def groups_nested_deep(file):
    with replaced(file) as opened:
        group = opened
        for _ in range(500):
            group = group.create_group("a")
    return "is there twice, or within itself"


def type_for_a_tensor(file):
    with replaced(file) as opened:
        opened[KERNEL] = np.dtype("float32")
    return "is a Datatype, not a tensor"


def no_shape(file):
    with replaced(file) as opened:
        opened.create_dataset(KERNEL, data=h5py.Empty("float32"))
    return "has no shape"


def of_type(dtype):
    def write(file):
        with replaced(file) as opened:
            opened.create_dataset(KERNEL, data=np.zeros(SHAPE, dtype))
        return f"conv/kernel: {np.dtype(dtype).name} in the file, float32 in the model"

    return write


def strings(file):
    with replaced(file) as opened:
        values = np.full(SHAPE, "a secret", object)
        opened.create_dataset(KERNEL, data=values, dtype=h5py.string_dtype())
    return "conv/kernel: object in the file"


def pairs_of_bytes(file):
    with replaced(file) as opened:
        opened[KERNEL] = np.zeros(SHAPE, "V2")
    return "conv/kernel: void16 in the file"


def wrong_shape(file):
    with replaced(file) as opened:
        opened[KERNEL] = np.zeros((3, 3, 4, 3), "float32")
    return "conv/kernel: (3, 3, 4, 3) in the file, (3, 3, 3, 4) in the model"


def missing_tensor(file):
    replaced(file).close()
    return "- conv/kernel (3, 3, 3, 4): not in the file"


def extra_tensor(file):
    with replaced(file) as opened:
        opened[KERNEL] = np.zeros(SHAPE, "float32")
        opened["layers/conv2d/vars/\33[2J"] = np.zeros(3, "float32")
    return r"+ 'layers/conv2d/vars/\x1b[2J'... (3,): not in the model"


def folder(file):
    file.mkdir()
    (file / "model.weights.h5").write_bytes(b"")
    return "must be a regular file"


def pipe(file):
    os.mkfifo(file)
    return "must be a regular file"


def device(file):
    file.symlink_to("/dev/zero")
    return "must be a regular file"


def keras_archive(file):
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("config.json", '{"class_name": "Lambda", "module": "os"}')
        archive.writestr("model.weights.h5", b"")
    return "must be whole, and hold nothing but tensors"


def pickle_of_code(file):
    class Run:
        def __reduce__(self):
            return exec, ("import sys; sys.was_run = True",)

    file.write_bytes(pickle.dumps(Run()))
    return "must be whole, and hold nothing but tensors"


def safetensors_of(header, size=0):
    """Return bytes with this header, a dict or text, and so much data."""
    text = header if isinstance(header, str) else json.dumps(header)
    return struct.pack("<Q", len(text)) + text.encode() + bytes(size)


def header_of(file):
    """Return header and size of the data of the whole file beside a new one."""
    content = file.with_name("whole.safetensors").read_bytes()
    (length,) = struct.unpack_from("<Q", content)
    return json.loads(content[8 : 8 + length]), len(content) - 8 - length


def endless_header(file):
    file.write_bytes(struct.pack("<Q", 2**63) + b"{}")
    return "must be whole"


def header_beyond_the_file(file):
    file.write_bytes(struct.pack("<Q", 90_000_000) + b"{}")
    return "must be whole"


def header_nested_deep(file):
    file.write_bytes(safetensors_of('{"a":' * 100_000))
    return "must be whole"


def overlapping(file):
    header, size = header_of(file)
    header["norm/beta"]["data_offsets"] = header["norm/gamma"]["data_offsets"]
    file.write_bytes(safetensors_of(header, size))
    return "must be whole"


def beyond_the_end(file):
    header, size = header_of(file)
    file.write_bytes(safetensors_of(header, size - 4))
    return "must be whole"


def duplicate_name(file):
    header, size = header_of(file)
    more = {"dtype": "F32", "shape": [1], "data_offsets": [size, size + 4]}
    text = json.dumps(header)[:-1] + f', "conv/bias": {json.dumps(more)}' + "}"
    file.write_bytes(safetensors_of(text, size + 4))
    return "must be whole"


def shape_that_overflows(file):
    header, size = header_of(file)
    header["conv/bias"]["shape"] = [2**62, 2**62]
    file.write_bytes(safetensors_of(header, size))
    return "must be whole"


def stored_as(kind, width):
    def write(file):
        header, _ = header_of(file)
        at = 0
        for name, tensor in header.items():
            if name == "__metadata__":
                continue
            size = int(np.prod(tensor["shape"])) * (width if name == "conv/bias" else 4)
            if name == "conv/bias":
                tensor["dtype"] = kind
            tensor["data_offsets"] = [at, at + size]
            at += size
        file.write_bytes(safetensors_of(header, at))
        return f"conv/bias: {kind} in the file, float32 in the model"

    return write


HDF5 = [
    *(external_link, external_group, soft_link, virtual_dataset, external_storage),
    *(shape_bomb, tensor_that_is_not_there, chunk_bomb, gzip_bomb, unknown_filter),
    *(group_in_itself, groups_nested_deep, type_for_a_tensor, no_shape, strings),
    *(pairs_of_bytes, wrong_shape, missing_tensor, extra_tensor),
]
SAFETENSORS = [
    *(endless_header, header_beyond_the_file, header_nested_deep, overlapping),
    *(beyond_the_end, duplicate_name, shape_that_overflows),
]
EITHER = [folder, keras_archive, pickle_of_code]
if os.name == "posix":
    EITHER += [pipe, device]
HOSTILE = {
    **{f"{w.__name__}.weights.h5": w for w in (*HDF5, *EITHER)},
    **{f"{w.__name__}.safetensors": w for w in (*SAFETENSORS, *EITHER)},
    **{f"{t}.weights.h5": of_type(t) for t in ("int32", "complex64", "bool")},
    "int64.safetensors": stored_as("I64", 8),
    "float8.safetensors": stored_as("F8_E4M3", 1),
}


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """Hostile files, and what their refusals must tell."""
    place = tmp_path_factory.mktemp("hostile")
    whole_files(place)
    return {
        name: (place / name, write(place / name)) for name, write in HOSTILE.items()
    }


@pytest.mark.fault(24)
@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_file_is_refused_with_its_reason(written, name):
    file, told = written[name]
    assert told in refusal(network(), file)
    assert not hasattr(sys, "was_run")


def load_hostile(place):
    """Load every file of a folder; print what was opened meanwhile, and what came out.

    None may take 200 MB.
    """
    model = network()
    files = sorted(Path(place).glob("*.*"))
    for file in files:  # what is imported only now is none of their business
        if file.name.startswith("whole"):
            load_weights(model, file)
    opened, now = [], []

    def note(event, arguments):
        if event in ("open", "os.open", "import", "exec", "subprocess.Popen") and now:
            opened.append((event, str(arguments[0]), now[0]))

    sys.addaudithook(note)
    limit_memory(200e6)
    for file in files:
        if file.name.endswith((".safetensors", ".weights.h5")):
            now[:] = [str(file)]
            message = refusal(model, file)
            now.clear()
            print(json.dumps([file.name, bool(message)]))
            for values in model.get_weights():
                assert not (values == SECRET).any(), file
    foreign = [(event, what, file) for event, what, file in opened if what != file]
    print(json.dumps(foreign))


@on_linux
@pytest.mark.fault(24)
def test_no_other_file_is_opened_and_little_memory_taken(written, record_property):
    (place, *_) = {file.parent for file, _ in written.values()}
    *results, foreign = map(json.loads, in_child("load_hostile", place))
    whole = {"whole.safetensors": False, "whole.weights.h5": False}
    assert dict(results) == {**dict.fromkeys(HOSTILE, True), **whole}
    assert foreign == []
    record_property("cases", len(HOSTILE))


@on_linux
@pytest.mark.slow
@pytest.mark.fault(24)
def test_the_system_is_not_asked_for_another_file_either(written, tmp_path):
    strace = shutil.which("strace")
    if strace is None:
        pytest.skip("strace is not installed")
    (place, *_) = {file.parent for file, _ in written.values()}
    log = tmp_path / "calls"
    calls = "trace=open,openat,creat,execve"
    in_child("load_hostile", place, before=[strace, "-f", "-e", calls, "-o", str(log)])
    lines = [line for line in log.read_text().splitlines() if str(place) in line]
    names = [name for name in HOSTILE if any(name in line for line in lines)]
    assert "external_link.weights.h5" in names  # it does see what HDF5 opens
    assert not [line for line in lines if "secret" in line]
    assert not [name for name in names if name.startswith(("pipe", "device"))]
    assert "hdf5/lib/plugin" not in log.read_text()


# Memory and what is accepted


def load_large(place, megabytes):
    """Save and load a large model; print by how many bytes loading raised the peak."""
    inputs = keras.Input((megabytes * 250,))
    model = keras.Model(inputs, keras.layers.Dense(1000, use_bias=False)(inputs))
    files = [Path(place) / f"large{s}" for s in (".safetensors", ".weights.h5")]
    save_weights(model, files[0])
    model.save_weights(files[1])
    for file in files:
        Path("/proc/self/clear_refs").write_text("5")  # forget the peak so far
        before = memory("VmRSS")
        load_weights(model, file)
        print(json.dumps([file.stat().st_size, memory("VmHWM") - before]))


def memory(field):
    lines = Path("/proc/self/status").read_text().splitlines()
    (line,) = [line for line in lines if line.startswith(field)]
    return int(line.split()[1]) * 1024


@on_linux
@pytest.mark.slow
@pytest.mark.fault(24)
def test_loading_takes_no_more_than_twice_the_file(tmp_path):
    for line in in_child("load_large", tmp_path, 500):
        size, taken = json.loads(line)
        print(f"{size / 1e6:.0f} MB: {taken / 1e6:.0f} MB more")
        assert size > 499e6
        assert 0 < taken < 2 * size + 200e6


@pytest.mark.fault(24)
@pytest.mark.parametrize("dtype", ["float16", ">f4", "float64", "bfloat16"])
def test_numbers_of_any_width_are_taken_in_the_precision_of_the_model(tmp_path, dtype):
    model = network()
    model.save_weights(tmp_path / "whole.weights.h5")
    file = tmp_path / "other.weights.h5"
    numbers = [0, 0.5, -1, 100, np.inf, np.nan]  # exact in every width
    values = np.resize(np.array(numbers, "float32"), SHAPE)
    with replaced(file) as opened:
        if dtype == "bfloat16":  # as Keras writes it: the upper half of a float32
            halves = (values.view("uint32") >> 16).astype("<u2").view("V2")
            opened[KERNEL] = halves
            opened[KERNEL].attrs["dtype"] = "bfloat16"
        else:
            opened[KERNEL] = values.astype(dtype)
    load_weights(model, file)
    kernel = model.get_layer("conv").kernel
    assert kernel.dtype == "float32"
    np.testing.assert_array_equal(keras.ops.convert_to_numpy(kernel), values)


@pytest.mark.fault(24)
@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
@pytest.mark.parametrize("suffix", [".safetensors", ".weights.h5"])
def test_a_model_of_16_bits_comes_back_from_its_own_file(tmp_path, dtype, suffix):
    def half():
        inputs = keras.Input((5,))
        dense = keras.layers.Dense(3, dtype=dtype, name="dense")
        return keras.Model(inputs, dense(inputs))

    model, other = half(), half()
    file = tmp_path / f"half{suffix}"
    if suffix == ".safetensors":
        save_weights(model, file)
    else:
        model.save_weights(file)
    load_weights(other, file)
    for one, two in zip(model.weights, other.weights, strict=True):
        assert two.dtype == dtype
        np.testing.assert_array_equal(*map(keras.ops.convert_to_numpy, (one, two)))


@pytest.mark.fault(24)
def test_what_is_too_large_for_the_model_becomes_infinite_without_a_warning(tmp_path):
    model = network()
    model.save_weights(tmp_path / "whole.weights.h5")
    file = tmp_path / "large.weights.h5"
    with replaced(file) as opened:
        opened[KERNEL] = np.full(SHAPE, 1e300)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        load_weights(model, file)
    assert np.isinf(model.get_weights()[0]).all()

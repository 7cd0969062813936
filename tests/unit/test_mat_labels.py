import os
import shutil
import signal
import sys
import sysconfig
import threading
import time
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scipy.io import loadmat, savemat
from scipy.sparse import csc_matrix

from keras_fcn.datasets import voc_palette
from keras_fcn.datasets.readers import mat_child
from keras_fcn.datasets.readers.mat_labels import MatFormatError, convert_mat_labels
from keras_fcn.images import read_label

REAL_SBD = Path(__file__).parents[3] / "shared" / "data" / "benchmark_RELEASE"

LABEL = np.zeros((20, 30), "uint8")
LABEL[3:12, 5:25] = 15
LABEL[9:18, 2:9] = 20

POSIX = pytest.mark.skipif(os.name != "posix", reason="signals are POSIX's")


def sbd_struct(label):
    """What SBD keeps of an image; the outlines are sparse matrices."""
    outlines = np.empty((20, 1), object)
    for i in range(20):
        outlines[i, 0] = csc_matrix((label == i + 1).astype("float64"))
    present = np.setdiff1d(label, 0)[:, None]
    return {
        "Boundaries": outlines,
        "Segmentation": label,
        "CategoriesPresent": present,
    }


def write_mat(file, label=LABEL, compressed=True, mark=b""):
    """Write a label map as SBD does; `mark` is put into the text of the header."""
    savemat(file, {"GTcls": sbd_struct(label)}, do_compression=compressed)
    content = file.read_bytes()
    file.write_bytes(content[:20] + mark + content[20 + len(mark) :])
    return file


def job(mat, size=LABEL.shape):
    return mat, mat.with_suffix(".png"), size


def some_jobs(folder, *marks):
    """Write a file for each mark, in which a double of the reader looks for it."""
    return [job(write_mat(folder / f"{i}.mat", mark=m)) for i, m in enumerate(marks)]


def reason_for(mat, size=LABEL.shape):
    """Convert a file that must not be converted; return what is said of it."""
    failed = convert_mat_labels([job(mat, size)])
    assert list(failed) == [mat]
    assert not mat.with_suffix(".png").exists()
    return failed[mat]


def assert_converted(*jobs):
    for _, png, _ in jobs:
        np.testing.assert_array_equal(read_label(png), LABEL)


@pytest.fixture
def children(monkeypatch):
    """All processes started, each of which must be gone when the test ends."""
    started = []
    start = mat_child.Child._start

    def remembered(child):
        started.append(child._process)
        start(child)

    monkeypatch.setattr(mat_child.Child, "_start", remembered)
    yield started
    assert all(process.returncode is not None for process in started)


@pytest.fixture
def reader_that(monkeypatch, tmp_path, children):
    """Put a statement before the reading of each file, in the process that reads."""

    def arranged(fault):
        double = tmp_path / "double.py"
        double.write_text(f"""
import importlib.util, os, signal, sys, time
spec = importlib.util.spec_from_file_location("reader", {str(mat_child.READER)!r})
reader = importlib.util.module_from_spec(spec)
spec.loader.exec_module(reader)
read, seen = reader._segmentation, []
def faulty(content, size):
    {fault}
    return read(content, size)
reader._segmentation = faulty
reader.main()
""")
        monkeypatch.setattr(mat_child, "READER", double)

    return arranged


# What is written


def test_the_png_holds_the_labels_in_the_colours_of_voc(tmp_path):
    mat, png, size = job(write_mat(tmp_path / "a.mat"))
    assert convert_mat_labels([(str(mat), str(png), size)]) == {}
    with Image.open(png) as picture:
        assert (picture.format, picture.mode) == ("PNG", "P")
        assert picture.getpalette() == voc_palette().ravel().tolist()
        np.testing.assert_array_equal(np.array(picture), LABEL)
    np.testing.assert_array_equal(read_label(png), LABEL)


@pytest.mark.parametrize("compressed", [False, True], ids=["plain", "compressed"])
def test_label_maps_of_any_size_are_converted_exactly(tmp_path, rng, compressed):
    labels, jobs = [], []
    sizes = [(1, 1), (1, 7), (7, 1), (2, 3), (5, 5), (500, 1), (375, 500), (31, 64)]
    for i, size in enumerate(sizes):
        labels.append(rng.integers(0, 21, size, "uint8"))
        jobs.append(job(write_mat(tmp_path / f"{i}.mat", labels[-1], compressed), size))
    assert convert_mat_labels(jobs) == {}
    for label, (_, png, _) in zip(labels, jobs, strict=True):
        read = read_label(png)
        assert read.dtype == np.uint8
        np.testing.assert_array_equal(read, label)


def test_folders_are_made_and_nothing_else_is_left_in_them(tmp_path):
    png = tmp_path / "new" / "folder" / "a.png"
    convert_mat_labels([(write_mat(tmp_path / "a.mat"), png, LABEL.shape)])
    assert list(png.parent.iterdir()) == [png]


def test_a_file_may_have_any_name(tmp_path):
    mat = write_mat(tmp_path / "a.mat")
    jobs = []
    for name in ("a b.mat", "ä.mat", "-c.mat", "no suffix", "a\nb.mat", b"\xff.mat"):
        with suppress(OSError):  # Windows and macOS refuse the last ones
            jobs.append(job(Path(shutil.copy(mat, tmp_path / os.fsdecode(name)))))
    assert len(jobs) >= 4
    assert convert_mat_labels(jobs) == {}
    assert_converted(*jobs)


def test_nothing_to_convert_starts_nothing(children):
    assert convert_mat_labels([]) == {}
    assert children == []


def test_a_png_that_exists_is_left_as_it_is(tmp_path, children):
    old, new = some_jobs(tmp_path, b"", b"")
    old[1].write_bytes(b"an earlier one")
    seen = []

    def progress(pending):
        seen.extend(pending)
        return iter(pending)

    assert convert_mat_labels([old, new], progress=progress) == {}
    assert old[1].read_bytes() == b"an earlier one"
    assert_converted(new)
    assert [mat for mat, *_ in seen] == [new[0]]
    assert convert_mat_labels([old, new]) == {}
    assert len(children) == 1


def test_many_files_are_read_by_one_process(tmp_path, children):
    jobs = some_jobs(tmp_path, *[b""] * 20)
    assert convert_mat_labels(jobs) == {}
    assert_converted(*jobs)
    assert len(children) == 1


# What is refused


def test_what_is_wrong_with_a_file_is_one_type_of_error():
    assert issubclass(MatFormatError, ValueError)
    assert issubclass(mat_child.DiedError, MatFormatError)


@pytest.mark.fault(23)
@pytest.mark.parametrize(
    ("size", "told"),
    [
        ((30, 20), "30 x 20. Received: 20 x 30"),
        ((20, 31), "20 x 31"),
        ((1, 600), "1 x"),
    ],
)
def test_a_label_map_of_another_size_than_the_photo_is_refused(tmp_path, size, told):
    reason = reason_for(write_mat(tmp_path / "a.mat"), size)
    assert "`Segmentation` must have its photo's size" in reason
    assert told in reason


@pytest.mark.fault(23)
@pytest.mark.parametrize("label", [21, 255])
def test_a_label_that_is_no_class_is_refused(tmp_path, label):
    wrong = LABEL.copy()
    wrong[-1, -1] = label
    reason = reason_for(write_mat(tmp_path / "a.mat", wrong))
    assert reason == f"Labels must be 0..20. Received: {label}."


STRUCT = {"Segmentation": LABEL}
TWO_STRUCTS = np.zeros((1, 2), [("Segmentation", object)])
TWO_STRUCTS["Segmentation"][0] = [LABEL, LABEL]


OTHER_CONTENTS = [
    ({"GTinst": STRUCT}, "variable `GTcls`. Received: none"),
    ({}, "variable `GTcls`. Received: none"),
    ({"GTcls": LABEL}, "`GTcls` must be one struct"),
    ({"GTcls": "a text"}, "`GTcls` must be one struct"),
    ({"GTcls": csc_matrix(LABEL.astype(float))}, "`GTcls` must be one struct"),
    ({"GTcls": [STRUCT, STRUCT]}, "`GTcls` must be one struct"),
    ({"GTcls": TWO_STRUCTS}, "`GTcls` must be one struct"),
    ({"GTcls": TWO_STRUCTS[:, :0]}, "`GTcls` must be one struct"),
    ({"GTcls": {"Boundaries": LABEL}}, "Received: 'Boundaries'"),
    ({"GTcls": {"segmentation": LABEL}}, "Received: 'segmentation'"),
    ({"GTcls": {"Segmentation": LABEL / 1.0}}, "uint8. Received: float64"),
    ({"GTcls": {"Segmentation": LABEL.astype("int8")}}, "uint8. Received: int8"),
    ({"GTcls": {"Segmentation": LABEL.astype("uint16")}}, "Received: uint16"),
    ({"GTcls": {"Segmentation": LABEL * 1j}}, "Received: complex128"),
    ({"GTcls": {"Segmentation": "a text"}}, "uint8. Received: <U6"),
    ({"GTcls": {"Segmentation": STRUCT}}, "uint8. Received: [("),
    ({"GTcls": {"Segmentation": csc_matrix(LABEL / 1.0)}}, "uint8. Received"),
    ({"GTcls": {"Segmentation": np.stack([LABEL] * 3)}}, "Received: 3 x 20 x 30"),
    ({"GTcls": {"Segmentation": LABEL[..., None, None]}}, "Received: 20 x 30 x 1"),
    ({"GTcls": {"Segmentation": LABEL[:0]}}, "Received: 0 x 30"),
]


@pytest.mark.fault(23)
def test_files_that_hold_something_else_are_refused_by_what_they_hold(tmp_path):
    jobs = []
    for i, (variables, _) in enumerate(OTHER_CONTENTS):
        savemat(tmp_path / f"{i}.mat", variables)
        jobs.append(job(tmp_path / f"{i}.mat"))
    failed = convert_mat_labels(jobs)
    for (mat, png, _), (variables, told) in zip(jobs, OTHER_CONTENTS, strict=True):
        assert told in failed[mat], variables
        assert not png.exists()


V73 = b"MATLAB 7.3 MAT-file".ljust(124) + b"\x00\x02IM" + bytes(384) + b"\x89HDF\r\n"


OTHER_FORMATS = [
    (b"", "MATLAB v5 file. Received: another header"),
    (b"not a MATLAB file\n" * 20, "MATLAB v5 file. Received: another header"),
    (bytes(4096), "MATLAB v5 file. Received: another header"),
    (b"MATLAB 5.0 MAT-file", "MATLAB v5 file. Received: another header"),
    (V73, "Received: v7.3 (HDF5). Save it with -v7"),
    (b"MATLAB 5.0 MAT-file".ljust(124) + b"\x00\x01IM", "`GTcls`. Received: none"),
    (b"MATLAB 5.0 MAT-file".ljust(124) + b"\x01\x00MI", "`GTcls`. Received: none"),
    (b"MATLAB 5.0 MAT-file".ljust(124) + b"\x00\x01IM1234567", "cannot read it"),
]


def test_files_of_other_formats_are_refused_by_their_headers(tmp_path):
    jobs = []
    for i, (content, _) in enumerate(OTHER_FORMATS):
        (tmp_path / f"{i}.mat").write_bytes(content)
        jobs.append(job(tmp_path / f"{i}.mat"))
    failed = convert_mat_labels(jobs)
    for (mat, png, _), (content, told) in zip(jobs, OTHER_FORMATS, strict=True):
        assert told in failed[mat], content[:128]
        assert not png.exists()


def test_a_file_of_matlab_4_is_refused(tmp_path):
    savemat(tmp_path / "a.mat", {"GTcls": LABEL}, format="4")
    assert "MATLAB v5" in reason_for(tmp_path / "a.mat")


def test_a_truncated_file_is_refused(tmp_path):
    content = write_mat(tmp_path / "a.mat").read_bytes()
    (tmp_path / "a.mat").write_bytes(content[: len(content) // 2])
    assert "SciPy cannot read it" in reason_for(tmp_path / "a.mat")


def test_a_file_whose_checksum_is_wrong_is_refused(tmp_path):
    content = write_mat(tmp_path / "a.mat").read_bytes()
    (tmp_path / "a.mat").write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    assert "SciPy cannot read it" in reason_for(tmp_path / "a.mat")


def test_a_missing_file_and_a_folder_are_refused(tmp_path):
    assert "No such file" in reason_for(tmp_path / "a.mat")
    (tmp_path / "b.mat").mkdir()
    assert "cannot be opened" in reason_for(tmp_path / "b.mat")


@pytest.mark.fault(23)
def test_a_huge_file_is_refused_before_it_is_read(tmp_path, children):
    with (tmp_path / "a.mat").open("wb") as file:
        file.truncate(64 * 2**20 + 1)
    reason = reason_for(tmp_path / "a.mat")
    assert "at most 67,108,864 bytes. Received: 67,108,865" in reason
    assert children == []


def test_the_others_are_converted_all_the_same(tmp_path, children):
    jobs = some_jobs(tmp_path, *[b""] * 5)
    for mat, _, _ in (jobs[0], jobs[3]):
        mat.write_bytes(b"no")
    assert set(convert_mat_labels(jobs)) == {jobs[0][0], jobs[3][0]}
    assert_converted(jobs[1], jobs[2], jobs[4])
    assert len(children) == 1


# A process that dies


@pytest.mark.fault(23)
@pytest.mark.parametrize("bad", [0, 2, 4], ids=["first", "middle", "last"])
def test_a_crash_names_its_file_and_the_others_are_converted(
    tmp_path, reader_that, capfd, bad
):
    reader_that("if b'crash' in content: os.abort()")
    jobs = some_jobs(tmp_path, *(b"crash" if i == bad else b"" for i in range(5)))
    failed = convert_mat_labels(jobs)
    assert list(failed) == [jobs[bad][0]]
    assert "SciPy cannot read it: its process" in failed[jobs[bad][0]]
    if os.name == "posix":
        assert "died of SIGABRT" in failed[jobs[bad][0]]
    assert not jobs[bad][1].exists()
    assert_converted(*(j for i, j in enumerate(jobs) if i != bad))
    assert capfd.readouterr() == ("", "")


def test_if_every_file_crashes_every_file_is_named(tmp_path, reader_that, children):
    reader_that("os._exit(3)")
    jobs = some_jobs(tmp_path, b"", b"", b"")
    failed = convert_mat_labels(jobs)
    assert list(failed) == [mat for mat, *_ in jobs]
    assert all("ended with code 0x3" in reason for reason in failed.values())
    assert len(children) == 3


def test_a_file_is_not_blamed_for_a_crash_that_an_earlier_one_prepared(
    tmp_path, reader_that, children
):
    reader_that("""
    if seen: os._exit(3)
    if b'poison' in content: seen.append(1); raise KeyError(1)""")
    jobs = some_jobs(tmp_path, b"", b"poison", b"", b"")
    failed = convert_mat_labels(jobs)
    assert list(failed) == [jobs[1][0]]
    assert "SciPy cannot read it: KeyError: 1" in failed[jobs[1][0]]
    assert_converted(jobs[0], jobs[2], jobs[3])
    assert len(children) == 2


@pytest.mark.fault(23)
def test_a_file_that_stalls_is_given_up(tmp_path, reader_that, monkeypatch):
    reader_that("if b'stall' in content: time.sleep(600)")
    monkeypatch.setattr(mat_child, "SECONDS", 3)
    jobs = some_jobs(tmp_path, b"stall", b"", b"")
    start = time.monotonic()
    failed = convert_mat_labels(jobs)
    assert 3 <= time.monotonic() - start < 60
    assert failed == {jobs[0][0]: "SciPy cannot read it: no answer within 3 s."}
    assert_converted(*jobs[1:])


@pytest.mark.fault(23)
@pytest.mark.parametrize(
    ("fault", "told"),
    [
        ("return b'\\xff' * 600", "Labels must be 0..20. Received: 255"),
        ("reader.REASON = b'?'; raise KeyError", "makes no sense"),
        ("reader.REASON += b'\\xff' * 4; raise KeyError", "makes no sense"),
        ("os.close(4); return b''", "SciPy cannot read it"),
        ("raise ValueError('\\x1b[31m' + 'x' * 9999)", "ValueError: ?[31mxxx"),
        ("raise ValueError('\\udcff')", "SciPy cannot read it: ValueError"),
        ("raise MemoryError", "SciPy cannot read it: MemoryError"),
        ("raise RecursionError", "SciPy cannot read it: RecursionError"),
        ("sys.exit()", "ended with code 0x0"),
    ],
)
def test_whatever_the_process_answers_is_checked(
    tmp_path, reader_that, monkeypatch, fault, told
):
    reader_that(f"if b'bad' in content: {fault}")
    monkeypatch.setattr(mat_child, "SECONDS", 10)
    bad, good = some_jobs(tmp_path, b"bad", b"")
    failed = convert_mat_labels([bad, good])
    assert list(failed) == [bad[0]]
    assert told in failed[bad[0]]
    assert failed[bad[0]].isprintable()
    assert len(failed[bad[0]]) < 600
    assert_converted(good)


def test_what_is_printed_while_reading_is_no_answer(tmp_path, reader_that, capfd):
    reader_that("os.write(1, b'L' * 9999); os.write(2, b'!' * 999999); print('L')")
    jobs = some_jobs(tmp_path, b"", b"")
    assert convert_mat_labels(jobs) == {}
    assert_converted(*jobs)
    assert capfd.readouterr() == ("", "")


@pytest.mark.fault(23)
@pytest.mark.skipif(sys.platform != "linux", reason="Linux tells what is reserved")
def test_a_file_that_grows_beyond_the_bound_on_memory_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(mat_child, "MEMORY", 16 * 2**20)
    big = np.zeros((6_000, 10_000), "uint8")
    savemat(tmp_path / "a.mat", {"GTcls": {"Segmentation": big}}, do_compression=True)
    assert (tmp_path / "a.mat").stat().st_size < 2**20
    assert "MemoryError" in reason_for(tmp_path / "a.mat", big.shape)


@POSIX
def test_a_process_left_alone_with_a_stalling_file_ends_by_itself(
    reader_that, monkeypatch
):
    reader_that("\n    while True: pass")
    monkeypatch.setattr(mat_child, "SECONDS", 1)
    child = mat_child.Child()
    try:
        child._send(mat_child.QUESTION.pack(0, 1, 1))
        assert child._process.wait(60) == -signal.SIGXCPU
    finally:
        child.end()


# A process that does not start


def test_scipy_missing_is_told_once_and_before_any_file(
    tmp_path, monkeypatch, children
):
    own = {sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}
    monkeypatch.setattr(sys, "path", [p for p in sys.path if p not in own])
    jobs = some_jobs(tmp_path, b"", b"")
    with pytest.raises(RuntimeError, match="must start, and load NumPy") as error:
        convert_mat_labels(jobs)
    assert "code 0x1: ModuleNotFoundError: No module named" in str(error.value)
    assert "-c 'import scipy.io'" in str(error.value)
    assert len(children) == 1


@pytest.mark.parametrize("executable", ["", None, "/no/python"])
def test_a_missing_interpreter_is_told(tmp_path, monkeypatch, executable):
    monkeypatch.setattr(sys, "executable", executable)
    with pytest.raises(RuntimeError, match="must start"):
        convert_mat_labels(some_jobs(tmp_path, b""))


def test_a_start_that_takes_too_long_is_given_up(tmp_path, monkeypatch, children):
    (tmp_path / "sleeper.py").write_text("import time; time.sleep(600)")
    monkeypatch.setattr(mat_child, "READER", tmp_path / "sleeper.py")
    monkeypatch.setattr(mat_child, "START_SECONDS", 1)
    with pytest.raises(RuntimeError, match=r"must start.* none within 1 s"):
        convert_mat_labels(some_jobs(tmp_path, b""))


def test_no_variable_and_no_file_in_the_working_folder_changes_what_runs(
    tmp_path, monkeypatch
):
    for name in ("json", "numpy", "scipy", "struct"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit('the wrong one')")
    jobs = some_jobs(tmp_path, b"")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setenv("PYTHONWARNINGS", "error")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [p for p in sys.path if p])
    assert convert_mat_labels(jobs) == {}


def test_scipy_may_be_where_only_this_process_looks(tmp_path, monkeypatch, reader_that):
    reader_that("import only_here")
    (tmp_path / "hidden").mkdir()
    (tmp_path / "hidden" / "only_here.py").touch()
    jobs = some_jobs(tmp_path, b"")
    assert "only_here" in convert_mat_labels(jobs)[jobs[0][0]]
    monkeypatch.syspath_prepend(tmp_path / "hidden")
    assert convert_mat_labels(jobs) == {}


def test_the_process_loads_neither_a_framework_nor_this_package(tmp_path, reader_that):
    reader_that(
        f"open({str(tmp_path / 'modules')!r}, 'w').write(' '.join(sys.modules))"
    )
    assert convert_mat_labels(some_jobs(tmp_path, b"")) == {}
    modules = set((tmp_path / "modules").read_text().split())
    assert "scipy" in modules
    assert not modules & {"keras", "tensorflow", "jax", "torch", "PIL", "keras_fcn"}


# Interrupts and full disks


@POSIX
def test_an_interrupt_while_a_file_is_read_keeps_the_finished_ones(
    tmp_path, reader_that
):
    reader_that("if b'stall' in content: time.sleep(600)")
    jobs = some_jobs(tmp_path, b"", b"", b"stall", b"")

    def interrupt():
        signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)

    def interrupting(pending):
        for i, each in enumerate(pending):
            if i == 2:
                threading.Timer(0.5, interrupt).start()
            yield each

    start = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        convert_mat_labels(jobs, progress=interrupting)
    assert time.monotonic() - start < 20
    assert_converted(*jobs[:2])
    assert sorted(tmp_path.glob("*.png")) == [png for _, png, _ in jobs[:2]]
    assert not list(tmp_path.glob(".*"))


@POSIX
def test_an_interrupt_that_reaches_the_reading_process_blames_no_file(
    tmp_path, reader_that
):
    reader_that("os.kill(os.getpid(), signal.SIGINT)")
    jobs = some_jobs(tmp_path, b"", b"")
    assert convert_mat_labels(jobs) == {}
    assert_converted(*jobs)


def test_a_png_that_cannot_be_written_is_an_error_of_the_disk(tmp_path, children):
    mat = write_mat(tmp_path / "a.mat")
    (tmp_path / "file").touch()
    with pytest.raises(OSError, match="file"):
        convert_mat_labels([(mat, tmp_path / "file" / "a.png", LABEL.shape)])
    assert len(children) == 1


# The real files


@pytest.fixture(scope="module")
def real_mats():
    mats = sorted((REAL_SBD / "dataset" / "cls").glob("*.mat"))
    if not mats:
        pytest.skip("the real SBD files are not on this machine (../shared/data)")
    return mats


def test_real_files_become_what_scipy_reads(real_mats, tmp_path):
    labels = [loadmat(mat)["GTcls"]["Segmentation"][0, 0] for mat in real_mats]
    jobs = [
        (mat, tmp_path / f"{mat.stem}.png", label.shape)
        for mat, label in zip(real_mats, labels, strict=True)
    ]
    assert convert_mat_labels(jobs) == {}
    for (_, png, _), label in zip(jobs, labels, strict=True):
        np.testing.assert_array_equal(read_label(png), label)
    assert len(jobs) >= 40
    assert len({label.tobytes() for label in labels}) == len(jobs)


def test_real_files_have_the_size_of_their_photos(real_mats, tmp_path):
    jobs = []
    for mat in real_mats:
        with Image.open(REAL_SBD / "dataset" / "img" / f"{mat.stem}.jpg") as photo:
            jobs.append((mat, tmp_path / f"{mat.stem}.png", photo.size[::-1]))
    assert convert_mat_labels(jobs) == {}


def test_a_real_file_written_by_matlab_is_read_from_a_copy_in_any_folder(
    real_mats, tmp_path
):
    genuine = REAL_SBD / "dataset" / "cls" / "2008_000783.mat"
    assert genuine.read_bytes().startswith(b"MATLAB 5.0 MAT-file, Platform: GLNXA64")
    copy = Path(shutil.copy(genuine, tmp_path / "a copy.mat"))
    assert convert_mat_labels([job(copy, (333, 500))]) == {}
    assert set(np.unique(read_label(copy.with_suffix(".png")))) == set(
        np.unique(loadmat(genuine)["GTcls"]["Segmentation"][0, 0])
    )

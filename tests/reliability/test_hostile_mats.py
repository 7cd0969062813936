"""Damaged `.mat` files: none ends this process, none becomes a wrong label map."""

import random
import struct
import zlib

import numpy as np
import pytest

from keras_fcn.datasets.readers.mat_labels import convert_mat_labels
from keras_fcn.images import read_label

from ..unit.test_mat_labels import LABEL, REAL_SBD, write_mat
from .damage import damaged

pytestmark = pytest.mark.fault(23)

HEADER = 128  # bytes before the first variable
HEAD = 6000  # bytes in which what describes the pixels is
TAG = struct.Struct("<II")  # type of an element, bytes that follow
COMPRESSED = 15
GENUINE = REAL_SBD / "dataset" / "cls" / "2008_000783.mat"


def inflated(content):
    """The same file without compression."""
    kind, length = TAG.unpack_from(content, HEADER)
    assert kind == COMPRESSED
    start = HEADER + TAG.size
    return content[:HEADER] + zlib.decompress(content[start : start + length])


def deflated(content):
    """Compress what follows the header, whatever it is: the checksum will be right."""
    packed = zlib.compress(content[HEADER:], 1)
    return content[:HEADER] + TAG.pack(COMPRESSED, len(packed)) + packed


def convert_damaged(folder, originals, number):
    """Convert `number` damaged files with whole ones in between.

    Returns how many were accepted and refused, and says how many were died of. Fails
    if a whole file is not converted exactly, or a damaged one to what is no label map
    of its size.
    """
    jobs = {}
    for i in range(number):
        # Of the others one in six ends a reader, and a new one takes half a second.
        often = [*originals, *("packed", "genuine") * 3]
        chance = random.Random(i)
        name = chance.choice([name for name in often if name in originals])
        content, size = originals[name]
        if name.endswith("deflated"):  # damage under a checksum that is right
            content = deflated(damaged(inflated(content), chance, HEAD))
        else:
            content = damaged(content, chance, HEAD)
        if i % 10 == 0:
            content, size = originals["plain"]
        mat = folder / f"{i}.mat"
        mat.write_bytes(content)
        jobs[i] = (mat, mat.with_suffix(".png"), size)
    failed = convert_mat_labels(list(jobs.values()))
    died = sum("its process" in reason for reason in failed.values())
    told = f"{number} files, {len(failed)} refused, {died} of them died of"
    wrong = []
    for i, (mat, png, size) in jobs.items():
        if mat in failed:
            assert i % 10, f"{mat.name} is whole: {failed[mat]} ({told})"
            assert not png.exists()
            assert failed[mat].isprintable()
            continue
        label = read_label(png)
        if label.dtype != np.uint8 or label.shape != size or label.max() > 20:
            wrong.append(mat.name)
        if i % 10 == 0:
            np.testing.assert_array_equal(label, LABEL, told)
    assert not wrong, f"{told}; accepted wrongly: {wrong}"
    return number - len(failed), len(failed), told


@pytest.fixture
def originals(tmp_path):
    """Contents and sizes of whole files: SciPy's, and one of MATLAB if it is here."""
    made = write_mat(tmp_path / "whole.mat").read_bytes()
    originals = {
        "plain": (inflated(made), LABEL.shape),
        "packed": (made, LABEL.shape),
        "deflated": (made, LABEL.shape),
    }
    if GENUINE.is_file():
        genuine = GENUINE.read_bytes()
        originals["genuine"] = (genuine, (333, 500))
        originals["genuine deflated"] = (genuine, (333, 500))
    return originals


def test_damaged_files_are_refused_or_still_hold_a_label_map(
    originals, tmp_path, record_property
):
    record_property("cases", 120)
    accepted, refused, told = convert_damaged(tmp_path, originals, 120)
    assert accepted > 12, told  # more than the whole ones
    assert refused > 40, told


@pytest.mark.slow
def test_ten_thousand_damaged_files_are_refused_or_hold_a_label_map(
    originals, tmp_path, record_property
):
    record_property("cases", 10_000)
    accepted, refused, told = convert_damaged(tmp_path, originals, 10_000)
    print(told)
    assert accepted > 1000, told
    assert refused > 3000, told


# Types of an element that SciPy looks up in a table which has nothing there.
NO_TYPES = [0, 14, 21, 5000]


def test_pixels_of_a_type_that_is_none_crash_no_more_than_their_reader(
    originals, tmp_path
):
    content, size = originals["plain"]
    at = content.index(LABEL.T.tobytes()) - TAG.size
    assert TAG.unpack_from(content, at) == (2, LABEL.size)
    jobs = []
    for kind in NO_TYPES:
        mat = tmp_path / f"{kind}.mat"
        mat.write_bytes(content[:at] + struct.pack("<I", kind) + content[at + 4 :])
        whole = tmp_path / f"whole after {kind}.mat"
        whole.write_bytes(content)
        jobs += [(file, file.with_suffix(".png"), size) for file in (mat, whole)]
    failed = convert_mat_labels(jobs)
    died = sum("its process" in reason for reason in failed.values())
    assert list(failed) == [mat for mat, *_ in jobs[::2]], f"{died} crashes"
    for _, png, _ in jobs[1::2]:
        np.testing.assert_array_equal(read_label(png), LABEL)

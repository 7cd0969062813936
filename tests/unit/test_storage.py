import errno
import os
import re
import stat
import threading
from pathlib import Path

import pytest

from keras_fcn.storage import (
    remove_leftovers,
    require_room,
    require_writable,
    write_atomically,
)


def names(folder):
    return sorted(file.name for file in folder.iterdir())


def test_the_whole_content_stands_in_the_file_and_nothing_beside_it(tmp_path):
    data = bytes(range(256)) * 1000
    write_atomically(tmp_path / "file", data)
    assert (tmp_path / "file").read_bytes() == data
    assert names(tmp_path) == ["file"]


def test_missing_folders_are_made(tmp_path):
    write_atomically(str(tmp_path / "a" / "b" / "file"), b"x")
    assert (tmp_path / "a" / "b" / "file").read_bytes() == b"x"


def test_a_shorter_content_replaces_a_longer_one(tmp_path):
    file = tmp_path / "file"
    file.write_bytes(b"old and long")
    write_atomically(file, b"new")
    assert file.read_bytes() == b"new"


@pytest.mark.parametrize("step", ["fsync", "replace"])
@pytest.mark.parametrize("error", [OSError("full"), KeyboardInterrupt("^C")], ids=repr)
def test_after_an_error_the_old_file_is_whole_and_alone(
    tmp_path, monkeypatch, step, error
):
    file = tmp_path / "file"
    file.write_bytes(b"old")

    def fail(*args):
        raise error

    monkeypatch.setattr(os, step, fail)
    with pytest.raises(type(error), match=re.escape(str(error))):
        write_atomically(file, b"new")
    assert file.read_bytes() == b"old"
    assert names(tmp_path) == ["file"]


def test_a_folder_of_that_name_is_refused_and_left_alone(tmp_path):
    (tmp_path / "taken" / "inside").mkdir(parents=True)
    with pytest.raises(OSError, match="taken"):
        write_atomically(tmp_path / "taken", b"new")
    assert names(tmp_path) == ["taken"]
    assert names(tmp_path / "taken") == ["inside"]


def test_the_bytes_are_on_the_disk_before_the_name_and_the_name_before_the_end(
    tmp_path, monkeypatch
):
    steps = []
    fsync, replace = os.fsync, os.replace

    def spy_fsync(handle):
        status = os.fstat(handle)
        folder = stat.S_ISDIR(status.st_mode)
        steps.append(("fsync", "folder" if folder else status.st_size))
        fsync(handle)

    def spy_replace(source, target):
        steps.append(("replace", Path(source).stat().st_size))
        replace(source, target)

    monkeypatch.setattr(os, "fsync", spy_fsync)
    monkeypatch.setattr(os, "replace", spy_replace)
    write_atomically(tmp_path / "file", b"12345")
    assert steps == [("fsync", 5), ("replace", 5), ("fsync", "folder")]


def test_a_reader_never_sees_half_a_file(tmp_path):
    file, size = tmp_path / "file", 200_000
    write_atomically(file, b"a" * size)

    def write():
        for i in range(20):
            write_atomically(file, (b"a", b"b")[i % 2] * size)

    writer = threading.Thread(target=write)
    writer.start()
    while writer.is_alive():
        assert file.read_bytes() in (b"a" * size, b"b" * size)
    writer.join()


@pytest.mark.parametrize("mask", [0o022, 0o077, 0o002], ids=oct)
def test_the_permissions_are_those_of_any_new_file(tmp_path, mask):
    before = os.umask(mask)
    try:
        write_atomically(tmp_path / "ours", b"")
        (tmp_path / "plain").write_bytes(b"")
        after = os.umask(mask)
    finally:
        os.umask(before)
    modes = [stat.S_IMODE((tmp_path / f).stat().st_mode) for f in ("ours", "plain")]
    assert modes[0] == modes[1]
    assert after == mask


@pytest.mark.parametrize("letter", ["a", "é", "猫"])
def test_the_longest_names_can_be_written(tmp_path, letter):
    name = letter * (255 // len(letter.encode()))
    write_atomically(tmp_path / name, b"x")
    assert names(tmp_path) == [name]


def test_an_error_without_a_file_gets_its_name(tmp_path, monkeypatch):
    def full(handle):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match=re.escape(str(tmp_path / "file"))) as told:
        write_atomically(tmp_path / "file", b"new")
    assert told.value.errno == errno.ENOSPC


def test_a_folder_is_writable_or_told_now(tmp_path):
    require_writable(tmp_path / "new" / "folder")
    assert names(tmp_path / "new" / "folder") == []
    (tmp_path / "file").touch()
    with pytest.raises(OSError, match="file"):
        require_writable(tmp_path / "file")


def test_room_on_a_disk_is_asked_for(tmp_path):
    require_room(tmp_path, 1, "a letter")
    with pytest.raises(OSError, match=r"room for all letters, 1000000000\.00 GB"):
        require_room(tmp_path, 10**18, "all letters")


def test_what_killed_processes_left_is_removed_and_nothing_else(tmp_path):
    ours = [".a.0123456789abcdef.part", ".log.csv.fedcba9876543210.part"]
    others = [".a.part", "a.0123456789abcdef.part", ".a.0123.part", ".data.tar.part"]
    for name in (*ours, *others):
        (tmp_path / name).touch()
    remove_leftovers(tmp_path)
    remove_leftovers(tmp_path / "missing")
    assert names(tmp_path) == sorted(others)

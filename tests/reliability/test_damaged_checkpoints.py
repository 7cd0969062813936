"""Checkpoints that are not whole are seen, and the one before them is taken."""

import os
import random
import re
import shutil

import pytest

from keras_fcn.checkpoints.file import find_checkpoints
from keras_fcn.checkpoints.folder import newest_valid, remove_leftovers
from keras_fcn.weights import WeightsFormatError

from . import processes
from .processes import holds_its_number, save_numbered
from .tiny import CONFIGS, EPOCHS, fingerprint


@pytest.fixture
def two(tmp_path):
    """Two checkpoints; the second is to be damaged."""
    save_numbered(tmp_path, 1, size=2000)
    return save_numbered(tmp_path, 2, size=2000)


def damages(content):
    """Yield damaged contents: cut, zeroed from somewhere, one bit flipped."""
    size = len(content)
    for part in range(64):
        end = size * part // 64
        yield content[:end]
        if any(content[end:]):
            yield content[:end] + bytes(size - end)
    yield content + b"\0"
    chance = random.Random(0)
    while True:
        changed = bytearray(content)
        changed[chance.randrange(size)] ^= 1 << chance.randrange(8)
        yield bytes(changed)


@pytest.mark.fault(4)
def test_a_thousand_damages_are_seen(two, record_property):
    content = two.path.read_bytes()
    assert newest_valid(two.path.parent) == two
    for number, damaged in enumerate(damages(content), start=1):
        two.path.write_bytes(damaged)
        told = []
        newest = newest_valid(two.path.parent, told.append)
        assert newest.step == 1, number
        assert told[0].startswith(f"Passed over, damaged: {two.path.name}. ")
        if number == 1000:
            break
    record_property("cases", number)


@pytest.mark.fault(4)
def test_a_training_goes_on_from_the_one_before_and_removes_the_damaged(tmp_path):
    config = CONFIGS["adam"]
    model, _, history = config.fit(tmp_path, every_steps=1, keep=100)
    expected = fingerprint(model, history.history)
    for checkpoint in find_checkpoints(tmp_path)[:4]:
        checkpoint.path.write_bytes(checkpoint.path.read_bytes()[:-1])
    told = []
    model, resume, history = config.fit(tmp_path, model, tell=told.append)
    assert fingerprint(model, history.history) == expected
    assert resume.first_step > 0
    for word, number in (("Passed over", 4), ("Removed", 4), ("Going on from", 1)):
        assert sum(line.startswith(word) for line in told) == number
    newest = newest_valid(tmp_path)
    assert newest.epoch == EPOCHS


@pytest.mark.fault(4)
def test_if_all_are_damaged_a_training_begins_anew(two):
    for checkpoint in find_checkpoints(two.path.parent):
        checkpoint.path.write_bytes(b"")
    assert newest_valid(two.path.parent) is None


@pytest.mark.fault(4)
def test_notes_that_are_none_are_passed_over(tmp_path, monkeypatch):
    save_numbered(tmp_path, 1, size=10)
    for wrong in (
        {},
        {**processes.NOTES, "repeat": "0"},
        {**processes.NOTES, "best": 1},
    ):
        monkeypatch.setattr(processes, "NOTES", wrong)
        written = save_numbered(tmp_path, 2, size=10)
        assert newest_valid(tmp_path).step == 1
        with pytest.raises(WeightsFormatError, match=re.escape(str(written.path))):
            written.notes()
        written.path.unlink()


@pytest.mark.fault(4)
def test_what_is_newer_and_whole_is_never_removed(two):
    one = find_checkpoints(two.path.parent)[1]
    with pytest.raises(RuntimeError, match=re.escape(two.path.name)):
        remove_leftovers(two.path.parent, one, print)
    assert two.path.exists()


@pytest.mark.fault(27)
@pytest.mark.parametrize("times", [(2, 1), (1, 1), (0, 10**10), (10**10, 0), (1, 2)])
def test_the_newest_is_the_one_with_the_highest_step(two, times):
    first = find_checkpoints(two.path.parent)[1]
    for checkpoint, time in zip((first, two), times, strict=True):
        os.utime(checkpoint.path, (time, time))
    assert newest_valid(two.path.parent) == two


@pytest.mark.fault(27)
def test_steps_count_as_numbers_and_a_finished_epoch_after_its_last_step(tmp_path):
    names = [
        "ckpt-0001-00000009-0000000000000000.safetensors",
        "ckpt-0001-00000010-0000000000000000.safetensors",
        "ckpt-0002-00000010-0000000000000000.safetensors",
        "ckpt-0009-99999999-0000000000000000.safetensors",
        "ckpt-0010-100000000-0000000000000000.safetensors",
    ]
    for name in (*names, "ckpt-1.safetensors", ".ckpt.12.part", "last.safetensors"):
        (tmp_path / name).touch()
    found = [checkpoint.path.name for checkpoint in find_checkpoints(tmp_path)]
    assert found == names[::-1]


def save_and_die(folder, at):
    """Save a second checkpoint, and die with the call of that number."""
    left = iter(range(at))

    def dying(function):
        def called(*arguments, **options):
            if next(left, None) is None:
                os._exit(9)
            return function(*arguments, **options)

        return called

    for module, name in (
        (os, "fsync"),
        (processes.pathlib.Path, "replace"),
        (processes.pathlib.Path, "touch"),
        (processes.pathlib.Path, "open"),
        (processes.pathlib.Path, "unlink"),
    ):
        setattr(module, name, dying(getattr(module, name)))
    save_numbered(folder, 3, size=1000)


@pytest.mark.fault(2)
def test_death_at_each_call_of_a_save_leaves_a_whole_one(tmp_path, record_property):
    at = 0
    while True:
        folder = tmp_path / str(at)
        folder.mkdir()
        for step in (1, 2):
            save_numbered(folder, step, size=1000)
        process = processes.start(save_and_die, folder, at)
        process.join()
        newest = newest_valid(folder)
        assert newest.step in (2, 3)
        assert holds_its_number(newest)
        remove_leftovers(folder, newest, print)
        assert all(file.name.startswith("ckpt-") for file in folder.iterdir())
        shutil.rmtree(folder)
        if process.exitcode == 0:
            break
        assert process.exitcode == 9
        at += 1
    assert at >= 6
    record_property("cases", at)

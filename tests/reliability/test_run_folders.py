"""Folders that cannot be trained into: told before training, and nothing is lost."""

import os
import resource
import socket
import sys
from pathlib import Path

import keras
import pytest
from PIL import Image

from keras_fcn import storage
from keras_fcn.checkpoints import RunLock, find_checkpoints
from keras_fcn.checkpoints.folder import newest_valid
from keras_fcn.runs import RunConfig
from keras_fcn.training import train

from ..conftest import write_small_voc
from ..end_to_end.test_command_line import THIN, run
from . import processes
from .processes import save_numbered
from .tiny import CONFIGS, fingerprint


def save_with_little_room(folder, room, answers):
    """Save a second checkpoint with a limit on the size of files."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (room, room))
    try:
        save_numbered(folder, 2, size=10_000)
    except OSError as error:
        answers.put(str(error))
    else:
        answers.put("written")


@pytest.mark.fault(5)
def test_a_full_disk_leaves_the_last_checkpoint_and_tells_the_need(
    tmp_path, record_property
):
    size = save_numbered(tmp_path, 1, size=10_000).path.stat().st_size
    for twentieth in range(20):
        answers = processes.queue()
        room = size * twentieth // 20
        process = processes.start(save_with_little_room, tmp_path, room, answers)
        told = answers.get(timeout=60)
        process.join()
        assert f"room for {size:,} bytes" in told
        assert told.endswith(f": {str(tmp_path)!r}")
        assert [c.step for c in find_checkpoints(tmp_path)] == [1]
        assert len(list(tmp_path.iterdir())) == 1
        assert processes.holds_its_number(newest_valid(tmp_path))
    record_property("cases", 20)


@pytest.mark.fault(5)
def test_a_disk_without_room_is_told_before_the_first_step(tmp_path, monkeypatch):
    free = storage.shutil.disk_usage(tmp_path)._replace(free=10_000)
    monkeypatch.setattr(storage.shutil, "disk_usage", lambda folder: free)
    with pytest.raises(OSError, match=r"room for 4 checkpoints.*Received: 0.00 GB"):
        CONFIGS["adam"].fit(tmp_path)
    assert find_checkpoints(tmp_path) == []


def train_as_nobody(folder, answers):
    """Try to train where this user may not write."""
    if os.getuid() == 0:  # whom permissions do not bind
        os.setgid(65534)
        os.setuid(65534)
    config = RunConfig(weights="none", width=0.01, topology="same")

    def late(split, report):
        answers.put("read the data first")

    try:
        train(config, folder, on_checked=late, verbose=False)
    except OSError as error:
        answers.put(f"{type(error).__name__}: {error}")


@pytest.mark.fault(7)
@pytest.mark.parametrize("where", [".", "new", "new/deep"])
@pytest.mark.parametrize("mode", [0o555, 0o000], ids=oct)
def test_a_folder_that_may_not_be_written_to_is_told_before_training(
    tmp_path, where, mode
):
    if mode == 0 and where == ".":
        where = "run"
    for folder in (tmp_path, *tmp_path.parents[:2]):
        folder.chmod(0o755)
    closed = tmp_path / "closed"
    closed.mkdir()
    closed.chmod(mode)
    answers = processes.queue()
    process = processes.start(train_as_nobody, closed / where, answers)
    told = answers.get(timeout=60)
    process.join()
    closed.chmod(0o755)
    assert told.startswith("PermissionError: ")
    assert str(closed) in told
    assert list(closed.iterdir()) == []


@pytest.mark.fault(7)
@pytest.mark.parametrize("where", ["file", "file/run"])
def test_a_folder_that_is_a_file_is_told_before_training(tmp_path, where):
    (tmp_path / "file").write_text("mine")
    config = RunConfig(weights="none")
    with pytest.raises(OSError, match="file"):
        train(config, tmp_path / where, on_checked=lambda *_: pytest.fail("too late"))
    assert (tmp_path / "file").read_text() == "mine"


def hold(folder, answers, end):
    """Hold a folder until told to end."""
    lock = RunLock(Path(folder))
    lock.acquire()
    answers.put(os.getpid())
    end.wait()


@pytest.mark.fault(26)
def test_two_processes_do_not_train_into_one_folder(tmp_path, record_property):
    config = RunConfig(weights="none", width=0.01, topology="same", epochs=1)
    for number in range(10):
        folder = tmp_path / str(number)
        answers, end = processes.queue(), processes.event_to_wait_for()
        process = processes.start(hold, folder / "checkpoints", answers, end)
        holder = answers.get(timeout=60)
        told = f"process {holder} on {socket.gethostname()} has"
        try:
            with pytest.raises(RuntimeError, match=told):
                train(config, folder)
        finally:
            if number % 2:
                process.kill()  # what it leaves behind does not count
            else:
                end.set()
            process.join()
        assert not (folder / "config.yaml").exists()
        RunLock(folder / "checkpoints").acquire()
    record_property("cases", 10)


@pytest.mark.fault(26)
def test_a_lock_of_another_machine_counts(tmp_path):
    (tmp_path / ".lock").write_text("1\nelsewhere\n")
    with pytest.raises(RuntimeError, match="process 1 on elsewhere has") as told:
        RunLock(tmp_path).acquire()
    assert f"remove {str(tmp_path / '.lock')!r}" in str(told.value)


@pytest.fixture(scope="module")
def begun(tmp_path_factory):
    """A run of one epoch and its data."""
    folder = tmp_path_factory.mktemp("begun")
    voc = write_small_voc(folder)
    options = ["--dataset", "voc", "--data-dir", voc, *THIN, "--epochs", 1]
    run("train", *options, "--run-dir", folder / "run")
    return folder / "run", voc


EDITS = {
    "epochs": ("--epochs", "2"),
    "batch_size": ("--batch-size", "3"),
    "lr": ("--lr", "0.25"),
    "seed": ("--seed", "9"),
    "crop_size": ("--crop-size", "48"),
    "optimizer": ("--optimizer", "sgd"),
    "model": ("--model", "fcn16s"),
    "width": ("--width", "0.03"),
    "scale_range": ("--scale-range", "0.5", "1.5"),
}


@pytest.mark.fault(28)
@pytest.mark.parametrize("name", EDITS)
def test_another_configuration_is_refused_with_what_differs(begun, name):
    folder, _ = begun
    before = {f: f.read_bytes() for f in folder.rglob("*") if f.is_file()}
    result = run("train", "--run-dir", folder, "--resume", *EDITS[name], check=False)
    assert result.returncode == 1
    assert f"  config.{name}: " in result.stderr
    assert result.stderr.count(" before, ") == 1
    assert {f: f.read_bytes() for f in folder.rglob("*") if f.is_file()} == before


@pytest.mark.fault(28)
def test_other_data_are_refused_by_the_name_of_the_sample(tmp_path):
    voc = write_small_voc(tmp_path)
    options = ["--dataset", "voc", "--data-dir", voc, *THIN, "--run-dir"]
    config = [*options, tmp_path / "run", "--checkpoint-steps", 1, "--epochs"]
    run("train", *config, 1)
    result = run("train", *config, 2, "--resume", "--allow-config-change")
    assert "Going on from" in result.stdout
    file = voc / "SegmentationClass" / "2007_000000.png"
    with Image.open(file) as mask:
        mask.load()
    mask.putpixel((20, 20), 7)  # one pixel of one mask
    mask.save(file)
    settings = tmp_path / "run" / "config.yaml"
    settings.write_text(settings.read_text().replace("epochs: 2", "epochs: 3"))
    result = run("train", "--run-dir", tmp_path / "run", "--resume", check=False)
    assert result.returncode == 1
    assert "data.training.2007_000000: '" in result.stderr
    assert "2007_000001" not in result.stderr


@pytest.mark.fault(28)
def test_a_whole_command_can_be_given_again(tmp_path):
    voc = write_small_voc(tmp_path)
    command = ["--recipe", "voc_fcn8s_adamw", "--data-dir", voc, *THIN]
    command += ["--dataset", "voc", "--run-dir", tmp_path / "run", "--resume"]
    command += ["--precision", "float32", "--epochs", 1]
    assert "finished" not in run("train", *command).stdout
    assert "This run is finished" in run("train", *command).stdout


@pytest.mark.fault(28)
def test_a_finished_run_says_so(begun):
    folder, _ = begun
    result = run("train", "--run-dir", folder, "--resume")
    assert "This run is finished: 1 epochs." in result.stdout


def train_with_little_memory(folder, megabytes):
    """Train with a limit on memory, set at the third step."""

    class Limit(keras.callbacks.Callback):
        steps = 0

        def on_train_batch_end(self, batch, logs=None):
            self.steps += 1
            if self.steps == 3:
                used = int(Path("/proc/self/statm").read_text().split()[0]) * 4096
                room = used + megabytes * 2**20
                resource.setrlimit(resource.RLIMIT_AS, (room, room))
            if self.steps == 5:
                self.all = bytearray(10**9)

    CONFIGS["adam"].fit(folder, others=[Limit()], every_steps=1)


@pytest.mark.fault(29)
@pytest.mark.skipif(sys.platform != "linux", reason="limits memory as Linux does")
@pytest.mark.parametrize(
    "megabytes", [50, *(pytest.param(n, marks=pytest.mark.slow) for n in (0, 1))]
)
def test_out_of_memory_is_survived(tmp_path, megabytes):
    model, _, history = CONFIGS["adam"].fit(tmp_path / "whole")
    expected = fingerprint(model, history.history)
    folder = tmp_path / "run"
    process = processes.start(train_with_little_memory, folder, megabytes)
    process.join()
    assert process.exitcode != 0
    assert newest_valid(folder).step >= 2
    model, resume, history = CONFIGS["adam"].fit(folder)
    assert resume.going_on
    assert fingerprint(model, history.history) == expected


@pytest.mark.fault(29)
@pytest.mark.parametrize(
    "error",
    [MemoryError(), RuntimeError("RESOURCE_EXHAUSTED: Out of memory"), "tensorflow"],
    ids=repr,
)
def test_out_of_memory_is_told_with_what_to_lower(monkeypatch, tmp_path, error):
    if error == "tensorflow":
        tf = pytest.importorskip("tensorflow")
        error = tf.errors.ResourceExhaustedError(None, None, "OOM when allocating")

    def fail(*arguments, **options):
        raise error

    monkeypatch.setattr("keras_fcn.training.train", fail)
    result = run("train", "--run-dir", tmp_path / "run", check=False)
    assert result.returncode == 1
    assert "memory" in result.stderr
    assert "--batch-size" in result.stderr
    assert "Traceback" not in result.stderr

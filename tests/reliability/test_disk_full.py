"""A disk that fills up: nothing half-written has a name, and a second try completes."""

import dataclasses
import hashlib
import shutil
import sys

import keras
import pytest
from PIL import Image

import keras_fcn
from keras_fcn.checksums import file_checksum
from keras_fcn.datasets.official import ARCHIVES, Archive
from keras_fcn.runs import RunConfig, write_config

from ..end_to_end.test_command_line import run
from ..unit.test_archives import files, write_tar
from .full_disk import run_without_room
from .server import serving

pytestmark = [
    pytest.mark.fault(6),
    pytest.mark.skipif(sys.platform == "win32", reason="has no bound on files"),
]

DATASET = "benchmark_RELEASE/dataset"
CONTENTS = {
    "img/1.jpg": hashlib.shake_256(b"photo").digest(300_000),
    "img/2.jpg": b"",
    "cls/1.mat": hashlib.shake_256(b"labels").digest(70_001),
    "train.txt": b"1\n",
    "val.txt": b"2\n",
}


def require_told(result):
    """Require that a run failed, and told so in one line that names the reason."""
    code, printed = result
    assert code == 1, printed
    assert "Error: [Errno 27] " in printed
    assert "Traceback" not in printed
    return " ".join(printed.split())


@pytest.fixture
def made(tmp_path):
    """A small archive of the layout of SBD's."""
    contents = {f"{DATASET}/{name}": data for name, data in CONTENTS.items()}
    return write_tar(tmp_path / "benchmark.tgz", contents, "w:gz")


def prepare(folder, *options):
    return ["data", "prepare", "--dataset", "sbd", "--data-dir", folder, *options]


def test_a_download_that_fills_the_disk_is_resumed_where_it_stopped(
    made, tmp_path, monkeypatch, record_property
):
    monkeypatch.setenv("no_proxy", "*")
    content, checksum = made.read_bytes(), file_checksum(made, "sha256")
    rooms = [0, 1, 100_000, len(content) // 2, len(content) - 1]
    record_property("cases", len(rooms))
    with serving() as server:
        url = server.add("benchmark.tgz", content)
        archive = Archive(made.name, (url,), checksum, len(content), DATASET)
        results = run_without_room(
            [(prepare(tmp_path / str(room)), room) for room in rooms],
            {"SBD": [dataclasses.asdict(archive)]},
        )
        monkeypatch.setitem(ARCHIVES, "SBD", (archive,))
        for room, result in zip(rooms, results, strict=True):
            folder = tmp_path / str(room)
            part = f"downloads/.{made.name}.part"
            assert "more bytes are needed" in require_told(result)
            assert files(folder) == ({part: content[:room]} if room else {})
            run(*prepare(folder))
            assert files(folder / DATASET) == CONTENTS
            assert files(folder / "downloads") == {made.name: content}
            assert server.asked[-1][1] == (f"bytes={room}-" if room else None)


def test_an_archive_that_fills_the_disk_leaves_nothing_and_is_unpacked_again(
    made, tmp_path, monkeypatch, record_property
):
    checksum, size = file_checksum(made, "sha256"), made.stat().st_size
    archive = Archive(made.name, ("http://0.invalid",), checksum, size, DATASET)
    rooms = [0, 1, 70_000, 70_001, 299_999]
    record_property("cases", len(rooms))
    results = run_without_room(
        [(prepare(tmp_path / str(room), "--archive", made), room) for room in rooms],
        {"SBD": [dataclasses.asdict(archive)]},
    )
    monkeypatch.setitem(ARCHIVES, "SBD", (archive,))
    for room, result in zip(rooms, results, strict=True):
        folder = tmp_path / str(room)
        assert "img/1.jpg" in require_told(result)
        assert files(folder) == {}
        run(*prepare(folder, "--archive", made))
        assert files(folder) == {f"{DATASET}/{k}": v for k, v in CONTENTS.items()}


@pytest.mark.slow
def test_a_tfds_data_set_that_fills_the_disk_is_built_again(
    tiny_voc, tmp_path, record_property
):
    tfds = pytest.importorskip("tensorflow_datasets")
    rooms = [100, 1000, 4000]
    record_property("cases", len(rooms))

    def build(folder):
        there = ["--voc-root", tiny_voc.parent, "--tfds", "--tfds-dir", folder]
        return ["data", "prepare", "--dataset", "voc2012", "--data-dir", folder, *there]

    results = run_without_room([(build(tmp_path / str(r)), r) for r in rooms])
    for room, (code, printed) in zip(rooms, results, strict=True):
        assert code == 1, printed
        assert "Traceback" not in printed
        built = tmp_path / str(room) / "voc_segmentation" / "2012"
        assert [*built.rglob("*.tfrecord*")] == []
        run(*build(tmp_path / str(room)))
        (version,) = built.iterdir()
        info = tfds.builder_from_directory(version).info
        assert {name: split.num_examples for name, split in info.splits.items()} == {
            "train": 2,
            "val": 2,
        }


def test_a_conversion_that_fills_the_disk_leaves_no_folder(tmp_path, record_property):
    rooms = [0, 300, 4000]
    record_property("cases", len(rooms))

    def convert(folder):
        return ["data", "convert", "--dataset", "shapes", "-o", folder]

    results = run_without_room([(convert(tmp_path / str(r)), r) for r in rooms])
    for result in results:
        require_told(result)
    assert list(tmp_path.iterdir()) == []


def test_pictures_that_fill_the_disk_are_whole_or_missing(
    tiny_voc, tmp_path, record_property
):
    def check(folder):
        options = ["--dataset", "voc", "--data-dir", tiny_voc]
        return ["data", "check", *options, "-o", folder]

    run(*check(tmp_path / "whole"))
    whole = files(tmp_path / "whole")
    rooms = [min(map(len, whole.values())) - 1, max(map(len, whole.values())) - 1]
    record_property("cases", len(rooms))
    results = run_without_room([(check(tmp_path / str(r)), r) for r in rooms])
    for room, result in zip(rooms, results, strict=True):
        require_told(result)
        assert files(tmp_path / str(room)).items() <= whole.items()


@pytest.fixture
def trained(tmp_path):
    """A run folder with first weights, as if trained."""
    keras.utils.set_random_seed(0)
    config = RunConfig(
        model="fcn32s",
        topology="same",
        weights="none",
        width=0.01,
        class_names=("background", "cat"),
    )
    write_config(tmp_path / "run", config)
    network = config.build(weights=None)
    keras_fcn.save_weights(network, tmp_path / "run" / "best.safetensors")
    return tmp_path / "run"


@pytest.mark.slow
def test_predictions_that_fill_the_disk_are_whole_or_missing_and_made_again(
    trained, tmp_path, rng, record_property
):
    photo = tmp_path / "photo.png"
    Image.fromarray(rng.integers(0, 256, (40, 60, 3), "uint8")).save(photo)

    def predict(folder):
        return ["predict", trained, photo, "-o", folder]

    run(*predict(tmp_path / "whole"))
    whole = files(tmp_path / "whole")
    assert len(whole) == 3
    smallest, *_, largest = sorted(map(len, whole.values()))
    tenths = [largest * tenth // 10 for tenth in range(2, 10)]
    rooms = [smallest - 1, *tenths, largest - 1]
    record_property("cases", len(rooms))
    results = run_without_room([(predict(tmp_path / str(r)), r) for r in rooms])
    left = []
    for room, result in zip(rooms, results, strict=True):
        folder = tmp_path / str(room)
        require_told(result)
        left.append(files(folder))
        assert left[-1].items() <= whole.items()
        if room in (rooms[0], rooms[-1]):
            run(*predict(folder))
            assert files(folder) == whole
        shutil.rmtree(folder)
    # Too little for any picture, and enough for some.
    assert left[0] == {}
    assert 0 < len(left[-1]) < len(whole)

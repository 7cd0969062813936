"""`keras-fcn convert`, as a person types it, on a network written in Caffe's way."""

import json
from dataclasses import replace

import keras
import numpy as np
import pytest
from PIL import Image

from keras_fcn.images import read_label
from keras_fcn.weights import published

from ..reliability.server import closed_port, serving
from ..unit.test_pretrained import balance, photo_of, random_network, write_caffe
from .test_command_line import run, words

SIZE = (33, 47)
NAME = "fcn16s-heavy-pascal"


@pytest.fixture(scope="module")
def network():
    network = random_network("fcn16s", num_classes=21)
    balance(network, SIZE)
    return network


@pytest.fixture(scope="module")
def file(network, tmp_path_factory):
    return write_caffe(network, tmp_path_factory.mktemp("caffe") / "net.caffemodel")


@pytest.fixture
def publish(monkeypatch, tmp_path):
    monkeypatch.setenv("no_proxy", "*")
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))

    def move(url):
        moved = replace(published.PUBLISHED[NAME], urls=(url,))
        monkeypatch.setitem(published.PUBLISHED, NAME, moved)

    return move


def test_published_weights_become_a_run_that_labels_photos(
    network, file, publish, tmp_path
):
    photo = photo_of(SIZE)
    Image.fromarray(photo).save(tmp_path / "photo.png")
    with serving() as server:
        publish(server.add("net", file.read_bytes()))
        printed = run("convert", NAME, "--run-dir", tmp_path / "run").stdout
    assert f"Downloading {NAME}.caffemodel" in words(printed)
    assert "block1_conv1/kernel" in printed
    assert "0 missing, 0 left over, 2 bilinear" in words(printed)
    options = ["--precision", "float32", "-o", tmp_path / "out"]
    run("predict", tmp_path / "run", tmp_path / "photo.png", *options)
    scores = keras.ops.convert_to_numpy(network(photo[None]))[0]
    expected = np.argmax(scores, axis=-1)
    assert len(np.unique(expected)) > 1
    labels = read_label(tmp_path / "out" / "photo.png")
    np.testing.assert_array_equal(labels, expected)


def test_a_converted_run_is_scored_on_the_data_that_it_was_told(
    network, file, tiny_voc, tmp_path
):
    data = ["--dataset", "voc", "--data-dir", tiny_voc]
    run("convert", file, "--run-dir", tmp_path / "run", *data)
    run("evaluate", tmp_path / "run", "--json", tmp_path / "scores.json")
    scores = json.loads((tmp_path / "scores.json").read_text())
    assert scores["images"] == 2
    assert list(scores["per_class_iou"])[15] == "person"


def test_names_of_classes_come_from_a_file(file, tmp_path):
    (tmp_path / "names.txt").write_text("cat\ndog\n")
    options = ["--run-dir", tmp_path / "run", "--labels", tmp_path / "names.txt"]
    result = run("convert", file, *options, check=False)
    assert result.returncode == 1
    assert "`class_names` must be 21 different names" in words(result.stderr)
    assert not (tmp_path / "run").exists()


def test_a_dead_link_is_told_in_a_line_without_a_trace(publish, tmp_path):
    publish(f"{closed_port()}/net")
    result = run("convert", NAME, "--run-dir", tmp_path / "run", check=False)
    assert result.returncode == 1
    told = words(result.stderr)
    assert told.startswith("Error:")
    assert "keras_fcn/weights/fcn16s-heavy-pascal.caffemodel" in told
    assert '"torchfcn_fcn16s"' in told
    assert not (tmp_path / "run").exists()


def test_the_list_names_everything_that_is_published(monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    lines = run("convert", "--list").stdout.splitlines()
    for weights in published.PUBLISHED.values():
        row = next(line for line in lines if f" {weights.name} " in line)
        assert f" {weights.backbone} " in row
        assert weights.mean_iu is None or f" {weights.mean_iu:.1f} " in row
        address = next(line for line in lines if line.endswith(f": {weights.urls[0]}"))
        assert address.startswith(weights.name)
        assert ("browser" in address) == weights.by_hand


def test_without_a_source_the_usage_is_told(tmp_path):
    result = run("convert", "--run-dir", tmp_path / "run", check=False)
    assert result.returncode == 2
    assert "SOURCE and --run-dir" in words(result.stderr)

"""Data sets of almost nothing: trained on in at least one step, or refused."""

import math

import keras
import numpy as np
import pytest
from PIL import Image

from keras_fcn.datasets import examine, load
from keras_fcn.runs import RunConfig
from keras_fcn.training import train

from ..conftest import write_voc

pytestmark = pytest.mark.fault(13)

EPOCHS = 1
EDITORS = b"\xef\xbb\xbf\r\na\r\n \r\na\r\nc"


@pytest.fixture
def voc(tmp_path):
    """Three photos to train on, the second without a pixel that is not void."""
    labels = {name: np.zeros((20, 24), "uint8") for name in ("a", "b", "c", "held")}
    for label in labels.values():
        label[4:12, 6:20] = 3
    labels["b"][:] = 255
    splits = {"train": ("a", "b", "c"), "val": ["held"]}
    return write_voc(tmp_path / "VOCdevkit" / "VOC2012", labels, splits)


@pytest.fixture
def fitted(monkeypatch):
    """The networks that are fitted while a test runs."""
    networks, fit = [], keras.Model.fit

    def spy(self, *arguments, **options):
        networks.append(self)
        return fit(self, *arguments, **options)

    monkeypatch.setattr(keras.Model, "fit", spy)
    return networks


def train_on(voc, run_dir, **options):
    config = RunConfig(
        dataset="voc",
        data_dir=str(voc),
        model="fcn32s",
        topology="same",
        weights="none",
        width=0.01,
        crop_size=16,
        epochs=EPOCHS,
        **options,
    )
    return train(config, run_dir, verbose=False)


@pytest.mark.parametrize(
    ("lines", "batch", "steps"),
    [
        (b"a", 8, 1),
        pytest.param(b"a\nb\nc\n", 8, 1, marks=pytest.mark.slow),
        pytest.param(b"a\nb\nc\n", 1, 3, marks=pytest.mark.slow),
        pytest.param(EDITORS, 1, 2, marks=pytest.mark.slow),
    ],
    ids=[
        "one photo, a batch of eight",
        "fewer photos than a batch has",
        "a batch of void alone",
        "lines of any editor, one twice",
    ],
)
def test_almost_nothing_is_trained_on_in_steps_that_count(
    lines, batch, steps, voc, fitted, tmp_path
):
    (voc / "ImageSets" / "Segmentation" / "train.txt").write_bytes(lines)
    history = train_on(voc, tmp_path / "run", batch_size=batch)
    (network,) = fitted
    assert int(network.optimizer.iterations) == EPOCHS * steps
    assert len(history["loss"]) == EPOCHS
    assert all(map(math.isfinite, history["loss"]))
    assert all(np.isfinite(weight).all() for weight in network.get_weights())


@pytest.mark.parametrize("split", ["train", "val"])
@pytest.mark.parametrize("lines", [b"", b"\n \r\n", b"\xef\xbb\xbf"], ids=repr)
def test_a_list_of_nothing_is_refused(split, lines, voc, fitted, tmp_path):
    (voc / "ImageSets" / "Segmentation" / f"{split}.txt").write_bytes(lines)
    with pytest.raises(ValueError, match=rf"at least one image.*{split}\.txt"):
        train_on(voc, tmp_path / "run")
    assert fitted == []


def test_a_validation_of_void_alone_is_refused(voc, fitted, tmp_path):
    mask = voc / "SegmentationClass" / "held.png"
    Image.new("L", (24, 20), 255).save(mask)
    with pytest.raises(ValueError, match="no pixel that is not void"):
        train_on(voc, tmp_path / "run")
    assert fitted == []
    (warning,) = examine(load("voc", "val", voc)).warnings
    assert str(warning) == "held: every pixel is void"

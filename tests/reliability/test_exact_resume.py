"""Going on from any checkpoint is as if nothing had happened, bit for bit."""

import shutil

import pytest

from keras_fcn.checkpoints import find_checkpoints
from keras_fcn.native import make_deterministic

from ..conftest import sees_gpu
from .tiny import CONFIGS, EPOCHS, STEPS, fingerprint


@pytest.fixture(autouse=True)
def _same_bits_each_time():
    if sees_gpu():  # a CPU has no choice here; JAX wants its XLA_FLAGS for this
        make_deterministic()


def every_checkpoint(config, folder):
    """Train with a checkpoint after every step and epoch; return model and result."""
    model, resume, history = config.fit(folder, every_steps=1, keep=100)
    assert history.history.keys() == resume.history.keys() > {"loss", "val_mean_iou"}
    assert len(find_checkpoints(folder)) == EPOCHS * (STEPS + 1)
    return model, fingerprint(model, history.history)


SLOW = ("adam", "sgd over 3 steps")  # of which the others have everything


@pytest.mark.fault(3)
@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=[pytest.mark.slow] if name in SLOW else [])
        for name in CONFIGS
    ],
)
def test_every_position_goes_on_to_the_same_end(name, tmp_path, record_property):
    config = CONFIGS[name]
    model, expected = every_checkpoint(config, tmp_path / "whole")
    checkpoints = find_checkpoints(tmp_path / "whole")
    ends = {}
    for checkpoint in checkpoints:
        folder = tmp_path / checkpoint.path.stem
        folder.mkdir()
        shutil.copy(checkpoint.path, folder)
        # The very model, whose variables hold something else: all must be set.
        again, _, history = config.fit(folder, model)
        ends[checkpoint.epoch, checkpoint.step] = fingerprint(again, history.history)
    assert ends == dict.fromkeys(ends, expected)
    record_property("cases", len(ends))


@pytest.mark.fault(3)
def test_a_new_model_goes_on_too(tmp_path):
    config = CONFIGS["adamw and callbacks"]
    _, expected = every_checkpoint(config, tmp_path)
    for checkpoint in find_checkpoints(tmp_path):
        if checkpoint.step > 6:
            checkpoint.path.unlink()
    model, _, history = config.fit(tmp_path)
    assert fingerprint(model, history.history) == expected

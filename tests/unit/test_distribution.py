"""Several devices: which are refused, and what a part of a batch is."""

import keras
import numpy as np
import pytest

from keras_fcn.datasets import load
from keras_fcn.datasets.batches.numbered import NumberedBatches
from keras_fcn.distribution import Devices, open_devices
from keras_fcn.runs import RunConfig
from keras_fcn.training import train


def test_one_device_is_no_distribution():
    assert type(open_devices()) is Devices
    assert open_devices().writes


def test_another_word_is_refused():
    with pytest.raises(ValueError, match='"none", "data"'):
        open_devices("model")


def test_workers_of_tensorflow_are_refused_before_anything(monkeypatch, tmp_path):
    monkeypatch.setattr(keras.backend, "backend", lambda: "tensorflow")
    monkeypatch.setenv("TF_CONFIG", "{}")
    with pytest.raises(ValueError, match=r"20585.*Take JAX"):
        train(RunConfig(), tmp_path / "run", distribute="data")
    assert not (tmp_path / "run").exists()


def test_pytorch_is_refused(monkeypatch):
    monkeypatch.setattr(keras.backend, "backend", lambda: "torch")
    with pytest.raises(ValueError, match=r"Received: torch.*Take JAX"):
        open_devices("data")


def test_a_process_that_is_half_described_is_refused(monkeypatch, need):
    need("jax")
    monkeypatch.setattr(keras.backend, "backend", lambda: "jax")
    monkeypatch.setenv("KERAS_DISTRIBUTION_NUM_PROCESSES", "2")
    with pytest.raises(ValueError, match="none of KERAS_DISTRIBUTION_JOB_ADDRESSES"):
        open_devices("data")


@pytest.mark.parametrize("crop_size", [16, None])
def test_parts_are_those_of_the_whole_batch(crop_size):
    batches = NumberedBatches(
        load("shapes", "val"), 7, crop_size=crop_size, augment=True, shuffle=True
    )
    for number in (3, batches.per_epoch - 1):
        whole = batches[number]
        for which in (slice(0, 1), slice(1, 2)):
            for part, array in zip(batches.part(number, which), whole, strict=True):
                np.testing.assert_array_equal(part, array[which])
    assert batches.smallest == len(batches[batches.per_epoch - 1][0])


class OneOfTwo(Devices):
    """A process whose other says a number."""

    processes = 2

    def __init__(self, other):
        self.other = other

    def agree(self, number):
        return max(number, self.other)


def test_all_processes_begin_or_none():
    with (
        pytest.raises(RuntimeError, match="another one has failed"),
        OneOfTwo(1).together(),
    ):
        pass
    with pytest.raises(KeyError), OneOfTwo(0).together():
        raise KeyError
    with OneOfTwo(0).together():
        pass


def test_processes_with_another_checkpoint_are_refused():
    Devices().require_same("checkpoint", 3, 4)
    with pytest.raises(ValueError, match=r"the same checkpoint.*\(3, 4\)"):
        OneOfTwo(9).require_same("checkpoint", 3, 4)

"""Batches for JAX and PyTorch, and how Keras asks for them."""

import os
import subprocess
import sys
import threading
import time

import numpy as np
import pytest

from keras_fcn.datasets import Shapes
from keras_fcn.datasets.batches import draws
from keras_fcn.datasets.batches.numbered import NumberedBatches
from keras_fcn.datasets.batches.threaded import ThreadedBatches


@pytest.fixture
def numbered():
    """3 batches an epoch: 4, 4 and 2 samples."""
    return NumberedBatches(
        Shapes(num_samples=10), 4, crop_size=16, augment=True, shuffle=True
    )


def assert_is(batch, expected):
    for one, other in zip(batch, expected, strict=True):
        np.testing.assert_array_equal(one, other)


def test_asked_by_index_a_pass_begins_with_0_and_is_the_next_epoch(numbered):
    batches = ThreadedBatches(numbered, workers=2)
    for first in (0, 3, 6):
        for index in range(3):
            assert_is(batches[index], numbered[first + index])


def test_an_epoch_given_up_is_begun_anew(numbered):
    batches = ThreadedBatches(numbered, workers=2)
    for index in (0, 0, 1, 0, 1, 2):
        assert_is(batches[index], numbered[index])
    assert_is(batches[0], numbered[3])


def test_a_look_at_the_first_batch_of_an_endless_run_loses_nothing(numbered):
    batches = ThreadedBatches(numbered, first=4, endless=True, workers=2)
    for _ in range(3):
        assert_is(batches[0], numbered[4])
    for index in range(7):
        assert_is(batches[index], numbered[4 + index])


def test_a_fit_that_shuffles_batches_is_told_what_to_pass(numbered):
    batches = ThreadedBatches(numbered, workers=2)
    for index in (2, 0, 2):
        if index:
            with pytest.raises(ValueError, match="pass `shuffle=False`"):
                batches[index]
        else:
            assert_is(batches[0], numbered[0])


def test_an_endless_run_is_answered_at_any_index(numbered):
    batches = ThreadedBatches(numbered, endless=True, workers=2)
    for index in (5, 2, 3, 3, 9, 0, 1):
        assert_is(batches[index], numbered[index])


def test_passes_side_by_side_do_not_disturb_each_other(numbered):
    batches = ThreadedBatches(numbered, workers=2)
    for i, pair in enumerate(zip(batches, batches, strict=True)):
        assert_is(pair[0], numbered[i])
        assert_is(pair[1], numbered[3 + i])


def test_endless_batches_have_no_length(numbered):
    batches = ThreadedBatches(numbered, endless=True)
    assert batches.num_batches is None
    with pytest.raises(TypeError, match="steps_per_epoch"):
        len(batches)


def test_threads_make_batches_at_the_same_time(numbered):
    """All of them must be inside a sample at once, or none gets out."""
    meeting = threading.Barrier(3, timeout=20)

    class Meeting(Shapes):
        def __getitem__(self, index):
            meeting.wait()
            return super().__getitem__(index)

    batches = NumberedBatches(Meeting(num_samples=9), 1)
    assert len(list(ThreadedBatches(batches, workers=3))) == 9


def test_only_a_few_batches_are_made_ahead():
    made = []

    class Counted(Shapes):
        def __getitem__(self, index):
            made.append(index)
            return np.zeros((1, 1, 3), "uint8"), np.zeros((1, 1), "uint8")

    batches = ThreadedBatches(NumberedBatches(Counted(num_samples=50)), workers=2)
    running = iter(batches)
    for _ in range(3):
        next(running)
    time.sleep(0.5)  # enough for all fifty
    assert sorted(made) == list(range(3 + 2 + 2))


def test_an_error_comes_in_its_place_and_as_it_was(numbered):
    class Broken(Shapes):
        def __getitem__(self, index):
            if index == 5:
                raise ValueError("'photos/5.jpg' is not an image that can be read")
            return super().__getitem__(index)

    batches = iter(ThreadedBatches(NumberedBatches(Broken(num_samples=9), 2)))
    next(batches), next(batches)
    with pytest.raises(ValueError, match=r"photos/5\.jpg"):
        next(batches)


def test_no_thread_is_left_when_a_pass_is_over_or_given_up(numbered):
    def threads():
        return [t for t in threading.enumerate() if t.name.startswith("batches")]

    before = threads()
    batches = ThreadedBatches(numbered, workers=3)
    list(batches)
    given_up = iter(batches)
    next(given_up)
    del given_up
    for thread in set(threads()) - set(before):
        thread.join(timeout=20)
        assert not thread.is_alive()


WITHOUT_TENSORFLOW = """
import importlib.abc, sys

class NoTensorFlow(importlib.abc.MetaPathFinder):
    'Finds what the others find, but that.'

    def __init__(self, others):
        self.others = others

    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] != "tensorflow":
            found = (f.find_spec(name, path, target) for f in self.others)
            return next((spec for spec in found if spec), None)

    def find_distributions(self, *context):
        for finder in self.others:
            yield from getattr(finder, "find_distributions", lambda *_: ())(*context)

sys.meta_path[:] = [NoTensorFlow(list(sys.meta_path))]
"""

FIT = """
import sys
import keras
import numpy as np
from keras_fcn.datasets import SampleSource, Shapes

class Numbers(SampleSource):
    class_names, names = ("a",), tuple("0123456")

    def __getitem__(self, index):
        return np.full((2, 2, 3), index, "uint8"), np.full((2, 2), index, "uint8")

class Seen(keras.metrics.Metric):
    'The numbers of the samples of an epoch, as the digits of one.'

    def __init__(self):
        super().__init__(name="seen")
        self.digits = self.add_weight(shape=(), initializer="zeros")

    def update_state(self, y_true, y_pred, sample_weight=None):
        for digit in keras.ops.unstack(keras.ops.cast(y_true[:, 0, 0], "float32")):
            self.digits.assign(10 * self.digits + digit)

    def result(self):
        return self.digits + 0

def new_model(size=None, **options):
    model = keras.Sequential([keras.Input((size, size, 3)), keras.layers.Dense(8)])
    loss = keras.losses.SparseCategoricalCrossentropy(True, ignore_class=255)
    model.compile(loss=loss, **options)
    return model

for endless in (False, True):
    model = new_model(metrics=[Seen()], run_eagerly=True)
    log = model.fit(Numbers().batches(1, shuffle=True, seed=4, endless=endless),
                    epochs=3, steps_per_epoch=7 if endless else None, shuffle=False,
                    verbose=0)
    print(*(f"{round(digits):07d}" for digits in log.history["seen"]))

source, val = Shapes(num_samples=10), Shapes("val", num_samples=3)
random = {"crop_size": 16, "augment": True, "shuffle": True}
model = new_model(size=16)
log = model.fit(source.batches(4, **random, endless=True), epochs=2, steps_per_epoch=3,
                validation_data=val.batches(1, crop_size=16), shuffle=False, verbose=0)
assert np.isfinite(log.history["val_loss"]).all() and len(log.epoch) == 2
new_model(jit_compile=False).fit(source.batches(5), shuffle=False, verbose=0)
assert model.evaluate(val.batches(1, crop_size=16), verbose=0) > 0
print("tensorflow" if "tensorflow" in sys.modules else "no tensorflow")
"""


@pytest.fixture(scope="module", params=["tensorflow", "torch", "jax"])
def trained(request, need):
    """The backend, and what trainings on it printed."""
    need(request.param)
    code = FIT if request.param == "tensorflow" else WITHOUT_TENSORFLOW + FIT
    result = subprocess.run(
        [sys.executable, "-W", "error::UserWarning", "-c", code],
        env={**os.environ, "KERAS_BACKEND": request.param},
        capture_output=True,
        text=True,
    )
    assert result.returncode == 0, result.stderr
    assert "Exception ignored" not in result.stderr  # threads end with the process
    return request.param, result.stdout.splitlines()


def test_networks_are_trained_where_tensorflow_is_not_installed(trained):
    backend, printed = trained
    assert printed[-1] == ("tensorflow" if backend == "tensorflow" else "no tensorflow")


def test_fit_sees_one_epoch_after_the_other_on_every_backend(trained):
    """Finite too, though `fit` may look at a batch first, to build the loss."""
    _, printed = trained
    expected = ["".join(map(str, draws.permutation(4, epoch, 7))) for epoch in range(3)]
    finite, endless = printed[-3].split(), printed[-2].split()
    assert finite == endless == expected

"""The callback that goes on, its arguments, and what it tells of a wrong one."""

import re

import keras
import numpy as np
import pytest

from keras_fcn.checkpoints import ExactResume, find_checkpoints
from keras_fcn.checkpoints.identity import differences
from keras_fcn.checkpoints.remembered import Remembered
from keras_fcn.weights import WeightsFormatError

X, Y = np.ones((4, 2), "float32"), np.ones((4, 1), "float32")


def net(units=1, optimizer="adam"):
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(units)])
    model.compile(optimizer, "mse")
    return model


def fit(folder, model=None, epochs=1, initial_epoch=None, **options):
    """Train on the same batches; return the callback."""
    options = {"tell": lambda message: None, "monitor": "loss", "mode": "min"} | options
    resume = ExactResume(folder, **options)
    (model or net()).fit(
        X,
        Y,
        batch_size=2,
        epochs=epochs,
        initial_epoch=resume.initial_epoch if initial_epoch is None else initial_epoch,
        shuffle=False,
        verbose=0,
        callbacks=[resume],
    )
    return resume


@pytest.mark.parametrize(
    ("name", "value"), [("every_steps", 0), ("keep", 0), ("every_minutes", -1)]
)
def test_an_argument_that_is_too_small_is_refused(tmp_path, name, value):
    with pytest.raises(ValueError, match=f"`{name}` must be at least"):
        ExactResume(tmp_path, **{name: value})


def test_another_mode_is_refused(tmp_path):
    with pytest.raises(ValueError, match="mode"):
        ExactResume(tmp_path, mode="best")


def test_without_a_checkpoint_a_training_begins(tmp_path):
    resume = ExactResume(tmp_path / "new")
    assert (resume.initial_epoch, resume.first_step) == (0, 0)
    assert (resume.going_on, resume.finished, resume.history) == (False, False, {})


def test_the_last_two_and_the_best_are_kept(tmp_path):
    model = net(optimizer=keras.optimizers.SGD(-0.1))  # which climbs: the first is best
    fit(tmp_path, model, epochs=5)
    assert [c.epoch for c in find_checkpoints(tmp_path)] == [5, 4, 1]


def test_the_best_stays_when_gone_on_with(tmp_path):
    fit(tmp_path, net(optimizer=keras.optimizers.SGD(-0.1)), epochs=1)
    fit(tmp_path, net(optimizer=keras.optimizers.SGD(-0.1)), epochs=2)
    fit(tmp_path, net(optimizer=keras.optimizers.SGD(-0.1)), epochs=5)
    assert [c.epoch for c in find_checkpoints(tmp_path)] == [5, 4, 1]


def test_a_training_that_has_ended_says_so(tmp_path):
    assert fit(tmp_path, epochs=2).finished
    again = ExactResume(tmp_path, tell=lambda message: None)
    assert (again.finished, again.going_on, again.initial_epoch) == (True, True, 2)


def test_the_epoch_to_begin_with_must_be_passed_on(tmp_path):
    fit(tmp_path, epochs=2)
    with pytest.raises(ValueError, match="must be given initial_epoch=2"):
        fit(tmp_path, epochs=3, initial_epoch=0)


def test_an_epoch_of_other_steps_is_refused(tmp_path):
    fit(tmp_path)
    resume = ExactResume(tmp_path, tell=lambda message: None)
    with pytest.raises(ValueError, match=r"as many steps as it had: 2. Received: 4"):
        net().fit(
            X, Y, batch_size=1, epochs=2, initial_epoch=1, verbose=0, callbacks=[resume]
        )


def test_another_model_is_refused_with_what_differs(tmp_path):
    fit(tmp_path)
    told = r"model/0000/kernel: float32 \(2, 1\) in the checkpoint, float32 \(2, 3\)"
    model = net(units=3)
    before = [weights.copy() for weights in model.get_weights()]
    with pytest.raises(WeightsFormatError, match=told):
        fit(tmp_path, model, epochs=2)
    for weights, earlier in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(weights, earlier)


def test_another_identity_is_refused_unless_it_may_change(tmp_path):
    fit(tmp_path, identity={"lr": 0.1, "data": {"a": "1"}})
    told = "lr: 0.1 before, 0.2 now\n  seed: nothing before, 3 now"
    with pytest.raises(ValueError, match=re.escape(told)):
        fit(tmp_path, identity={"lr": 0.2, "data": {"a": "1"}, "seed": 3}, epochs=2)
    resume = fit(tmp_path, identity={"lr": 0.2}, allow_change=True, epochs=2)
    assert len(resume.history["loss"]) == 2


def test_a_changed_learning_rate_is_the_new_one(tmp_path):
    fit(tmp_path, net(optimizer=keras.optimizers.Adam(0.5)), identity={"lr": 0.5})
    model = net(optimizer=keras.optimizers.Adam(0.25))
    fit(tmp_path, model, identity={"lr": 0.25}, allow_change=True, epochs=2)
    assert float(keras.ops.convert_to_numpy(model.optimizer.learning_rate)) == 0.25


def test_a_list_and_a_tuple_are_the_same_and_long_lists_of_differences_are_cut(
    tmp_path,
):
    assert differences({"a": (1, 2)}, {"a": [1, 2]}) == []
    fit(tmp_path, identity={str(i): i for i in range(20)})
    with pytest.raises(ValueError, match="and 12 more"):
        fit(tmp_path, identity={}, epochs=2)


class Counting(keras.callbacks.Callback):
    """Remembers something of every kind."""

    def __init__(self, patience):
        super().__init__()
        self.patience = patience
        self.best, self.seen, self.kept = np.float32(0.5), {"a": [1, None]}, []
        self.log = open  # no JSON


def test_callbacks_remember_what_changes_and_keep_their_settings():
    before, after = Counting(patience=3), Counting(patience=5)
    before.best, before.seen["b"], before.kept = 0.25, [True], [np.ones(2), np.zeros(1)]
    memory = Remembered([before])
    arrays = {name: tensor.values() for name, tensor in memory.tensors().items()}
    Remembered([after]).restore(memory.notes(), arrays)
    assert (after.best, after.patience) == (0.25, 5)
    assert after.seen == {"a": [1, None], "b": [True]}
    assert [array.tolist() for array in after.kept] == [[1, 1], [0]]


def test_other_callbacks_are_refused():
    memory = Remembered([Counting(1)])
    with pytest.raises(ValueError, match=r"\['Counting'\]. Received: \[\]"):
        Remembered([]).restore(memory.notes(), {})

"""Trainings that end early: what was finished is kept, and the reason is told."""

import keras
import numpy as np
import pytest
from safetensors.numpy import load_file

from keras_fcn.checkpoints import newest_valid
from keras_fcn.images import image_size
from keras_fcn.runs import RunConfig, load_run
from keras_fcn.training import train
from keras_fcn.training.callbacks import DrawPredictions, StopOnNaN

from ..end_to_end.test_command_line import THIN, run
from .tiny import CONFIGS


@pytest.fixture
def options(tiny_voc):
    return ["--dataset", "voc", "--data-dir", tiny_voc, *THIN, "--epochs", 3]


def test_an_interrupt_keeps_the_finished_epochs(options, tmp_path, monkeypatch):
    draw = DrawPredictions.on_epoch_end

    def interrupted(self, epoch, logs=None):
        draw(self, epoch, logs)
        if epoch == 1:
            raise KeyboardInterrupt

    monkeypatch.setattr(DrawPredictions, "on_epoch_end", interrupted)
    result = run("train", *options, "--run-dir", tmp_path / "run", check=False)
    assert result.returncode == 130
    again = f"To go on: keras-fcn train --run-dir {tmp_path / 'run'} --resume"
    assert again in result.stdout.splitlines()
    model, config = load_run(tmp_path / "run", weights="last")
    assert config.epochs == 3
    assert all(np.isfinite(w).all() for w in model.get_weights())
    assert image_size(tmp_path / "run" / "pictures" / "learning_curves.png")


@pytest.mark.fault(9)
def test_what_is_no_number_stops_training_and_says_when(options, tmp_path):
    arguments = [*options, "--optimizer", "sgd", "--lr", "1e30"]
    result = run("train", *arguments, "--run-dir", tmp_path / "run", check=False)
    assert result.returncode == 1
    # Which of the two comes first depends on what a processor's ReLU makes of NaN.
    told = ("The loss must be a number. Received: nan", "Weights must be numbers.")
    assert result.stderr.startswith(tuple(f"Error: {start}" for start in told))
    assert " epoch " in result.stderr
    assert "Traceback" not in result.stderr
    for name in ("best", "last"):
        for tensor in load_file(tmp_path / "run" / f"{name}.safetensors").values():
            assert np.isfinite(tensor).all()


def guard_of(net, **options):
    """The guard in the fifth epoch of a net."""
    net.compile(keras.optimizers.SGD(0.25))
    guard = StopOnNaN(**options)
    guard.set_model(net)
    guard.on_epoch_begin(4)
    return guard


@pytest.fixture
def net():
    return keras.Sequential([keras.Input((2,)), keras.layers.Dense(1, name="fc")])


@pytest.mark.fault(9)
def test_weights_that_are_no_numbers_stop_training_though_the_loss_is_one(net):
    guard = guard_of(net)
    guard.on_epoch_end(4, {"val_loss": 1.0})
    net.set_weights([np.array([[1.0], [np.nan]]), np.zeros(1)])
    told = "fc/kernel with others at the end of epoch 5, at the learning rate 0.25"
    with pytest.raises(FloatingPointError, match=told):
        guard.on_epoch_end(4, {"val_loss": 1.0})


@pytest.mark.fault(9)
@pytest.mark.parametrize("value", [float("nan"), float("inf")], ids=repr)
def test_a_loss_that_is_no_number_is_told_with_step_rate_and_samples(net, value):
    guard = guard_of(net, name_samples=lambda n: (f"a{n}", f"b{n}"), first_step=40)
    guard.on_train_batch_end(0, {"loss": 1.0})
    told = (
        f"Received: {value} in epoch 5, step 42 \\(samples a41, b41\\), "
        "at the learning rate 0.25"
    )
    with pytest.raises(FloatingPointError, match=told):
        guard.on_train_batch_end(1, {"loss": value})


@pytest.mark.fault(9)
def test_nothing_is_kept_of_an_epoch_whose_validation_is_no_number(net):
    guard = guard_of(net)
    with pytest.raises(FloatingPointError, match="nan in epoch 5, validation, at"):
        guard.on_epoch_end(4, {"loss": 1.0, "val_loss": float("nan")})


def test_a_folder_that_cannot_be_made_is_told_before_training(tiny_voc, tmp_path):
    (tmp_path / "file").touch()
    config = RunConfig(dataset="voc", data_dir=str(tiny_voc), weights="none")
    with pytest.raises(OSError, match="file"):
        train(config, tmp_path / "file" / "run")


@pytest.mark.fault(9)
def test_weights_that_are_no_numbers_never_become_a_checkpoint(tmp_path):
    class Spoil(keras.callbacks.Callback):
        steps = 0

        def on_train_batch_end(self, batch, logs=None):
            self.steps += 1
            if self.steps == 3:
                kernel = self.model.trainable_variables[0]
                kernel.assign(kernel * float("nan"))

    told = r"model/\d+/kernel \(.*conv0/kernel\) with others; it is not written"
    with pytest.raises(FloatingPointError, match=told):
        CONFIGS["adam"].fit(tmp_path, others=[Spoil()], every_steps=1)
    assert newest_valid(tmp_path).step == 2
    assert all(file.name.startswith("ckpt-") for file in tmp_path.glob("ckpt*"))

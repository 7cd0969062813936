from unittest import mock

import keras
import numpy as np
import pytest

from keras_fcn.runs import RunConfig
from keras_fcn.training import train
from keras_fcn.training.callbacks import SaveWeights
from keras_fcn.training.optimizers import make_optimizer

from ..conftest import write_small_voc


@pytest.mark.parametrize("name", ["adam", "adamw", "sgd"])
def test_the_learning_rate_falls_to_zero_by_the_polynomial(name):
    optimizer = make_optimizer(name, lr=0.5, steps=10)
    rates = []
    variable = keras.Variable([1.0])
    optimizer.build([variable])
    for _ in range(11):
        rates.append(float(optimizer.learning_rate))
        optimizer.apply([keras.ops.zeros(1)], [variable])
    expected = [0.5 * (1 - t / 10) ** 0.9 for t in range(11)]
    np.testing.assert_allclose(rates, expected, atol=1e-6)


def test_optimisers_take_their_own_options():
    optimizer = make_optimizer("sgd", 0.1, 10, momentum=0.7, weight_decay=0.01)
    assert (optimizer.momentum, optimizer.weight_decay) == (0.7, 0.01)
    assert make_optimizer("sgd", 0.1, 10).weight_decay is None
    assert make_optimizer("adamw", 0.1, 10, weight_decay=0.02).weight_decay == 0.02


def test_best_weights_are_those_of_the_best_epoch(tmp_path):
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    saver = SaveWeights(tmp_path)
    saver.set_model(model)
    kept = []
    for epoch, score in enumerate([0.2, 0.5, 0.4]):
        model.set_weights([np.full((1, 1), epoch), np.zeros(1)])
        saver.on_epoch_end(epoch, {"val_mean_iou": score})
        files = [tmp_path / f"{name}.safetensors" for name in ("best", "last")]
        kept.append([file.read_bytes() for file in files])
    (best_0, last_0), (best_1, last_1), (best_2, last_2) = kept
    assert best_0 == last_0 != best_1 == last_1 != last_2
    assert best_2 == best_1
    assert saver.describe_best() == "Best validation mean IoU 50.00 % in epoch 2."


def test_best_weights_are_those_it_began_with_until_an_epoch_is_better(tmp_path):
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    saver = SaveWeights(tmp_path)
    saver.set_model(model)
    saver.begin(model, {"loss": 1.0, "mean_iou": 0.3})
    best = tmp_path / "best.safetensors"
    began_with = best.read_bytes()
    model.set_weights([np.full((1, 1), 9), np.zeros(1)])
    saver.on_epoch_end(0, {"val_mean_iou": 0.2})
    assert best.read_bytes() == began_with
    told = saver.describe_best()
    assert told == "Best validation mean IoU 30.00 % before training."
    saver.on_epoch_end(1, {"val_mean_iou": 0.4})
    assert best.read_bytes() != began_with


def test_a_run_has_its_precision_its_steps_and_its_optimiser(tmp_path):
    write_small_voc(tmp_path)
    config = RunConfig(
        weights="none",
        width=0.01,
        topology="same",
        dataset="voc",
        data_dir=str(tmp_path),
        crop_size=16,
        batch_size=2,
        epochs=2,
        steps_per_epoch=3,
        accumulate=3,
        optimizer="caffe_sgd",
        doubled_biases="all",
        lr_policy="fixed",
        precision="mixed_bfloat16",
    )
    seen = {}

    def spy(model, *arguments, **options):
        seen.update(model=model, steps=options["steps_per_epoch"])
        return fit(model, *arguments, **options)

    fit = keras.Model.fit
    with mock.patch.object(keras.Model, "fit", spy):
        history = train(config, tmp_path / "run", verbose=False)
    assert len(history["loss"]) == 2
    optimizer = seen["model"].optimizer
    assert (seen["steps"], int(optimizer.iterations)) == (3, 6 // 3)
    assert optimizer.multipliers == {"*/bias": (2.0, 0.0)}
    assert seen["model"].get_layer("fc6").compute_dtype == "bfloat16"
    assert keras.config.dtype_policy().name == "float32"  # as it was


def test_sixteen_bits_and_a_sum_are_refused_together():
    with pytest.raises(ValueError, match="overflow 16 bits"):
        RunConfig(precision="mixed_float16", loss="sum")


def test_training_needs_a_new_folder(tmp_path):
    (tmp_path / "config.yaml").touch()
    with pytest.raises(FileExistsError, match=str(tmp_path)):
        train(RunConfig(), tmp_path)

import keras
import numpy as np
import pytest

from keras_fcn.runs import RunConfig
from keras_fcn.training import train
from keras_fcn.training.callbacks import SaveWeights
from keras_fcn.training.optimizers import make_optimizer


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


def test_training_needs_a_new_folder(tmp_path):
    (tmp_path / "config.yaml").touch()
    with pytest.raises(FileExistsError, match=str(tmp_path)):
        train(RunConfig(), tmp_path)

"""Caffe's SGD, against the same arithmetic by hand in float64 and against PyTorch's."""

import keras
import numpy as np
import pytest
from keras import ops

from keras_fcn import build_fcn32s
from keras_fcn.hardware import computing_in
from keras_fcn.losses import PixelwiseCrossentropy
from keras_fcn.optimizers import (
    DOUBLED_BIASES,
    DOUBLED_SCORE_BIASES,
    CaffeSGD,
    mean_loss_translation,
)
from keras_fcn.training.optimizers import make_optimizer

# A few steps in float32 on weights of order 1, against float64.
FLOAT32_STEPS = 5e-6
HYPERPARAMETERS = {"learning_rate": 0.05, "momentum": 0.9, "weight_decay": 0.1}
EVERY_OWN = {"fc/kernel": (3.0, 0.5), "*/bias": (2.0, 0.0)}
MULTIPLIERS = {
    # What the optimiser is told, and what that makes of a layer's kernel and bias.
    "none": (None, (1, 1), (1, 1)),
    "doubled biases": (DOUBLED_BIASES, (1, 1), (2, 0)),
    "frozen kernel": ({"*/kernel": (0, 1)}, (0, 1), (1, 1)),
    "each its own": (EVERY_OWN, (3, 0.5), (2, 0)),
    "the first counts": ({"fc/*": (3, 2), "*/bias": (2, 0)}, (3, 2), (3, 2)),
}


class ByHand:
    """Caffe's solver: history, rate, decay and momentum of each blob, in float64."""

    def __init__(self, blobs, multipliers, learning_rate, momentum, weight_decay):
        self.blobs = [np.asarray(blob, "float64") for blob in blobs]
        self.history = [np.zeros_like(blob) for blob in self.blobs]
        self.multipliers = multipliers
        self.rate, self.momentum, self.decay = learning_rate, momentum, weight_decay

    def step(self, gradients):
        for i, (lr_mult, decay_mult) in enumerate(self.multipliers):
            gradient = np.asarray(gradients[i], "float64")
            diff = gradient + self.decay * decay_mult * self.blobs[i]
            self.history[i] = (
                self.momentum * self.history[i] + self.rate * lr_mult * diff
            )
            self.blobs[i] = self.blobs[i] - self.history[i]


def linear_classifier(optimizer, mean=True):
    """One dense layer `fc` of 3 classes on 4 features, with a softmax loss."""
    image = keras.Input((4,))
    model = keras.Model(image, keras.layers.Dense(3, name="fc")(image))
    reduction = "mean" if mean else "sum"
    loss = PixelwiseCrossentropy(reduction=reduction)
    model.compile(optimizer, loss, jit_compile=False)
    return model


def gradients_by_hand(blobs, x, labels):
    """Of the mean cross-entropy of a softmax, for kernel and bias."""
    kernel, bias = blobs
    p = np.exp(x @ kernel + bias)
    p /= p.sum(axis=1, keepdims=True)
    error = (p - np.eye(3)[labels]) / len(x)
    return [x.T @ error, error.sum(axis=0)]


def samples(rng, steps, size=5):
    x = rng.normal(size=(steps, size, 4)).astype("float32")
    return x, rng.integers(0, 3, (steps, size))


def start(model, rng):
    """Weights of order 1, the biases' too: no decay could be seen on zeros."""
    weights = [rng.normal(size=w.shape).astype("float32") for w in model.get_weights()]
    model.set_weights(weights)
    return weights


def assert_close(model, blobs):
    for weights, blob in zip(model.get_weights(), blobs, strict=True):
        np.testing.assert_allclose(weights, blob, atol=FLOAT32_STEPS)


@pytest.mark.parametrize("name", MULTIPLIERS)
def test_weights_are_those_of_caffe_after_each_step(name, rng):
    multipliers, *expected = MULTIPLIERS[name]
    optimizer = CaffeSGD(multipliers=multipliers, **HYPERPARAMETERS)
    model = linear_classifier(optimizer)
    solver = ByHand(start(model, rng), expected, **HYPERPARAMETERS)
    for x, labels in zip(*samples(rng, 5), strict=True):
        solver.step(gradients_by_hand(solver.blobs, x, labels))
        model.train_on_batch(x, labels)
        assert_close(model, solver.blobs)


def test_nothing_decays_twice(rng):
    optimizer = CaffeSGD(0.1, momentum=0.0, weight_decay=0.5)
    variable = keras.Variable(rng.normal(size=(3, 3, 2, 4)))
    before = ops.convert_to_numpy(variable)
    optimizer.apply([ops.zeros(variable.shape)], [variable])
    np.testing.assert_allclose(
        ops.convert_to_numpy(variable), before * (1 - 0.1 * 0.5), rtol=1e-6
    )


def test_pytorch_agrees(rng):
    torch = pytest.importorskip("torch")
    shapes = {"fc/kernel": (3, 3, 2, 4), "fc/bias": (4,)}
    values = [rng.normal(size=shape).astype("float32") for shape in shapes.values()]
    layer = keras.layers.Conv2D(4, 3, name="fc")
    layer.build((None, 8, 8, 2))
    layer.set_weights(values)
    theirs = [torch.tensor(value, requires_grad=True) for value in values]
    rate, decay = HYPERPARAMETERS["learning_rate"], HYPERPARAMETERS["weight_decay"]
    groups = [
        {"params": [theirs[0]], "lr": rate, "weight_decay": decay},
        {"params": [theirs[1]], "lr": 2 * rate, "weight_decay": 0.0},
    ]
    judge = torch.optim.SGD(groups, lr=rate, momentum=HYPERPARAMETERS["momentum"])
    optimizer = CaffeSGD(multipliers=DOUBLED_BIASES, **HYPERPARAMETERS)
    for _ in range(5):
        gradients = [rng.normal(size=value.shape) for value in values]
        for parameter, gradient in zip(theirs, gradients, strict=True):
            parameter.grad = torch.tensor(gradient.astype("float32"))
        judge.step()
        optimizer.apply(
            [ops.convert_to_tensor(g, "float32") for g in gradients],
            layer.trainable_variables,
        )
    assert_close(layer, [parameter.detach().numpy() for parameter in theirs])


def test_a_schedule_gives_the_rate_of_each_step(rng):
    schedule = keras.optimizers.schedules.PiecewiseConstantDecay(
        [1, 2], [0.3, 0.2, 0.0]
    )
    others = {"momentum": 0.9, "weight_decay": 0.1}
    model = linear_classifier(CaffeSGD(schedule, multipliers=EVERY_OWN, **others))
    blobs = start(model, rng)
    solver = ByHand(blobs, [(3, 0.5), (2, 0)], learning_rate=0.0, **others)
    for rate, x, labels in zip([0.3, 0.3, 0.2, 0.0], *samples(rng, 4), strict=True):
        solver.rate = rate
        solver.step(gradients_by_hand(solver.blobs, x, labels))
        model.train_on_batch(x, labels)
        assert_close(model, solver.blobs)


def test_four_accumulated_batches_are_one_of_four_times_the_size(rng):
    optimizer = CaffeSGD(
        gradient_accumulation_steps=4, multipliers=DOUBLED_BIASES, **HYPERPARAMETERS
    )
    model = linear_classifier(optimizer)
    blobs = start(model, rng)
    solver = ByHand(blobs, [(1, 1), (2, 0)], **HYPERPARAMETERS)
    x, labels = samples(rng, 3 * 4)
    for update in range(3):
        four = slice(4 * update, 4 * update + 4)
        for batch, label in zip(x[four][:3], labels[four][:3], strict=True):
            model.train_on_batch(batch, label)
            assert_close(model, solver.blobs)  # nothing moves before the fourth
        model.train_on_batch(x[four][3], labels[four][3])
        together = x[four].reshape(-1, 4), labels[four].reshape(-1)
        solver.step(gradients_by_hand(solver.blobs, *together))
        assert_close(model, solver.blobs)


@pytest.mark.parametrize("translate_decay", [True, False])
def test_the_decay_must_be_translated_too(translate_decay, rng):
    rates = HYPERPARAMETERS["learning_rate"], HYPERPARAMETERS["weight_decay"]
    translated = mean_loss_translation(*rates, 5)
    lr, decay = translated if translate_decay else (translated[0], rates[1])
    summed = linear_classifier(CaffeSGD(rates[0], 0.9, rates[1]), mean=False)
    averaged = linear_classifier(CaffeSGD(lr, 0.9, decay))
    averaged.set_weights(start(summed, rng))
    for x, labels in zip(*samples(rng, 5), strict=True):
        summed.train_on_batch(x, labels)
        averaged.train_on_batch(x, labels)
    if translate_decay:
        assert_close(averaged, summed.get_weights())
    else:
        assert np.abs(averaged.get_weights()[0] - summed.get_weights()[0]).max() > 0.1


def test_an_fcn_on_the_mean_loss_has_the_same_weights_after_20_steps(rng):
    void, steps = 100, 20
    num_pixels = 2 * 32 * 32 - void
    lr, decay = 0.05 / num_pixels, 0.05 * num_pixels
    photos = rng.integers(0, 256, (steps, 2, 32, 32, 3), "uint8")
    labels = rng.integers(0, 3, (steps, 2 * 32 * 32))
    for label in labels:
        label[rng.permutation(label.size)[:void]] = 255
    labels = labels.reshape(photos.shape[:-1])

    summed = thin_fcn(CaffeSGD(lr, 0.9, decay), "sum")
    lr, decay = mean_loss_translation(lr, decay, num_pixels)
    averaged = thin_fcn(CaffeSGD(lr, 0.9, decay), "mean")
    before = start_scores(summed, rng)
    averaged.set_weights(before)
    for photo, label in zip(photos, labels, strict=True):
        summed.train_on_batch(photo, label)
        averaged.train_on_batch(photo, label)
    after = summed.get_weights(), averaged.get_weights()
    for first, one, other in zip(before, *after, strict=True):
        moved = np.abs(one - first).max()
        assert moved > (1e-3 if first.ndim == 4 else 0)  # kernels far, all biases
        np.testing.assert_allclose(one, other, atol=1e-3 * moved)


def thin_fcn(optimizer, reduction):
    model = build_fcn32s(
        (32, 32, 3), 3, weights=None, width=0.03, topology="same", dropout=0.0
    )
    loss = PixelwiseCrossentropy(reduction=reduction)
    # 20 steps are over before TensorFlow's graph or PyTorch's code is made.
    backend = keras.backend.backend()
    how = {"jit_compile": True} if backend == "jax" else {"run_eagerly": True}
    model.compile(optimizer, loss, **how)
    return model


def start_scores(model, rng):
    """Give the score layer weights, so that all layers learn from the first step."""
    kernel, bias = model.get_layer("score_fr").get_weights()
    kernel = rng.normal(size=kernel.shape) * 0.1
    model.get_layer("score_fr").set_weights([kernel, bias])
    return model.get_weights()


def test_mixed_precision_scales_the_loss_and_nothing_else(rng):
    with computing_in("mixed_float16"):
        optimizer = CaffeSGD(multipliers=EVERY_OWN, **HYPERPARAMETERS)
        model = linear_classifier(optimizer)
    assert isinstance(model.optimizer, keras.optimizers.LossScaleOptimizer)
    solver = ByHand(start(model, rng), [(3, 0.5), (2, 0)], **HYPERPARAMETERS)
    for x, labels in zip(*samples(rng, 3), strict=True):
        model.train_on_batch(x, labels)
        solver.step(gradients_by_hand(solver.blobs, x, labels))
    for weights, blob in zip(model.get_weights(), solver.blobs, strict=True):
        np.testing.assert_allclose(weights, blob, atol=3e-3)  # float16 logits


def test_a_saved_model_goes_on_as_if_nothing_had_happened(rng, tmp_path):
    schedule = keras.optimizers.schedules.PolynomialDecay(0.1, 10)
    optimizer = CaffeSGD(
        schedule, 0.8, 0.1, EVERY_OWN, gradient_accumulation_steps=2, clipnorm=9.0
    )
    model = linear_classifier(optimizer)
    start(model, rng)
    x, labels = samples(rng, 8)
    for i in range(3):
        model.train_on_batch(x[i], labels[i])
    model.save(tmp_path / "half.keras")
    again = keras.saving.load_model(tmp_path / "half.keras")
    assert isinstance(again.optimizer, CaffeSGD)
    assert again.optimizer.get_config() == optimizer.get_config()
    assert again.optimizer.multipliers == {"fc/kernel": (3, 0.5), "*/bias": (2, 0)}
    for i in range(3, 8):
        model.train_on_batch(x[i], labels[i])
        again.train_on_batch(x[i], labels[i])
    assert_close(again, model.get_weights())


def test_what_keras_excludes_from_decay_does_not_decay():
    variables = [keras.Variable([1.0], name=name) for name in ("one", "two")]
    optimizer = CaffeSGD(1.0, 0.0, weight_decay=0.5)
    optimizer.exclude_from_weight_decay(var_names=["two"])
    optimizer.apply([ops.zeros(1), ops.zeros(1)], variables)
    assert [v.numpy().item() for v in variables] == [0.5, 1.0]


def test_nested_networks_are_matched_by_the_names_of_their_layers():
    inner = keras.Sequential(
        [keras.Input((4, 4, 2)), keras.layers.Conv2D(2, 1, name="conv")], name="inner"
    )
    image = keras.Input((4, 4, 2))
    score = keras.layers.Conv2D(2, 1, name="score_fr")(inner(image))
    model = keras.Model(image, score)
    patterns = {"score*/bias": (2, 0), "inner/conv/*": (0, 1), "conv/*": (0, 1)}
    if model.trainable_variables[0].path == "conv/kernel":
        patterns.pop("inner/conv/*")
    else:
        patterns.pop("conv/*")
    optimizer = CaffeSGD(1.0, 0.0, multipliers=patterns)
    before = model.get_weights()
    gradients = [ops.ones(v.shape) for v in model.trainable_variables]
    optimizer.apply(gradients, model.trainable_variables)
    steps = [
        np.mean(one - other)
        for one, other in zip(before, model.get_weights(), strict=True)
    ]
    np.testing.assert_allclose(steps, [0, 0, 1, 2], atol=1e-6)


def test_a_pattern_that_matches_nothing_is_refused_before_anything_moves():
    layer = keras.layers.Dense(1, name="fc")
    layer.build((None, 1))
    optimizer = CaffeSGD(multipliers={"*/biases": (2, 0)})
    with pytest.raises(ValueError, match=r"'\*/biases'.*none of fc/kernel, fc/bias"):
        optimizer.build(layer.trainable_variables)
    assert not optimizer.built


@pytest.mark.parametrize(
    ("wrong", "received"),
    [
        ({"momentum": 1.0}, "momentum=1.0"),
        ({"momentum": -0.1}, "momentum=-0.1"),
        ({"weight_decay": -1.0}, "weight_decay=-1.0"),
        ({"weight_decay": float("nan")}, "weight_decay=nan"),
        ({"multipliers": {"*/bias": 2}}, r"'\*/bias': 2"),
        ({"multipliers": {"*/bias": (2, -1)}}, r"'\*/bias': \(2, -1\)"),
        ({"multipliers": {"*/bias": (2, 0, 1)}}, r"'\*/bias': \(2, 0, 1\)"),
        ({"multipliers": {1: (2, 0)}}, r"1: \(2, 0\)"),
    ],
)
def test_impossible_hyperparameters_are_refused(wrong, received):
    with pytest.raises(ValueError, match=f"must .*Received: {received}"):
        CaffeSGD(**wrong)


@pytest.mark.parametrize("num_pixels", [0, -5, 0.5])
def test_a_translation_needs_pixels(num_pixels):
    with pytest.raises(ValueError, match=f"Received: num_pixels={num_pixels}"):
        mean_loss_translation(1e-10, 5e-4, num_pixels)


def rates_of_updates(optimizer, batches, accumulate=1):
    """How far a gradient of 1 moves a weight, update by update."""
    variable = keras.Variable([0.0])
    positions = [0.0]
    for batch in range(1, batches + 1):
        optimizer.apply([ops.ones(1)], [variable])
        if batch % accumulate == 0:
            positions.append(float(ops.convert_to_numpy(variable)[0]))
    return -np.diff(positions)


@pytest.mark.parametrize("name", ["sgd", "caffe_sgd"])
@pytest.mark.parametrize("accumulate", [1, 3])
def test_the_polynomial_counts_updates(name, accumulate):
    optimizer = make_optimizer(name, 0.5, 12, momentum=0.0, accumulate=accumulate)
    updates = 12 // accumulate
    expected = [0.5 * (1 - t / updates) ** 0.9 for t in range(updates)]
    rates = rates_of_updates(optimizer, 12, accumulate)
    np.testing.assert_allclose(rates, expected, atol=1e-6)


@pytest.mark.parametrize("name", ["adam", "adamw", "sgd", "caffe_sgd"])
def test_a_fixed_rate_stays(name):
    options = {"momentum": 0.0, "lr_policy": "fixed", "accumulate": 2}
    optimizer = make_optimizer(name, 0.5, 8, **options)
    np.testing.assert_allclose(rates_of_updates(optimizer, 8, 2), 0.5, rtol=1e-4)


@pytest.mark.parametrize("name", ["adam", "adamw", "sgd", "caffe_sgd"])
def test_optimisers_can_be_made_again_from_their_configuration(name):
    optimizer = make_optimizer(name, 0.5, 8, weight_decay=0.1, accumulate=2)
    again = keras.optimizers.deserialize(keras.optimizers.serialize(optimizer))
    assert again.get_config() == optimizer.get_config()
    assert float(again.learning_rate) == 0.5
    assert again.gradient_accumulation_steps == 2


def test_doubled_biases_are_those_of_all_layers_or_of_the_scores():
    expected = {"none": {}, "scores": DOUBLED_SCORE_BIASES, "all": DOUBLED_BIASES}
    for which, multipliers in expected.items():
        optimizer = make_optimizer("caffe_sgd", 0.1, 10, doubled_biases=which)
        assert optimizer.multipliers == multipliers


@pytest.mark.parametrize(
    ("wrong", "received"),
    [
        ({"name": "cafe_sgd"}, "name='cafe_sgd'. Did you mean \"caffe_sgd\""),
        ({"lr_policy": "polly"}, "lr_policy='polly'. Did you mean \"poly\""),
        ({"doubled_biases": "score"}, "doubled_biases='score'"),
        ({"accumulate": 0}, "accumulate=0"),
        ({"name": "sgd", "doubled_biases": "all"}, "doubled_biases='all' with name"),
    ],
)
def test_impossible_optimisers_are_refused(wrong, received):
    arguments = {"name": "caffe_sgd", "lr": 0.1, "steps": 10, **wrong}
    with pytest.raises(ValueError, match=f"Received: {received}"):
        make_optimizer(**arguments)

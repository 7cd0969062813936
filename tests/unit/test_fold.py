import keras
import numpy as np
import pytest

import keras_fcn
from keras_fcn.hardware import computing_in
from keras_fcn.layers import PatchConv2D

# Sums of at most 4096 products of either sign, twice over, relative to the largest.
FLOAT32_FOLDED = 1e-5


def with_other_weights(model, rng):
    """Score layers begin at zero, which every network folds alike."""
    model.set_weights(
        [w + rng.normal(scale=0.1, size=w.shape) for w in model.get_weights()]
    )
    return model


def fcn8s(rng, **options):
    options = {"weights": None, "width": 0.05, "num_classes": 3, **options}
    return with_other_weights(keras_fcn.build_fcn8s(**options), rng)


def logits(model, rng):
    photos = rng.integers(0, 256, (2, 40, 33, 3)).astype("uint8")
    return model.predict_on_batch(photos)


def assert_same_function(model, folded):
    expected = logits(model, np.random.default_rng(1))
    assert np.ptp(expected) > 0
    np.testing.assert_allclose(
        logits(folded, np.random.default_rng(1)),
        expected,
        atol=FLOAT32_FOLDED * abs(expected).max(),
    )


@pytest.mark.parametrize("upsampling", ["fixed", "learned"])
def test_three_linear_layers_of_the_exercise_become_one(upsampling, rng):
    model = fcn8s(rng, topology="pointwise", upsampling=upsampling)
    folded = keras_fcn.fold_for_inference(model)
    assert_same_function(model, folded)
    names = {layer.name for layer in folded.layers}
    assert names == {layer.name for layer in model.layers} - {
        "fc6", "drop6", "fc7", "drop7"
    }  # fmt: skip
    shape = tuple(folded.get_layer("score_fr").kernel.shape)
    assert shape == (1, 1, model.get_layer("fc6").kernel.shape[2], 3)
    assert keras_fcn.fold_for_inference(folded) is folded


def test_the_scales_of_the_skips_become_part_of_the_scores(rng):
    model = fcn8s(rng, topology="paper", at_once=True)
    folded = keras_fcn.fold_for_inference(model)
    assert_same_function(model, folded)
    gone = {"scale_pool3", "scale_pool4"}
    assert not gone & {layer.name for layer in folded.layers}
    assert folded.count_params() == model.count_params()


def test_where_relu_stands_between_nothing_is_folded(rng):
    model = fcn8s(rng, topology="same")
    assert keras_fcn.fold_for_inference(model) is model


def test_the_network_that_is_folded_stays_as_it_was(rng):
    model = fcn8s(rng, topology="pointwise")
    before, names = model.get_weights(), [layer.name for layer in model.layers]
    keras_fcn.fold_for_inference(model)
    assert [layer.name for layer in model.layers] == names
    for now, then in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(now, then)


def network(*layers, shape=(6, 6, 3)):
    image = keras.Input(shape)
    x = image
    for layer in layers:
        x = layer(x)
    return keras.Model(image, x)


def conv(filters, k=1, **options):
    return keras.layers.Conv2D(filters, k, **options)


@pytest.mark.parametrize(
    ("layers", "left"),
    [
        pytest.param([conv(4, 3, padding="same"), conv(2)], 1, id="wide, then narrow"),
        pytest.param([conv(4, 3, strides=2), conv(2)], 1, id="strided"),
        pytest.param([conv(4, 3), conv(2, activation="relu")], 1, id="relu at the end"),
        pytest.param([conv(4, use_bias=False), conv(2, use_bias=False)], 1, id="bare"),
        pytest.param([conv(4, 3, activation="relu"), conv(2)], 2, id="relu between"),
        pytest.param([conv(4), conv(2, 3)], 2, id="wide at the end"),
        pytest.param([conv(4), conv(2, strides=2)], 2, id="strided at the end"),
        pytest.param([conv(1), conv(5)], 2, id="one would be dearer than two"),
        pytest.param(
            [conv(4), conv(4, activation="relu"), conv(4), conv(2)], 2, id="two rows"
        ),
        pytest.param(
            [keras.layers.Rescaling(0.5, offset=3.0), conv(2)], 1, id="scale and offset"
        ),
        pytest.param(
            [keras.layers.Rescaling(0.5), conv(2, 3, padding="same")], 2, id="padded"
        ),
    ],
)
def test_rows_of_layers_are_folded_where_it_is_right_and_cheaper(layers, left, rng):
    model = with_other_weights(network(*layers), rng)
    folded = keras_fcn.fold_for_inference(model)
    assert len(folded.layers) - 1 == left
    images = rng.normal(size=(2, 6, 6, 3)).astype("float32")
    expected = model.predict_on_batch(images)
    out = folded.predict_on_batch(images)
    np.testing.assert_allclose(out, expected, atol=1e-4)


def test_a_map_that_others_read_too_stays(rng):
    image = keras.Input((5, 5, 2))
    one = conv(4, name="one")(image)
    both = keras.layers.Concatenate()([one, conv(3, name="two")(one)])
    model = with_other_weights(keras.Model(image, both), rng)
    assert keras_fcn.fold_for_inference(model) is model


def test_a_layer_that_is_applied_twice_stays(rng):
    twice, last = conv(3, name="twice"), conv(2, name="last")
    image = keras.Input((5, 5, 3))
    model = with_other_weights(keras.Model(image, last(twice(twice(image)))), rng)
    assert keras_fcn.fold_for_inference(model) is model


def test_mixed_precision_keeps_its_results_and_half_of_its_memory(rng):
    with computing_in("mixed_bfloat16"):
        model = fcn8s(rng, topology="same", upsampling="learned")
    folded = keras_fcn.fold_for_inference(model)
    assert {w.dtype for w in model.weights} == {"float32"}
    assert {w.dtype for w in folded.weights} == {"bfloat16"}
    assert isinstance(folded.get_layer("fc6"), PatchConv2D)
    expected = logits(model, np.random.default_rng(1))
    np.testing.assert_array_equal(logits(folded, np.random.default_rng(1)), expected)


def test_a_network_that_is_no_graph_is_refused():
    class Own(keras.Model):
        pass

    with pytest.raises(ValueError, match="must be a functional Keras model"):
        keras_fcn.fold_for_inference(Own())

import keras
import numpy as np
import pytest

from keras_fcn.layers import LocalResponseNormalization


def as_array(tensor):
    return keras.ops.convert_to_numpy(tensor)


def by_loops(maps, n, alpha, beta, bias):
    """Krizhevsky et al., section 3.3, channel by channel, with Caffe's alpha/n."""
    channels = maps.shape[-1]
    out = np.empty(maps.shape)
    for i in range(channels):
        energy = 0.0
        for j in range(max(0, i - n // 2), min(channels - 1, i + n // 2) + 1):
            energy = energy + maps[..., j].astype("float64") ** 2
        out[..., i] = maps[..., i] / (bias + alpha / n * energy) ** beta
    return out


@pytest.mark.parametrize("channels", [1, 3, 8])
@pytest.mark.parametrize("depth", [1, 3, 5])
def test_each_channel_is_divided_by_the_energy_around_it(depth, channels, rng):
    maps = rng.normal(size=(2, 3, 2, channels)).astype("float32")
    layer = LocalResponseNormalization(depth, alpha=0.7, beta=0.6, bias=1.5)
    expected = by_loops(maps, depth, alpha=0.7, beta=0.6, bias=1.5)
    np.testing.assert_allclose(as_array(layer(maps)), expected, rtol=1e-5)


def test_the_numbers_are_those_of_caffenet_by_default(rng):
    maps = rng.uniform(0, 300, (1, 2, 2, 9)).astype("float32")
    expected = by_loops(maps, 5, alpha=1e-4, beta=0.75, bias=1.0)
    assert (expected < 0.8 * maps).any()
    out = as_array(LocalResponseNormalization()(maps))
    np.testing.assert_allclose(out, expected, rtol=1e-5)


def test_squares_beyond_16_bits_do_not_overflow():
    maps = np.full((1, 1, 1, 5), 1000.0, "float16")  # 1000**2 > 65504
    out = as_array(LocalResponseNormalization(dtype="float16")(maps))
    assert out.dtype == "float16"
    expected = by_loops(maps.astype("float32"), 5, 1e-4, 0.75, 1.0)
    np.testing.assert_allclose(out, expected, rtol=2e-3)


def test_the_layer_has_no_weights_and_keeps_the_shape():
    layer = LocalResponseNormalization()
    maps = layer(keras.Input((None, None, 6)))
    assert maps.shape == (None, None, None, 6)
    assert layer.weights == []


@pytest.mark.parametrize("depth", [0, 4, -1])
def test_the_channels_around_one_are_an_odd_number(depth):
    with pytest.raises(ValueError, match=f"Received: depth={depth}"):
        LocalResponseNormalization(depth)

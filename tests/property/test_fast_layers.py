"""The layers that are computed in another way are the plain ones, there and back."""

import keras
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from keras_fcn.layers import (
    Bilinear,
    BilinearUpsampling2D,
    PatchConv2D,
    PhaseConv2DTranspose,
)

from ..gradients import as_array, value_and_gradients
from .problems import examples

# JAX compiles each size anew.
NUMBER = 8 if keras.backend.backend() == "jax" else 30

sizes = st.integers(1, 7)
seeds = st.integers(0, 2**32 - 1)


def integers(rng, *shape):
    """Small enough for every sum of products to be exact in float32."""
    return rng.integers(-8, 9, shape).astype("float32")


def hold_equal(fast, plain, shape, seed, tolerance=0.0):
    """Compare results, and the gradients at input, kernel and bias."""
    rng = np.random.default_rng(seed)
    inputs = integers(rng, *shape)
    for layer in (fast, plain):
        layer.build(shape)
    weights = [integers(rng, *w.shape) for w in plain.get_weights()]
    if fast.weights:
        plain.set_weights(weights)
        fast.set_weights(weights)
    upstream = integers(rng, *as_array(plain(inputs)).shape)
    found = value_and_gradients(fast, inputs, upstream)
    expected = value_and_gradients(plain, inputs, upstream)
    for ours, theirs in zip(found, expected, strict=False):
        np.testing.assert_allclose(ours, theirs, rtol=0, atol=tolerance)


@examples(NUMBER)
@given(sizes, sizes, sizes, sizes, st.integers(1, 9), st.integers(1, 9),
       st.sampled_from(["valid", "same"]), st.booleans(), seeds)  # fmt: skip
def test_a_transposed_convolution_by_phases_is_that_of_keras(
    height, width, s, t, k_h, k_w, padding, use_bias, seed
):
    options = {"strides": (s, t), "padding": padding, "use_bias": use_bias}
    hold_equal(
        PhaseConv2DTranspose(3, (k_h, k_w), **options),
        keras.layers.Conv2DTranspose(3, (k_h, k_w), **options),
        (2, height, width, 2),
        seed,
    )


@examples(NUMBER)
@given(st.integers(5, 9), st.integers(4, 8), st.integers(1, 5), st.integers(1, 4),
       st.sampled_from(["valid", "same"]), seeds)  # fmt: skip
def test_a_convolution_by_patches_is_that_of_keras(
    height, width, k_h, k_w, padding, seed
):
    options = {"padding": padding, "activation": "relu"}
    hold_equal(
        PatchConv2D(3, (k_h, k_w), **options),
        keras.layers.Conv2D(3, (k_h, k_w), **options),
        (2, height, width, 2),
        seed,
    )


@examples(NUMBER)
@given(sizes, sizes, st.integers(1, 9), st.booleans(),
       st.sampled_from(["valid", "same"]), seeds)  # fmt: skip
def test_fixed_upsampling_is_the_dense_transposed_convolution(
    height, width, factor, odd, padding, seed
):
    k = 2 * factor - odd
    dense = keras.layers.Conv2DTranspose(
        3,
        k,
        strides=factor,
        padding=padding,
        use_bias=False,
        kernel_initializer=Bilinear(factor),
    )
    # At most (2s)**2 taps below 1 meet values of at most 8 in a gradient; each product
    # is rounded to 2**-24 of itself, and so is each sum.
    bound = 8 * (2 * factor) ** 2
    fast = BilinearUpsampling2D(factor, padding, kernel_size=k)
    hold_equal(fast, dense, (2, height, width, 3), seed, bound * 2.0**-22)


@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16"])
@pytest.mark.parametrize("kind", [PatchConv2D, PhaseConv2DTranspose])
def test_fast_layers_compute_in_the_precision_of_their_policy(kind, policy, rng):
    strides = {} if kind is PatchConv2D else {"strides": 4}
    layer = kind(3, 4, dtype=policy, kernel_initializer="ones", **strides)
    out = layer(integers(rng, 1, 5, 5, 2))
    assert keras.backend.standardize_dtype(out.dtype) == policy.removeprefix("mixed_")
    assert {w.dtype for w in layer.weights} == {"float32"}


@pytest.mark.parametrize(
    "options", [{"strides": 2}, {"dilation_rate": 2}, {"groups": 2}]
)
def test_what_patches_do_not_compute_is_left_to_keras(options, rng):
    hold_equal(
        PatchConv2D(4, 3, **options),
        keras.layers.Conv2D(4, 3, **options),
        (1, 9, 8, 2),
        0,
    )


@pytest.mark.parametrize("options", [{"output_padding": 1, "strides": 3}])
def test_what_phases_do_not_compute_is_left_to_keras(options):
    hold_equal(
        PhaseConv2DTranspose(2, 4, **options),
        keras.layers.Conv2DTranspose(2, 4, **options),
        (1, 3, 2, 2),
        0,
    )

import re

import numpy as np
import pytest

from keras_fcn.transposed import conv, conv_transpose, dot_test

# An asymmetric kernel, other channels than pixels: no flip or swap goes unseen.
KERNEL = np.arange(1, 37).reshape(3, 2, 3, 2)
OPTIONS = {"strides": (2, 1), "padding": [(1, 0), (0, 2)]}
INPUT, OUTPUT = (8, 5, 3), (4, 6, 2)


def forward(kernel=KERNEL):
    return lambda x: conv(x, kernel, **OPTIONS)


def backward(kernel=KERNEL):
    return lambda y: conv_transpose(y, kernel, **OPTIONS, output_shape=INPUT[:2])


@pytest.mark.parametrize("dtype", ["float64", "float32", "int64", "int8"])
def test_a_transpose_passes_and_the_two_products_are_equal(dtype):
    products = dot_test(forward(), backward(), INPUT, OUTPUT, dtype=dtype)
    assert products[0] == products[1] != 0
    assert all(type(product) is float for product in products)


@pytest.mark.parametrize(
    "mutant",
    [
        pytest.param(KERNEL[::-1, ::-1], id="flipped"),
        pytest.param(KERNEL[::-1], id="flipped-along-one-axis"),
        pytest.param(KERNEL + np.eye(3, 2, dtype=int), id="one-more"),
        pytest.param(-KERNEL, id="negative"),
    ],
)
def test_another_operator_fails_with_both_numbers(mutant):
    with pytest.raises(AssertionError, match="is not the transpose") as raised:
        dot_test(forward(), backward(mutant), INPUT, OUTPUT, seed=5)
    told = re.search(r"<C x, y> = (\S+) but <x, C.T y> = (\S+)\.$", str(raised.value))
    random = np.random.default_rng(5)  # the first pair already differs
    x, y = random.integers(-8, 9, INPUT), random.integers(-8, 9, OUTPUT)
    assert float(told[1]) == (forward()(x) * y).sum()
    assert float(told[2]) == (x * backward(mutant)(y)).sum()


def test_the_pairs_are_small_integers_of_the_type_and_number_asked_for():
    def drawn(**options):
        seen = []

        def identity(x):
            seen.append(x)
            return x

        dot_test(identity, identity, (50,), (50,), **options)
        return np.stack(seen)

    pairs = drawn(dtype="float32", examples=4)
    assert pairs.shape == (2 * 4, 50)
    assert pairs.dtype == np.float32
    assert set(np.unique(pairs)) == set(range(-8, 9))
    assert len(np.unique(pairs, axis=0)) == 8  # no x, no y comes twice
    np.testing.assert_array_equal(drawn(), pairs[:6])
    assert not np.array_equal(drawn(seed=1), pairs[:6])


def test_rounding_is_allowed_only_if_asked_for(rng):
    kernel = rng.standard_normal(KERNEL.shape)
    pair = forward(kernel), backward(kernel)
    with pytest.raises(AssertionError):
        dot_test(*pair, INPUT, OUTPUT, examples=20)
    dot_test(*pair, INPUT, OUTPUT, examples=20, rtol=1e-14)


def test_what_is_allowed_is_relative_to_the_sizes_of_both_sides():
    # |<x, 1.25 y> - <x, y>| is |<x, y>| / 4, at most a quarter of |x| * |y|.
    pair = (lambda x: x), (lambda y: 1.25 * y)
    dot_test(*pair, (9,), (9,), examples=20, rtol=0.25)
    with pytest.raises(AssertionError):
        dot_test(*pair, (9,), (9,), examples=20, rtol=0.05)
    # A hundred times as large, the difference is no other part of the whole.
    larger = (lambda x: 100 * x), (lambda y: 125 * y)
    dot_test(*larger, (9,), (9,), examples=20, rtol=0.25)


def test_what_is_not_a_number_is_not_equal():
    def nan(x):
        return x * np.nan

    with pytest.raises(AssertionError, match="= nan but"):
        dot_test(nan, nan, (3,), (3,), rtol=1.0)


@pytest.mark.parametrize("bad", ["operator", "transpose"])
def test_another_shape_is_refused_with_the_name_of_the_operator(bad):
    pair = {"operator": forward(), "transpose": backward()}
    right = {"operator": OUTPUT, "transpose": INPUT}[bad]
    good = pair[bad]
    pair[bad] = lambda x: good(x)[:1]
    message = f"`{bad}` must return the shape {right}. Received: {(1, *right[1:])}."
    with pytest.raises(ValueError, match=re.escape(message)):
        dot_test(**pair, input_shape=INPUT, output_shape=OUTPUT)


@pytest.mark.parametrize("examples", [0, -1])
def test_a_test_without_examples_proves_nothing(examples):
    with pytest.raises(ValueError, match=f"Received: examples={examples}"):
        dot_test(forward(), backward(), INPUT, OUTPUT, examples=examples)

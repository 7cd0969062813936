"""What the arguments of `conv` and `conv_transpose` may be, and what they mean."""

import re

import numpy as np
import pytest

from keras_fcn.transposed import bilinear_kernel, conv, conv_transpose

WAYS = ["matrix", "scatter", "phase", "auto"]
# A convolution takes SMALL's shape from LARGE's: strides of 2, a kernel of (3, 2).
LARGE, SMALL = np.arange(270).reshape(9, 10, 3), np.arange(40).reshape(4, 5, 2)
KERNEL = np.arange(1, 37).reshape(3, 2, 3, 2)
BIG = 2**53 + 1  # no float64 holds it
HALF = 2**63 + 1  # no int64 holds it

NUMBERS = [
    # x, kernel, their exact product, its type
    (("uint8", [255, 255, 255]), ("uint8", [255, 255, 255]), 3 * 255**2, "uint64"),
    (("int8", [-128, -128, 127]), ("int8", [-128, 127, -128]), -16128, "int64"),
    (("uint8", [255, 255, 255]), ("int8", [-128, -128, 127]), -32895, "int64"),
    (("bool", [1, 1, 1]), ("bool", [1, 0, 1]), 2, "int64"),
    (("int64", [BIG, 1, -1]), ("int32", [1, 1, 2]), BIG - 1, "int64"),
    (("uint64", [HALF, 1, 1]), ("uint8", [1, 1, 0]), HALF + 1, "uint64"),
    (("float16", [1, 1, 1]), ("float16", [2048, 1, -2048]), 1, "float16"),
    (("float16", [0.5, 1, 1]), ("int8", [1, 1, 1]), 2.5, "float16"),
    (("int64", [BIG, 1, 1]), ("float32", [0, 0.5, 1]), 1.5, "float64"),
    (("float64", [BIG, 0, 1]), ("float32", [0, 1, 0.5]), 0.5, "float64"),
]


def array(given):
    dtype, values = given
    return np.array(values, dtype)


@pytest.mark.parametrize(("x", "kernel", "exact", "dtype"), NUMBERS)
def test_integers_are_summed_in_64_bits_and_half_floats_in_32(x, kernel, exact, dtype):
    x, kernel = array(x), array(kernel)
    results = [
        conv_transpose(x.reshape(1, 3), kernel.reshape(1, 1, 3), method=method)
        for method in WAYS
    ]
    results.append(conv(x.reshape(1, 3), kernel.reshape(1, 3, 1)))
    for y in results:
        assert y.dtype == dtype
        assert y.tolist() == [[exact]]


@pytest.mark.parametrize("method", WAYS)
def test_sums_over_taps_do_not_overflow_either(method):
    x, kernel = np.full((3, 3, 1), 255, "uint8"), np.full((3, 3, 1, 1), 255, "uint8")
    y = conv_transpose(x, kernel, method=method)
    assert y.dtype == np.uint64
    assert y.max() == 9 * 255**2


@pytest.mark.parametrize("compute", [conv, conv_transpose])
def test_signed_and_unsigned_64_bits_have_no_common_integer(compute):
    x, kernel = np.ones((3, 1), "uint64"), np.ones((3, 1, 1), "int64")
    with pytest.raises(TypeError, match="Received: uint64, int64"):
        compute(x, kernel)
    with pytest.raises(TypeError, match="Received: uint64, uint64, int8"):
        compute(x, kernel.astype("uint64"), bias=np.ones(1, "int8"))


@pytest.mark.parametrize("compute", [conv, conv_transpose])
@pytest.mark.parametrize("values", [[1j], ["1"], [None]], ids=repr)
@pytest.mark.parametrize("name", ["x", "kernel", "bias"])
def test_what_is_no_number_is_refused_by_its_name(compute, values, name):
    given = {"x": np.ones((1, 1)), "kernel": np.ones((1, 1, 1)), "bias": np.ones(1)}
    given[name] = np.array(values).reshape(given[name].shape)
    message = f"`{name}` must hold integers or floats. Received: dtype="
    with pytest.raises(TypeError, match=re.escape(message)):
        compute(**given)


BIAS = np.array([100, 200])


@pytest.mark.parametrize("method", [*WAYS, "separable"])
def test_the_bias_comes_last_to_zero_rows_too(method):
    x, kernel = np.ones((3, 2)), bilinear_kernel(1, channels=2)[0]
    words = {"strides": 3, "method": method}
    y = conv_transpose(x, kernel, **words, padding=[(-1, -2)], bias=BIAS)
    painted = [0, 1, 0, 0, 1, 0, 0, 1, 0, 0]
    assert y.tolist() == [[100 + v, 200 + v] for v in painted]
    keras = conv_transpose(x, kernel, **words, padding="valid", bias=BIAS)
    assert keras.tolist() == y.tolist()[1:]


def test_the_bias_of_groups_is_that_of_all_their_channels():
    x, kernel = np.ones((2, 2), int), np.ones((1, 1, 2), int)
    assert conv_transpose(x, kernel, groups=2, bias=BIAS).tolist() == [[101, 201]] * 2
    assert conv(x, kernel, groups=2, bias=BIAS).tolist() == [[101, 201]] * 2


def test_a_bias_of_floats_makes_floats_of_integers():
    for compute in (conv, conv_transpose):
        y = compute(np.array([[BIG]]), np.array([[[0]]]), bias=[0.5])
        assert y.tolist() == [[0.5]]


@pytest.mark.parametrize(
    ("compute", "x", "words"),
    [(conv, LARGE, {"padding": 1}), (conv_transpose, SMALL, {"output_padding": 1})],
)
def test_channels_first_and_the_batch_change_the_axes_and_nothing_else(
    compute, x, words
):
    expected = compute(x, KERNEL, strides=2, **words)
    assert expected.ndim == 3
    first = np.moveaxis(x, -1, 0)
    y = compute(first, KERNEL, strides=2, data_format="channels_first", **words)
    np.testing.assert_array_equal(y, np.moveaxis(expected, -1, 0))
    batch = np.stack([first, 2 * first])
    y = compute(batch, KERNEL, strides=2, data_format="channels_first", **words)
    assert y.shape == (2, expected.shape[-1], *expected.shape[:-1])
    np.testing.assert_array_equal(y[1], 2 * np.moveaxis(expected, -1, 0))


@pytest.mark.parametrize("method", WAYS)
def test_views_are_as_good_as_copies(method):
    x, kernel = SMALL[::-1, 1::2], KERNEL[::-1, :, ::-1]
    y = conv_transpose(x, kernel, strides=2, method=method)
    copies = conv_transpose(x.copy(), kernel.copy(), strides=2, method="scatter")
    np.testing.assert_array_equal(y, copies)
    lists = conv_transpose(x.tolist(), kernel.tolist(), strides=2, method=method)
    np.testing.assert_array_equal(lists, copies)


@pytest.mark.parametrize(
    ("words", "cropped"),
    [
        ({}, [(0, 0), (0, 0)]),
        ({"output_padding": (0, 1)}, [(0, 0), (0, -1)]),
        ({"padding": "same"}, [(0, 1), (0, 0)]),
        ({"padding": "same", "output_padding": (0, 1)}, [(1, 1), (0, 1)]),
        ({"padding": "same", "output_shape": (7, 9)}, [(1, 1), (0, 1)]),
        ({"padding": "valid", "output_shape": 10}, [(0, -1), (0, 0)]),
        ({"padding": 1}, [(1, 1), (1, 1)]),
        ({"padding": np.int64(1), "output_padding": 1}, [(1, 0), (1, 0)]),
        ({"padding": (1, (0, 2)), "output_padding": (0, 1)}, [(1, 1), (0, 1)]),
        ({"padding": (2, 1), "output_shape": (6, 8)}, [(2, 1), (1, 1)]),
        ({"padding": -1}, [(-1, -1), (-1, -1)]),
    ],
    ids=lambda value: str(value) if isinstance(value, dict) else "",
)
def test_every_wording_means_a_crop_at_both_ends(words, cropped):
    full = np.pad(conv_transpose(SMALL, KERNEL, strides=2), [(1, 1), (1, 1), (0, 0)])
    (top, bottom), (left, right) = ((1 + b, -1 - a or None) for b, a in cropped)
    y = conv_transpose(SMALL, KERNEL, strides=(2, np.int32(2)), **words)
    np.testing.assert_array_equal(y, full[top:bottom, left:right])


EITHER = [
    ({"strides": (2,)}, "one for each of the 2 spatial axes. Received: strides=(2,)."),
    ({"strides": (2, 1.5)}, "Received: strides=(2, 1.5)."),
    ({"strides": (2, 0)}, "Received: strides=0."),
    ({"dilation_rate": (1, 1, 1)}, "Received: dilation_rate=(1, 1, 1)."),
    ({"dilation_rate": 0}, "Received: dilation_rate=0."),
    ({"padding": "full"}, "Received: padding='full'."),
    ({"padding": (1,)}, "for each of the 2 spatial axes. Received: padding=(1,)."),
    ({"padding": [1, (1, 2, 3)]}, "Received: padding=[1, (1, 2, 3)]."),
    ({"groups": 0}, "at least 1 and divide the last axis of the kernel. Received: gr"),
    ({"groups": 3}, "Received: groups=3, kernel.shape=(3, 2, 3, 2)."),
    ({"x": np.ones((4, 5, 7))}, "for this kernel. Received: 7 channels"),
    ({"x": np.ones((1, 1, 4, 5, 2))}, "Received: x.shape=(1, 1, 4, 5, 2), kernel.sha"),
    ({"x": np.ones(3)}, "Received: x.shape=(3,), kernel.shape=(3, 2, 3, 2)."),
    ({"kernel": np.ones((3, 2))}, "kernel.shape=(3, 2)."),
    ({"data_format": "NCHW"}, "Received: data_format='NCHW'."),
]
ONE_WAY = [
    (
        conv,
        {"padding": -4},
        "9 pixels, padding=(-4, -4) and a kernel that reaches over",
    ),
    (conv, {"groups": 2}, "must have 6 channels for this kernel. Received: 3"),
    (conv, {"bias": np.ones(3)}, "have the shape (2,). Received: bias.shape=(3,)."),
    (conv_transpose, {"bias": np.ones(2)}, "(3,). Received: bias.shape=(2,)."),
    (conv_transpose, {"bias": 1}, "(3,). Received: bias.shape=()."),
    (conv_transpose, {"bias": np.ones((1, 3))}, "Received: bias.shape=(1, 3)."),
    (conv_transpose, {"padding": 9}, "Received: output_length=-9."),
    (conv_transpose, {"output_padding": 2}, "output_padding=2, strides=2."),
    (conv_transpose, {"output_padding": (1,)}, "Received: output_padding=(1,)."),
    (
        conv_transpose,
        {"output_shape": 11},
        "(4, 5). Received: output_shape=(11, 11), w",
    ),
    (conv_transpose, {"output_shape": 11}, "which it takes to (5, 5)."),
    (conv_transpose, {"output_shape": (9,)}, "Received: output_shape=(9,)."),
    (
        conv_transpose,
        {"output_shape": 9, "output_padding": 0},
        "not both. Received: output_padding=0, output_shape=9.",
    ),
]


@pytest.mark.parametrize(
    ("compute", "words", "message"),
    [(c, *case) for c in (conv, conv_transpose) for case in EITHER] + ONE_WAY,
)
def test_what_does_not_fit_is_refused_with_what_was_given(compute, words, message):
    x = LARGE if compute is conv else SMALL
    with pytest.raises(ValueError, match=re.escape(message)):
        compute(**{"x": x, "kernel": KERNEL, "strides": 2, **words})

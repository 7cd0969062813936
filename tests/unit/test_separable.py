"""Where a kernel is an outer product of profiles: the fast way, and who takes it."""

import numpy as np
import pytest

from keras_fcn.transposed import bilinear_kernel, conv_transpose


@pytest.mark.parametrize("method", ["separable", "auto"])
@pytest.mark.parametrize(
    "padding", ["valid", "same", 1, [(2, -1), (-3, 0)], [(5, 0), (0, 5)]], ids=str
)
@pytest.mark.parametrize("strides", [1, 2, (3, 2), (4, 7)], ids=str)
@pytest.mark.parametrize("dilation_rate", [1, (2, 3)], ids=str)
def test_axis_after_axis_is_the_same_as_painting(
    method, padding, strides, dilation_rate
):
    # Powers of 2 divide exactly, and none of the profiles is the same backwards.
    x = np.arange(1.0, 41).reshape(4, 5, 2)
    taps = np.outer([1, 4, -2], [2, 1, 0, 8.0])
    kernel = taps[..., None, None] * np.eye(2)
    words = {"strides": strides, "padding": padding, "dilation_rate": dilation_rate}
    y = conv_transpose(x, kernel, **words, method=method)
    expected = conv_transpose(x, kernel, **words, method="scatter")
    assert expected.any()
    np.testing.assert_array_equal(y, expected)


@pytest.mark.parametrize("size", [(40, 3), (3, 40), (4, 150)], ids=str)
@pytest.mark.parametrize("strides", [1, 2, 3])
@pytest.mark.parametrize("kept", ["most", "front", "middle", "end"])
def test_long_axes_are_the_same_as_painting(size, strides, kept):
    x = np.arange(1.0, 2 * np.prod(size) + 1).reshape(*size, 2)
    kernel = np.outer([1, 4, -2], [2, 1, 8.0])[..., None, None] * np.eye(2)
    padding = []
    for n in size:
        full = strides * (n - 1) + 3
        first = {"most": 1, "front": 1, "middle": full // 2, "end": full - 5}[kept]
        length = full - 1 if kept == "most" else 5
        padding.append((first, full - first - length))
    words = {"strides": strides, "padding": padding}
    y = conv_transpose(x, kernel, **words, method="separable")
    expected = conv_transpose(x, kernel, **words, method="scatter")
    np.testing.assert_array_equal(y, expected)


@pytest.mark.parametrize("rank", [1, 3])
def test_other_numbers_of_axes_are_the_same_as_painting_too(rank):
    x = np.arange(1.0, 2 * 3**rank + 1).reshape(*(3,) * rank, 2)
    taps = np.ones(())
    for axis in range(rank):
        taps = taps[..., None] * 2.0 ** np.arange(axis + 2)
    kernel = taps[..., None, None] * np.eye(2)
    y = conv_transpose(x, kernel, strides=2, padding="same", method="separable")
    expected = conv_transpose(x, kernel, strides=2, padding="same", method="scatter")
    np.testing.assert_array_equal(y, expected)


def changed(kernel, index, value):
    kernel = kernel.copy()
    kernel[index] = value
    return kernel


BILINEAR = bilinear_kernel(2, channels=3)
ONES = np.ones((4, 4, 3, 3))


@pytest.mark.parametrize(
    ("kernel", "fast"),
    [
        pytest.param(BILINEAR, True, id="bilinear"),
        pytest.param(BILINEAR.astype("float32"), True, id="single-precision"),
        pytest.param(bilinear_kernel(3, channels=1), True, id="one-channel"),
        pytest.param(ONES, False, id="dense"),
        pytest.param((16 * BILINEAR).astype(int), False, id="integers"),
        pytest.param(changed(BILINEAR, (0, 0, 1, 1), 1), False, id="one-tap"),
        pytest.param(changed(BILINEAR, (0, 0, 0, 1), 1e-9), False, id="off-diagonal"),
        pytest.param(BILINEAR * [1, 1, 2], False, id="one-channel-doubled"),
        pytest.param(BILINEAR[..., :2], False, id="fewer-outputs"),
    ],
)
def test_auto_goes_axis_by_axis_where_the_kernel_is_an_outer_product(
    kernel, fast, monkeypatch
):
    taken = []
    monkeypatch.setattr(
        "keras_fcn.transposed.separable.phase",
        lambda x, *_: taken.append("phase") or x,
    )
    x = np.ones((3, 4, kernel.shape[-1]), kernel.dtype)
    conv_transpose(x, kernel, strides=2)
    assert bool(taken) is not fast
    if fast:
        conv_transpose(x, kernel, strides=2, method="separable")
    else:
        with pytest.raises(ValueError, match="needs a floating-point kernel that is"):
            conv_transpose(x, kernel, strides=2, method="separable")


@pytest.mark.parametrize(
    ("x", "kernel"),
    [("float64", "float32"), ("int64", "float32"), ("float32", "float16")],
)
def test_auto_takes_a_bilinear_kernel_of_less_precision_than_the_input(x, kernel):
    x = np.arange(24).reshape(3, 4, 2).astype(x)
    kernel = bilinear_kernel(3, channels=2).astype(kernel)
    y = conv_transpose(x, kernel, strides=3)
    expected = conv_transpose(x, kernel, strides=3, method="scatter")
    np.testing.assert_allclose(y, expected, rtol=1e-6)


def test_auto_takes_groups_of_what_is_separable_only_as_a_whole():
    x, kernel = np.arange(24.0).reshape(3, 4, 2), np.ones((3, 3, 1, 1)) * np.eye(2)
    y = conv_transpose(x, kernel, groups=2)
    expected = conv_transpose(x, kernel, groups=2, method="scatter")
    np.testing.assert_array_equal(y, expected)


def test_an_axis_of_one_tap_costs_no_accuracy():
    x = np.array([[3, 5], [2, 7]], np.float32)[..., None]
    for shape in ((1, 3, 1, 1), (3, 1, 1, 1)):
        kernel = np.array([3, 7, 5], np.float32).reshape(shape)
        expected = conv_transpose(x, kernel, method="scatter")
        for method in ("auto", "separable"):
            np.testing.assert_array_equal(
                conv_transpose(x, kernel, method=method), expected
            )

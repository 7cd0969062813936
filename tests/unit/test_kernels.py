from itertools import product

import numpy as np
import pytest

from keras_fcn.geometry import convert_kernel

LAYOUTS = ["keras", "tensorflow", "pytorch", "onnx", "caffe", "jax", "tflite"]
SPATIAL = [(4,), (4, 3), (4, 3, 2)]  # and 5 outputs, 6 inputs: every axis differs


def numbered(*shape):
    return np.arange(np.prod(shape)).reshape(shape)


def place(layout, tap, out, into, size):
    """Where a framework keeps the tap that leads from `into` to `out`."""
    if layout in ("keras", "tensorflow"):
        return (*tap, out, into)
    if layout in ("pytorch", "onnx", "caffe"):
        return (into, out, *tap)
    if layout == "tflite":
        return (out, *tap, into)
    return (*(n - 1 - t for n, t in zip(size, tap, strict=True)), into, out)


def places(layout, size):
    """The places of all taps in the order of a Keras kernel."""
    ranges = map(range, (*size, 5, 6))
    return [place(layout, tap, out, into, size) for *tap, out, into in product(*ranges)]


@pytest.mark.parametrize("size", SPATIAL, ids=["1d", "2d", "3d"])
@pytest.mark.parametrize("source", LAYOUTS)
def test_every_tap_moves_to_where_the_other_framework_keeps_it(source, size):
    here = tuple(zip(*places(source, size), strict=True))
    kernel = np.zeros([max(axis) + 1 for axis in here], int)
    kernel[here] = range(kernel.size)
    for target in LAYOUTS:
        there = tuple(zip(*places(target, size), strict=True))
        converted = convert_kernel(kernel, source, target)
        assert converted.shape == tuple(max(axis) + 1 for axis in there)
        np.testing.assert_array_equal(converted[there], range(kernel.size))


@pytest.mark.parametrize("size", SPATIAL, ids=["1d", "2d", "3d"])
def test_there_and_back_again_is_the_same_kernel(size):
    kernel = numbered(*size, 5, 6)
    for there, back in product(LAYOUTS, LAYOUTS):
        again = convert_kernel(convert_kernel(kernel, back, there), there, back)
        np.testing.assert_array_equal(again, kernel)


@pytest.mark.parametrize(
    ("layout", "shapes"),
    [
        ("tensorflow", [(4, 5, 6), (4, 3, 5, 6), (4, 3, 2, 5, 6)]),
        ("pytorch", [(6, 5, 4), (6, 5, 4, 3), (6, 5, 4, 3, 2)]),
        ("onnx", [(6, 5, 4), (6, 5, 4, 3), (6, 5, 4, 3, 2)]),
        ("caffe", [(6, 5, 4), (6, 5, 4, 3), (6, 5, 4, 3, 2)]),
        ("jax", [(4, 6, 5), (4, 3, 6, 5), (4, 3, 2, 6, 5)]),
        ("tflite", [(5, 4, 6), (5, 4, 3, 6), (5, 4, 3, 2, 6)]),
    ],
)
def test_the_axes_of_a_keras_kernel_elsewhere(layout, shapes):
    for size, shape in zip(SPATIAL, shapes, strict=True):
        assert convert_kernel(numbered(*size, 5, 6), "keras", layout).shape == shape


@pytest.mark.parametrize(
    ("layout", "expected"),
    [
        ("pytorch", lambda w: w.transpose(3, 2, 0, 1)),
        ("jax", lambda w: w[::-1, ::-1].transpose(0, 1, 3, 2)),
        ("tflite", lambda w: w.transpose(2, 0, 1, 3)),
    ],
)
def test_the_idioms_of_two_dimensions(layout, expected):
    kernel = numbered(4, 3, 5, 6)
    converted = convert_kernel(kernel, "keras", layout)
    np.testing.assert_array_equal(converted, expected(kernel))


def test_jax_slides_its_kernel_as_it_is_over_the_input_with_gaps():
    x, kernel, s = np.array([1, 10, 100]), np.array([1, 2, 3, 4]), 2
    y = np.zeros(8, int)  # each pixel paints the kernel
    for i, value in enumerate(x):
        y[s * i : s * i + 4] += value * kernel
    gaps = np.zeros(5, int)
    gaps[::s] = x
    flipped = convert_kernel(kernel.reshape(4, 1, 1), "keras", "jax").ravel()
    np.testing.assert_array_equal(flipped, [4, 3, 2, 1])
    np.testing.assert_array_equal(np.correlate(gaps, flipped, "full"), y)


@pytest.mark.parametrize("target", LAYOUTS)
def test_no_number_is_copied(target):
    kernel = numbered(4, 3, 5, 6)
    assert np.shares_memory(convert_kernel(kernel, "keras", target), kernel)


@pytest.mark.parametrize("unknown", ["torch", "Keras", "", None])
def test_an_unknown_layout_is_refused_on_either_side(unknown):
    kernel = numbered(4, 3, 5, 6)
    for layouts in ((unknown, "keras"), ("keras", unknown)):
        with pytest.raises(
            ValueError, match="must be one of keras, tensorflow"
        ) as raised:
            convert_kernel(kernel, *layouts)
        assert str(raised.value).endswith(f"Received: {unknown!r}.")


@pytest.mark.parametrize("axes", [0, 1, 2])
def test_a_kernel_without_spatial_axes_is_refused(axes):
    with pytest.raises(ValueError, match=f"spatial axis .* Received: {axes} axes"):
        convert_kernel(np.zeros((2,) * axes), "keras", "pytorch")

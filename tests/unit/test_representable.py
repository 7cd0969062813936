"""What `to_x` says of a window, and what it says instead where it has no words."""

import re
from itertools import product

import pytest

from keras_fcn.geometry import (
    NotRepresentable,
    Window,
    from_caffe,
    from_jax,
    from_keras,
    from_onnx,
    from_pytorch,
    from_tensorflow,
    to_caffe,
    to_jax,
    to_keras,
    to_onnx,
    to_pytorch,
    to_tensorflow,
)


def read_caffe(n, k, crop_offset, **words):
    return from_caffe(n, k, crop_offset=crop_offset or 0, **words)


def read_onnx(n, k, *, strides, pads, output_padding, dilations):
    (s,), (a,), (d,) = strides, output_padding, dilations
    return from_onnx(n, k, strides=s, pads=tuple(pads), output_padding=a, dilations=d)


def read_jax(n, k, *, strides, padding, rhs_dilation):
    (s,), (pair,), (d,) = strides, padding, rhs_dilation
    return from_jax(n, k, strides=s, padding=pair, rhs_dilation=d)


def read_tensorflow(n, k, *, output_shape, **words):
    return from_tensorflow(n, k, output_shape, **words)


def keras_has(w):
    """Some padding and output_padding give it, on TensorFlow too."""
    n, s, K = w.input_length, w.strides, w.extent
    shortest = (n - 1) * s
    found = {(0, shortest + max(K, s)), (max(K - s, 0) // 2, n * s)}
    for a in range(s):
        found.add((0, shortest + K + a))
        if K % 2 or a:  # TensorFlow refuses an even kernel with 0
            found.add((max(K - K % 2 - a, 0) // 2, shortest + K % 2 + a))
    return (w.crop, w.output_length) in found


def tensorflow_has(w):
    n, s, K, length = w.input_length, w.strides, w.extent, w.output_length
    same = -(-length // s) == n and w.crop == max((n - 1) * s + K - length, 0) // 2
    valid = -(-(length - K + 1) // s) == n and w.crop == 0
    return same or valid


# Its name, its words, how to read them back, and for which windows it has any.
FRAMEWORKS = {
    "Caffe": (to_caffe, read_caffe, lambda w: min(w.crop, w.tail_crop) >= 0),
    "JAX": (to_jax, read_jax, lambda w: True),
    "Keras": (to_keras, from_keras, keras_has),
    "ONNX": (to_onnx, read_onnx, lambda w: w.crop >= 0 and -w.tail_crop < w.strides),
    "PyTorch": (
        to_pytorch,
        from_pytorch,
        lambda w: (
            w.crop >= 0 and 0 <= w.crop - w.tail_crop < max(w.strides, w.dilation_rate)
        ),
    ),
    "TensorFlow": (to_tensorflow, read_tensorflow, tensorflow_has),
}
REFUSING = [name for name in FRAMEWORKS if name != "JAX"]
SMALL = [
    Window(*numbers)
    for numbers in product(
        (1, 3), range(1, 5), range(1, 12), (1, 2, 3), (1, 2), range(-2, 4)
    )
]


def refusal_of(name, *windows):
    with pytest.raises(NotRepresentable) as raised:
        FRAMEWORKS[name][0](*windows)
    return raised.value


@pytest.mark.parametrize("name", FRAMEWORKS)
def test_what_is_said_of_a_window_reads_back_as_that_window(name):
    say, read, has = FRAMEWORKS[name]
    for window in filter(has, SMALL):
        n, k = window.input_length, window.kernel_size
        assert read(n, k, **say(window)) == window


@pytest.mark.parametrize("name", REFUSING)
def test_instead_of_what_cannot_be_said_comes_a_call_whose_slice_is_the_same(name):
    _, read, has = FRAMEWORKS[name]
    without = [window for window in SMALL if not has(window)]
    assert without
    for window in without:
        error = refusal_of(name, window)
        assert error.framework == name
        n, k = window.input_length, window.kernel_size
        called = read(n, k, **error.workaround.arguments)
        full = window.full_length
        assert called == Window(n, k, full, window.strides, window.dilation_rate)
        # Pixel o of the window is pixel o + c of the full length, or a zero.
        painted = range(1, full + 1)
        wanted = [
            painted[o] if 0 <= o < full else 0
            for o in range(window.crop, window.crop + window.output_length)
        ]
        (kept,), ((before, after),) = error.workaround.slices, error.workaround.zeros
        assert 0 <= kept.start <= kept.stop <= full
        assert [0] * before + [*painted[kept]] + [0] * after == wanted


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("Caffe", {"stride": (2, 2, 2), "pad": (1, 1, 0), "dilation": (1, 1, 1)}),
        ("Caffe", {"crop_offset": (0, 0, 0), "crop_length": (9, 14, 7)}),
        ("JAX", {"strides": (2, 2, 2), "padding": ((1, 1), (3, 2), (0, 0))}),
        ("JAX", {"rhs_dilation": (1, 1, 1)}),
        ("Keras", {"padding": "same", "output_padding": (0, 1, 0)}),
        ("Keras", {"strides": (2, 2, 2), "dilation_rate": (1, 1, 1)}),
        ("ONNX", {"pads": [1, 1, 0, 1, 2, 0], "output_padding": [0, 0, 0]}),
        ("ONNX", {"strides": [2, 2, 2], "dilations": [1, 1, 1]}),
        ("TensorFlow", {"output_shape": (9, 14, 7), "padding": "SAME"}),
        ("TensorFlow", {"strides": (2, 2, 2), "dilations": (1, 1, 1)}),
    ],
)
def test_several_axes_are_said_in_one_call(name, said):
    height = Window(5, 3, 9, 2, crop=1)
    width = Window(7, 5, 14, 2, crop=1)  # the end loses 2
    depth = Window(4, 1, 7, 2)
    words = FRAMEWORKS[name][0](height, width, depth)
    assert words | said == words


def test_pytorch_has_numbers_for_each_axis():
    assert to_pytorch(Window(5, 3, 9, 2, crop=1), Window(4, 2, 13, 3, 2)) == {
        "stride": (2, 3),
        "padding": (1, 0),
        "output_padding": (0, 1),
        "dilation": (1, 2),
    }


def test_keras_has_one_word_for_all_axes():
    same = Window(5, 4, 10, 2, crop=1)
    valid = Window(5, 4, 12, 2, crop=0)
    assert to_keras(same)["padding"] == "same"
    assert to_keras(valid)["padding"] == "valid"
    error = refusal_of("Keras", same, valid)
    assert re.search("crop 1 at .* and 1 at .*, crop 0 at .* and 0 at", error.reason)
    assert error.workaround.slices == (slice(1, 11), slice(0, 12))
    error = refusal_of("TensorFlow", same, valid)
    assert error.reason.endswith("here it is 1 for 10 pixels and 0 for 12 pixels.")


def test_keras_has_none_or_numbers_for_all_axes():
    # An even kernel has n*s pixels with None only, an odd one n*s - 1 with 0 only.
    none, number = Window(5, 4, 10, 2, crop=1), Window(5, 3, 9, 2, crop=1)
    assert to_keras(none, none)["output_padding"] is None
    assert to_keras(number, number)["output_padding"] == (0, 0)
    error = refusal_of("Keras", none, number)
    assert error.workaround.arguments["output_padding"] == (0, 0)
    assert error.workaround.slices == (slice(1, 11), slice(1, 10))

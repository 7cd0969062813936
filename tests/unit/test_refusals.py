"""What is said where a framework has no such transposed convolution."""

import pickle
import re

import pytest

from keras_fcn.geometry import (
    NotRepresentable,
    Window,
    Workaround,
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

SAY = {
    "Caffe": to_caffe,
    "Keras": to_keras,
    "ONNX": to_onnx,
    "PyTorch": to_pytorch,
    "TensorFlow": to_tensorflow,
}
# The front of one axis is 2 zeros, another loses more in front than at the end.
AWKWARD = Window(5, 3, 12, 2, crop=-2), Window(5, 3, 7, 2, crop=3)
REFUSED = [
    (from_keras, {"padding": "SAME"}, "Received: padding='SAME'."),
    (from_keras, {"output_padding": 2}, "output_padding=2, strides=2."),
    (from_keras, {"output_padding": -1}, "output_padding=-1, strides=2."),
    (from_tensorflow, {"output_length": 9, "padding": "same"}, "padding='same'."),
    (from_tensorflow, {"output_length": 11}, "9 to 10. Received: output_length=11"),
    (from_tensorflow, {"output_length": 11}, ", which it takes to 6."),
    (from_tensorflow, {"output_length": 0, "padding": "VALID"}, "it takes to 0."),
    (from_pytorch, {"padding": -1}, "`padding` must be at least 0. Received: padding"),
    (from_pytorch, {"padding": 6}, "Received: output_length=-1."),
    (from_pytorch, {"output_padding": 2}, "output_padding=2, stride=2, dilation=1."),
    (from_pytorch, {"output_size": 13}, "must be 11 to 12. Received: output_size=13."),
    (from_pytorch, {"output_size": 12, "output_padding": 1}, "=1, output_size=12."),
    (from_caffe, {"pad": -1}, "Received: pad=-1, crop_offset=0."),
    (from_caffe, {"crop_offset": -1}, "Received: pad=0, crop_offset=-1."),
    (from_caffe, {"crop_offset": 3, "crop_length": 9}, "end by pixel 11. Received: cr"),
    (from_onnx, {"auto_pad": "same"}, "Received: auto_pad='same'."),
    (from_onnx, {"output_padding": 2}, "output_padding=2, strides=2."),
    (from_onnx, {"pads": (0, -1)}, "Received: pads=(0, -1)."),
    (from_onnx, {"output_shape": 13}, "must be below 13: no two authorities on ONNX"),
    (from_jax, {"padding": "same"}, "Received: padding='same'."),
]


@pytest.mark.parametrize(("read", "words", "message"), REFUSED)
def test_a_refusal_says_which_numbers_it_means(read, words, message):
    stride = "stride" if read in (from_caffe, from_pytorch) else "strides"
    with pytest.raises(ValueError, match=re.escape(message)):
        read(5, 3, **words, **{stride: 2})


@pytest.mark.parametrize("read", [from_caffe, from_jax, from_keras, from_onnx])
@pytest.mark.parametrize(
    ("n", "k", "name"), [(0, 3, "input_length"), (4, 0, "kernel_size")]
)
def test_every_framework_needs_a_pixel_and_a_tap(read, n, k, name):
    message = f"`{name}` must be at least 1. Received: {name}=0."
    with pytest.raises(ValueError, match=re.escape(message)):
        read(n, k)


def refusal_of(name, *windows):
    with pytest.raises(NotRepresentable) as raised:
        SAY[name](*windows)
    return raised.value


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("Caffe", "never pads the output; here the front loses -2 and the end 1."),
        (
            "Keras",
            "give crop -2 at the front and 1 at the end, crop 3 at the front and",
        ),
        ("ONNX", "`pads` would have to begin with -2."),
        ("PyTorch", "`padding` would have to be -2."),
        ("TensorFlow", "here it is -2 for 12 pixels and 3 for 7 pixels."),
    ],
)
def test_a_refusal_tells_framework_reason_and_workaround(name, reason):
    error = refusal_of(name, *AWKWARD)
    assert isinstance(error, ValueError)
    assert error.framework == name
    assert reason in error.reason
    assert str(error) == f"{name} has no such form: {error.reason} {error.workaround}"


@pytest.mark.parametrize(
    ("name", "crop", "length", "reason"),
    [
        ("PyTorch", 3, 7, "the front loses 3 and the end 1, so that it would have to"),
        ("PyTorch", 0, 10, "the front loses 0 and the end 1, so that it would have to"),
        ("ONNX", 0, 13, "must be below `strides`; here it would have to be 2."),
        ("Caffe", 1, 11, "here the front loses 1 and the end -1."),
    ],
)
def test_an_end_that_does_not_go_with_the_front_is_told_as_such(
    name, crop, length, reason
):
    window = Window(5, 3, length, 2, crop=crop)
    assert reason in refusal_of(name, window).reason


@pytest.mark.parametrize("name", SAY)
def test_a_workaround_says_what_to_call_and_what_to_keep_of_it(name):
    workaround = refusal_of(name, *AWKWARD).workaround
    assert workaround.slices == (slice(0, 10), slice(3, 10))
    assert workaround.zeros == ((2, 0), (0, 0))
    words = [f"{word}={value!r}" for word, value in workaround.arguments.items()]
    assert str(workaround) == (
        f"Call it with {', '.join(words)} and keep [0:10, 3:10], "
        "then put zeros ((2, 0), (0, 0)) before and after."
    )


def test_a_workaround_without_zeros_speaks_of_none():
    told = str(Workaround({"stride": 2}, (slice(1, 33),), ((0, 0),)))
    assert told == "Call it with stride=2 and keep [1:33]."


@pytest.mark.parametrize("name", SAY)
def test_a_refusal_survives_the_way_to_another_process(name):
    error = refusal_of(name, *AWKWARD)
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is NotRepresentable
    assert str(again) == str(error)
    for attribute in ("framework", "reason", "workaround"):
        assert getattr(again, attribute) == getattr(error, attribute)


@pytest.mark.parametrize("say", [*SAY.values(), to_jax])
def test_no_window_at_all_is_an_error_of_its_own(say):
    with pytest.raises(ValueError, match="one window for each axis") as raised:
        say()
    assert not isinstance(raised.value, NotRepresentable)

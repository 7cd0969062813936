"""`to_x` against the framework itself, called with those very arguments.

And against every argument that it could have been called with: `to_x` must refuse
where none of them gives the windows, and only there. What Keras computes is in
`test_keras_conversions.py`, which runs on each backend.
"""

import itertools
from functools import partial

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from keras_fcn import geometry
from keras_fcn.geometry import NotRepresentable

from ..tally import tally
from . import judges
from .conversions import require_same, windows

# The judge, its `to_x`, and the modules that it needs.
JUDGES = {
    "PyTorch": (judges.pytorch, geometry.to_pytorch, ["torch"]),
    "TensorFlow": (judges.tensorflow, geometry.to_tensorflow, ["tensorflow"]),
    "ONNX": (judges.onnx_runtime, geometry.to_onnx, ["onnx", "onnxruntime"]),
    "JAX": (judges.jax, geometry.to_jax, ["jax"]),
}


@pytest.mark.parametrize("framework", JUDGES)
@given(st.data())
def test_the_framework_computes_what_it_is_told(framework, need, data):
    judge, to_framework, modules = JUDGES[framework]
    need(*modules)
    dilates = framework != "TensorFlow" or judges.tensorflow_dilates()
    drawn = data.draw(windows(dilations=3 if dilates else 1))
    assume(framework != "JAX" or not judges.xla_fails(drawn))
    has = require_same(judge, to_framework, drawn)
    tally(f"conversions to {framework}" + (", by a work-around" if not has else ""))


def pytorch_words(window):
    """All crops, and all lengths of the tail."""
    words = {"stride": window.strides, "dilation": window.dilation_rate}
    for p in range(window.full_length + 3):
        for a in range(max(window.strides, window.dilation_rate)):
            yield words | {"padding": p, "output_padding": a}


def onnx_words(window):
    """All pads, and the forms that choose the pads themselves."""
    words = {"strides": window.strides, "dilations": window.dilation_rate}
    reach = range(window.full_length + 3)
    for pads in itertools.product(reach, reach):
        for a in range(window.strides):
            yield words | {"pads": pads, "output_padding": a}
    for auto_pad in ("NOTSET", "SAME_UPPER", "SAME_LOWER"):
        words |= {"auto_pad": auto_pad}
        yield words
        yield words | {"output_shape": window.output_length}


def caffe_words(window):
    """All crops of both ends alike, and all crops behind them."""
    words = {"stride": window.strides, "dilation": window.dilation_rate}
    length = {"crop_length": window.output_length}
    for pad, offset in itertools.product(range(window.full_length + 1), repeat=2):
        yield words | {"pad": pad, "crop_offset": offset} | length


def tensorflow_words(window, padding):
    """A padding; the output's length leaves no choice."""
    yield {
        "output_length": window.output_length,
        "strides": window.strides,
        "dilations": window.dilation_rate,
        "padding": padding,
    }


def keras_words(window, padding, inferred):
    """All tails, or the inferred one; TensorFlow refuses a tail of 0 for some."""
    words = {"strides": window.strides, "dilation_rate": window.dilation_rate}
    for a in [None] if inferred else range(window.strides):
        if (padding, a, window.extent % 2) != ("same", 0, 0):
            yield words | {"padding": padding, "output_padding": a}


# Of each framework, the words for one axis; of those where one word holds for all axes
# a list for each such word.
WORDS = {
    "PyTorch": [pytorch_words],
    "ONNX": [onnx_words],
    "Caffe": [caffe_words],
    "TensorFlow": [partial(tensorflow_words, padding=p) for p in ("SAME", "VALID")],
    "Keras": [
        partial(keras_words, padding=padding, inferred=inferred)
        for padding, inferred in itertools.product(("same", "valid"), (False, True))
    ],
}


def gives(framework, window, words):
    """Whether the framework's words for one axis stand for this window."""
    from_framework = getattr(geometry, f"from_{framework.lower()}")
    try:
        return window == from_framework(
            window.input_length, window.kernel_size, **words
        )
    except ValueError:
        return False


@pytest.mark.parametrize("framework", WORDS)
@given(windows())
def test_it_is_refused_where_no_arguments_give_the_windows(framework, windows):
    possible = any(
        all(
            any(gives(framework, window, words) for words in words_of(window))
            for window in windows
        )
        for words_of in WORDS[framework]
    )
    try:
        getattr(geometry, f"to_{framework.lower()}")(*windows)
    except NotRepresentable:
        assert not possible
    else:
        assert possible


def words_of_axis(arguments, axis, rank):
    """One axis' part of a call: numbers for one axis, tuples for more."""
    words = dict(arguments)
    if "pads" in words:  # ONNX: all fronts, then all ends
        words["pads"] = list(
            zip(words["pads"][:rank], words["pads"][rank:], strict=True)
        )
    if "output_shape" in words:
        words["output_length"] = words.pop("output_shape")
    return {
        name: word[axis] if isinstance(word, tuple | list) else word
        for name, word in words.items()
        if word is not None or name == "output_padding"
    }


@pytest.mark.parametrize("framework", [*WORDS, "JAX"])
@given(windows())
def test_the_arguments_stand_for_the_windows(framework, windows):
    try:
        arguments = getattr(geometry, f"to_{framework.lower()}")(*windows)
    except NotRepresentable:
        return
    for axis, window in enumerate(windows):
        words = words_of_axis(arguments, axis, len(windows))
        assert gives(framework, window, words)

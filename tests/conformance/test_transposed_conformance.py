"""Our transposed convolution against everyone else's, suite after suite."""

import itertools
import json

import numpy as np
import pytest

from keras_fcn.geometry import from_onnx, from_pytorch, from_tensorflow

from ..tally import tally
from . import judges
from .case import METHODS
from .onnx_cases import GOLDEN, golden_arrays
from .transposed_cases import NEEDS, SUITES, cases_of

# Cases of each suite, so that none is lost; with dilations TensorFlow has more.
SIZES = {
    "ONNX's own cases": 14,
    "ONNX Runtime, golden file": 41,
    "PyTorch": 411,
    "TensorFlow": 208,
    "TensorFlow Lite's own cases": 6,
    "JAX": 132,
    "Dumoulin & Visin's figures": 7,
    "Caffe and the FCN authors": 7,
}


# Three pixels of one channel; its beginning serves as a kernel too.
ROW = np.ones((1, 3, 1), "int64")


@pytest.mark.parametrize("suite", SUITES)
def test_every_method_gives_what_the_judge_gives(suite, need):
    need(*NEEDS.get(suite, []))
    cases = cases_of(suite)
    assert len(cases) >= SIZES[suite]
    for case in cases:
        for method in METHODS:
            assert case.agrees(case.compute(method)), (case.name, method)
        tally(suite)


def test_onnx_runtime_still_gives_the_golden_file(need):
    need("onnx", "onnxruntime")
    for entry in json.loads(GOLDEN.read_text())["cases"]:
        inputs, expected = golden_arrays(entry)
        y = judges.run_onnx(*inputs, **entry["attributes"])
        np.testing.assert_array_equal(y, expected, err_msg=entry["name"])


ONNX_AUTO_PADS = {
    "strides": (1, 2, 3, 4),
    "dilations": (1, 2),
    "auto_pad": ("SAME_UPPER", "SAME_LOWER", "VALID"),
    "output_padding": (0, 1, 2, 3),
}
PYTORCH_WORDS = {
    "stride": (1, 2, 3),
    "dilation": (1, 2, 3),
    "padding": (-1, 0, 1, 2, 3),
    "output_padding": (0, 1, 2, 3),
}
TENSORFLOW_WORDS = {
    "strides": (1, 2, 3),
    "padding": ("SAME", "VALID"),
    "output_shape": range(1, 14),
}
ONNX_PADS = {
    "strides": (1, 2, 3),
    "dilations": (1, 2),
    "pads": [(0, 0), (1, 0), (0, 2), (1, 4), (3, 2), (-1, 0)],
    "output_padding": (0, 1, 2, 3),
}
ONNX_OUTPUT_SHAPE = {
    "strides": (1, 2, 3),
    "dilations": (1, 2),
    "auto_pad": ("NOTSET", "SAME_UPPER", "SAME_LOWER"),
    "output_shape": range(1, 14),
}
ONNX_BOTH = ONNX_OUTPUT_SHAPE | {"output_padding": (1, 2)}


def calls(kernel_sizes, words):
    """Every combination: a kernel size and the words by name."""
    for k, *values in itertools.product(kernel_sizes, *words.values()):
        yield k, dict(zip(words, values, strict=True))


def length_of(call, **arguments):
    """How many pixels a judge returns; `None` if it refuses, or returns nothing."""
    try:
        return call(**arguments).shape[1] or None
    except Exception:  # each judge has its own
        return None


def length_by(rule, n, k, **words):
    """How many pixels the window has; `None` if there is none."""
    try:
        return rule(n, k, **words).output_length
    except ValueError:
        return None


def test_pytorch_accepts_and_refuses_what_we_say(need):
    need("torch")
    for k, words in calls((1, 2, 3), PYTORCH_WORDS):
        theirs = length_of(judges.pytorch, x=ROW, kernel=ROW[0, :k, None], **words)
        assert theirs == length_by(from_pytorch, 3, k, **words), (k, words)
        tally("PyTorch, accepted or refused")


def test_tensorflow_accepts_and_refuses_what_we_say(need):
    need("tensorflow")
    for k, words in calls((1, 2, 3), TENSORFLOW_WORDS):
        theirs = length_of(judges.tensorflow, x=ROW, kernel=ROW[0, :k, None], **words)
        ours = words | {"output_length": words["output_shape"]}
        del ours["output_shape"]
        assert theirs == length_by(from_tensorflow, 3, k, **ours), (k, words)
        tally("TensorFlow, accepted or refused")


ONNX_GRIDS = [ONNX_PADS, ONNX_OUTPUT_SHAPE, ONNX_BOTH, ONNX_AUTO_PADS]


@pytest.mark.parametrize("grid", ONNX_GRIDS)
def test_onnx_runtime_accepts_and_refuses_what_we_say(grid, need):
    need("onnx", "onnxruntime")
    for k, words in calls((1, 2, 3), grid):
        attributes = {
            name: word if name in ("auto_pad", "pads") else [word]
            for name, word in words.items()
        }
        kernel = ROW[0, :k, None]
        theirs = length_of(judges.onnx_runtime, x=ROW, kernel=kernel, **attributes)
        ours = length_by(from_onnx, 3, k, **words)
        extent = words["dilations"] * (k - 1) + 1
        if grid is ONNX_AUTO_PADS and ours is None and extent < words["strides"]:
            continue  # the specification wants another length than ONNX Runtime has
        assert theirs == ours, (k, words)
        tally("ONNX Runtime, accepted or refused")

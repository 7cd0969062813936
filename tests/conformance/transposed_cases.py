"""The conformance suites: lists of cases, and who judges them.

Published cases and those of ONNX stand in modules of their own; here are those that an
installed framework computes on the spot, and the list of all.
"""

import functools
import itertools

import numpy as np

from keras_fcn.geometry import from_jax, from_pytorch, from_tensorflow

from . import judges
from .case import Case, integers
from .onnx_cases import onnx_golden_cases, onnx_node_cases
from .published_cases import caffe_cases, conv_arithmetic_cases, tflite_cases


def pytorch_cases():
    """PyTorch's options: all of a grid on one axis, some on two and three."""
    rng = np.random.default_rng(0)
    grid = [
        {"stride": s, "padding": p, "output_padding": a, "dilation": d, "k": k}
        for k, s, d, p in itertools.product(
            (1, 2, 3, 4), (1, 2, 3), (1, 2, 3), (0, 1, 2)
        )
        for a in range(max(s, d))  # s or more where d is larger
        if 3 * s - 2 * p + d * (k - 1) + a >= 0  # at least one pixel
    ]
    cases = []
    for axes in drawn_calls(rng, grid, {2: 120, 3: 30}):
        windows = [
            from_pytorch(4 + axis, words["k"], **without(words, "k"))
            for axis, words in enumerate(axes)
        ]
        number = len(cases)
        groups, biased = 1 + number % 2, number % 4 > 1
        x, kernel = arrays(rng, windows, number, groups)
        bias = integers(rng, kernel.shape[-2] * groups) if biased else None
        words = together(axes, "stride", "padding", "output_padding", "dilation")
        y = judges.pytorch(x, kernel, bias, groups=groups, **words)
        cases.append(Case(str(words), x, kernel, tuple(windows), groups, bias, y))
    return cases


def tensorflow_cases():
    """TensorFlow's two paddings and every `output_shape` that each of them admits."""
    rng = np.random.default_rng(0)
    dilations = (1, 2) if judges.tensorflow_dilates() else (1,)
    cases = []
    for padding in ("SAME", "VALID"):
        grid = []
        for k, s, d in itertools.product((1, 2, 3, 4), (1, 2, 3), dilations):
            longest = 4 * s + (0 if padding == "SAME" else d * (k - 1))
            for shorter in range(s):
                words = {"strides": s, "dilations": d, "k": k}
                grid.append(words | {"output_shape": longest - shorter})
        for axes in drawn_calls(rng, grid, {2: 60, 3: 20}):
            windows = [
                from_tensorflow(
                    4,
                    words["k"],
                    words["output_shape"],
                    padding=padding,
                    **without(words, "k", "output_shape"),
                )
                for words in axes
            ]
            x, kernel = arrays(rng, windows, len(cases))
            words = together(axes, "output_shape", "strides", "dilations")
            y = judges.tensorflow(x, kernel, padding=padding, **words)
            name = f"{padding} {words}"
            cases.append(Case(name, x, kernel, tuple(windows), 1, None, y))
    return cases


def jax_cases():
    """JAX's words and pairs, read in both ways, and both layouts of the kernel."""
    rng = np.random.default_rng(0)
    paddings = [("SAME", False), ("VALID", False)]
    paddings += itertools.product([(1, 2), (2, 0)], [False, True])
    cases = []
    for padding, consistent in paddings:
        grid = [
            {"strides": s, "rhs_dilation": d, "padding": padding, "k": k}
            for k, s, d in itertools.product((2, 3, 4), (1, 2, 3), (1, 2))
        ]
        for axes in drawn_calls(rng, grid, {2: 4}):
            windows = [
                from_jax(
                    5 + axis,
                    words["k"],
                    use_consistent_padding=consistent,
                    **without(words, "k"),
                )
                for axis, words in enumerate(axes)
            ]
            x, kernel = arrays(rng, windows, len(cases))
            words = together(axes, "strides", "rhs_dilation", "padding")
            words |= {"use_consistent_padding": consistent}
            words |= {"transpose_kernel": len(cases) % 2 == 0}
            if isinstance(padding, str):
                words["padding"] = padding
            y = judges.jax(x, kernel, **words)
            cases.append(Case(str(words), x, kernel, tuple(windows), 1, None, y))
    return cases


def drawn_calls(rng, grid, counts):
    """Every entry of a grid as a call on one axis, then some calls on more axes."""
    calls = [[entry] for entry in grid]
    for rank, count in counts.items():
        rows = rng.integers(len(grid), size=(count, rank))
        calls += [[grid[i] for i in row] for row in rows]
    return calls


def arrays(rng, windows, number, groups=1):
    """An input and a kernel for these windows; every fifth has as many in as out."""
    channels, filters = 2 * groups, 2 if number % 5 == 0 else 3
    lengths = [window.input_length for window in windows]
    taps = [window.kernel_size for window in windows]
    return (
        integers(rng, 1 + number % 3, *lengths, channels),
        integers(rng, *taps, filters, channels),
    )


def together(axes, *names):
    """Each argument as a tuple of its values on the axes."""
    return {name: tuple(words[name] for words in axes) for name in names}


def without(words, *names):
    """The words but for some."""
    return {name: word for name, word in words.items() if name not in names}


SUITES = {
    "ONNX's own cases": onnx_node_cases,
    "ONNX Runtime, golden file": onnx_golden_cases,
    "PyTorch": pytorch_cases,
    "TensorFlow": tensorflow_cases,
    "TensorFlow Lite's own cases": tflite_cases,
    "JAX": jax_cases,
    "Dumoulin & Visin's figures": conv_arithmetic_cases,
    "Caffe and the FCN authors": caffe_cases,
}

# Modules that a suite cannot do without.
NEEDS = {
    "ONNX's own cases": ["onnx"],
    "PyTorch": ["torch"],
    "TensorFlow": ["tensorflow"],
    "JAX": ["jax"],
}


@functools.cache
def cases_of(suite):
    """The cases of a suite, computed once."""
    return SUITES[suite]()

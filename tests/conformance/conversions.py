"""Windows to convert, and the check that a framework computes what it was told."""

import numpy as np
from hypothesis import reject
from hypothesis import strategies as st

from keras_fcn.geometry import (
    NotRepresentable,
    Window,
    from_keras,
    from_onnx,
    from_pytorch,
)
from keras_fcn.transposed import conv_transpose

from .case import integers

FAMILIES = ("same", "valid", "pytorch", "onnx", "any")


@st.composite
def windows(draw, families=FAMILIES, dilations=3):
    """One or two windows that some framework has words for, or that none has."""
    family = draw(st.sampled_from(families))
    rank = draw(st.integers(1, 2))
    try:
        return [draw_window(draw, family, dilations) for _ in range(rank)]
    except ValueError:  # nothing would be left
        reject()


def draw_window(draw, family, dilations):
    """One axis."""

    def whole(low, high):
        return draw(st.integers(low, high))

    n, k, s, d = whole(1, 5), whole(1, 4), whole(1, 4), whole(1, dilations)
    if family == "pytorch":
        p, a = whole(0, 3), whole(0, max(s, d) - 1)
        return from_pytorch(n, k, stride=s, padding=p, output_padding=a, dilation=d)
    if family == "onnx":
        pads, a = (whole(0, 3), whole(0, 3)), whole(0, s - 1)
        return from_onnx(n, k, strides=s, pads=pads, output_padding=a, dilations=d)
    if family == "any":
        full = (n - 1) * s + d * (k - 1) + 1
        return Window(n, k, whole(1, full + 4), s, d, whole(-4, full + 2))
    tail = draw(st.none() | st.integers(0, s - 1))
    return from_keras(
        n, k, strides=s, padding=family, output_padding=tail, dilation_rate=d
    )


def require_same(judge, to_framework, windows):
    """Check that a framework gives our numbers, by its arguments or the work-around.

    Returns whether it has arguments for these windows.
    """
    rng = np.random.default_rng(0)
    x = integers(rng, 2, *(window.input_length for window in windows), 2)
    kernel = integers(rng, *(window.kernel_size for window in windows), 3, 2)
    bias = integers(rng, 3)
    try:
        y, has = judge(x, kernel, **to_framework(*windows)), True
    except NotRepresentable as error:
        do, has = error.workaround, False
        y = judge(x, kernel, **do.arguments)[(slice(None), *do.slices)]
        y = np.pad(y, [(0, 0), *do.zeros, (0, 0)])
    ours = conv_transpose(
        x,
        kernel,
        strides=[window.strides for window in windows],
        padding=[(window.crop, window.tail_crop) for window in windows],
        dilation_rate=[window.dilation_rate for window in windows],
        bias=bias,
    )
    np.testing.assert_array_equal(y + bias, ours)
    return has

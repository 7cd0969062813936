"""What `from_x` reads, against each framework's rule retyped from its own words."""

from functools import partial
from itertools import product

import pytest

from keras_fcn.geometry import (
    Window,
    from_caffe,
    from_jax,
    from_keras,
    from_onnx,
    from_pytorch,
    from_tensorflow,
)

GRID = list(product((1, 2, 3, 5), range(1, 6), range(1, 5), (1, 2, 3)))  # n, k, s, d
FOUR = range(4)
WORDS = {  # for strides and for dilation
    from_caffe: ("stride", "dilation"),
    from_jax: ("strides", "rhs_dilation"),
    from_keras: ("strides", "dilation_rate"),
    from_onnx: ("strides", "dilations"),
    from_pytorch: ("stride", "dilation"),
    from_tensorflow: ("strides", "dilations"),
}


def ceil(a, b):
    return -(-a // b)


# Each rule returns (crop, output length), or None where the framework refuses. `K` is
# the kernel's reach, `F` the length before any crop.


def keras_rule(n, s, d, K, F, padding, output_padding):
    op = output_padding
    if op is not None and op >= s:
        return None
    if padding == "valid":
        return 0, (n - 1) * s + (max(K, s) if op is None else K + op)
    if op is None:
        return max(K - s, 0) // 2, n * s
    return max(K - K % 2 - op, 0) // 2, (n - 1) * s + K % 2 + op


def tensorflow_rule(n, s, d, K, F, padding, output_length):
    length = output_length
    if padding == "VALID":
        return (0, length) if ceil(length - K + 1, s) == n else None
    m = ceil(length, s)
    return (max((m - 1) * s + K - length, 0) // 2, length) if m == n else None


def pytorch_rule(n, s, d, K, F, padding, output_padding):
    if output_padding >= max(s, d):
        return None
    return padding, F - 2 * padding + output_padding


def pytorch_size_rule(n, s, d, K, F, padding, output_size):
    shortest = F - 2 * padding
    return (padding, output_size) if 0 <= output_size - shortest < s else None


def caffe_rule(n, s, d, K, F, pad, crop_offset, crop_length):
    length = F - 2 * pad
    kept = length - crop_offset if crop_length is None else crop_length
    return (pad + crop_offset, kept) if crop_offset + kept <= length else None


def onnx_rule(n, s, d, K, F, pads, output_padding):
    if output_padding >= s:
        return None
    return pads[0], F + output_padding - pads[0] - pads[1]


def onnx_total_rule(n, s, d, K, F, pads, auto_pad, output_padding, output_shape):
    if output_padding >= s:
        return None
    if output_shape is None and auto_pad == "VALID":
        return 0, F + output_padding
    length = n * s if output_shape is None else output_shape
    total = F + output_padding - length
    if total < 0:  # as ONNX Runtime has it: all at the end, and fewer than s
        agreed = total - output_padding > -s and output_shape is not None
        return (0, length) if agreed else None
    return (total // 2 if auto_pad == "SAME_UPPER" else ceil(total, 2)), length


def jax_rule(n, s, d, K, F, padding, use_consistent_padding=False):
    if padding == "SAME":
        before = K - 1 if s > K - 1 else ceil(K + s - 2, 2)
        return K - 1 - before, n * s
    if padding == "VALID":
        return 0, (n - 1) * s + max(K, s)
    before, after = padding
    if use_consistent_padding:
        return before, F - before - after
    return K - 1 - before, (n - 1) * s + 1 + before + after - (K - 1)


PAIRS = [(0, 0), (1, 0), (2, 3), (5, 1)]
AUTO = ["SAME_UPPER", "SAME_LOWER"]
LENGTHS = range(1, 22)
CASES = [
    (
        (from_keras, keras_rule),
        {"padding": ["valid", "same"], "output_padding": [None, *FOUR]},
    ),
    (
        (from_tensorflow, tensorflow_rule),
        {"padding": ["SAME", "VALID"], "output_length": [0, *LENGTHS]},
    ),
    ((from_pytorch, pytorch_rule), {"padding": FOUR, "output_padding": FOUR}),
    ((from_pytorch, pytorch_size_rule), {"padding": (0, 1), "output_size": LENGTHS}),
    (
        (from_caffe, caffe_rule),
        {"pad": (0, 1, 3), "crop_offset": (0, 2), "crop_length": (None, 1, 4, 9)},
    ),
    ((from_onnx, onnx_rule), {"pads": PAIRS, "output_padding": FOUR}),
    (
        (from_onnx, onnx_total_rule),
        {
            "pads": [(2, 3)],  # not heeded here
            "auto_pad": [*AUTO, "VALID"],
            "output_padding": FOUR,
            "output_shape": [None],
        },
    ),
    (
        (from_onnx, onnx_total_rule),
        {
            "pads": [(2, 3)],
            "auto_pad": ["NOTSET", *AUTO],
            "output_padding": (0, 1),
            "output_shape": LENGTHS,
        },
    ),
    ((from_jax, jax_rule), {"padding": ["SAME", "VALID", *PAIRS]}),
    ((from_jax, jax_rule), {"padding": PAIRS, "use_consistent_padding": [True]}),
]


@pytest.mark.parametrize(
    ("asked", "options"),
    CASES,
    ids=[f"{c[0][1].__name__}-{[*c[1]][-1]}" for c in CASES],
)
def test_every_rule_gives_its_crop_and_its_length_or_is_refused(asked, options):
    read, rule = asked
    strides, dilation = WORDS[read]
    for (n, k, s, d), *values in product(GRID, *options.values()):
        words = dict(zip(options, values, strict=True))
        call = partial(read, n, k, **{strides: s, dilation: d}, **words)
        K = (k - 1) * d + 1
        expected = rule(n, s, d, K, (n - 1) * s + K, **words)
        if expected is None or expected[1] < 1:
            with pytest.raises(ValueError, match="Received: "):
                call()
        else:
            crop, length = expected
            assert call() == Window(n, k, length, s, d, crop), call


def test_one_more_pixel_of_keras_moves_the_picture_and_of_pytorch_does_not():
    keras = [
        from_keras(5, 3, strides=2, padding="same", output_padding=a) for a in (0, 1)
    ]
    torch = [from_pytorch(5, 3, stride=2, padding=1, output_padding=a) for a in (0, 1)]
    assert [(w.crop, w.output_length) for w in keras] == [(1, 9), (0, 10)]
    assert [(w.crop, w.output_length) for w in torch] == [(1, 9), (1, 10)]


def test_the_layer_of_the_fcn_authors_is_cropped_as_in_their_prototxt():
    # FCN-8s on 500 pixels: upscore8 paints 568, score crops from 31 on.
    window = from_caffe(70, 16, stride=8, crop_offset=31, crop_length=500)
    assert (window.crop, window.output_length, window.tail_crop) == (31, 500, 37)

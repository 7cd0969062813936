"""Suites whose answers were published; none of their authors has to be installed."""

from fractions import Fraction

import numpy as np
import scipy.signal

from keras_fcn.geometry import (
    CoordinateMap,
    convert_kernel,
    convolution,
    from_caffe,
    from_pytorch,
    from_tensorflow,
)

from .case import Case, integers

# TensorFlow Lite's own six cases (kernels/transpose_conv_test.cc): name, input shape,
# kernel (height, width, out, in) that counts from 1, stride, padding, height and width
# of the output, and the output. Its comments say that they were made by
# `tf.nn.conv2d_backprop_input`; TensorFlow 2.21 still gives the same.
# fmt: off
TFLITE = [
    ("SimpleTest", (1, 4, 4, 1), (3, 3, 1, 1), 1, "SAME", (4, 4),
     [29, 62, 83, 75, 99, 192, 237, 198, 207, 372, 417, 330, 263, 446, 485, 365]),
    ("TwoFiltersTest", (1, 4, 4, 2), (3, 3, 1, 2), 1, "SAME", (4, 4),
     [184, 412, 568, 528, 678, 1347, 1689, 1434,
      1494, 2715, 3057, 2442, 1968, 3352, 3652, 2760]),
    ("PaddingValidTest", (1, 4, 4, 2), (3, 3, 1, 2), 1, "VALID", (6, 6),
     [5, 22, 59, 101, 114, 83, 52, 184, 412, 568, 528, 344,
      237, 678, 1347, 1689, 1434, 879, 597, 1494, 2715, 3057, 2442, 1431,
      856, 1968, 3352, 3652, 2760, 1548, 689, 1534, 2543, 2729, 2010, 1103]),
    ("StrideValidTest", (1, 2, 2, 1), (3, 3, 1, 1), 2, "VALID", (5, 5),
     [1, 2, 5, 4, 6, 4, 5, 14, 10, 12, 10, 14, 36, 24, 30,
      12, 15, 34, 20, 24, 21, 24, 55, 32, 36]),
    ("MultiChannelTest", (1, 2, 2, 1), (3, 3, 2, 1), 2, "VALID", (5, 5),
     [1, 2, 3, 4, 7, 10, 6, 8, 10, 12, 7, 8, 9, 10, 25, 28, 18, 20, 22, 24,
      16, 20, 24, 28, 62, 72, 42, 48, 54, 60, 21, 24, 27, 30, 61, 68, 36, 40, 44, 48,
      39, 42, 45, 48, 103, 110, 60, 64, 68, 72]),
    # This one's numbers do not count from 1: see below.
    ("AccuracyTest", (1, 1, 2, 1), (3, 3, 1, 1), 3, "SAME", (3, 4),
     [1615, 1938, 4689, 2605, 2584, 1615, 4689, 4168, 323, 1292, 1563, 521]),
]
ACCURACY_INPUT = [323, 521]
ACCURACY_KERNEL = [9, 5, 6, 9, 8, 5, 3, 1, 4]

# Dumoulin & Visin's figures of convolutions: pixels in and out, padding, kernel and
# stride. The figures of the seven transposed convolutions show them the other way.
FIGURES = [
    (4, 2, 0, 3, 1),
    (5, 6, 2, 4, 1),
    (5, 5, 1, 3, 1),
    (5, 7, 2, 3, 1),
    (5, 2, 0, 3, 2),
    (5, 3, 1, 3, 2),
    (6, 3, 1, 3, 2),
]
# fmt: on

# The crops of the FCN authors' prototxts, upsampling after upsampling: the factor, the
# crop, and of which pooling's scores; the last crop of each network is that of the
# upsampling itself, to the image.
FCN_CROPS = {
    "FCN-32s": [(32, 19, None)],
    "FCN-16s": [(2, 5, 4), (16, 27, None)],
    "FCN-8s": [(2, 5, 4), (2, 9, 3), (8, 31, None)],
}
IMAGE = 64, 50


def tflite_cases():
    """TensorFlow Lite's cases, from its layout (out, height, width, in)."""
    cases = []
    for name, shape, kernel_shape, stride, padding, size, expected in TFLITE:
        x, kernel = (
            np.arange(1, np.prod(s) + 1).reshape(s) for s in (shape, kernel_shape)
        )
        if name == "AccuracyTest":
            x = np.array(ACCURACY_INPUT).reshape(shape)
            kernel = np.array(ACCURACY_KERNEL).reshape(kernel_shape)
        theirs = kernel.transpose(2, 0, 1, 3)
        windows = tuple(
            from_tensorflow(n, 3, length, strides=stride, padding=padding)
            for n, length in zip(shape[1:3], size, strict=True)
        )
        expected = np.array(expected).reshape(1, *size, -1)
        kernel = convert_kernel(theirs, "tflite", "keras")
        cases.append(Case(name, x, kernel, windows, 1, None, expected))
    return cases


def conv_arithmetic_cases():
    """The sizes of the figures, and the values of SciPy's convolution."""
    rng = np.random.default_rng(0)
    cases = []
    for i, o, p, k, s in FIGURES:
        a = (i + 2 * p - k) % s
        assert i == s * (o - 1) + a + k - 2 * p, "relationship 14"
        x, kernel = integers(rng, 2, o, o, 2), integers(rng, k, k, 2, 2)
        window = from_pytorch(o, k, stride=s, padding=p, output_padding=a)
        expected = zero_stuffed(x, kernel, s, p, a)
        assert expected.shape[1:3] == (i, i)
        name = f"i={i} k={k} s={s} p={p}"
        cases.append(Case(name, x, kernel, (window,) * 2, 1, None, expected))
    return cases


def zero_stuffed(x, kernel, s, p, a):
    """A square transposed convolution as SciPy's true convolution of a sparse image."""
    batch, n, _, channels = x.shape
    length = s * (n - 1) + len(kernel) - 2 * p + a
    y = np.zeros((batch, length, length, kernel.shape[-2]), "int64")
    for b, o, c in np.ndindex(batch, y.shape[-1], channels):
        sparse = np.zeros((s * (n - 1) + 1 + a,) * 2, "int64")
        sparse[: s * (n - 1) + 1 : s, : s * (n - 1) + 1 : s] = x[b, ..., c]
        full = scipy.signal.convolve(sparse, kernel[..., o, c], method="direct")
        y[b, ..., o] += full[p : p + length, p : p + length]
    return y


def caffe_cases():
    """Caffe's test of a Deconvolution layer, and the crops of the FCN authors."""
    # TestSetup's sizes, 6x4 to 13x9, with TestSimpleDeconvolution's constants: ones
    # everywhere and a bias of 0.1, three channels to four. Every second row and column
    # but the outer ones sees two taps.
    windows = from_caffe(6, 3, stride=2), from_caffe(4, 3, stride=2)
    taps = [np.array([1, 1, *([2, 1] * (n - 1)), 1]) for n in (6, 4)]
    expected = 3 * np.multiply.outer(*taps) + 0.1
    expected = np.broadcast_to(expected[None, ..., None], (2, 13, 9, 4))
    x, kernel, bias = np.ones((2, 6, 4, 3)), np.ones((3, 3, 4, 3)), np.full(4, 0.1)
    cases = [Case("TestSimpleDeconvolution", x, kernel, windows, 1, bias, expected)]
    for network, upsamplings in FCN_CROPS.items():
        pools, position, lengths = authors_network()
        for factor, crop, pool in upsamplings:
            name = f"{network} crop {crop}"
            if pool is None:
                laid_on = CoordinateMap(shift=Fraction(-crop))
                kept = [slice(crop, crop + n) for n in IMAGE]
            else:
                laid_on = pools[pool].then(CoordinateMap(shift=Fraction(crop)))
                kept = [slice(0, None)] * 2
            cases.append(ramp_case(name, position, lengths, factor, laid_on, kept))
            position, lengths = laid_on, [factor * (n + 1) for n in lengths]
    return cases


def authors_network():
    """Where the pixels of the authors' poolings and coarsest scores lie, and how many.

    Caffe's poolings round up; of the 3x3 convolutions only the first one's padding of
    100 counts.
    """
    pools, lengths = [convolution(3, padding=100)], [n + 198 for n in IMAGE]
    for _ in range(5):
        pools.append(pools[-1].then(convolution(2, stride=2)))
        lengths = [-(-n // 2) for n in lengths]
    return pools, pools[-1].then(convolution(7)), [n - 6 for n in lengths]


def ramp_case(name, position, lengths, s, laid_on, kept):
    """Bilinear upsampling of a picture of positions.

    Pixel `i` holds where it lies in the image, `position(i)`. Upsampled, pixel `o` must
    hold where it is laid, `laid_on(o)`, if the crop is right; but for the outer `s`
    pixels, which see one input pixel only. Positions are counted in halves, and the
    kernel in parts of `2s`, so that all are integers.
    """
    windows, ramps, expected = [], [], []
    for n, part in zip(lengths, kept, strict=True):
        inner = range(s * (n + 1))[part]
        inner = range(max(inner.start, s), min(inner.stop, s * n))
        windows.append(
            from_caffe(
                n, 2 * s, stride=s, crop_offset=inner.start, crop_length=len(inner)
            )
        )
        ramps.append([int(2 * position(i)) for i in range(n)])
        expected.append([int(4 * s * laid_on(o)) for o in inner])
    x, expected = (np.multiply.outer(*p)[None, ..., None] for p in (ramps, expected))
    tent = 2 * s - abs(2 * np.arange(2 * s) - (2 * s - 1))
    kernel = np.multiply.outer(tent, tent)[..., None, None]
    return Case(name, x, kernel, tuple(windows), 1, None, expected)

import re
import tracemalloc
from itertools import product

import numpy as np
import pytest

from keras_fcn.transposed import bilinear_kernel, bilinear_profile, conv_transpose

WAYS = ["matrix", "scatter", "phase", "auto"]


def upsample_filt(size):
    """The formula of the FCN authors' surgery.py, retyped from its definition."""
    factor = (size + 1) // 2
    centre = factor - 1 if size % 2 == 1 else factor - 0.5
    y, x = np.ogrid[:size, :size]
    return (1 - abs(y - centre) / factor) * (1 - abs(x - centre) / factor)


@pytest.mark.parametrize("factor", [1, 2, 3, 5, 8, 16, 32])
def test_the_kernel_is_the_authors_filter_on_the_diagonal(factor):
    kernel = bilinear_kernel(factor, channels=3)
    size = 2 * factor - factor % 2
    for out in range(3):
        for channel in range(3):
            expected = upsample_filt(size) if out == channel else np.zeros((size, size))
            np.testing.assert_allclose(kernel[:, :, out, channel], expected)


@pytest.mark.parametrize("factor", range(1, 12))
def test_every_phase_sums_to_one_so_constants_stay(factor):
    profile = bilinear_profile(factor)
    for phase in range(factor):
        assert np.isclose(profile[phase::factor].sum(), 1)


@pytest.mark.parametrize("factor", [0, -1])
def test_factors_below_one_are_refused(factor):
    with pytest.raises(ValueError, match=f"Received: factor={factor}"):
        bilinear_profile(factor)


def test_a_kernel_needs_a_channel():
    with pytest.raises(ValueError, match="Received: channels=0"):
        bilinear_kernel(2, 0)


def painted(x, kernel, strides, padding, dilation):
    """The definition: each input pixel paints the kernel where it is not cropped."""
    axes = list(zip(x.shape, kernel.shape, strides, padding, dilation, strict=False))
    lengths = [s * (n - 1) + d * (k - 1) + 1 - sum(p) for n, k, s, p, d in axes]
    y = np.zeros((*lengths, kernel.shape[-2]), x.dtype)
    rank = len(lengths)
    for i, t in product(np.ndindex(x.shape[:rank]), np.ndindex(kernel.shape[:rank])):
        falls_on = [
            s * i[axis] + d * t[axis] - before
            for axis, (_, _, s, (before, _), d) in enumerate(axes)
        ]
        if all(0 <= o < n for o, n in zip(falls_on, lengths, strict=True)):
            y[tuple(falls_on)] += kernel[t] @ x[i]
    return y


GEOMETRIES = [
    ((4,), (3,), (2,), [(1, 0)], (1,)),
    ((4,), (4,), (2,), [(1, 1)], (1,)),  # the stride divides the output
    ((3,), (2,), (3,), [(0, -2)], (2,)),  # pixels that no tap reaches
    ((2,), (2,), (1,), [(-3, -9)], (1,)),  # zeros in front and behind
    ((3,), (3,), (1,), [(5, -4)], (1,)),  # all is cropped
    ((6,), (5,), (2,), [(1, 2)], (3,)),  # taps of one phase see every third pixel
    ((3, 4), (3, 2), (2, 3), [(1, 2), (-1, 0)], (1, 2)),
    ((2, 3), (5, 4), (3, 2), [(4, 3), (0, 5)], (1, 1)),
    ((2, 3, 2), (2, 1, 3), (2, 1, 2), [(0, 1), (0, 0), (1, 1)], (1, 1, 2)),
]


@pytest.mark.parametrize("method", WAYS)
@pytest.mark.parametrize("geometry", GEOMETRIES, ids=str)
def test_every_method_gives_what_painting_gives(geometry, method):
    size, kernel_size, strides, padding, dilation = geometry
    x = np.arange(1, np.prod(size) * 2 + 1).reshape(*size, 2)
    kernel = np.arange(1, np.prod(kernel_size) * 6 + 1).reshape(*kernel_size, 3, 2)
    words = {"strides": strides, "padding": padding, "dilation_rate": dilation}
    y = conv_transpose(x, kernel, **words, method=method)
    np.testing.assert_array_equal(y, painted(x, kernel, *list(words.values())))


@pytest.mark.parametrize("method", [*WAYS, "separable"])
def test_each_image_of_a_batch_is_computed_by_itself(method):
    x, kernel = np.arange(72.0).reshape(3, 3, 4, 2), bilinear_kernel(2, channels=2)
    y = conv_transpose(x, kernel, strides=2, padding="same", method=method)
    assert y.shape == (3, 6, 8, 2)
    for image, result in zip(x, y, strict=True):
        alone = conv_transpose(image, kernel, strides=2, padding="same", method=method)
        np.testing.assert_array_equal(result, alone)


@pytest.mark.parametrize("method", ["matrix", "scatter", "phase", "separable", "auto"])
def test_a_batch_of_no_images_gives_none(method):
    x, kernel = np.zeros((0, 3, 4, 2), np.float32), bilinear_kernel(2, channels=2)
    y = conv_transpose(x, kernel, strides=2, padding="same", method=method)
    assert y.shape == (0, 6, 8, 2)
    assert y.dtype == np.float64


def test_groups_do_not_see_each_other():
    x, kernel = np.arange(24).reshape(3, 4, 2), np.arange(18).reshape(3, 1, 3, 2)
    y = conv_transpose(x, kernel, groups=2)
    for group in (0, 1):
        own = slice(group, group + 1)
        alone = conv_transpose(x[..., own], kernel[..., own])
        np.testing.assert_array_equal(y[..., 3 * group : 3 * group + 3], alone)


@pytest.mark.parametrize("method", [*WAYS, "separable"])
def test_the_arguments_stay_as_they_are_and_the_result_is_none_of_them(method):
    x, kernel, bias = np.ones((3, 4, 2)), np.eye(2).reshape(1, 1, 2, 2), np.ones(2)
    given = x, kernel, bias
    for array in given:
        array.flags.writeable = False
    y = conv_transpose(x, kernel, bias=bias, method=method)
    np.testing.assert_array_equal(y, x + 1)
    assert not any(np.shares_memory(y, array) for array in given)


@pytest.mark.parametrize(
    ("method", "near"),
    [("phse", "phase"), ("Matrix", "matrix"), ("separabel", "separable"), ("gemm", "")],
)
def test_another_method_is_refused_and_the_nearest_suggested(method, near):
    message = f"Received: method={method!r}." + (
        f' Did you mean "{near}"?' * bool(near)
    )
    with pytest.raises(ValueError, match=re.escape(message) + "$"):
        conv_transpose(np.ones((3, 1)), np.ones((3, 1, 1)), method=method)


def test_the_matrix_of_a_large_layer_is_refused_with_the_way_out():
    x, kernel = np.zeros((64, 64, 21), "f4"), np.zeros((16, 16, 21, 21), "f4")
    with pytest.raises(MemoryError, match=re.escape('method="phase"')):
        conv_transpose(x, kernel, strides=8, padding="same", method="matrix")


@pytest.mark.parametrize("bilinear", [False, True])
def test_fcn_32s_takes_little_more_memory_than_what_it_reads_and_writes(bilinear, rng):
    x = rng.standard_normal((1, 32, 32, 21), np.float32)
    kernel = bilinear_kernel(16, channels=21).astype(np.float32)
    if not bilinear:
        kernel = rng.standard_normal(kernel.shape, np.float32)
    tracemalloc.start()
    y = conv_transpose(x, kernel, strides=16, padding="same")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert y.shape == (1, 512, 512, 21)
    assert y.dtype == np.float32
    assert peak <= 1.3 * (x.nbytes + kernel.nbytes + y.nbytes)

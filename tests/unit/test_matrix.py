"""The matrix that is the definition of a convolution and of its transpose."""

import re
import tracemalloc

import numpy as np
import pytest
import scipy.sparse

from keras_fcn.transposed import convolution_matrix

ADVICE = (
    'for small arrays: `conv_transpose(..., method="phase")` gives the same numbers '
    "without it. Or raise `memory_limit`."
)


def numbered(*shape):
    """An array whose numbers all differ, so that no flip or swap goes unseen."""
    return np.arange(1, np.prod(shape) + 1).reshape(shape)


def read(x, kernel, strides, padding, dilation):
    """The definition: each output reads the kernel where it lies on the zeros and x."""
    x, size = np.pad(x, [*padding, (0, 0)]), kernel.shape[:-2]
    steps = list(zip(strides, dilation, strict=True))
    reach = [d * (k - 1) for d, k in zip(dilation, size, strict=True)]
    ends = [n - r for n, r in zip(x.shape[:-1], reach, strict=True)]
    y = np.zeros([-(-n // s) for n, s in zip(ends, strides, strict=True)] + [3], int)
    for o in np.ndindex(*y.shape[:-1]):
        for t in np.ndindex(*size):
            at = [s * i + d * j for (s, d), i, j in zip(steps, o, t, strict=True)]
            y[o] += x[tuple(at)] @ kernel[t]
    return y


def peak_of(call):
    """The most memory in use during a call, and its result."""
    tracemalloc.start()
    try:
        result = call()
        return tracemalloc.get_traced_memory()[1], result
    finally:
        tracemalloc.stop()


def test_a_kernel_of_three_on_four_by_four_is_the_matrix_of_the_textbooks():
    kernel = numbered(3, 3)
    C = convolution_matrix(kernel.reshape(3, 3, 1, 1), (4, 4, 1))
    assert isinstance(C, scipy.sparse.csr_array)
    assert C.shape == (4, 16)
    assert C.nnz == 36
    assert C.sum(axis=1).tolist() == [45] * 4
    for row, (i, j) in zip(C.toarray(), np.ndindex(2, 2), strict=True):
        lies = np.zeros((4, 4), int)
        lies[i : i + 3, j : j + 3] = kernel
        np.testing.assert_array_equal(row.reshape(4, 4), lies)


@pytest.mark.parametrize(
    ("size", "kernel_size", "strides", "padding", "dilation"),
    [
        ((5,), (2,), (1,), [(0, 0)], (1,)),
        ((4,), (3,), (2,), [(5, 4)], (1,)),  # some places see padding only
        ((6, 5), (3, 2), (2, 3), [(1, 2), (0, 3)], (1, 1)),
        ((6, 5), (3, 2), (1, 2), [(2, 0), (1, 1)], (2, 3)),
        ((5, 4, 3), (2, 1, 3), (1, 2, 1), [(0, 0), (1, 0), (2, 2)], (3, 1, 1)),
    ],
)
def test_the_matrix_times_the_input_is_the_convolution(
    size, kernel_size, strides, padding, dilation
):
    x, kernel = numbered(*size, 2), numbered(*kernel_size, 2, 3)
    expected = read(x, kernel, strides, padding, dilation)
    C = convolution_matrix(
        kernel, x.shape, strides=strides, padding=padding, dilation_rate=dilation
    )
    assert C.shape == (expected.size, x.size)
    np.testing.assert_array_equal((C @ x.ravel()).reshape(expected.shape), expected)


def test_the_matrix_of_groups_is_one_block_for_each():
    kernel, options = numbered(2, 3, 2, 6), {"strides": 2, "padding": 1}
    C = convolution_matrix(kernel, (3, 4, 6), groups=3, **options)
    places = C.shape[0] // 6
    blocks = C.toarray().reshape(places, 3, 2, 12, 3, 2)  # groups of outs and of ins
    for to, by in np.ndindex(3, 3):
        block = blocks[:, to, :, :, by].reshape(places * 2, 12 * 2)
        if to != by:
            assert not block.any()
            continue
        alone = convolution_matrix(
            kernel[..., 2 * to : 2 * to + 2], (3, 4, 2), **options
        )
        np.testing.assert_array_equal(block, alone.toarray())


@pytest.mark.parametrize(
    ("given", "made"),
    [
        ("bool", "int64"),
        ("int8", "int64"),
        ("uint8", "uint64"),
        ("int64", "int64"),
        ("float16", "float32"),  # SciPy has no half floats
        ("float32", "float32"),
        ("float64", "float64"),
    ],
)
def test_integers_get_64_bits_and_floats_keep_theirs(given, made):
    kernel = np.array([1, 0, 1]).astype(given).reshape(3, 1, 1)
    C = convolution_matrix(kernel, (4, 1))
    assert C.dtype == made
    assert C.toarray().tolist() == [[1, 0, 1, 0], [0, 1, 0, 1]]


@pytest.mark.parametrize(
    ("shape", "input_shape", "options", "message"),
    [
        ((3, 2), (3,), {}, "Received: kernel.shape=(3, 2), input_shape=(3,)."),
        (
            (3, 3, 2, 5),
            (4, 4),
            {},
            "(*spatial, in). Received: kernel.shape=(3, 3, 2, 5)",
        ),
        (
            (3, 3, 2, 5),
            (4, 4, 3),
            {},
            "must have 2 channels for this kernel. Received: 3",
        ),
        (
            (3, 3, 2, 4),
            (4, 4, 2),
            {"groups": 2},
            "must have 4 channels for this kernel",
        ),
        ((3, 3, 2, 4), (4, 4, 6), {"groups": 3}, "divide the last axis of the kernel"),
        ((3, 3, 2, 4), (4, 4, 2), {"groups": 0}, "Received: groups=0"),
        ((3, 3, 2, 4), (4, 2, 2), {}, "Received: 2 pixels, padding='valid'"),
        ((3, 3, 2, 4), (4, 4, 2), {"strides": (1, 0)}, "Received: strides=0."),
        (
            (3, 3, 2, 4),
            (4, 4, 2),
            {"strides": (1, 1, 1)},
            "Received: strides=(1, 1, 1).",
        ),
        ((3, 3, 2, 4), (4, 4, 2), {"padding": "full"}, "Received: padding='full'."),
    ],
)
def test_shapes_that_do_not_fit_are_refused(shape, input_shape, options, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        convolution_matrix(numbered(*shape), input_shape, **options)


def test_complex_kernels_are_refused():
    with pytest.raises(TypeError, match=r"`kernel` must hold .* dtype=complex128\."):
        convolution_matrix(np.ones((3, 1, 1), complex), (4, 1))


def test_a_matrix_too_large_is_refused_before_a_byte_of_it_is_allocated():
    # The last layer of FCN-8s, dense.
    kernel = np.zeros((16, 16, 21, 21), np.float32)

    def build():
        with pytest.raises(MemoryError, match=re.escape(ADVICE)) as raised:
            convolution_matrix(kernel, (512, 512, 21), strides=8)
        return str(raised.value)

    peak, message = peak_of(build)
    assert peak < 100_000
    entries = (63 * 16 * 21) ** 2  # 63 places along each axis
    assert f"{63 * 63 * 21} x {512 * 512 * 21} with {entries} entries" in message
    assert "the limit is 2,048.0 MiB" in message


@pytest.mark.parametrize(
    ("kernel_size", "channels", "size", "options"),
    [
        pytest.param((3,), (1, 1), (4000,), {}, id="1d"),
        pytest.param((3, 3), (1, 1), (70, 90), {}, id="one-channel"),
        pytest.param((5, 5), (6, 8), (20, 20), {"strides": 2}, id="strides"),
        pytest.param((3, 3), (4, 8), (20, 20), {"groups": 2}, id="groups"),
        pytest.param((3, 2, 3), (2, 2), (9, 9, 9), {"padding": "same"}, id="3d"),
    ],
)
def test_making_the_matrix_takes_no_more_than_the_limit_it_is_let_through(
    kernel_size, channels, size, options
):
    kernel = np.ones((*kernel_size, *channels), np.float32)
    shape = (*size, channels[0] * options.get("groups", 1))

    def build(limit):
        return convolution_matrix(kernel, shape, memory_limit=limit, **options)

    low, high = 0, 2**26  # refused, let through
    while high - low > 1:
        limit = (low + high) // 2
        try:
            build(limit)
            high = limit
        except MemoryError:
            low = limit
    peak, C = peak_of(lambda: build(high))
    assert C.data.nbytes + C.indices.nbytes + C.indptr.nbytes < peak
    assert peak <= high + 2**16  # and a little for Python's own objects

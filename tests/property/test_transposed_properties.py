import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy.signal import correlate

from keras_fcn.transposed import (
    bilinear_kernel,
    conv,
    conv_transpose,
    convolution_matrix,
    dot_test,
)

from ..tally import tally
from .problems import connected, examples, integers, problems

INTEGERS = ("int8", "int32", "int64", "uint8")
FLOATS = ("float16", "float32", "float64")

of_any_type = problems(dtypes=INTEGERS + FLOATS, batches=(None, 1, 2))
of_integers = problems(dtypes=INTEGERS, batches=(None, 1, 2))
# The window is given by the convolution's input: what an adjoint is held to.
of_convolutions = problems(tails=("output_shape",), dtypes=("int64",), batches=(None,))
seeds = st.integers(0, 2**32 - 1)


def solve(problem, **others):
    """Our answer, perhaps with other arguments."""
    arguments = {**problem.arguments, "bias": problem.bias, **others}
    x, kernel = (
        arguments.pop(name, getattr(problem, name)) for name in ("x", "kernel")
    )
    return conv_transpose(x, kernel, **arguments)


def image_shape(problem):
    """Of the convolution's input, the transposed convolution's output."""
    return (*problem.length, problem.shape[-1])


def operators(problem, transposed_kernel=None):
    """The convolution, and the transposed one that should be its adjoint."""
    kernel = problem.kernel if transposed_kernel is None else transposed_kernel
    return (
        lambda image: conv(image, problem.kernel, **problem.convolution),
        lambda x: solve(problem, x=x, kernel=kernel, bias=None),
    )


def compare_separable(x, kernel, arguments):
    """Hold it to the scatter form, to the rounding of double precision."""
    expected = conv_transpose(x, kernel, **arguments, method="scatter")
    for method in ("separable", "auto"):
        y = conv_transpose(x, kernel, **arguments, method=method)
        np.testing.assert_allclose(y, expected, rtol=0, atol=1e-12)
    tally("separable kernels")


def pixels_seen(problem, axis, length):
    """How many pixels the convolution makes of so many."""
    padding = problem.convolution["padding"]
    stride = problem.convolution["strides"][axis]
    if padding == "same":
        return -(-length // stride)
    zeros = 0 if padding == "valid" else sum(padding[axis])
    return (length + zeros - problem.extent[axis]) // stride + 1


@examples(150)
@given(of_any_type)
def test_every_method_gives_the_definition(problem):
    expected = problem.by_definition()
    for method in ("matrix", "scatter", "phase", "auto"):
        y = solve(problem, method=method)
        if method == "auto" and y.dtype.kind == "f":
            y = np.rint(y)  # may be "separable", which divides
        np.testing.assert_array_equal(y, expected, err_msg=method)
    tally("methods against each other")


@examples(50)
@given(of_any_type)
def test_integers_become_64_bits_and_floats_stay_what_they_are(problem):
    arrays = [problem.x, problem.kernel]
    if problem.bias is not None:
        arrays.append(problem.bias)
    dtype = np.result_type(*arrays)
    if dtype.kind in "iu":
        dtype = {"i": np.dtype("int64"), "u": np.dtype("uint64")}[dtype.kind]
    assert solve(problem).dtype == dtype
    assert solve(problem).shape == problem.shape


@examples(50)
@given(problems(max_groups=1), st.integers(1, 3), seeds)
def test_separable_kernels_agree_but_for_rounding(problem, channels, seed):
    random = np.random.default_rng(seed)
    taps = np.ones(())
    for size in problem.kernel.shape[: problem.rank]:
        taps = np.multiply.outer(taps, random.normal(size=size))
    kernel = taps[..., None, None] * np.eye(channels)
    x = random.normal(size=(*problem.x.shape[:-1], channels))
    compare_separable(x, kernel, problem.arguments)


@examples(50)
@given(
    st.integers(1, 5),
    st.integers(1, 3),
    st.tuples(st.integers(1, 6), st.integers(1, 6)),
    st.sampled_from(["valid", "same", ((1, -1), (-2, 2))]),
    seeds,
)
def test_bilinear_kernels_agree_but_for_rounding(factor, channels, size, padding, seed):
    x = np.random.default_rng(seed).normal(size=(*size, channels))
    kernel = bilinear_kernel(factor, channels)
    compare_separable(x, kernel, {"strides": factor, "padding": padding})


@examples(50)
@given(problems(dtypes=INTEGERS))
def test_whole_numbers_are_not_for_the_separable_method(problem):
    with pytest.raises(ValueError, match="needs a floating-point kernel"):
        solve(problem, method="separable")


@examples(50)
@given(of_convolutions)
def test_the_matrix_is_the_convolution_and_its_transpose_the_transposed(problem):
    kernel, convolution = problem.kernel, problem.convolution
    shape = image_shape(problem)
    image = integers(np.random.default_rng(0), shape, "int64")
    C = convolution_matrix(kernel, shape, **convolution)
    features = conv(image, kernel, **convolution)
    assert features.shape == problem.x.shape
    np.testing.assert_array_equal(C @ image.ravel(), features.ravel())
    y = solve(problem, bias=None)
    np.testing.assert_array_equal(C.T @ problem.x.ravel(), y.ravel())
    tally("the matrix and its transpose")


@examples(50)
@given(of_convolutions)
def test_the_dot_test_passes(problem):
    shapes = image_shape(problem), problem.x.shape
    dot_test(*operators(problem), *shapes, dtype="int64")
    tally("dot test")


@examples(50)
@given(of_convolutions)
def test_the_dot_test_finds_a_flipped_kernel(problem):
    shape = image_shape(problem)
    flipped = np.flip(problem.kernel, range(problem.rank))
    C, D = (
        convolution_matrix(kernel, shape, **problem.convolution)
        for kernel in (problem.kernel, flipped)
    )
    assume((C != D).nnz)
    wrong = operators(problem, transposed_kernel=flipped)
    with pytest.raises(AssertionError, match="is not the transpose"):
        dot_test(*wrong, shape, problem.x.shape, dtype="int64", examples=20)


@examples(50)
@given(of_integers, st.integers(-5, 5), st.integers(-5, 5), seeds)
def test_it_is_linear_in_the_input_and_in_the_kernel(problem, a, b, seed):
    random = np.random.default_rng(seed)
    for name in ("x", "kernel"):
        first = getattr(problem, name).astype("int64")
        second = integers(random, first.shape, "int64")
        mixed, one, other = (
            solve(problem, **{name: array}, bias=None)
            for array in (a * first + b * second, first, second)
        )
        np.testing.assert_array_equal(mixed, a * one + b * other)


@examples(50)
@given(problems(batches=(None,), max_dilation=1))
def test_without_strides_it_is_the_full_correlation_with_the_flipped_kernel(problem):
    x = problem.x.astype(float)
    kernel = connected(problem.kernel, problem.convolution["groups"])
    flipped = np.flip(kernel, range(problem.rank))
    expected = [
        sum(
            correlate(x[..., out], flipped[..., channel, out], "full", "direct")
            for out in range(kernel.shape[-1])
        )
        for channel in range(kernel.shape[-2])
    ]
    y = conv_transpose(
        x, problem.kernel, groups=problem.convolution["groups"], method="phase"
    )
    np.testing.assert_array_equal(y, np.stack(expected, axis=-1))


@examples(50)
@given(of_integers, st.data())
def test_one_pixel_further_in_is_a_stride_further_out(problem, data):
    x = problem.x.copy()
    axis = data.draw(st.integers(-1 - problem.rank, -2))
    np.moveaxis(x, axis, 0)[-1] = 0  # so that nothing leaves
    stride = problem.convolution["strides"][axis + 1]
    here = np.moveaxis(solve(problem, x=x), axis, 0)
    there = np.moveaxis(solve(problem, x=np.roll(x, 1, axis)), axis, 0)
    np.testing.assert_array_equal(there[stride:], here[:-stride])


@examples(100)
@given(of_integers)
def test_every_padding_is_a_crop_of_all_that_is_painted(problem):
    rank = problem.rank
    arguments = {**problem.convolution, "padding": 0}
    painted = conv_transpose(problem.x, problem.kernel, **arguments)
    margin = 40  # wider than any crop or padding drawn
    framed = np.pad(
        painted,
        [(0, 0)] * (painted.ndim - 1 - rank) + [(margin,) * 2] * rank + [(0, 0)],
    )
    kept = [
        slice(margin + c, margin + c + length)
        for c, length in zip(problem.crop, problem.length, strict=True)
    ]
    expected = framed[(..., *kept, slice(None))]
    np.testing.assert_array_equal(solve(problem, bias=None), expected)


@examples(50)
@given(of_integers)
def test_channels_may_come_first(problem):
    where = -1 - problem.rank
    y = solve(
        problem,
        x=np.moveaxis(problem.x, -1, where),
        data_format="channels_first",
    )
    np.testing.assert_array_equal(np.moveaxis(y, where, -1), solve(problem))


@examples(50)
@given(problems(tails=("output_shape",)), st.data())
def test_only_shapes_that_the_convolution_takes_back_are_given(problem, data):
    axis = data.draw(st.integers(0, problem.rank - 1))
    stride = problem.convolution["strides"][axis]
    length = problem.length[axis] + data.draw(st.integers(-2 * stride, 2 * stride))
    shape = (*problem.length[:axis], length, *problem.length[axis + 1 :])
    pixels = problem.x.shape[1 + axis]
    if length >= 1 and pixels_seen(problem, axis, length) == pixels:
        y = solve(problem, output_shape=shape)
        assert y.shape[1:-1] == shape
    else:
        with pytest.raises(ValueError, match="Received: "):
            solve(problem, output_shape=shape)

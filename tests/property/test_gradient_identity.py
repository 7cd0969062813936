"""The transposed convolution is the gradient of the convolution by its input."""

import importlib

import numpy as np
import pytest
from hypothesis import given

from keras_fcn.transposed import conv_transpose

from ..tally import tally
from .problems import WORDS, examples, problems

# The arguments are the convolution's; its input's shape is the result's.
TAILS = ("output_shape",)


@pytest.fixture(scope="module")
def framework(request, need):
    """Import a framework where it is installed."""
    need(request.param)
    return importlib.import_module(request.param)


def needs(name):
    return pytest.mark.parametrize("framework", [name], indirect=True)


def compare(problem, gradient, framework):
    """Hold ours to a framework's gradient, exactly."""
    gradient = np.asarray(gradient)
    for method in ("matrix", "scatter", "phase"):
        y = conv_transpose(
            problem.x, problem.kernel, **problem.arguments, method=method
        )
        assert y.shape == gradient.shape
        np.testing.assert_array_equal(y, gradient, err_msg=method)
    tally(f"gradient identity, {framework}")


def image(problem):
    """Any: the convolution is linear."""
    return np.zeros(problem.shape, "float32")


@needs("tensorflow")
@examples(40)
@given(problems([2], tails=TAILS, least_zeros=0, max_dilation=1, max_groups=1))
def test_it_is_the_gradient_of_tensorflows_convolution(framework, problem):
    tf = framework
    options = problem.convolution
    zeros = options["padding"]
    padding = zeros.upper() if zeros in WORDS else [(0, 0), *zeros, (0, 0)]
    x = tf.constant(image(problem))
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = tf.nn.conv2d(x, problem.kernel, options["strides"], padding)
    compare(problem, tape.gradient(y, x, output_gradients=problem.x), "TensorFlow")


@needs("jax")
@examples(25)
@given(problems(tails=TAILS).filter(lambda problem: not problem.aborts_xla))
def test_it_is_the_gradient_of_jaxs_convolution(framework, problem):
    jax = framework
    options = problem.convolution
    zeros = options["padding"]
    padding = zeros.upper() if zeros in WORDS else zeros
    space = "DHW"[-problem.rank :]

    def convolve(x):
        return jax.lax.conv_general_dilated(
            x,
            problem.kernel,
            options["strides"],
            padding,
            rhs_dilation=options["dilation_rate"],
            feature_group_count=options["groups"],
            dimension_numbers=(f"N{space}C", f"{space}IO", f"N{space}C"),
        )

    gradient = jax.jit(lambda y: jax.vjp(convolve, image(problem))[1](y)[0])
    compare(problem, gradient(problem.x), "JAX")


# PyTorch has "same" only where nothing is skipped.
OF_PYTORCH = problems(paddings=("valid", "zeros"), tails=TAILS) | problems(
    paddings=("same",), tails=TAILS, max_stride=1
)


@pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel:UserWarning")
@needs("torch")
@examples(40)
@given(OF_PYTORCH)
def test_it_is_the_gradient_of_pytorchs_convolution(framework, problem):
    functional = framework.nn.functional
    options = problem.convolution
    x = framework.tensor(np.moveaxis(image(problem), -1, 1), requires_grad=True)
    padding, padded = options["padding"], x
    if padding not in WORDS:  # PyTorch pads both ends alike; but its `pad` need not
        ends = [zeros for pair in reversed(padding) for zeros in pair]
        padding, padded = "valid", functional.pad(x, ends)
    y = getattr(functional, f"conv{problem.rank}d")(
        padded,
        framework.tensor(np.moveaxis(problem.kernel, (-1, -2), (0, 1)).copy()),
        stride=options["strides"],
        padding=padding,
        dilation=options["dilation_rate"],
        groups=options["groups"],
    )
    upstream = framework.tensor(np.moveaxis(problem.x, -1, 1).copy())
    (gradient,) = framework.autograd.grad(y, x, upstream)
    compare(problem, np.moveaxis(gradient.numpy(), 1, -1), "PyTorch")

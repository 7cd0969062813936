import functools
import os
import signal
import subprocess
import sys

import keras
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from keras_fcn.transposed import conv_transpose

from ..tally import Fault, fault_met, tally
from .problems import WORDS, examples, problems

BACKEND = keras.backend.backend()
LAYERS = {
    1: keras.layers.Conv1DTranspose,
    2: keras.layers.Conv2DTranspose,
    3: keras.layers.Conv3DTranspose,
}
every_rank = pytest.mark.parametrize("rank", LAYERS)


@functools.cache
def computes(rank, **arguments):
    """Whether the backend has it: TensorFlow on a CPU may not."""
    x, kernel = np.ones((1, *[2] * rank, 2), "f4"), np.ones((*[2] * rank, 2, 2), "f4")
    try:
        keras.ops.conv_transpose(x, kernel, **arguments)
    except Exception:
        if BACKEND != "tensorflow":
            raise
        return False
    return True


def in_keras_words(rank, *, paddings=WORDS, tails=("none", "output_padding"), **others):
    """What Keras has words for, in a layout that it computes in."""
    dilates = computes(rank, dilation_rate=2)
    others = {"max_dilation": 3 if dilates else 1, "max_groups": 1, **others}
    drawn = problems([rank], paddings=paddings, tails=tails, **others)
    if BACKEND == "jax":
        drawn = drawn.filter(lambda problem: not problem.aborts_xla)
    first = computes(rank, data_format="channels_first")
    data_formats = ["channels_last", "channels_first"] if first else ["channels_last"]
    return st.tuples(drawn, st.sampled_from(data_formats))


def refused_by_tensorflow(case):
    """It counts one input pixel less than there is."""
    problem, _ = case
    tails = problem.tail.get("output_padding", (None,) * problem.rank)
    return problem.convolution["padding"] == "same" and any(
        a == 0 and extent % 2 == 0
        for a, extent in zip(tails, problem.extent, strict=True)
    )


def computed(case):
    return not (BACKEND == "tensorflow" and refused_by_tensorflow(case))


def biased_aright(case):
    """Whether a width that equals the channels does not draw the bias to itself."""
    problem, data_format = case
    alike = problem.length[-1] == problem.kernel.shape[-2]
    confused = problem.bias is not None and data_format == "channels_first" and alike
    return not (BACKEND == "tensorflow" and confused)


def in_layout(x, data_format):
    return x if data_format == "channels_last" else np.moveaxis(x, -1, 1)


def in_one_piece(f):
    """Compile `f` in JAX, as `predict` does; by itself each primitive would be."""
    if BACKEND == "jax":
        import jax

        return jax.jit(f)
    return f


def in_keras_arguments(problem):
    """Everything but groups, which Keras has not."""
    return {name: v for name, v in problem.arguments.items() if name != "groups"}


def layer_of(problem, data_format):
    """The layer with this kernel and bias."""
    *size, filters, _ = problem.kernel.shape
    layer = LAYERS[problem.rank](
        filters,
        size,
        **in_keras_arguments(problem),
        data_format=data_format,
        use_bias=problem.bias is not None,
        kernel_initializer=lambda *_, **__: problem.kernel,
    )
    layer.build(in_layout(problem.x, data_format).shape)
    if problem.bias is not None:
        layer.bias.assign(problem.bias)
    return layer


def by_layer(problem, data_format):
    layer = layer_of(problem, data_format)
    call = in_one_piece(lambda weights, x: layer.stateless_call(weights, [], x)[0])
    weights = [variable.value for variable in layer.variables]
    return call(weights, in_layout(problem.x, data_format)), problem.bias


def by_op(problem, data_format):
    arguments = {**in_keras_arguments(problem), "data_format": data_format}
    call = in_one_piece(lambda x, w: keras.ops.conv_transpose(x, w, **arguments))
    return call(in_layout(problem.x, data_format), problem.kernel), None


def compare(case, answer_by, tolerance=0.0):
    """Hold every method of ours to Keras."""
    problem, data_format = case
    answer, bias = answer_by(problem, data_format)
    answer = keras.ops.convert_to_numpy(answer)
    x = in_layout(problem.x, data_format)
    arguments = {**problem.arguments, "bias": bias, "data_format": data_format}
    for method in ("matrix", "scatter", "phase", "auto"):
        y = conv_transpose(x, problem.kernel, **arguments, method=method)
        if method == "auto":
            y = np.rint(y)  # may be "separable", which divides
        assert y.shape == answer.shape
        np.testing.assert_allclose(y, answer, rtol=0, atol=tolerance, err_msg=method)


def of_layers(rank):
    """Strides or dilation: the layers refuse the two together."""
    one_or_other = in_keras_words(rank, max_dilation=1)
    if computes(rank, dilation_rate=2):
        one_or_other |= in_keras_words(rank, max_stride=1)
    return one_or_other.filter(computed).filter(biased_aright)


@every_rank
@examples(20)
@given(st.data())
def test_it_is_the_keras_layer(rank, data):
    compare(data.draw(of_layers(rank)), by_layer)
    tally(f"Keras Conv{rank}DTranspose")


@every_rank
@examples(14)
@given(st.data())
def test_it_is_the_keras_function_also_where_the_layer_refuses(rank, data):
    compare(data.draw(in_keras_words(rank).filter(computed)), by_op)
    tally(f"keras.ops.conv_transpose, {rank}-D")


@every_rank
@examples(5)
@given(st.data())
def test_only_tensorflow_refuses_same_with_an_even_extent_and_nothing_added(rank, data):
    drawn = in_keras_words(rank, paddings=("same",), tails=("output_padding",))
    case = data.draw(drawn.filter(refused_by_tensorflow))
    if BACKEND == "tensorflow":
        import tensorflow as tf

        with pytest.raises(tf.errors.OpError):
            by_op(*case)
    else:
        compare(case, by_op)
        tally(f"keras.ops.conv_transpose, {rank}-D")


@every_rank
def test_the_layers_refuse_strides_together_with_dilation(rank):
    with pytest.raises(ValueError, match="not supported in conjunction"):
        LAYERS[rank](1, 3, strides=2, dilation_rate=2)


@pytest.mark.skipif(BACKEND != "jax", reason="XLA is JAX's")
def test_xla_ends_the_process_or_gives_the_answer():
    program = """
import keras, numpy as np
x, kernel = np.ones((1, 3, 1, 1), "f4"), np.ones((2, 5, 1, 1), "f4")
y = keras.ops.conv_transpose(
    x, kernel, strides=(2, 1), padding="same", output_padding=0
)
print(np.asarray(y).ravel().tolist())
"""
    run = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "KERAS_BACKEND": BACKEND, "JAX_PLATFORMS": "cpu"},
        capture_output=True,
    )
    if run.returncode == -signal.SIGABRT:
        assert b"Window dimensions do not match RHS shape" in run.stderr
        import jaxlib

        summary = (
            "A float32 transposed convolution with stride 2 and two taps, cropped by "
            "one at both ends of one axis, can end the whole process on a CPU: XLA "
            "takes it for one of groups."
        )
        fault_met(Fault("jaxlib", jaxlib.__version__, summary))
    else:
        assert run.stdout.decode().strip() == "[1.0, 1.0, 1.0, 1.0]"


@pytest.mark.skipif(BACKEND != "tensorflow", reason="only there is it special")
def test_keras_adds_a_bias_to_the_channels_or_to_a_width_that_equals_them():
    x, bias = np.zeros((1, 2, 3, 2), "f4"), np.array([1, 2], "f4").reshape(1, 2, 1, 1)
    y = keras.ops.convert_to_numpy(keras.ops.add(x, bias))
    if np.array_equal(y, x + bias.reshape(2)):
        summary = (
            "ops.add on TensorFlow adds a bias of shape (1, C, 1, 1) to the width, "
            "silently, where the width is C; Conv* and Conv*DTranspose with "
            "channels_first inherit it."
        )
        fault_met(Fault("keras", keras.__version__, summary))
    else:
        np.testing.assert_array_equal(y, x + bias)


# Integers below 2**24 are exact in float32, unless products are rounded to TF32. But
# cuDNN may choose an FFT or Winograd's algorithm, which divide: that may lose a tenth.
# No fault of geometry is smaller than one.
GPU_TOLERANCE = 0.1


@pytest.fixture
def full_precision():
    """Products in float32, not in TF32."""
    if BACKEND == "tensorflow":
        import tensorflow as tf

        switch = tf.config.experimental
        before = switch.tensor_float_32_execution_enabled()
        switch.enable_tensor_float_32_execution(False)
        yield
        switch.enable_tensor_float_32_execution(before)
    elif BACKEND == "jax":
        import jax

        with jax.default_matmul_precision("highest"):
            yield
    else:
        import torch

        switches = torch.backends.cuda.matmul, torch.backends.cudnn
        before = [switch.allow_tf32 for switch in switches]
        for switch in switches:
            switch.allow_tf32 = False
        yield
        for switch, allowed in zip(switches, before, strict=True):
            switch.allow_tf32 = allowed


@pytest.mark.gpu
@every_rank
@pytest.mark.parametrize("answer_by", [by_layer, by_op])
@settings(examples(20), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_gpu_gives_the_same(gpu, full_precision, rank, answer_by, data):
    drawn = of_layers(rank) if answer_by is by_layer else in_keras_words(rank)
    compare(data.draw(drawn.filter(computed)), answer_by, GPU_TOLERANCE)
    tally(f"Keras transposed convolutions, {rank}-D, on {BACKEND} with a GPU")

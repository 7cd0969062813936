"""Each framework's transposed convolution, called in its own words.

Arrays are channels last and kernels in Keras's layout, on the way in and on the way
out. Integers go through single precision, which holds them exactly, and come back as
integers. A framework is imported when it is asked.
"""

import functools

import numpy as np

from keras_fcn.geometry import convert_kernel


def in_single_precision(judge):
    """Let a judge of float32 arrays take integers and return integers."""

    @functools.wraps(judge)
    def judged(x, kernel, bias=None, **arguments):
        arrays = [x, kernel] if bias is None else [x, kernel, bias]
        y = np.asarray(judge(*(np.asarray(a, "float32") for a in arrays), **arguments))
        if any(a.dtype.kind == "f" for a in arrays):
            return y
        whole = y.astype("int64")
        np.testing.assert_array_equal(whole, y)
        return whole

    return judged


@in_single_precision
def pytorch(x, kernel, bias=None, **arguments):
    """`torch.nn.functional.conv_transpose*d`."""
    import torch

    rank = x.ndim - 2
    function = getattr(torch.nn.functional, f"conv_transpose{rank}d")
    kernel = convert_kernel(kernel, "keras", "pytorch").copy()
    bias = None if bias is None else torch.tensor(bias)
    x = torch.tensor(np.moveaxis(x, -1, 1).copy())
    y = function(x, torch.tensor(kernel), bias, **arguments)
    return np.moveaxis(y.numpy(), 1, -1)


@in_single_precision
def tensorflow(x, kernel, *, output_shape, **arguments):
    """`tf.nn.conv*d_transpose`; `output_shape` without batch and channels."""
    import tensorflow as tf

    rank = x.ndim - 2
    function = getattr(tf.nn, f"conv{rank}d_transpose")
    kernel = convert_kernel(kernel, "keras", "tensorflow")
    shape = [len(x), *np.ravel(output_shape), kernel.shape[-2]]
    return function(x, kernel, shape, **arguments).numpy()


@functools.cache
def tensorflow_dilates():
    """Whether TensorFlow has dilations here: on a CPU only oneDNN has them."""
    import tensorflow as tf

    x = np.ones((1, 2, 2, 1))
    arguments = {"output_shape": (4, 4), "strides": 1, "padding": "VALID"}
    try:
        tensorflow(x, x.reshape(2, 2, 1, 1), dilations=2, **arguments)
    except tf.errors.InvalidArgumentError:
        return False
    return True


@in_single_precision
def jax(x, kernel, **arguments):
    """`jax.lax.conv_transpose`; with `transpose_kernel` it has Keras's layout."""
    from jax import lax

    if not arguments.get("transpose_kernel"):
        kernel = convert_kernel(kernel, "keras", "jax")
    return lax.conv_transpose(x, kernel, **arguments)


def xla_fails(windows):
    """Whether XLA, which JAX computes with, is known to fail on a CPU.

    With pixels dropped in front and no more zeros than that at the end it reads what
    lies behind the input. On two axes and more, two taps with stride 2, cropped by 1,
    can end the process. The tests of upstream faults and of Keras show it.
    """
    padding = [(w.extent - 1 - w.crop, w.extent - 1 - w.tail_crop) for w in windows]
    return any(before < 0 < after <= -before for before, after in padding) or (
        len(windows) > 1
        and any(
            (w.kernel_size, w.strides, w.dilation_rate) == (2, 2, 1)
            and w.crop == w.tail_crop == 1
            for w in windows
        )
    )


@in_single_precision
def keras(x, kernel, **arguments):
    """`keras.ops.conv_transpose`, on the backend of this process."""
    from keras import ops

    return ops.convert_to_numpy(ops.conv_transpose(x, kernel, **arguments))


@in_single_precision
def onnx_runtime(x, kernel, bias=None, **attributes):
    """`ConvTranspose` in ONNX Runtime."""
    kernel = convert_kernel(kernel, "keras", "onnx")
    y = run_onnx(np.moveaxis(x, -1, 1), kernel, bias, **attributes)
    return np.moveaxis(y, 1, -1)


def run_onnx(x, kernel, bias=None, **attributes):
    """`ConvTranspose` in ONNX Runtime, on arrays in ONNX's own layout."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4  # a refusal is raised; it need not be printed too
    options.intra_op_num_threads = 1
    model, inputs = onnx_model(x, kernel, bias, **attributes)
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    run = onnxruntime.RunOptions()
    run.log_severity_level = 4
    return session.run(None, inputs, run)[0]


def onnx_model(x, kernel, bias=None, **attributes):
    """Return a model of one `ConvTranspose` node, and its inputs by name."""
    from onnx import TensorProto, helper

    arrays = {"x": x, "kernel": kernel, "bias": bias}
    inputs = {n: np.asarray(a, "float32") for n, a in arrays.items() if a is not None}
    node = helper.make_node("ConvTranspose", list(inputs), ["y"], **attributes)
    shapes = {name: array.shape for name, array in inputs.items()} | {"y": None}
    *taken, given = (
        helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
        for name, shape in shapes.items()
    )
    graph = helper.make_graph([node], "conv_transpose", taken, [given])
    opsets = [helper.make_opsetid("", 11)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=8), inputs

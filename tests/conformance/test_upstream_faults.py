"""Faults of Keras, TensorFlow, PyTorch, JAX and a book, shown on what is installed."""

import importlib
import os
import subprocess
import sys

import keras
import numpy as np
import pytest

from keras_fcn.transposed import conv_transpose

from ..tally import Fault, fault_met
from . import judges
from .case import integers
from .faults import refuses, require_fault, says


@pytest.mark.parametrize("rank", [1, 2, 3])
def test_the_reference_of_keras_tests_is_wrong_for_dilations(rank, rng):
    try:
        module = "keras.src.layers.convolutional.conv_transpose_test"
        tests = importlib.import_module(module)
    except ModuleNotFoundError as error:
        pytest.skip(f"not installed with Keras, or without {error.name}")
    reference = getattr(tests, f"np_conv{rank}d_transpose")
    x, kernel = integers(rng, 1, *[3] * rank, 2), integers(rng, *[2] * rank, 2, 2)

    def agrees(d):
        words = {"strides": (1,) * rank, "padding": "valid"}
        ours = conv_transpose(x, kernel, dilation_rate=d, **words)
        form = {"output_padding": None, "data_format": "channels_last"}
        dilated = {"dilation_rate": (d,) * rank}
        theirs = reference(x, kernel, np.zeros(2), **words, **form, **dilated)
        return np.array_equal(theirs, ours)

    assert agrees(1)
    require_fault(
        "keras",
        not agrees(2),
        "The NumPy reference of its own tests, np_conv*d_transpose, is wrong for every "
        "dilation_rate above 1: it crops as if there were none. No test dilates.",
    )


def test_keras_promises_a_shape_that_tensorflow_refuses():
    layer = keras.layers.Conv1DTranspose(
        1, 4, strides=2, padding="same", output_padding=0
    )
    assert tuple(layer.compute_output_shape((1, 5, 1))) == (1, 8, 1)
    x = np.ones((1, 5, 1), "float32")
    if keras.backend.backend() != "tensorflow":
        assert layer(x).shape == (1, 8, 1)
        return
    require_fault(
        "keras",
        refuses(layer, x),
        'Conv*DTranspose with padding="same", output_padding=0 and an even kernel '
        "fails on TensorFlow; compute_output_shape, JAX and PyTorch have (n - 1)*s "
        "pixels.",
    )


def test_keras_documents_same_as_the_same_size():
    layer = keras.layers.Conv1DTranspose
    sentence = "output has the same height/width dimension as the input."
    doubled = layer(1, 3, strides=2, padding="same").compute_output_shape((1, 5, 1))
    assert tuple(doubled) == (1, 10, 1)
    require_fault(
        "keras",
        says(layer, sentence),
        'Conv1DTranspose documents that with padding="same" the output is as long as '
        "the input; it is n*s long.",
    )


def test_tensorflow_documents_the_channels_in_the_other_order(need):
    need("tensorflow")
    import tensorflow as tf

    def call(kernel_shape):
        x, shape = np.ones((1, 4, 4, 2), "float32"), (1, 4, 4, 3)
        tf.nn.conv_transpose(x, np.ones(kernel_shape, "float32"), shape, 1)

    assert not refuses(call, (1, 1, 3, 2))
    documented = says(
        tf.nn.conv_transpose, "filter_shape + [in_channels, out_channels]"
    )
    require_fault(
        "tensorflow",
        documented and refuses(call, (1, 1, 2, 3)),
        "tf.nn.conv_transpose documents filters [in, out]; it takes [out, in], as "
        "tf.nn.conv2d_transpose documents.",
    )


def test_tensorflow_does_not_dilate_without_onednn(need):
    need("tensorflow")
    import tensorflow  # noqa: F401, for its version

    refused = not judges.tensorflow_dilates()
    if not refused:  # oneDNN is on here, and can only be switched off before the start
        script = """import tensorflow as tf
tf.nn.conv2d_transpose(tf.ones((1, 2, 2, 1)), tf.ones((2, 2, 1, 1)), (1, 4, 4, 1), 1,
                       "VALID", dilations=2)"""
        variables = {"TF_ENABLE_ONEDNN_OPTS": "0", "CUDA_VISIBLE_DEVICES": "-1"}
        done = subprocess.run(
            [sys.executable, "-c", script],
            env={**os.environ, **variables},
            capture_output=True,
            text=True,
            check=False,
        )
        refused = "do not yet support dilation rates" in done.stderr
    require_fault(
        "tensorflow",
        refused,
        "On a CPU, dilated transposed convolutions work only through oneDNN, which is "
        "switched off by TF_ENABLE_ONEDNN_OPTS=0 and by default on some processors.",
    )


def test_pytorch_refuses_an_output_size_that_it_can_compute(need):
    need("torch")
    import torch

    words = {"kernel_size": 3, "stride": 1, "dilation": 3}
    x = torch.ones(1, 1, 3)
    longer = torch.nn.ConvTranspose1d(1, 1, output_padding=2, **words)(x)
    assert longer.shape == (1, 1, 11)
    require_fault(
        "torch",
        refuses(torch.nn.ConvTranspose1d(1, 1, **words), x, output_size=[11]),
        "ConvTranspose*d refuses an output_size that output_padding reaches, if the "
        "dilation is above the stride: it counts with the stride only.",
    )


def test_jax_reads_beyond_the_input_where_padding_is_negative(need):
    need("jax")
    import jax

    x, kernel = np.arange(1, 17).reshape(2, 4, 2), np.ones((4, 2, 3), int)
    with jax.default_device(jax.devices("cpu")[0]):
        y = {
            dtype: np.asarray(
                jax.lax.conv_transpose(
                    x.astype(dtype), kernel.astype(dtype), (1,), [(-1, 1)]
                )
            )[:, 0, 0]
            for dtype in ("int32", "float32")
        }
    expected = x[:, 1:].sum((1, 2)).tolist()  # the first pixel is dropped
    assert y["int32"].tolist() == expected == [33, 81]
    require_fault(
        "jaxlib",
        y["float32"].tolist() != expected,
        "On a CPU, a float32 convolution with negative padding in front and as many "
        "zeros or fewer at the end reads numbers that lie behind the row, silently "
        "(openxla/xla#48713).",
    )


def test_d2l_has_the_shape_come_back_from_the_transpose(need):
    """Its example, kernel 5, padding 2, stride 3 on 16 pixels, and on 17."""
    need("torch")
    import torch

    words = {"kernel_size": 5, "padding": 2, "stride": 3}
    back = {}
    for n in (16, 17):
        y = torch.nn.Conv1d(1, 1, **words)(torch.ones(1, 1, n))
        back[n] = torch.nn.ConvTranspose1d(1, 1, **words)(y).shape[-1]
    assert back == {16: 16, 17: 16}
    fault_met(
        Fault(
            "Dive into Deep Learning (book)",
            "0a40c42",
            "Section 14.10 says that a transposed convolution with the hyperparameters "
            "of a convolution returns to the shape of its input; 17 pixels come back "
            "as 16.",
        )
    )

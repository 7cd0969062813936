"""Faults of ONNX and of ONNX Runtime, shown on what is installed."""

import numpy as np

from . import judges
from .faults import refuses, require_fault
from .mutants import kills
from .onnx_cases import onnx_node_cases

# Three pixels of one channel, two taps and three, in ONNX's layout.
X = np.array([[[1, 2, 3]]])
TWO, THREE = np.array([[[1, 2]]]), np.array([[[1, 2, 3]]])


def test_onnx_cases_hardly_notice_a_flipped_kernel(need):
    need("onnx")
    nodes = [case for case in onnx_node_cases() if case.name.startswith("test_convt")]
    assert len(nodes) >= 11
    noticed, _ = kills("kernel flipped", nodes)
    require_fault(
        "onnx",
        noticed == 1,
        "Ten of the eleven node cases of ConvTranspose have kernels of ones only: they "
        "pass with a flipped kernel.",
    )


def onnx_reference(x, kernel, bias=None, **attributes):
    """What ONNX's reference evaluator makes of a node."""
    from onnx.reference import ReferenceEvaluator

    model, inputs = judges.onnx_model(x, kernel, bias, **attributes)
    return ReferenceEvaluator(model).run(None, inputs)[0]


def onnx_inferred(x, kernel, **attributes):
    """The output's spatial shape as ONNX infers it."""
    from onnx.shape_inference import infer_shapes

    model, _ = judges.onnx_model(x, kernel, **attributes)
    shape = infer_shapes(model).graph.output[0].type.tensor_type.shape
    return [dim.dim_value for dim in shape.dim][2:]


def test_onnx_reference_fails_with_groups_of_several_channels(need):
    need("onnx", "onnxruntime")
    inputs = np.ones((1, 2, 3)), np.ones((2, 2, 1))
    assert judges.run_onnx(*inputs, group=2).shape == (1, 4, 3)
    require_fault(
        "onnx",
        refuses(onnx_reference, *inputs, group=2),
        "The reference evaluator's ConvTranspose fails with groups, unless each has a "
        "single channel.",
    )


def test_onnx_reference_gives_every_group_the_bias_of_the_first(need):
    need("onnx", "onnxruntime")
    inputs = np.ones((1, 2, 1)), np.ones((2, 1, 1)), np.array([1, 100])
    assert judges.run_onnx(*inputs, group=2).ravel().tolist() == [2, 101]
    require_fault(
        "onnx",
        onnx_reference(*inputs, group=2).ravel().tolist() == [2, 2],
        "The reference evaluator's ConvTranspose adds the first group's bias to every "
        "group, silently.",
    )


def test_onnx_reference_fails_with_an_output_shape(need):
    need("onnx", "onnxruntime")
    attributes = {"strides": [2], "output_shape": [6]}
    assert judges.run_onnx(X, THREE, **attributes).shape == (1, 1, 6)
    require_fault(
        "onnx",
        refuses(onnx_reference, X, THREE, **attributes),
        "The reference evaluator's ConvTranspose fails with an output_shape below the "
        "full length, unless auto_pad is set.",
    )


def test_onnx_and_its_runtime_disagree_on_same_with_a_short_kernel(need):
    need("onnx", "onnxruntime")
    attributes = {"strides": [4], "auto_pad": "SAME_UPPER"}
    specified = onnx_reference(X, TWO, **attributes).shape[2]
    assert specified == 12  # n*s, as the specification says
    require_fault(
        "onnx",
        onnx_inferred(X, TWO, **attributes) == [10],
        "Shape inference of ConvTranspose with auto_pad=SAME_* and a kernel shorter "
        "than the strides gives (n - 1)*s + K; specification and reference give n*s.",
    )
    require_fault(
        "onnxruntime",
        judges.run_onnx(X, TWO, **attributes).shape[2] == 10,
        "ConvTranspose with auto_pad=SAME_* and a kernel shorter than the strides "
        "returns (n - 1)*s + K pixels, not the specified n*s.",
    )


def test_onnx_and_its_runtime_put_a_missing_pixel_at_opposite_ends(need):
    need("onnx", "onnxruntime")
    attributes = {"strides": [2], "output_shape": [8], "auto_pad": "SAME_UPPER"}
    runtime = judges.run_onnx(X, THREE, **attributes).ravel()
    assert runtime.tolist() == [1, 2, 5, 4, 9, 6, 9, 0]
    require_fault(
        "onnx",
        onnx_reference(X, THREE, **attributes).ravel().tolist() == [0, *runtime[:-1]],
        "ConvTranspose with an output_shape one above the full length and SAME_UPPER: "
        "the reference evaluator puts the zero in front, ONNX Runtime at the end; the "
        "specification does not say how -1 is halved.",
    )


def test_onnx_runtime_refuses_an_output_padding_below_the_dilation(need):
    need("onnx", "onnxruntime", "torch")
    attributes = {"strides": [1], "dilations": [3], "output_padding": [1]}
    assert onnx_inferred(X, THREE, **attributes) == [10]
    x, kernel = X.reshape(1, 3, 1), THREE.reshape(3, 1, 1)
    words = {"stride": 1, "dilation": 3, "output_padding": 1}
    assert judges.pytorch(x, kernel, **words).shape == (1, 10, 1)
    require_fault(
        "onnxruntime",
        refuses(judges.run_onnx, X, THREE, **attributes),
        "ConvTranspose refuses an output_padding that is below the dilation but not "
        "below the strides; the specification and PyTorch, whose models it runs, "
        "allow it.",
    )

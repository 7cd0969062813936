"""ONNX's public cases of ConvTranspose, and our own, judged by ONNX Runtime.

Our own stand in `onnx_golden.json`, which `make_onnx_golden.py` makes: attributes, and
arrays in ONNX's layout. No ONNX is needed to read them.
"""

import json
from pathlib import Path

import numpy as np

from keras_fcn.geometry import convert_kernel, from_onnx

from .case import Case

GOLDEN = Path(__file__).parent / "onnx_golden.json"


def onnx_node_cases():
    """The node cases that ship with ONNX as Python, and PyTorch's three as files."""
    # Importing the module lists its cases.
    from onnx.backend.test.case.node import _NodeTestCases, convtranspose  # noqa: F401
    from onnx.backend.test.loader import load_model_tests

    cases = []
    for test in _NodeTestCases:
        if test.name.startswith("test_convtranspose"):
            ((inputs, (expected,)),) = test.data_sets
            attributes = attributes_of(test.model)
            cases.append(onnx_case(test.name, inputs, attributes, expected))
    for kind in ("pytorch-converted", "pytorch-operator"):
        for test in load_model_tests(kind=kind):
            if "convtranspose" in test.name.lower():
                cases.append(stored_case(test.name, Path(test.model_dir)))
    return cases


def stored_case(name, folder):
    """A case that ships as a model, with its weights, and two tensors."""
    import onnx
    from onnx.numpy_helper import to_array

    model = onnx.load(folder / "model.onnx")
    x, expected = (
        to_array(onnx.load_tensor(folder / "test_data_set_0" / f"{end}_0.pb"))
        for end in ("input", "output")
    )
    weights = [to_array(tensor) for tensor in model.graph.initializer]  # in order
    return onnx_case(name, [x, *weights], attributes_of(model), expected)


def attributes_of(model):
    """The attributes of a model's only node."""
    from onnx.helper import get_attribute_value

    (node,) = model.graph.node
    values = {a.name: get_attribute_value(a) for a in node.attribute}
    return {n: v.decode() if isinstance(v, bytes) else v for n, v in values.items()}


def onnx_golden_cases():
    """Our own cases."""
    cases = []
    for entry in json.loads(GOLDEN.read_text())["cases"]:
        inputs, expected = golden_arrays(entry)
        cases.append(onnx_case(entry["name"], inputs, entry["attributes"], expected))
    return cases


def golden_arrays(entry):
    """The inputs and the output of an entry of the golden file."""
    *inputs, expected = (
        np.array(entry[name]["data"]).reshape(entry[name]["shape"])
        for name in ("x", "kernel", "bias", "y")
        if name in entry
    )
    return inputs, expected


def onnx_case(name, inputs, attributes, expected):
    """A case from ONNX's words and layout."""
    arrays = [*inputs, expected]
    if all(np.array_equal(array, np.rint(array)) for array in arrays):
        arrays = [array.astype("int64") for array in arrays]
    x, kernel, *bias, expected = arrays
    return Case(
        name,
        np.moveaxis(x, 1, -1),
        convert_kernel(kernel, "onnx", "keras"),
        onnx_windows(x.shape[2:], kernel.shape[2:], attributes),
        attributes.get("group", 1),
        bias[0] if bias else None,
        np.moveaxis(expected, 1, -1),
    )


def onnx_windows(input_shape, kernel_shape, attributes):
    """One window an axis: each takes its own part of the attributes' lists."""
    rank = len(input_shape)
    windows = []
    for axis, (n, k) in enumerate(zip(input_shape, kernel_shape, strict=True)):
        words = {
            name: attributes[name][axis]
            for name in ("strides", "dilations", "output_padding", "output_shape")
            if name in attributes
        }
        if "pads" in attributes:
            words["pads"] = attributes["pads"][axis], attributes["pads"][axis + rank]
        if "auto_pad" in attributes:
            words["auto_pad"] = attributes["auto_pad"]
        windows.append(from_onnx(n, k, **words))
    return tuple(windows)

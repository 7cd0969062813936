"""Eight bits for a network in ONNX: everything between the photo and the scores.

Kernels get one scale for each output channel, feature maps one scale each, from the
smallest and largest values that photos give them. The photo's preprocessing, the
scores, their upsampling and the choice of the highest stay in float32: they are a
hundredth of the work, and labels hang on small differences there.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from .onnx_correct import correct_biases
from .onnx_equalize import equalize

# What is worth eight bits, and stays in them from one convolution to the next.
_OPERATORS = (
    *("Conv", "Relu", "Clip", "MaxPool", "AveragePool", "GlobalAveragePool"),
    *("Add", "Concat", "Pad"),
)
_CORRECTED_BY = 8  # photos, each labelled half as many times as there are layers

Bars = Callable[[str], Callable[[Iterable], Iterable]]


def quantize(
    file: Path, photos: Sequence[np.ndarray], progress: Bars = lambda what: iter
) -> None:
    """Quantize a network statically, in the pairs Q and DQ that every runtime reads.

    Args:
        file: What `write_onnx` wrote. Its inputs, outputs and metadata stay.
        photos: Photos to calibrate with, RGB `(height, width, 3)` of 0..255.
        progress: Returns for a description what wraps a loop, to draw a bar. Defaults
            to nothing.

    Reference:
        Jacob et al., https://arxiv.org/abs/1712.05877, section 2.1; and "Quantize ONNX
        models" in the documentation of ONNX Runtime.
    """
    import onnx
    from onnxruntime import quantization

    model = onnx.load(file)
    equalize(model, photos, progress("Equalizing")(range(len(photos))))
    with tempfile.TemporaryDirectory() as folder:
        even, rounded = (str(Path(folder) / n) for n in ("even.onnx", "int8.onnx"))
        onnx.save(model, even)  # a model that is handed over is taken to pieces
        quantization.quantize_static(
            even,
            rounded,
            _reader(photos[i] for i in progress("Calibrating")(range(len(photos)))),
            quant_format=quantization.QuantFormat.QDQ,
            op_types_to_quantize=list(_OPERATORS),
            per_channel=True,
            # Maps behind ReLU have no sign; x86 multiplies such by signed kernels.
            activation_type=quantization.QuantType.QUInt8,
            weight_type=quantization.QuantType.QInt8,
            nodes_to_exclude=float_nodes(model.graph),
            calibrate_method=quantization.CalibrationMethod.MinMax,
        )
        quantized = onnx.load(rounded)
    step = -(-len(photos) // _CORRECTED_BY)
    some = [photos[i] for i in range(0, len(photos), step)]
    correct_biases(model, quantized, some, progress("Correcting"))
    file.write_bytes(quantized.SerializeToString())


def float_nodes(graph: Any) -> list[str]:
    """Return the names of the nodes that are not between two convolutions.

    Scores are convolutions from which no other one is reached.
    """
    behind: set[str] = set()  # tensors that a convolution had a part in
    for node in graph.node:
        if node.op_type == "Conv" or behind & set(node.input):
            behind.update(node.output)
    ahead: set[str] = set()  # tensors that have a part in a convolution
    for node in reversed(graph.node):
        if node.op_type == "Conv" or ahead & set(node.output):
            ahead.update(node.input)
    return [
        node.name
        for node in graph.node
        if not (behind & set(node.output) and ahead & set(node.output))
    ]


def _reader(photos: Iterable[np.ndarray]) -> Any:
    from onnxruntime.quantization import CalibrationDataReader

    class Reader(CalibrationDataReader):
        def __init__(self):
            self.left = iter(photos)

        def get_next(self):
            photo = next(self.left, None)
            return None if photo is None else {"image": photo[None]}

    return Reader()

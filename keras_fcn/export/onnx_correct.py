"""What rounding adds to a channel on average, taken out of its bias again.

Small values are rounded to zero and large kernels meet many of them, so the errors of a
channel do not cancel out: they shift it, and the next layer shifts on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from .onnx_graph import Graph


def correct_biases(
    model: Any,
    quantized: Any,
    photos: Sequence[np.ndarray],
    progress: Callable[[Iterable], Iterable] = iter,
) -> None:
    """Let every channel of a quantized network have its mean in float32.

    Layer by layer, for the mean of one depends on all before it.

    Args:
        model: The network in float32, in ONNX.
        quantized: The same in eight bits, whose biases are changed.
        photos: Over whose pixels the means are taken.
        progress: Wraps the loop over the layers, to draw a bar. Defaults to nothing.

    Reference:
        Nagel et al., https://arxiv.org/abs/1906.04721, section 4.2.
    """
    ours, theirs = Graph(model), Graph(quantized)
    convolution = {node.name: node for node in ours.nodes if node.op_type == "Conv"}
    layers = [
        node
        for node in theirs.nodes
        if node.name in convolution and _rounded_bias(theirs, node) is not None
    ]
    if not layers:
        return
    names = [convolution[layer.name].output[0] for layer in layers]
    expected = _means(ours, names, photos)
    for number in progress(range(len(layers))):
        layer = layers[number]
        rounded = _rounded_bias(theirs, layer)
        (found,) = _means(theirs, [layer.output[0]], photos)
        bias, scale = rounded.input[:2]
        shift = (expected[number] - found) / theirs.constant(scale)
        theirs.set_constant(bias, np.rint(theirs.constant(bias) + shift))


def _rounded_bias(graph: Graph, node: Any) -> Any:
    """Return what makes a convolution's bias of whole numbers, if it has one."""
    maker = graph.maker.get(node.input[2]) if len(node.input) > 2 else None
    return maker if maker and maker.op_type == "DequantizeLinear" else None


def _means(
    graph: Graph, names: list[str], photos: Sequence[np.ndarray]
) -> list[np.ndarray]:
    of_photos = list(graph.of_channels("ReduceMean", names, photos))
    return [np.mean(means, axis=0) for means in zip(*of_photos, strict=True)]

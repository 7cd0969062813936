"""Channels made alike in size, so that one scale of eight bits suits all of them.

ReLU and pooling let a factor on a channel pass. So a channel may be divided by it where
it is made, kernel and bias, and multiplied where it is read: nothing else changes.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from .onnx_graph import Graph

# 1 would make all channels equally large, and leave all the rounding to the kernels.
EVENNESS = 0.75
SMALLEST = 0.01  # of the largest channel: the dead ones need no resolution

_PASSES_FACTORS = ("MaxPool", "AveragePool", "GlobalAveragePool")


def equalize(model: Any, photos: Sequence[np.ndarray], loop: Iterable[int]) -> int:
    """Make the channels between convolutions alike; the network stays the same.

    Args:
        model: A model in ONNX, which is changed.
        photos: What tells how large the channels are.
        loop: The numbers of the photos, wrapped to draw a bar.

    Returns:
        How many feature maps were changed.

    Reference:
        Nagel et al., https://arxiv.org/abs/1906.04721, section 4.1, and the exponent of
        Xiao et al., https://arxiv.org/abs/2211.10438, equation 4.
    """
    graph = Graph(model)
    pairs = {node.output[0]: _convolutions(graph, node) for node in graph.nodes}
    pairs = {name: found for name, found in pairs.items() if found}
    if not pairs:
        return 0
    largest: list[np.ndarray] = []
    in_turn = (photos[i] for i in loop)
    for maxima in graph.of_channels("ReduceMax", list(pairs), in_turn):
        both = zip(largest, maxima, strict=True)
        largest = [np.maximum(a, b) for a, b in both] if largest else maxima
    for (before, after), sizes in zip(pairs.values(), largest, strict=True):
        if sizes.max() > 0:
            share = np.maximum(sizes / sizes.max(), SMALLEST)
            _move(graph, before, after, share**EVENNESS)
    return len(pairs)


def _convolutions(graph: Graph, node: Any) -> tuple[Any, list[Any]] | None:
    """Return who makes and who reads what a ReLU gives, if both are convolutions."""
    if node.op_type != "Relu":
        return None
    before = graph.maker.get(node.input[0])
    if before is None or not _is_movable(graph, before):
        return None
    if len(graph.readers[node.input[0]]) > 1:  # what ReLU cuts off is read as well
        return None
    after, open_ends = [], [node.output[0]]
    while open_ends:
        for reader in graph.readers[open_ends.pop()]:
            if reader.op_type in _PASSES_FACTORS:
                open_ends.append(reader.output[0])
            elif _is_movable(graph, reader) and _is_dense(reader):
                after.append(reader)
            elif reader.op_type != "Shape":
                return None
    return (before, after) if after else None


def _is_movable(graph: Graph, node: Any) -> bool:
    """Whether a node is a convolution with constants of its own."""
    return node.op_type == "Conv" and all(
        graph.is_constant(name) and len(graph.readers[name]) == 1
        for name in node.input[1:]
    )


def _is_dense(node: Any) -> bool:
    return not any(a.name == "group" and a.i != 1 for a in node.attribute)


def _move(graph: Graph, before: Any, after: list[Any], factors: np.ndarray) -> None:
    for name in before.input[1:]:  # kernel and bias, both by output channel
        array = graph.constant(name)
        shape = (-1, *(1,) * (array.ndim - 1))
        graph.set_constant(name, array / factors.reshape(shape))
    for node in after:
        kernel = graph.constant(node.input[1])
        graph.set_constant(node.input[1], kernel * factors[:, None, None])

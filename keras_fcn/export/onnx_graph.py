"""A graph in ONNX as int8 needs it: who makes and reads a tensor, and what is in it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np


class Graph:
    """A model in ONNX, its nodes by their tensors and its constants as arrays."""

    def __init__(self, model: Any):
        self.model = model
        self.nodes = list(model.graph.node)
        self.maker = {name: node for node in self.nodes for name in node.output}
        self.readers: dict[str, list[Any]] = defaultdict(list)
        for node in self.nodes:
            for name in node.input:
                self.readers[name].append(node)
        self._constants = {tensor.name: tensor for tensor in model.graph.initializer}

    def is_constant(self, name: str) -> bool:
        """Whether a tensor is a constant."""
        return name in self._constants

    def constant(self, name: str) -> np.ndarray:
        """Return a constant."""
        from onnx import numpy_helper

        return numpy_helper.to_array(self._constants[name])

    def set_constant(self, name: str, array: np.ndarray) -> None:
        """Change a constant; its type stays as it is."""
        from onnx import numpy_helper

        array = array.astype(self.constant(name).dtype)
        self._constants[name].CopyFrom(numpy_helper.from_array(array, name))

    def of_channels(
        self, reduction: str, tensors: Sequence[str], photos: Iterable[np.ndarray]
    ) -> Iterator[list[np.ndarray]]:
        """Yield for each photo the `"ReduceMax"` or `"ReduceMean"` of channels.

        Args:
            reduction: That operator.
            tensors: Names of feature maps, `(batch, channels, height, width)`.
            photos: RGB `(height, width, 3)`.
        """
        import onnxruntime

        part = self._part(reduction, tensors).SerializeToString()
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 3  # no words on constants that are not read
        session = onnxruntime.InferenceSession(
            part, options, providers=["CPUExecutionProvider"]
        )
        for photo in photos:
            yield session.run(None, {"image": photo[None]})

    def _part(self, reduction: str, tensors: Sequence[str]) -> Any:
        """Return what computes some tensors and no more, reduced."""
        from onnx import helper

        needed, nodes = set(tensors), []
        for node in reversed(self.nodes):
            if needed & set(node.output):
                nodes.insert(0, node)
                needed.update(node.input)
        results = []
        for number, name in enumerate(tensors):
            result = f"reduced_{number}"
            options = {"axes": [0, 2, 3], "keepdims": 0}
            nodes.append(helper.make_node(reduction, [name], [result], **options))
            results.append(helper.make_empty_tensor_value_info(result))
        graph = helper.make_graph(
            nodes,
            "part",
            list(self.model.graph.input),
            results,
            [self._constants[name] for name in self._constants if name in needed],
        )
        return helper.make_model(
            graph,
            opset_imports=self.model.opset_import,
            ir_version=self.model.ir_version,
        )

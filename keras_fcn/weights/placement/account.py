"""The account of a published file: each tensor and each variable find each other.

Knows the layer names of fully convolutional networks; changes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from fnmatch import fnmatch

import keras
import numpy as np

from .layouts import is_bilinear, keras_layout
from .report import MatchedTensor

# The layers that a network scores with, from the coarsest to the finest.
SCORES = ("score_fr", "score_pool4", "score_pool3")


@dataclass(frozen=True, eq=False)
class SourceTensor:
    """A tensor of a published file, in the layout of Caffe and PyTorch.

    Args:
        name: Its name in the file.
        array: Its values, laid out as `layouts` says.
        target: The variable of ours that it belongs to, `"layer/variable"`; `None`
            where no place is known.
    """

    name: str
    array: np.ndarray
    target: str | None


@dataclass
class Account:
    """What is known so far of each tensor and each variable."""

    layers: Mapping[str, keras.layers.Layer]
    values: dict[str, np.ndarray] = field(default_factory=dict)
    matched: dict[str, MatchedTensor] = field(default_factory=dict)
    missing: list[str] = field(default_factory=list)
    unplaced: list[SourceTensor] = field(default_factory=list)
    bilinear: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    advice: str = "Build the model with the arguments that the file was made with."

    def __post_init__(self) -> None:
        self.variables: dict[str, keras.Variable] = {
            f"{layer.name}/{variable.name}": variable
            for layer in self.layers.values()
            for variable in layer.weights
        }

    def take(self, tensor: SourceTensor) -> None:
        """Find the tensor's place."""
        name = (tensor.target or "").split("/")[0]
        layer = self.layers.get(name)
        if tensor.target in self.variables and layer is not None:
            self._match(tensor, tensor.target, layer)
        elif layer is not None and _is_upsampling(name) and not layer.weights:
            self._interpolate(tensor, layer)
        else:
            self.unplaced.append(tensor)

    def close(self, optional: Sequence[str], allowed: Sequence[str]) -> None:
        """Judge what the file has nothing for, and what has no place."""
        for target, variable in self.variables.items():
            layer, _, kind = target.partition("/")
            is_upsampling_bias = kind == "bias" and _is_upsampling(layer)
            if not is_upsampling_bias or target in self.matched:
                continue
            if f"{layer}/kernel" in self.matched:
                shape = tuple(variable.shape)
                self.values[target] = np.zeros(shape, "float32")
                self.matched[target] = MatchedTensor("no bias: zero", (), shape)
        filled = {target.split("/")[0] for target in self.matched}
        scores = [name for name in SCORES if name in self.layers]
        finer = [name for name in scores if name not in filled]
        coarser_file = bool(finer) and finer == scores[-len(finer) :]
        wanted = [name for name in self.layers if _fits(name, optional)]
        without_optional = not filled.intersection(wanted)
        self.missing = [name for name in self.variables if name not in self.matched]
        for target in self.missing:
            layer = target.split("/")[0]
            new = coarser_file and (layer in finer or _is_upsampling(layer))
            if not new and not (without_optional and layer in wanted):
                shape = tuple(self.variables[target].shape)
                self.problems.append(f"  - {target} {shape}: not in the file")
        for tensor in self.unplaced:
            layer = (tensor.target or "").split("/")[0]
            known = _fits(tensor.name, allowed) or (
                _is_upsampling(layer) and (coarser_file or _is_zero_bias(tensor))
            )
            if not known:
                self.problems.append(
                    f"  + {tensor.name} {tensor.array.shape}: not in the model"
                )

    def _match(
        self, tensor: SourceTensor, target: str, layer: keras.layers.Layer
    ) -> None:
        shape = tuple(self.variables[target].shape)
        value = keras_layout(layer, shape, tensor.array)
        if value is None:
            self.problems.append(
                f"  - {target}: {tensor.array.shape} in the file as {tensor.name}, "
                f"{shape} in the model"
            )
            if target == "fc6/kernel":
                self._advise_fc6(shape, tensor.array.size)
            # Its shape is the complaint; it is not missing as well.
            self.matched[target] = MatchedTensor(tensor.name, tensor.array.shape, shape)
        elif target not in self.matched:
            self.values[target] = value
            self.matched[target] = MatchedTensor(tensor.name, tensor.array.shape, shape)
        else:
            first = self.matched[target]
            same = (*first.same, tensor.name)
            self.matched[target] = replace(first, same=same)
            if not np.array_equal(self.values.get(target, value), value):
                self.problems.append(
                    f"  - {target}: {first.name} and {tensor.name} of the file both "
                    "belong there, with different values"
                )

    def _advise_fc6(self, shape: tuple[int, ...], size: int) -> None:
        taps, wanted = shape[0] * shape[1], int(np.prod(shape))
        if taps == 1 and size > wanted and size % wanted == 0:
            self.advice = (
                'topology="pointwise" has no place for a 7x7 fc6: build the model '
                'with topology="paper" or "same".'
            )
        elif taps > 1 and size * taps == wanted:
            self.advice = (
                'A 1x1 fc6 belongs to topology="pointwise": build the model with that.'
            )

    def _interpolate(self, tensor: SourceTensor, layer: keras.layers.Layer) -> None:
        self.bilinear.append(tensor.name)
        if tensor.target == f"{layer.name}/bias":
            fits = _is_zero_bias(tensor)
        else:
            k = tensor.array.shape[-1] if tensor.array.ndim else 0
            size = getattr(layer, "kernel_size", k)
            if k != size:
                self.problems.append(
                    f"  - {layer.name}: {tensor.array.shape} in the file as "
                    f"{tensor.name}, {size} taps a side in the model"
                )
                return
            fits = is_bilinear(tensor.array)
        if not fits:
            self.problems.append(
                f"  - {layer.name}: {tensor.name} of the file does not interpolate "
                "bilinearly as the model does"
            )
            self.advice = 'Build the model with upsampling="learned".'


def _is_upsampling(layer: str) -> bool:
    return layer.startswith("upscore")


def _is_zero_bias(tensor: SourceTensor) -> bool:
    return str(tensor.target).endswith("/bias") and not tensor.array.any()


def _fits(name: str, patterns: Sequence[str]) -> bool:
    return any(fnmatch(name, pattern) for pattern in patterns)

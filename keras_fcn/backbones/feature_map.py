"""A tensor that knows where its pixels lie in the image."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from ..geometry import CoordinateMap


@dataclass(frozen=True)
class FeatureMap:
    """A Keras tensor `(batch, height, width, channels)` and its place in the image.

    Args:
        tensor: The symbolic tensor.
        coordinates: Map from its pixels to the image's; the image itself by default.
        name: Name of the layer that made it.
    """

    tensor: Any
    coordinates: CoordinateMap = CoordinateMap()
    name: str = "image"

    @property
    def stride(self) -> int:
        """Image pixels from one pixel of the map to the next."""
        return int(self.coordinates.scale)

    def apply(self, layer: Any, moved: CoordinateMap = CoordinateMap()) -> FeatureMap:
        """Return the map after `layer`, whose pixels look where `moved` says."""
        return FeatureMap(
            layer(self.tensor), self.coordinates.then(moved), name=layer.name
        )


def block_map(tensor: Any, stride: int, name: str = "features") -> FeatureMap:
    """Return a map each of whose pixels stands for a block of `stride` pixels.

    Pixel 0 lies at the middle of the image's first block, at `(stride - 1) / 2`.

    Args:
        tensor: The symbolic tensor, `height / stride` pixels high.
        stride: Image pixels a side of a block.
        name: Name of the layer that made it.
    """
    return FeatureMap(
        tensor, CoordinateMap(Fraction(stride), Fraction(stride - 1, 2)), name
    )

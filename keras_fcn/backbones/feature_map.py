"""A tensor that knows where its pixels lie in the image."""

from __future__ import annotations

from dataclasses import dataclass
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

    def apply(self, layer: Any, moved: CoordinateMap = CoordinateMap()) -> FeatureMap:
        """Return the map after `layer`, whose pixels look where `moved` says."""
        return FeatureMap(
            layer(self.tensor), self.coordinates.then(moved), name=layer.name
        )

"""What a builder was told, checked before anything is built."""

from __future__ import annotations

import functools
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import keras

from ..backbones import Backbone, find_backbone, keras_backbone, require_backbone
from ..layers import PREPROCESSING_MODES
from ..suggestions import require_choice
from ..weights import check_source
from .topologies import TOPOLOGIES, UPSAMPLINGS, Topology


@dataclass(frozen=True, kw_only=True)
class Arguments:
    """The arguments of a builder, and what they mean."""

    stride: int  # of the finest map that is scored: 32, 16 or 8
    input_shape: tuple[int | None, int | None, int]
    num_classes: int
    weights: str | os.PathLike[str] | None
    backbone: str | keras.Model | Backbone
    endpoints: Mapping[int, str] | None
    topology: str | None
    upsampling: str
    at_once: bool = False
    width: float
    dropout: float
    classifier_activation: Any
    include_preprocessing: bool | str
    name: str

    def __post_init__(self) -> None:
        _require_input_shape(self.input_shape)
        require_choice("upsampling", self.upsampling, UPSAMPLINGS)
        if self.topology is not None:
            require_choice("topology", self.topology, TOPOLOGIES)
        if isinstance(self.include_preprocessing, str):
            require_choice(
                "include_preprocessing", self.include_preprocessing, PREPROCESSING_MODES
            )
        if not isinstance(self.num_classes, int) or self.num_classes < 1:
            raise ValueError(
                "`num_classes` must be an integer of at least 1, the background "
                f"counted. Received: num_classes={self.num_classes!r}."
            )
        if not self.width > 0:
            raise ValueError(
                f"`width` must be above 0. Received: width={self.width!r}."
            )
        if not 0 <= self.dropout < 1:
            raise ValueError(
                "`dropout` must be at least 0 and below 1. "
                f"Received: dropout={self.dropout!r}."
            )
        channels = self.input_shape[-1]
        if channels != 3 and (self.include_preprocessing or self.weights == "imagenet"):
            raise ValueError(
                "`input_shape` must end in 3 channels, RGB, with "
                '`include_preprocessing=True` or `weights="imagenet"`. '
                f"Received: input_shape={self.input_shape}. Pass "
                "`include_preprocessing=False, weights=None` for other images."
            )
        if self.weights == "imagenet" and self.width != 1:
            raise ValueError(
                '`weights="imagenet"` must go with `width=1.0`, the width they were '
                f"trained at. Received: width={self.width}. Pass `weights=None`."
            )
        if self.weights not in (None, "imagenet"):
            check_source(self.weights)
        if isinstance(self.backbone, str):
            require_backbone(self.backbone)

    @functools.cached_property
    def found_backbone(self) -> Backbone:
        """The backbone that `backbone` and `endpoints` mean."""
        if isinstance(self.backbone, Backbone):
            found = self.backbone
        elif isinstance(self.backbone, str):
            pretrained = self.weights == "imagenet"
            found = find_backbone(self.backbone, self.endpoints, pretrained=pretrained)
        else:
            found = keras_backbone(self.backbone, self.endpoints)
        if self.topology not in (None, *found.topologies):
            raise ValueError(
                "`topology` must be one that the backbone has: "
                + ", ".join(f'"{t}"' for t in found.topologies)
                + f". Received: topology={self.topology!r}. Leave it out."
            )
        if self.width != 1 and not found.scalable:
            raise ValueError(
                "`width` must be 1.0 with a backbone that has one width only. "
                f"Received: width={self.width}."
            )
        return found

    @functools.cached_property
    def found_topology(self) -> Topology:
        """The topology that `topology` means."""
        return TOPOLOGIES[self.topology or self.found_backbone.topologies[0]]


def _require_input_shape(shape: Any) -> None:
    ok = isinstance(shape, (tuple, list)) and len(shape) == 3
    if not ok or not all(n is None or (isinstance(n, int) and n > 0) for n in shape):
        raise ValueError(
            "`input_shape` must be `(height, width, channels)`, positive integers or "
            f"`None` for any size. Received: input_shape={shape!r}."
        )
    if shape[-1] is None:
        raise ValueError(
            "`input_shape` must say how many channels there are. "
            f"Received: input_shape={shape!r}. Pass `(None, None, 3)` for RGB."
        )

"""The one small door through which every backbone comes in."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import keras

from .feature_map import FeatureMap


class Features(Protocol):
    """Lay a backbone's layers on a prepared image; return its maps by stride."""

    def __call__(
        self, image: FeatureMap, *, image_padding: int, width: float
    ) -> dict[int, FeatureMap]:
        """Return feature maps of stride 8, 16 and 32, or some of them."""
        ...


@dataclass(frozen=True)
class Backbone:
    """A convolutional network that an FCN can be put on.

    Args:
        features: Called with the prepared image, the zeros around it in pixels and
            the factor on channel counts; returns feature maps by their stride: 8, 16
            and 32, or some of them. Each knows its place in the image.
        preprocessing: What it expects of an image: `"caffe"`, `"tf"` or `"torch"`, as
            in `ImagePreprocessing`; `None` for RGB of 0..255.
        topologies: Those it has, its own first. Defaults to `("same",)`.
        fc6_kernel: Taps a side of its first fully connected layer as a convolution;
            `0` if none comes between its last map and the scores. Defaults to `0`.
        padded_to: Stride to whose multiples the image is continued first; `1` where
            the layers' own rounding is known. Defaults to `32`.
        scalable: Whether it has other widths than 1. Defaults to `False`.
        load_imagenet: Fills a network on this backbone with what `weights="imagenet"`
            means; `None` if the backbone comes with its weights. Defaults to `None`.

    Example:
        A backbone of one's own, three convolutions:

        >>> import keras
        >>> from keras_fcn.backbones import Backbone, block_map
        >>> def features(image, *, image_padding, width):
        ...     x, maps = image.tensor, {}
        ...     for stride in (8, 16, 32):
        ...         s = 8 if stride == 8 else 2
        ...         x = keras.layers.Conv2D(4, s, s, activation="relu")(x)
        ...         maps[stride] = block_map(x, stride)
        ...     return maps
        >>> import keras_fcn
        >>> model = keras_fcn.build_fcn8s(backbone=Backbone(features, "tf"))
        >>> model.get_layer("score_pool4").input.shape[-1]
        4
    """

    features: Features
    preprocessing: str | None
    topologies: tuple[str, ...] = ("same",)
    fc6_kernel: int = 0
    padded_to: int = 32
    scalable: bool = False
    load_imagenet: Callable[[keras.Model], object] | None = None

"""The parts that the paper's figure is put together from.

An `Assembly` holds the builders' arguments, checked before anything is built, and
makes the steps of the figure: the trunk, scores, upsampling, fusion. Each feature
map carries its place in the image, so every crop is derived where it is needed.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any

import keras

from .backbones import BACKBONES, FeatureMap, apply_vgg, imagenet_classifier
from .backbones.vgg import kernel_start, scaled
from .geometry import convolution, crop_offset, transposed_convolution
from .layers import BGRMeanSubtraction, Bilinear, BilinearUpsampling2D, CropTo
from .suggestions import require_choice
from .weights import load_weights, transplant
from .weights.files import check_weights_path

CLASSIFIER_CHANNELS = 4096  # of fc6 and fc7


@dataclass(frozen=True)
class Topology:
    """What differs between the paper's network and its two common relatives."""

    image_padding: int  # zeros around the image, before the first convolution
    classifier_kernel: int  # of fc6
    padding: str  # of fc6 and of every upsampling
    activation: str | None  # of fc6 and fc7
    dropout: type[keras.layers.Layer]
    upsampling_bias: bool  # of learned upsampling


TOPOLOGIES = {
    # Long et al., and voc-fcn8s/net.py of their repository.
    "paper": Topology(100, 7, "valid", "relu", keras.layers.Dropout, False),
    # The same layers with fc6 padded instead of the image.
    "same": Topology(1, 7, "same", "relu", keras.layers.Dropout, False),
    # The exercise: fc6 and fc7 are 1x1, linear, and drop whole channels.
    "pointwise": Topology(1, 1, "same", None, keras.layers.SpatialDropout2D, True),
}

UPSAMPLINGS = ("fixed", "learned")


@dataclass(frozen=True)
class Assembly:
    """The arguments of a builder, and the steps that they shape."""

    input_shape: tuple[int | None, int | None, int]
    num_classes: int
    weights: str | os.PathLike[str] | None
    backbone: str
    topology: str
    upsampling: str
    width: float
    dropout: float
    classifier_activation: Any
    include_preprocessing: bool
    name: str

    def __post_init__(self) -> None:
        require_choice("backbone", self.backbone, BACKBONES)
        require_choice("topology", self.topology, TOPOLOGIES)
        require_choice("upsampling", self.upsampling, UPSAMPLINGS)
        _require_input_shape(self.input_shape)
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
            check_weights_path(self.weights)

    def trunk(self) -> tuple[FeatureMap, FeatureMap, FeatureMap, FeatureMap]:
        """Return the image, pool3, pool4 and fc7: strides 1, 8, 16 and 32."""
        topology = TOPOLOGIES[self.topology]
        image = FeatureMap(keras.Input(self.input_shape, name="image"))
        prepared = image
        if self.include_preprocessing:
            prepared = image.apply(BGRMeanSubtraction(name="preprocessing"))
        pools = apply_vgg(
            self.backbone,
            prepared,
            image_padding=topology.image_padding,
            width=self.width,
        )
        k = topology.classifier_kernel
        x = pools["pool5"]
        for name, kernel_size in (("fc6", k), ("fc7", 1)):
            x = self._convolution(
                x,
                scaled(CLASSIFIER_CHANNELS, self.width),
                kernel_size,
                padding=topology.padding,
                activation=topology.activation,
                kernel_initializer=kernel_start(),
                name=name,
            )
            x = x.apply(topology.dropout(self.dropout, name=f"drop{name[-1]}"))
        return image, pools["pool3"], pools["pool4"], x

    def score(self, features: FeatureMap, name: str) -> FeatureMap:
        """Score every class at every pixel; all scores start at zero."""
        return self._convolution(
            features, self.num_classes, 1, kernel_initializer="zeros", name=name
        )

    def upscore(self, score: FeatureMap, factor: int, name: str) -> FeatureMap:
        """Upsample scores by `factor`: a transposed convolution, bilinear at first."""
        topology = TOPOLOGIES[self.topology]
        k = 2 * factor - factor % 2
        if self.upsampling == "fixed":
            layer = BilinearUpsampling2D(factor, topology.padding, name=name)
        else:
            layer = keras.layers.Conv2DTranspose(
                self.num_classes,
                k,
                strides=factor,
                padding=topology.padding,
                data_format="channels_last",
                use_bias=topology.upsampling_bias,
                kernel_initializer=Bilinear(factor),
                name=name,
            )
        padding = (k - factor) // 2 if topology.padding == "same" else 0
        return score.apply(layer, transposed_convolution(k, factor, padding))

    def fuse(self, score: FeatureMap, skip: FeatureMap, name: str) -> FeatureMap:
        """Add the scores of a skip, pixel on pixel.

        Where the upsampled score begins inside the skip, as it does without
        padding, the skip is cropped to it; else the score may reach beyond the
        skip's end by the pixel that a pooling rounded up, and is cropped.
        """
        offset = crop_offset(skip.coordinates, score.coordinates)
        larger, smaller = (skip, score) if offset else (score, skip)
        cropped = CropTo(offset, name=f"{larger.name}c")
        layer = keras.layers.Add(name=name)
        both = [cropped([larger.tensor, smaller.tensor]), smaller.tensor]
        return FeatureMap(layer(both), score.coordinates, name=name)

    def model(self, image: FeatureMap, score: FeatureMap) -> keras.Model:
        """Crop the scores to the image, make the model and fill its weights."""
        crop = CropTo(
            crop_offset(score.coordinates, image.coordinates),
            dtype="float32",  # the logits of a mixed-precision net too
            name="score",
        )
        outputs = crop([score.tensor, image.tensor])
        if self.classifier_activation is not None:
            outputs = keras.layers.Activation(
                self.classifier_activation, dtype="float32", name="predictions"
            )(outputs)
        model = keras.Model(image.tensor, outputs, name=self.name)
        if self.weights == "imagenet":
            full = TOPOLOGIES[self.topology].classifier_kernel == 7
            classifier = imagenet_classifier(self.backbone, include_top=full)
            transplant(classifier, model, renamed={"fc1": "fc6", "fc2": "fc7"})
        elif self.weights is not None:
            load_weights(model, self.weights)
        return model

    def _convolution(
        self, x: FeatureMap, filters: int, k: int, padding: str = "same", **options: Any
    ) -> FeatureMap:
        layer = keras.layers.Conv2D(
            filters, k, padding=padding, data_format="channels_last", **options
        )
        return x.apply(
            layer, convolution(k, padding=k // 2 if padding == "same" else 0)
        )


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

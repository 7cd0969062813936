"""The parts that the paper's figure is put together from.

An `Assembly` holds the builders' arguments, checked before anything is built, and
makes the steps of the figure: the trunk, scores, upsampling, fusion. Each feature
map carries its place in the image, so every crop is derived where it is needed.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import keras

from .backbones import (
    Backbone,
    FeatureMap,
    block_map,
    find_backbone,
    keras_backbone,
    kernel_start,
    require_backbone,
    scaled,
)
from .geometry import convolution, crop_offset, transposed_convolution
from .layers import (
    CAFFE_BGR_MEAN,
    FCN_BGR_MEAN,
    PREPROCESSING_MODES,
    Bilinear,
    BilinearUpsampling2D,
    CropTo,
    ImagePreprocessing,
    PadToMultiple,
)
from .suggestions import require_choice
from .weights import check_source, fill

CLASSIFIER_CHANNELS = 4096  # of fc6 and fc7

# What the authors multiply the features of a skip by where all of FCN-8s is trained
# at once: voc-fcn8s-atonce/net.py of their repository.
AT_ONCE_SCALES = {"pool4": 0.01, "pool3": 0.0001}


@dataclass(frozen=True)
class Topology:
    """What differs between the paper's network and its two common relatives."""

    image_padding: int  # zeros around the image, before the first convolution
    bgr_mean: tuple[float, ...]  # of backbones trained in Caffe
    pointwise: bool  # whether fc6 is 1x1 rather than of the backbone's own size
    padding: str  # of fc6 and of every upsampling
    activation: str | None  # of fc6 and fc7
    dropout: type[keras.layers.Layer]
    upsampling_bias: bool  # of learned upsampling


TOPOLOGIES = {
    # Long et al., and voc-fcn8s/net.py of their repository.
    "paper": Topology(
        100, FCN_BGR_MEAN, False, "valid", "relu", keras.layers.Dropout, False
    ),
    # The same layers with fc6 padded instead of the image.
    "same": Topology(
        1, CAFFE_BGR_MEAN, False, "same", "relu", keras.layers.Dropout, False
    ),
    # The exercise: fc6 and fc7 are 1x1, linear, and drop whole channels.
    "pointwise": Topology(
        1, CAFFE_BGR_MEAN, True, "same", None, keras.layers.SpatialDropout2D, True
    ),
}

UPSAMPLINGS = ("fixed", "learned")


@dataclass(frozen=True, kw_only=True)
class Assembly:
    """The arguments of a builder, and the steps that they shape."""

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
    def on(self) -> Backbone:
        """The backbone itself."""
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
    def like(self) -> Topology:
        """The topology itself."""
        return TOPOLOGIES[self.topology or self.on.topologies[0]]

    def trunk(self) -> tuple[FeatureMap, FeatureMap, FeatureMap, FeatureMap]:
        """Return the image, pool3, pool4 and fc7: strides 1, 8, 16 and 32.

        Not every backbone has all of them, nor fc6 and fc7: the last one is its
        coarsest map, and those finer ones that it does not have hold no tensor.
        """
        image = FeatureMap(keras.Input(self.input_shape, name="image"))
        prepared = self._preprocessed(image)
        if self.on.padded_to > 1:
            continued = PadToMultiple(self.on.padded_to, name="pad_image")
            prepared = prepared.apply(continued)
        maps = self.on.features(
            prepared, image_padding=self.like.image_padding, width=self.width
        )
        maps = {s: m for s, m in maps.items() if self.stride <= s <= 32}
        if self.stride not in maps:
            raise ValueError(
                f"`endpoints` must name a layer of stride {self.stride} for "
                f"`{self.name}`. Received: strides {sorted(maps) or 'none'}."
            )
        coarsest = maps.pop(max(maps))
        if self.on.fc6_kernel:
            coarsest = self._classifier(coarsest)
        pool3, pool4 = (maps.get(s, block_map(None, s)) for s in (8, 16))
        return image, pool3, pool4, coarsest

    def _preprocessed(self, image: FeatureMap) -> FeatureMap:
        """Return the image as the backbone expects it."""
        if self.include_preprocessing is False:
            return image
        mode, mean = self.include_preprocessing, None
        if mode is True:
            mode = self.on.preprocessing
            mean = self.like.bgr_mean if mode == "caffe" else None
        if mode == "unknown":
            raise ValueError(
                "`include_preprocessing` must tell what this backbone expects, since "
                "its name does not. Received: True. Pass "
                + ", ".join(f'"{m}"' for m in PREPROCESSING_MODES)
                + ", or False if it takes RGB of 0..255 as it is."
            )
        if mode is None:
            return image
        return image.apply(ImagePreprocessing(mode, mean, name="preprocessing"))

    def _classifier(self, x: FeatureMap) -> FeatureMap:
        """Append fc6 and fc7, the classifier's fully connected layers."""
        like = self.like
        k = 1 if like.pointwise else self.on.fc6_kernel
        for name, kernel_size in (("fc6", k), ("fc7", 1)):
            x = self._convolution(
                x,
                scaled(CLASSIFIER_CHANNELS, self.width),
                kernel_size,
                padding=like.padding,
                activation=like.activation,
                kernel_initializer=kernel_start(),
                name=name,
            )
            x = x.apply(like.dropout(self.dropout, name=f"drop{name[-1]}"))
        return x

    def score(self, features: FeatureMap, name: str) -> FeatureMap:
        """Score every class at every pixel; all scores start at zero."""
        return self._convolution(
            features, self.num_classes, 1, kernel_initializer="zeros", name=name
        )

    def upscore(self, score: FeatureMap, onto: FeatureMap, name: str) -> FeatureMap:
        """Upsample scores to another map's stride by a bilinear transposed convolution.

        Where their pixels lie halfway between the other map's, as behind VGG's 2x2
        poolings, the kernel has 2s taps; where they lie upon them, 2s - 1.
        """
        factor = score.stride // onto.stride
        if factor <= 1:
            return score  # the backbone begins here, or below
        between = (score.coordinates.shift - onto.coordinates.shift) / onto.stride
        k = 2 * factor - (between.denominator == 1)
        if self.upsampling == "fixed":
            layer = BilinearUpsampling2D(factor, self.like.padding, k, name=name)
        else:
            layer = keras.layers.Conv2DTranspose(
                self.num_classes,
                k,
                strides=factor,
                padding=self.like.padding,
                data_format="channels_last",
                use_bias=self.like.upsampling_bias,
                kernel_initializer=Bilinear(factor),
                name=name,
            )
        padding = (k - factor) // 2 if self.like.padding == "same" else 0
        return score.apply(layer, transposed_convolution(k, factor, padding))

    def fuse(self, score: FeatureMap, skip: FeatureMap, pool: str) -> FeatureMap:
        """Add the scores of a skip, pixel on pixel; what begins first is cropped.

        Without padding of the upsampling that is the skip. Else both begin together,
        and the score may end beyond the skip by what a pooling rounded up.
        """
        if skip.tensor is None:
            return score
        if self.at_once:
            scale = keras.layers.Rescaling(AT_ONCE_SCALES[pool], name=f"scale_{pool}")
            skip = skip.apply(scale)
        skip = self.score(skip, f"score_{pool}")
        skip_first = skip.coordinates.shift < score.coordinates.shift
        larger, smaller = (skip, score) if skip_first else (score, skip)
        offset = crop_offset(larger.coordinates, smaller.coordinates)
        cropped = CropTo(offset, name=f"{larger.name}c")
        layer = keras.layers.Add(name=f"fuse_{pool}")
        both = [cropped([larger.tensor, smaller.tensor]), smaller.tensor]
        return FeatureMap(layer(both), smaller.coordinates, name=layer.name)

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
            if self.on.load_imagenet is not None:
                self.on.load_imagenet(model)
        elif self.weights is not None:
            fill(model, self.weights)
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

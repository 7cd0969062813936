"""The steps of the paper's figure: the trunk, scores, upsampling, fusion.

Each feature map carries its place in the image, so every crop is derived where it is
needed.
"""

from __future__ import annotations

from typing import Any

import keras

from ..backbones import FeatureMap, block_map, kernel_start, scaled
from ..geometry import convolution, crop_offset, transposed_convolution
from ..layers import (
    PREPROCESSING_MODES,
    Bilinear,
    BilinearUpsampling2D,
    CropTo,
    ImagePreprocessing,
    PadToMultiple,
    PatchConv2D,
    PhaseConv2DTranspose,
)
from ..weights import fill
from .arguments import Arguments

CLASSIFIER_CHANNELS = 4096  # of fc6 and fc7

# What the authors multiply the features of a skip by where all of FCN-8s is trained
# at once: voc-fcn8s-atonce/net.py of their repository.
AT_ONCE_SCALES = {"pool4": 0.01, "pool3": 0.0001}


class Assembly(Arguments):
    """The steps, as the arguments of a builder shape them."""

    def trunk(self) -> tuple[FeatureMap, FeatureMap, FeatureMap, FeatureMap]:
        """Return the image, pool3, pool4 and fc7: strides 1, 8, 16 and 32.

        Not every backbone has all of them, nor fc6 and fc7: the last one is its
        coarsest map, and those finer ones that it does not have hold no tensor.
        """
        image = FeatureMap(keras.Input(self.input_shape, name="image"))
        prepared = self._preprocessed(image)
        if self.found_backbone.padded_to > 1:
            continued = PadToMultiple(self.found_backbone.padded_to, name="pad_image")
            prepared = prepared.apply(continued)
        maps = self.found_backbone.features(
            prepared, image_padding=self.found_topology.image_padding, width=self.width
        )
        maps = {s: m for s, m in maps.items() if self.stride <= s <= 32}
        if self.stride not in maps:
            raise ValueError(
                f"`endpoints` must name a layer of stride {self.stride} for "
                f"`{self.name}`. Received: strides {sorted(maps) or 'none'}."
            )
        coarsest = maps.pop(max(maps))
        if self.found_backbone.fc6_kernel:
            coarsest = self._classifier(coarsest)
        pool3, pool4 = (maps.get(s, block_map(None, s)) for s in (8, 16))
        return image, pool3, pool4, coarsest

    def _preprocessed(self, image: FeatureMap) -> FeatureMap:
        """Return the image as the backbone expects it."""
        if self.include_preprocessing is False:
            return image
        mode, mean = self.include_preprocessing, None
        if mode is True:
            mode = self.found_backbone.preprocessing
            mean = self.found_topology.bgr_mean if mode == "caffe" else None
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
        topology = self.found_topology
        k = 1 if topology.pointwise else self.found_backbone.fc6_kernel
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
            layer = BilinearUpsampling2D(
                factor, self.found_topology.padding, k, name=name
            )
        else:
            layer = PhaseConv2DTranspose(
                self.num_classes,
                k,
                strides=factor,
                padding=self.found_topology.padding,
                data_format="channels_last",
                use_bias=self.found_topology.upsampling_bias,
                kernel_initializer=Bilinear(factor),
                name=name,
            )
        padding = (k - factor) // 2 if self.found_topology.padding == "same" else 0
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
            if self.found_backbone.load_imagenet is not None:
                self.found_backbone.load_imagenet(model)
        elif self.weights is not None:
            fill(model, self.weights)
        return model

    def _convolution(
        self, x: FeatureMap, filters: int, k: int, padding: str = "same", **options: Any
    ) -> FeatureMap:
        kind = keras.layers.Conv2D if k == 1 else PatchConv2D
        layer = kind(
            filters, k, padding=padding, data_format="channels_last", **options
        )
        return x.apply(
            layer, convolution(k, padding=k // 2 if padding == "same" else 0)
        )

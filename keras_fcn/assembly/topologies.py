"""The paper's network and its two common relatives: what differs between them."""

from __future__ import annotations

from dataclasses import dataclass

import keras

from ..layers import CAFFE_BGR_MEAN, FCN_BGR_MEAN


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

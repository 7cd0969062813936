"""Backbones: convolutional networks that an FCN is put on.

A backbone takes the image and returns feature maps by stride, each with its place in
the image. Knows Keras; knows nothing of scores, upsampling or skips.
"""

from .backbone import Backbone
from .feature_map import FeatureMap, block_map
from .keras_model import find_endpoints, keras_backbone
from .named import (
    BACKBONES,
    KERAS_APPLICATIONS,
    find_backbone,
    require_backbone,
    topologies_of,
)
from .vgg import kernel_start, scaled

__all__ = [
    "BACKBONES",
    "KERAS_APPLICATIONS",
    "Backbone",
    "FeatureMap",
    "block_map",
    "find_backbone",
    "find_endpoints",
    "keras_backbone",
    "kernel_start",
    "require_backbone",
    "scaled",
    "topologies_of",
]

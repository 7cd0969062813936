"""Backbones: networks for classification, cut open at their poolings.

A backbone takes the image and returns named feature maps, each with its place in
the image. Knows Keras; knows nothing of scores, upsampling or skips.
"""

from .feature_map import FeatureMap
from .vgg import VGG, apply_vgg, imagenet_classifier

BACKBONES = tuple(VGG)

__all__ = ["BACKBONES", "FeatureMap", "apply_vgg", "imagenet_classifier"]

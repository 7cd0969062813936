"""The few layers that Keras does not have, and two that it computes more slowly.

Knows `keras.ops`, so everything here runs on TensorFlow, JAX and PyTorch; knows
nothing of VGG or of FCN. Layout is `(batch, height, width, channels)` throughout.
"""

from .cropping import CropTo, PadToMultiple
from .grouped import GroupedConv2D
from .labels import LabelMap
from .normalization import LocalResponseNormalization
from .patches import PatchConv2D
from .phases import PhaseConv2DTranspose
from .preprocessing import (
    CAFFE_BGR_MEAN,
    FCN_BGR_MEAN,
    PREPROCESSING_MODES,
    ImagePreprocessing,
)
from .upsampling import Bilinear, BilinearUpsampling2D

__all__ = [
    "CAFFE_BGR_MEAN",
    "FCN_BGR_MEAN",
    "PREPROCESSING_MODES",
    "Bilinear",
    "BilinearUpsampling2D",
    "CropTo",
    "GroupedConv2D",
    "ImagePreprocessing",
    "LabelMap",
    "LocalResponseNormalization",
    "PadToMultiple",
    "PatchConv2D",
    "PhaseConv2DTranspose",
]

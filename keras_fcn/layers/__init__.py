"""The few layers that Keras does not have: preprocessing, upsampling and cropping.

Knows `keras.ops`, so everything here runs on TensorFlow, JAX and PyTorch; knows
nothing of VGG or of FCN. Layout is `(batch, height, width, channels)` throughout.
"""

from .cropping import CropTo, PadToMultiple
from .grouped import GroupedConv2D
from .normalization import LocalResponseNormalization
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
    "LocalResponseNormalization",
    "PadToMultiple",
]

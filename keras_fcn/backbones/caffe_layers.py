"""The layers of Caffe's networks, each of which moves a map's place in the image.

Convolutions are followed by a ReLU; poolings round up.
"""

from __future__ import annotations

import keras

from ..geometry import convolution
from ..layers.grouped import GroupedConv2D
from .feature_map import FeatureMap
from .vgg import kernel_start


def convolve_image(
    image: FeatureMap, filters: int, k: int, stride: int, padding: int, name: str
) -> FeatureMap:
    """Apply the first convolution, `k` wide, to an image in a frame of zeros."""
    if padding:
        pad = keras.layers.ZeroPadding2D(
            padding, data_format="channels_last", name="pad_image"
        )
        image = image.apply(pad)
    layer = keras.layers.Conv2D(
        filters,
        k,
        strides=stride,
        data_format="channels_last",
        activation="relu",
        kernel_initializer=kernel_start(first=True),
        name=name,
    )
    return image.apply(layer, convolution(k, stride=stride, padding=padding))


def convolve(
    x: FeatureMap, filters: int, k: int, name: str, groups: int = 1
) -> FeatureMap:
    """Apply a convolution of odd width `k` that keeps the map's size."""
    layer = (keras.layers.Conv2D if groups == 1 else GroupedConv2D)(
        filters,
        k,
        padding="same",
        groups=groups,
        data_format="channels_last",
        activation="relu",
        kernel_initializer=kernel_start(),
        name=name,
    )
    return x.apply(layer, convolution(k, padding=k // 2))


def max_pool(x: FeatureMap, k: int, stride: int, name: str) -> FeatureMap:
    """Apply a max pooling, unpadded in front, whose last window may reach beyond.

    The map must be the result of a ReLU: what lies beyond counts as zero.
    """
    # Keras' "valid" drops the pixels of an unfinished window and its "same" pads odd
    # sizes in front, which moves every window. `stride - 1` zeros behind finish the
    # last window and begin no other; where nothing is negative they never win.
    beyond = (0, stride - 1)
    pad = keras.layers.ZeroPadding2D(
        (beyond, beyond), data_format="channels_last", name=f"pad_{name}"
    )
    pool = keras.layers.MaxPooling2D(k, stride, data_format="channels_last", name=name)
    return x.apply(pad).apply(pool, convolution(k, stride=stride))

"""VGG16 and VGG19 of `keras.applications`, their graph walked layer by layer.

Layer names (`block1_conv1` ... `block5_pool`) and sizes are read from Keras' own
model. What changes: the poolings round up, as Caffe's do; the first convolution may
be padded; the width may be scaled.
"""

from __future__ import annotations

import functools
from typing import Any

import keras

from ..geometry import convolution
from ..weights import transplant
from .backbone import Backbone
from .feature_map import FeatureMap
from .imagenet import imagenet_classifier

VGG = {"vgg16": keras.applications.VGG16, "vgg19": keras.applications.VGG19}


def vgg_backbone(name: str) -> Backbone:
    """Return VGG as a backbone: `"vgg16"` or `"vgg19"`."""
    return Backbone(
        functools.partial(apply_vgg, name),
        preprocessing="caffe",
        topologies=("paper", "same", "pointwise"),
        fc6_kernel=7,
        padded_to=1,
        scalable=True,
        load_imagenet=functools.partial(_load_imagenet, name),
    )


def apply_vgg(
    name: str, image: FeatureMap, *, image_padding: int = 1, width: float = 1.0
) -> dict[int, FeatureMap]:
    """Apply the convolutional blocks of VGG to an image.

    Args:
        name: `"vgg16"` or `"vgg19"`.
        image: The image, after preprocessing.
        image_padding: Zeros around the image that the first convolution sees, in
            pixels. Defaults to `1`, Keras' "same"; the FCN paper takes 100.
        width: Factor on every channel count. Defaults to `1.0`.

    Returns:
        The maps after each pooling by their strides: 2 to 32.

    Reference:
        Simonyan & Zisserman, https://arxiv.org/abs/1409.1556, table 1, columns
        D (VGG16) and E (VGG19).
    """
    x = image
    poolings: dict[int, FeatureMap] = {}
    for layer in _original_layers(name):
        if "filters" in layer:
            (k, _), first = layer["kernel_size"], x is image
            padding = image_padding if first else k // 2
            if padding != k // 2:
                x = x.apply(
                    keras.layers.ZeroPadding2D(
                        padding, data_format="channels_last", name="pad_image"
                    )
                )
            x = x.apply(
                keras.layers.Conv2D(
                    scaled(layer["filters"], width),
                    k,
                    padding="same" if padding == k // 2 else "valid",
                    data_format="channels_last",
                    activation=layer["activation"],
                    kernel_initializer=kernel_start(first),
                    name=layer["name"],
                ),
                convolution(k, padding=padding),
            )
        else:
            (k, _), (s, _) = layer["pool_size"], layer["strides"]
            x = x.apply(
                keras.layers.MaxPooling2D(
                    k,
                    s,
                    padding="same",  # rounds up; Keras' own "valid" rounds down
                    data_format="channels_last",
                    name=layer["name"],
                ),
                convolution(k, stride=s),
            )
            poolings[x.stride] = x
    return poolings


@functools.cache
def _original_layers(name: str) -> tuple[dict[str, Any], ...]:
    """Return what the layers of Keras' own VGG were told, the input left out."""
    original = VGG[name](weights=None, include_top=False)
    return tuple(layer.get_config() for layer in original.layers[1:])


def kernel_start(first: bool = False) -> keras.initializers.Initializer:
    """Return the random start of a ReLU convolution: the gain of He et al.

    Smaller gains let a plain network this deep fade out before it learns. The first
    layer's is divided by 64: its inputs are grey levels of up to 128 about zero.

    Reference:
        He et al., https://arxiv.org/abs/1502.01852, equation 10.
    """
    return keras.initializers.VarianceScaling(2.0 / 64**2 if first else 2.0)


def scaled(channels: int, width: float) -> int:
    """Return a channel count times `width`, rounded, at least 1."""
    return max(1, round(channels * width))


def _load_imagenet(name: str, model: keras.Model) -> None:
    """Fill the blocks, and fc6 and fc7 where they have VGG's sizes."""
    full = model.get_layer("fc6").kernel_size == (7, 7)
    # The fully connected layers are 494 of the 553 MB to download.
    classifier = imagenet_classifier(VGG[name], include_top=full)
    transplant(classifier, model, renamed={"fc1": "fc6", "fc2": "fc7"})

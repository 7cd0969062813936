"""VGG16 and VGG19 of `keras.applications`, their graph walked layer by layer.

Layer names (`block1_conv1` ... `block5_pool`) and sizes are read from Keras' own
model. What changes: the poolings round up, as Caffe's do; the first convolution may
be padded; the width may be scaled.
"""

from __future__ import annotations

import keras

from ..geometry import convolution
from .feature_map import FeatureMap

VGG = {"vgg16": keras.applications.VGG16, "vgg19": keras.applications.VGG19}


def apply_vgg(
    backbone: str, image: FeatureMap, *, image_padding: int = 1, width: float = 1.0
) -> dict[str, FeatureMap]:
    """Apply the convolutional blocks of VGG to an image.

    Args:
        backbone: `"vgg16"` or `"vgg19"`.
        image: The image, after preprocessing.
        image_padding: Zeros around the image that the first convolution sees, in
            pixels. Defaults to `1`, Keras' "same"; the FCN paper takes 100.
        width: Factor on every channel count. Defaults to `1.0`.

    Returns:
        The maps after each pooling: `"pool1"` (stride 2) to `"pool5"` (stride 32).

    Reference:
        Simonyan & Zisserman, https://arxiv.org/abs/1409.1556, table 1, columns
        D (VGG16) and E (VGG19).
    """
    original = VGG[backbone](weights=None, include_top=False)
    x = image
    poolings: dict[str, FeatureMap] = {}
    for layer in original.layers[1:]:  # after the input
        if isinstance(layer, keras.layers.Conv2D):
            (k, _), first = layer.kernel_size, x is image
            padding = image_padding if first else k // 2
            if padding != k // 2:
                x = x.apply(
                    keras.layers.ZeroPadding2D(
                        padding, data_format="channels_last", name="pad_image"
                    )
                )
            x = x.apply(
                keras.layers.Conv2D(
                    scaled(layer.filters, width),
                    k,
                    padding="same" if padding == k // 2 else "valid",
                    data_format="channels_last",
                    activation=layer.activation,
                    kernel_initializer=kernel_start(first),
                    name=layer.name,
                ),
                convolution(k, padding=padding),
            )
        else:
            (k, _), (s, _) = layer.pool_size, layer.strides
            x = x.apply(
                keras.layers.MaxPooling2D(
                    k,
                    s,
                    padding="same",  # rounds up; Keras' own "valid" rounds down
                    data_format="channels_last",
                    name=layer.name,
                ),
                convolution(k, stride=s),
            )
            poolings[f"pool{len(poolings) + 1}"] = x
    return poolings


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


def imagenet_classifier(backbone: str, *, include_top: bool) -> keras.Model:
    """Load Keras' ImageNet classifier that a network's first weights come from.

    Args:
        backbone: `"vgg16"` or `"vgg19"`.
        include_top: Whether the fully connected layers are wanted: 553 MB against
            59 MB to download once.

    Returns:
        The Keras model.

    Raises:
        RuntimeError: If the weights are not on this machine and cannot be
            downloaded.
    """
    try:
        return VGG[backbone](weights="imagenet", include_top=include_top)
    except Exception as error:  # Keras raises a bare Exception for a failed fetch
        raise RuntimeError(
            f"The ImageNet weights of {backbone} could not be downloaded: {error}. "
            "Connect to the internet once, put Keras' file into ~/.keras/models, or "
            "pass `weights=None` or the path of a weights file."
        ) from error

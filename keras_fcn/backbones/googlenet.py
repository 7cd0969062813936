"""GoogLeNet (Inception v1), as Caffe trained it and as torchvision has it.

Layer names are those of BVLC's prototxt, with an underscore for each slash, which
Keras forbids: `conv1_7x7_s2`, `inception_3a_5x5_reduce`, `inception_3a_output`. The
two auxiliary classifiers, which only helped to train it, are left out.
"""

from __future__ import annotations

from dataclasses import dataclass

import keras

from ..geometry import convolution
from ..layers import LocalResponseNormalization
from ..suggestions import require_choice
from .caffe_layers import convolve, convolve_image, max_pool
from .feature_map import FeatureMap
from .vgg import scaled


@dataclass(frozen=True)
class GoogLeNetVariant:
    """What differs between the two networks of this name."""

    large_kernel: int  # of the branch called 5x5
    last_pool_kernel: int  # of the pooling before inception 5a
    normalized: bool  # whether pool1 and conv2 are followed by a normalisation


VARIANTS = {
    "caffe": GoogLeNetVariant(5, 3, True),
    # From TensorFlow's; its batch normalisation is part of each kernel and bias.
    "torchvision": GoogLeNetVariant(3, 2, False),
}

# Output channels of each module's convolutions, in the order of table 1: 1x1,
# 3x3_reduce, 3x3, 5x5_reduce, 5x5, pool_proj.
INCEPTIONS = {
    "3a": (64, 96, 128, 16, 32, 32),
    "3b": (128, 128, 192, 32, 96, 64),
    "4a": (192, 96, 208, 16, 48, 64),
    "4b": (160, 112, 224, 24, 64, 64),
    "4c": (128, 128, 256, 24, 64, 64),
    "4d": (112, 144, 288, 32, 64, 64),
    "4e": (256, 160, 320, 32, 128, 128),
    "5a": (256, 160, 320, 32, 128, 128),
    "5b": (384, 192, 384, 48, 128, 128),
}


def apply_googlenet(
    image: FeatureMap,
    *,
    image_padding: int = 100,
    width: float = 1.0,
    variant: str = "caffe",
) -> dict[int, FeatureMap]:
    """Apply the convolutional part of GoogLeNet to an image.

    Args:
        image: The image, after preprocessing.
        image_padding: Zeros around the image that conv1 sees, in pixels. Defaults to
            `100`, enough for any image.
        width: Factor on every channel count. Defaults to `1.0`.
        variant: `"caffe"`, or `"torchvision"`: no local response normalisation, 3x3
            kernels in the branches called 5x5, and a 2x2 pooling before 5a. Defaults
            to `"caffe"`.

    Returns:
        The maps of inception 3b, 4e and 5b by their strides: 8, 16 and 32.

    Raises:
        ValueError: If `variant` is another word.

    Example:
        >>> import keras
        >>> image = FeatureMap(keras.Input((None, None, 3)))
        >>> maps = apply_googlenet(image, width=0.1)
        >>> {stride: x.name[:12] for stride, x in maps.items()}
        {8: 'inception_3b', 16: 'inception_4e', 32: 'inception_5b'}

    Reference:
        Szegedy et al., https://arxiv.org/abs/1409.4842, table 1 and figure 3;
        `models/bvlc_googlenet` of https://github.com/BVLC/caffe.
    """
    require_choice("variant", variant, VARIANTS)
    net = VARIANTS[variant]
    k4 = net.last_pool_kernel
    x = convolve_image(image, scaled(64, width), 7, 2, image_padding, "conv1_7x7_s2")
    x = max_pool(x, 3, 2, "pool1_3x3_s2")  # stride 4
    if net.normalized:
        x = x.apply(LocalResponseNormalization(name="pool1_norm1"))
    x = convolve(x, scaled(64, width), 1, "conv2_3x3_reduce")
    x = convolve(x, scaled(192, width), 3, "conv2_3x3")
    if net.normalized:
        x = x.apply(LocalResponseNormalization(name="conv2_norm2"))
    x = max_pool(x, 3, 2, "pool2_3x3_s2")  # stride 8
    maps: dict[int, FeatureMap] = {}
    for module, channels in INCEPTIONS.items():
        if module == "4a":
            x = max_pool(x, 3, 2, "pool3_3x3_s2")  # stride 16
        elif module == "5a":
            x = max_pool(x, k4, 2, f"pool4_{k4}x{k4}_s2")  # stride 32
        widths = [scaled(c, width) for c in channels]
        x = _inception(x, f"inception_{module}", widths, net.large_kernel)
        maps[x.stride] = x
    return maps


def _inception(
    x: FeatureMap, name: str, channels: list[int], large_kernel: int
) -> FeatureMap:
    """Apply the four branches of an inception module, one beside the other."""
    c1, c3_reduce, c3, c5_reduce, c5, projection = channels
    reduced3 = convolve(x, c3_reduce, 1, f"{name}_3x3_reduce")
    reduced5 = convolve(x, c5_reduce, 1, f"{name}_5x5_reduce")
    pooled = x.apply(
        keras.layers.MaxPooling2D(
            3, 1, padding="same", data_format="channels_last", name=f"{name}_pool"
        ),
        convolution(3, padding=1),
    )
    branches = [
        convolve(x, c1, 1, f"{name}_1x1"),
        convolve(reduced3, c3, 3, f"{name}_3x3"),
        convolve(reduced5, c5, large_kernel, f"{name}_5x5"),
        convolve(pooled, projection, 1, f"{name}_pool_proj"),
    ]
    layer = keras.layers.Concatenate(axis=-1, name=f"{name}_output")
    output = layer([branch.tensor for branch in branches])
    (place,) = {branch.coordinates for branch in branches}  # they lie on each other
    return FeatureMap(output, place, name=layer.name)

"""AlexNet, as Caffe trained it (CaffeNet) and as torchvision did.

Layer names (`conv1`, `pool1`, `norm1`, ... `pool5`) are those of CaffeNet's prototxt
and of the FCN authors' `net.py`.
"""

from __future__ import annotations

from dataclasses import dataclass

from ..layers import LocalResponseNormalization
from ..suggestions import require_choice
from .caffe_layers import convolve, convolve_image, max_pool
from .feature_map import FeatureMap
from .vgg import scaled

FC6_KERNEL = 6  # pixels a side of pool5 on the images that AlexNet was trained on


@dataclass(frozen=True)
class AlexNetVariant:
    """What differs between the two networks of this name."""

    channels: tuple[int, int, int, int, int]  # of conv1 to conv5
    groups: int  # of conv2, conv4 and conv5
    normalized: bool  # whether pool1 and pool2 are followed by norm1 and norm2


VARIANTS = {
    # BVLC's reference CaffeNet: pooling before normalisation, unlike the first paper.
    "caffenet": AlexNetVariant((96, 256, 384, 384, 256), 2, True),
    # "One weird trick": a single tower.
    "torchvision": AlexNetVariant((64, 192, 384, 256, 256), 1, False),
}


def apply_alexnet(
    image: FeatureMap,
    *,
    image_padding: int = 100,
    width: float = 1.0,
    variant: str = "caffenet",
) -> dict[int, FeatureMap]:
    """Apply the convolutional part of AlexNet to an image.

    Args:
        image: The image, after preprocessing.
        image_padding: Zeros around the image that conv1 sees, in pixels. Defaults to
            `100`, the FCN authors', enough for any image.
        width: Factor on every channel count; each stays a multiple of the groups.
            Defaults to `1.0`.
        variant: `"caffenet"`, with local response normalisation and convolutions in
            two groups, or `"torchvision"`, without and with fewer channels. Defaults
            to `"caffenet"`.

    Returns:
        The maps of conv2, conv5 and pool5 by their strides: 8, 16 and 32.

    Raises:
        ValueError: If `variant` is another word.

    Example:
        >>> import keras
        >>> image = FeatureMap(keras.Input((None, None, 3)))
        >>> maps = apply_alexnet(image, width=0.1)
        >>> {stride: x.name for stride, x in maps.items()}
        {8: 'conv2', 16: 'conv5', 32: 'pool5'}

    Reference:
        Long et al., https://arxiv.org/abs/1411.4038, section 4.1, and
        `voc-fcn-alexnet/net.py` of
        https://github.com/shelhamer/fcn.berkeleyvision.org; Krizhevsky, "One weird
        trick", https://arxiv.org/abs/1404.5997 (`"torchvision"`).
    """
    require_choice("variant", variant, VARIANTS)
    net = VARIANTS[variant]
    groups = net.groups
    c1, c2, c3, c4, c5 = (groups * scaled(c // groups, width) for c in net.channels)
    x = convolve_image(image, c1, 11, 4, image_padding, "conv1")  # stride 4
    x = max_pool(x, 3, 2, "pool1")  # stride 8
    if net.normalized:
        x = x.apply(LocalResponseNormalization(name="norm1"))
    conv2 = convolve(x, c2, 5, "conv2", groups)
    x = max_pool(conv2, 3, 2, "pool2")  # stride 16
    if net.normalized:
        x = x.apply(LocalResponseNormalization(name="norm2"))
    x = convolve(x, c3, 3, "conv3")
    x = convolve(x, c4, 3, "conv4", groups)
    conv5 = convolve(x, c5, 3, "conv5", groups)
    pool5 = max_pool(conv5, 3, 2, "pool5")  # stride 32
    return {8: conv2, 16: conv5, 32: pool5}

"""The three networks, side by side: the paper's figure 3, read top to bottom.

Layer names are those of the authors' `net.py` (`score_fr`, `upscore2`,
`score_pool4`, `fuse_pool4`, ...; https://github.com/shelhamer/fcn.berkeleyvision.org,
commit 1305c73) and of `keras.applications` (`block1_conv1` ... `block5_pool`). What
each step is made of stands in `assembly.py`.
"""

from __future__ import annotations

import os
from typing import Any

import keras

from .assembly import Assembly


def build_fcn32s(
    input_shape: tuple[int | None, int | None, int] = (None, None, 3),
    num_classes: int = 21,
    *,
    weights: str | os.PathLike[str] | None = "imagenet",
    backbone: str = "vgg16",
    topology: str = "paper",
    upsampling: str = "fixed",
    width: float = 1.0,
    dropout: float = 0.5,
    classifier_activation: Any = None,
    include_preprocessing: bool = True,
    name: str = "fcn32s",
) -> keras.Model:
    """Build FCN-32s: VGG's scores at stride 32, upsampled 32 times in one step.

    | feature map | stride |
    | --- | --- |
    | `score_fr` | 32 |
    | `upscore32`, `score` | 1 |

    The arguments, the image expected, the logits returned and the errors raised are
    those of `build_fcn8s`.

    Example:
        The paper's 134 million parameters:

        >>> build_fcn32s(weights=None).count_params()
        134346581

    Reference:
        Long, Shelhamer, Darrell, "Fully Convolutional Networks for Semantic
        Segmentation", https://arxiv.org/abs/1411.4038, section 4.1.
    """
    net = Assembly(**locals())
    image, _, _, fc7 = net.trunk()
    score = net.score(fc7, "score_fr")  # stride 32
    score = net.upscore(score, 32, "upscore32")  # stride 1
    return net.model(image, score)


def build_fcn16s(
    input_shape: tuple[int | None, int | None, int] = (None, None, 3),
    num_classes: int = 21,
    *,
    weights: str | os.PathLike[str] | None = "imagenet",
    backbone: str = "vgg16",
    topology: str = "paper",
    upsampling: str = "fixed",
    width: float = 1.0,
    dropout: float = 0.5,
    classifier_activation: Any = None,
    include_preprocessing: bool = True,
    name: str = "fcn16s",
) -> keras.Model:
    """Build FCN-16s: FCN-32s with a skip from pool4.

    | feature map | stride |
    | --- | --- |
    | `score_fr` | 32 |
    | `upscore2`, `score_pool4`, `fuse_pool4` | 16 |
    | `upscore16`, `score` | 1 |

    The arguments, the image expected, the logits returned and the errors raised are
    those of `build_fcn8s`.

    Example:
        >>> model = build_fcn16s(num_classes=2, weights=None, width=0.02)
        >>> model.get_layer("score_pool4").strides
        (1, 1)

    Reference:
        Long, Shelhamer, Darrell, "Fully Convolutional Networks for Semantic
        Segmentation", https://arxiv.org/abs/1411.4038, section 4.2.
    """
    net = Assembly(**locals())
    image, _, pool4, fc7 = net.trunk()
    score = net.score(fc7, "score_fr")  # stride 32
    score = net.upscore(score, 2, "upscore2")  # stride 16
    score = net.fuse(score, net.score(pool4, "score_pool4"), "fuse_pool4")
    score = net.upscore(score, 16, "upscore16")  # stride 1
    return net.model(image, score)


def build_fcn8s(
    input_shape: tuple[int | None, int | None, int] = (None, None, 3),
    num_classes: int = 21,
    *,
    weights: str | os.PathLike[str] | None = "imagenet",
    backbone: str = "vgg16",
    topology: str = "paper",
    upsampling: str = "fixed",
    width: float = 1.0,
    dropout: float = 0.5,
    classifier_activation: Any = None,
    include_preprocessing: bool = True,
    name: str = "fcn8s",
) -> keras.Model:
    """Build FCN-8s: FCN-16s with a second skip, from pool3.

    | feature map | stride |
    | --- | --- |
    | `score_fr` | 32 |
    | `upscore2`, `score_pool4`, `fuse_pool4` | 16 |
    | `upscore_pool4`, `score_pool3`, `fuse_pool3` | 8 |
    | `upscore8`, `score` | 1 |

    The model takes RGB images `(batch, height, width, 3)` of grey levels 0..255, of
    any height and width from 1 pixel up, and returns logits `(batch, height, width,
    num_classes)`, float32, of exactly the image's size. Conversion to BGR and mean
    subtraction are its first layer. All score layers start at zero.

    Args:
        input_shape: `(height, width, channels)` of one image, `None` for any.
            Defaults to `(None, None, 3)`.
        num_classes: Number of classes, the background included. Defaults to `21`,
            those of PASCAL VOC.
        weights: `"imagenet"` fills the blocks, fc6 and fc7 from Keras' ImageNet
            classifier, whose fully connected layers become convolutions (a 553 MB
            download, once); a path loads a `.safetensors` or `.weights.h5` file of
            this very model; `None` starts at random. Defaults to `"imagenet"`.
        backbone: `"vgg16"` or `"vgg19"`. Defaults to `"vgg16"`.
        topology: `"paper"` pads the image by 100, leaves fc6 (7x7) and the
            upsamplings unpadded and crops at derived offsets; `"same"` pads fc6
            instead, which costs half as much on a 500x500 image; `"pointwise"` is
            the common exercise: 1x1 fc6 and fc7 without ReLU, dropout of whole
            channels, upsampling kernels 2s with stride s and, when learned, with
            biases. `"pointwise"` has no place for VGG's 7x7 fc1, so `"imagenet"`
            fills its convolutional blocks only. Defaults to `"paper"`.
        upsampling: `"fixed"` interpolates bilinearly and has no weights, as in the
            authors' networks; `"learned"` is a `Conv2DTranspose` that starts as the
            same function. Defaults to `"fixed"`.
        width: Factor on every channel count of the backbone, fc6 and fc7, for tests
            and small machines. Defaults to `1.0`.
        dropout: Rate of the two dropouts, after fc6 and fc7. Defaults to `0.5`.
        classifier_activation: Activation of the result, `"softmax"` for example.
            Defaults to `None`: logits.
        include_preprocessing: Whether the model turns RGB 0..255 into
            mean-subtracted BGR itself. Defaults to `True`.
        name: Name of the model.

    Returns:
        A functional `keras.Model`.

    Raises:
        ValueError: If an argument is not as above, or a weights file belongs to
            another architecture; every layer that differs is named.
        FileNotFoundError: If `weights` is a path where no file is.
        RuntimeError: If the ImageNet weights cannot be downloaded.

    Example:
        >>> import numpy as np
        >>> model = build_fcn8s(weights=None, width=0.02)
        >>> photo = np.zeros((1, 33, 21, 3), "uint8")
        >>> tuple(model(photo).shape)
        (1, 33, 21, 21)

    Reference:
        Long, Shelhamer, Darrell, "Fully Convolutional Networks for Semantic
        Segmentation", https://arxiv.org/abs/1411.4038, figure 3 and section 4.2.
    """
    net = Assembly(**locals())
    image, pool3, pool4, fc7 = net.trunk()
    score = net.score(fc7, "score_fr")  # stride 32
    score = net.upscore(score, 2, "upscore2")  # stride 16
    score = net.fuse(score, net.score(pool4, "score_pool4"), "fuse_pool4")
    score = net.upscore(score, 2, "upscore_pool4")  # stride 8
    score = net.fuse(score, net.score(pool3, "score_pool3"), "fuse_pool3")
    score = net.upscore(score, 8, "upscore8")  # stride 1
    return net.model(image, score)

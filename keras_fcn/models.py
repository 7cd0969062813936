"""The three networks, side by side: the paper's figure 3, read top to bottom.

Layer names are those of the authors' `net.py` (`score_fr`, `upscore2`,
`score_pool4`, `fuse_pool4`, ...; https://github.com/shelhamer/fcn.berkeleyvision.org,
commit 1305c73) and of `keras.applications` (`block1_conv1` ... `block5_pool`). What
each step is made of stands in `assembly/steps.py`.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

import keras

from .assembly import Assembly
from .backbones import Backbone


def build_fcn32s(
    input_shape: tuple[int | None, int | None, int] = (None, None, 3),
    num_classes: int = 21,
    *,
    weights: str | os.PathLike[str] | None = "imagenet",
    backbone: str | keras.Model | Backbone = "vgg16",
    endpoints: Mapping[int, str] | None = None,
    topology: str | None = None,
    upsampling: str = "fixed",
    width: float = 1.0,
    dropout: float = 0.5,
    classifier_activation: Any = None,
    include_preprocessing: bool | str = True,
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
    net = Assembly(stride=32, **locals())
    image, _, _, fc7 = net.trunk()
    score = net.score(fc7, "score_fr")
    score = net.upscore(score, image, "upscore32")
    return net.model(image, score)


def build_fcn16s(
    input_shape: tuple[int | None, int | None, int] = (None, None, 3),
    num_classes: int = 21,
    *,
    weights: str | os.PathLike[str] | None = "imagenet",
    backbone: str | keras.Model | Backbone = "vgg16",
    endpoints: Mapping[int, str] | None = None,
    topology: str | None = None,
    upsampling: str = "fixed",
    width: float = 1.0,
    dropout: float = 0.5,
    classifier_activation: Any = None,
    include_preprocessing: bool | str = True,
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
    net = Assembly(stride=16, **locals())
    image, _, pool4, fc7 = net.trunk()
    score = net.score(fc7, "score_fr")
    score = net.upscore(score, pool4, "upscore2")
    score = net.fuse(score, pool4, "pool4")  # score_pool4, fuse_pool4
    score = net.upscore(score, image, "upscore16")
    return net.model(image, score)


def build_fcn8s(
    input_shape: tuple[int | None, int | None, int] = (None, None, 3),
    num_classes: int = 21,
    *,
    weights: str | os.PathLike[str] | None = "imagenet",
    backbone: str | keras.Model | Backbone = "vgg16",
    endpoints: Mapping[int, str] | None = None,
    topology: str | None = None,
    upsampling: str = "fixed",
    at_once: bool = False,
    width: float = 1.0,
    dropout: float = 0.5,
    classifier_activation: Any = None,
    include_preprocessing: bool | str = True,
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
        weights: `"imagenet"` begins with an ImageNet classifier, whose fully connected
            layers become convolutions (for VGG16 Keras' own, a 553 MB download,
            once); the name or the file of published weights (`.caffemodel`, `.pth`)
            begins with those; a `.safetensors` or `.weights.h5` file restores this
            very model; `None` starts at random. Defaults to `"imagenet"`.
        backbone: `"vgg16"`, `"vgg19"`, `"alexnet"`, `"googlenet"` (these two with
            `_torchvision` for its variants), a name of `keras.applications` such as
            `"ResNet50"`, a functional Keras model, which keeps its own weights, or a
            `keras_fcn.backbones.Backbone`. Defaults to `"vgg16"`.
        endpoints: For a Keras model the names of the layers that the scores are
            computed from, `{8: "...", 16: "...", 32: "..."}` by stride; 16 and 32 may
            be left out. Defaults to the last layer of each stride.
        topology: `"paper"` pads the image by 100, leaves fc6 (VGG: 7x7) and the
            upsamplings unpadded and crops at derived offsets; `"same"` pads fc6
            instead, which costs half as much on a 500x500 image; `"pointwise"` is
            the common exercise: 1x1 fc6 and fc7 without ReLU, dropout of whole
            channels, upsampling kernels 2s with stride s and, when learned, with
            biases. `"pointwise"` has no place for VGG's 7x7 fc1, so `"imagenet"`
            fills its convolutional blocks only. VGG has all three, AlexNet and
            GoogLeNet `"paper"`, Keras models `"same"`, their image continued to whole
            strides. Defaults to the backbone's own, for VGG `"paper"`.
        upsampling: `"fixed"` interpolates bilinearly and has no weights, as in the
            authors' networks; `"learned"` is a `Conv2DTranspose` that starts as the
            same function. Defaults to `"fixed"`.
        at_once: Whether the skips' features are scaled by 0.01 (pool4) and 0.0001
            (pool3), so that all can be trained at once, not stage by stage. Defaults
            to `False`.
        width: Factor on every channel count of the backbone, fc6 and fc7, for tests
            and small machines. Defaults to `1.0`.
        dropout: Rate of the two dropouts, after fc6 and fc7. Defaults to `0.5`.
        classifier_activation: Activation of the result, `"softmax"` for example.
            Defaults to `None`: logits.
        include_preprocessing: Whether the model itself turns RGB 0..255 into what
            its backbone expects: for VGG BGR less its mean, in `"paper"` the mean
            that the authors took; or which of Keras' `"caffe"`, `"tf"` and `"torch"`
            that is. Defaults to `True`.
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

        On another backbone, with skips from two layers of it:

        >>> import keras
        >>> mobile = keras.applications.MobileNetV2(include_top=False, weights=None)
        >>> ends = {8: "block_5_add", 16: "block_12_add", 32: "out_relu"}
        >>> build_fcn8s(backbone=mobile, endpoints=ends).name
        'fcn8s'

    Reference:
        Long, Shelhamer, Darrell, "Fully Convolutional Networks for Semantic
        Segmentation", https://arxiv.org/abs/1411.4038, figure 3 and section 4.2.
    """
    net = Assembly(stride=8, **locals())
    image, pool3, pool4, fc7 = net.trunk()
    score = net.score(fc7, "score_fr")
    score = net.upscore(score, pool4, "upscore2")
    score = net.fuse(score, pool4, "pool4")  # score_pool4, fuse_pool4
    score = net.upscore(score, pool3, "upscore_pool4")
    score = net.fuse(score, pool3, "pool3")  # score_pool3, fuse_pool3
    score = net.upscore(score, image, "upscore8")
    return net.model(image, score)

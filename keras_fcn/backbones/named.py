"""The backbones that have a name."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Mapping

import keras

from ..suggestions import require_choice
from ..weights import fill
from .alexnet import FC6_KERNEL, apply_alexnet
from .backbone import Backbone
from .googlenet import apply_googlenet
from .imagenet import imagenet_classifier
from .keras_model import keras_backbone
from .vgg import vgg_backbone

# "alexnet" and "googlenet" are Caffe's, as the authors used them.
BACKBONES = {
    "vgg16": vgg_backbone("vgg16"),
    "vgg19": vgg_backbone("vgg19"),
    **{
        name: Backbone(
            functools.partial(apply_alexnet, variant=variant),
            preprocessing,
            topologies=("paper",),
            fc6_kernel=FC6_KERNEL,
            padded_to=1,
            scalable=True,
            load_imagenet=functools.partial(fill, source=published),
        )
        for name, variant, preprocessing, published in (
            ("alexnet", "caffenet", "caffe", "bvlc_reference_caffenet"),
            ("alexnet_torchvision", "torchvision", "torch", "torchvision_alexnet"),
        )
    },
    **{
        name: Backbone(
            functools.partial(apply_googlenet, variant=variant),
            preprocessing,
            topologies=("paper",),
            padded_to=1,
            scalable=True,
            load_imagenet=functools.partial(fill, source=published),
        )
        for name, variant, preprocessing, published in (
            ("googlenet", "caffe", "caffe", "bvlc_googlenet"),
            ("googlenet_torchvision", "torchvision", "tf", "torchvision_googlenet"),
        )
    },
}

# Every other network of Keras by the name of its builder: "ResNet50". NASNets add maps
# of sizes that agree for some images only.
KERAS_APPLICATIONS = tuple(
    name
    for name, build in vars(keras.applications).items()
    if inspect.isfunction(build)
    and name.lower() not in BACKBONES
    and not name.startswith("NASNet")
)


def find_backbone(
    name: str, endpoints: Mapping[int, str] | None = None, *, pretrained: bool = False
) -> Backbone:
    """Return a backbone by its name.

    Args:
        name: One of `BACKBONES`, or a builder of `keras.applications`: "ResNet50".
        endpoints: As in `keras_backbone`, for the latter.
        pretrained: Whether one of `keras.applications` shall come with its ImageNet
            weights. Defaults to `False`.

    Raises:
        ValueError: If there is none; the nearest name is suggested. If `endpoints`
            are not as they should be.
        RuntimeError: If the ImageNet weights cannot be downloaded.
    """
    require_backbone(name)
    if name in BACKBONES:
        if endpoints is not None:
            raise ValueError(
                "`endpoints` must go with a Keras model or a name of "
                f"`keras.applications`. Received: backbone={name!r}, "
                f"endpoints={endpoints!r}. Leave them out."
            )
        return BACKBONES[name]
    build = getattr(keras.applications, name)
    options = {"include_top": False, "input_shape": (None, None, 3)}
    if pretrained:
        return keras_backbone(imagenet_classifier(build, **options), endpoints)
    return keras_backbone(build(weights=None, **options), endpoints)


def require_backbone(name: str) -> None:
    """Raise a `ValueError` if no backbone has this name."""
    require_choice("backbone", name, (*BACKBONES, *KERAS_APPLICATIONS))


def topologies_of(name: str) -> tuple[str, ...]:
    """Return the topologies of a backbone by its name, its own first."""
    require_backbone(name)
    return BACKBONES[name].topologies if name in BACKBONES else ("same",)

"""Which network a published file belongs to, told by its tensors.

Knows the layer names of fully convolutional networks and the words that
`keras_fcn.build_fcn8s` takes; builds nothing.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..caffe import caffe_target, read_caffemodel
from ..files import WeightsFormatError
from ..placement import is_bilinear
from ..pytorch import read_state_dict, recognize_family

# The network whose finest score this is.
FINEST_SCORES = {"score_pool3": "fcn8s", "score_pool4": "fcn16s", "score_fr": "fcn32s"}
# How many channels the widest layer of each backbone has at width 1.
WIDEST = {"fc7": 4096, "inception_5b_1x1": 384}


@dataclass(frozen=True)
class Recognized:
    """A network, in the words of `build_fcn8s`.

    Args:
        model: `"fcn32s"`, `"fcn16s"`, `"fcn8s"` or `"fcn8s_atonce"`; `None` for a
            classifier, which has no scores.
        backbone: Its backbone.
        topology: `"pointwise"`, or `None`: the backbone's own.
        upsampling: `"fixed"` if all its kernels are bilinear, else `"learned"`.
        num_classes: How many classes it scores; `0` for a classifier.
        width: Factor on its channel counts.
    """

    model: str | None
    backbone: str
    topology: str | None
    upsampling: str
    num_classes: int
    width: float


def read_tensors(path: str | os.PathLike[str]) -> dict[str, np.ndarray]:
    """Read a published file under our names, in the file's own layout.

    Args:
        path: A `.caffemodel`, `.pth`, `.pt` or `.safetensors` file.

    Returns:
        Arrays by `layer/variable`. Tensors without a name of ours are left out.

    Raises:
        FileNotFoundError: If there is no such file.
        WeightsFormatError: If it is broken, or its names are of no known network.
    """
    tensors = {}
    if Path(path).suffix != ".caffemodel":
        state_dict = read_state_dict(path)
        try:
            layers = recognize_family(state_dict).layers
        except ValueError as error:
            raise WeightsFormatError(
                f"{os.fspath(path)!r} must be of a network that is known here. "
                f"Received: {error}"
            ) from error
        for name, array in state_dict.items():
            module, _, kind = name.rpartition(".")
            if module in layers and kind in ("weight", "bias"):
                variable = "kernel" if kind == "weight" else "bias"
                tensors[f"{layers[module]}/{variable}"] = array
        return tensors
    for layer in read_caffemodel(path):
        taps = layer.blobs[0].shape[-1] if layer.blobs and layer.blobs[0].ndim else None
        name = caffe_target(layer.name, taps)
        for variable, blob in zip(("kernel", "bias"), layer.blobs, strict=False):
            tensors[f"{name}/{variable}"] = blob
    return tensors


def recognize(tensors: Mapping[str, np.ndarray]) -> Recognized | None:
    """Tell which network tensors belong to, from their names and shapes.

    Args:
        tensors: Arrays of `read_tensors`.

    Returns:
        The network, or `None` if it is none that we know.

    Example:
        >>> kernel = np.zeros((64, 3, 3, 3))
        >>> vgg = recognize({"block1_conv1/kernel": kernel})
        >>> vgg.backbone, vgg.model
        ('vgg16', None)
    """
    shapes = {
        name.removesuffix("/kernel"): tensor.shape
        for name, tensor in tensors.items()
        if name.endswith("/kernel")
    }
    backbone = _backbone(shapes)
    if backbone is None:
        return None
    model = next((net for score, net in FINEST_SCORES.items() if score in shapes), None)
    if model == "fcn8s" and "scale_pool3" in shapes:
        model = "fcn8s_atonce"
    pointwise = shapes.get("fc6", (0,))[-2:] == (1, 1)
    fixed = all(
        is_bilinear(tensor) if name.endswith("/kernel") else not tensor.any()
        for name, tensor in tensors.items()
        if name.startswith("upscore")
    )
    width = next((shapes[k][0] / n for k, n in WIDEST.items() if k in shapes), 1.0)
    return Recognized(
        model=model,
        backbone=backbone,
        topology="pointwise" if pointwise else None,
        upsampling="fixed" if fixed else "learned",
        num_classes=shapes["score_fr"][0] if "score_fr" in shapes else 0,
        width=width,
    )


def _backbone(shapes: Mapping[str, tuple[int, ...]]) -> str | None:
    if "block1_conv1" in shapes:
        return "vgg19" if "block3_conv4" in shapes else "vgg16"
    if "conv1_7x7_s2" in shapes:
        # torchvision's 5x5 convolutions have 3x3 kernels.
        torchvision = shapes.get("inception_3a_5x5", (5,))[-1] == 3
        return "googlenet_torchvision" if torchvision else "googlenet"
    if "conv1" in shapes and len(shapes.get("conv2", ())) == 4:
        # Caffe's second convolution sees half of the first one's channels.
        whole = shapes["conv2"][1] == shapes["conv1"][0]
        return "alexnet_torchvision" if whole else "alexnet"
    return None

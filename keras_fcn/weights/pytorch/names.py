"""Which layers of ours the names in PyTorch state dicts belong to."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

FAMILIES = """\
  - the FCN exercise: conv1.0.weight, ..., up_score.weight, or vgg.0.0.weight, ...
  - wkentaro/pytorch-fcn: conv1_1.weight, ..., upscore.weight
  - torchvision's VGG16, VGG19 and AlexNet: features.0.weight, ...
  - torchvision's GoogLeNet: inception3a.branch1.conv.weight, ..."""


@dataclass(frozen=True)
class Family:
    """How one family of networks names its modules.

    Args:
        layers: Our layer of each module that has a place.
        preprocessing: What the weights expect of an image; `None`: not known.
        left_over: Patterns of tensors that need no place. Defaults to `()`.
        epsilon: What its batch normalisations add to the variance. Defaults to
            `1e-5`, PyTorch's.
    """

    layers: Mapping[str, str]
    preprocessing: str | None
    left_over: tuple[str, ...] = ()
    epsilon: float = 1e-5


def recognize_family(tensors: Mapping[str, np.ndarray]) -> Family:
    """Tell from the names of a state dict what network it is of.

    Args:
        tensors: The tensors by name, `"MODULE.weight"` and the like.

    Returns:
        The family, with a layer of ours for each module of the state dict.

    Raises:
        ValueError: If the family is not known; the message lists those that are.

    Example:
        >>> family = recognize_family({"conv1_1.weight": np.zeros((64, 3, 3, 3))})
        >>> family.layers, family.preprocessing
        ({'conv1_1': 'block1_conv1'}, 'caffe')
    """
    modules = list(dict.fromkeys(name.rpartition(".")[0] for name in tensors))
    convolutions = {
        name.rpartition(".")[0]: array.shape
        for name, array in tensors.items()
        if name.endswith(".weight") and array.ndim == 4
    }
    if "conv1_1" in convolutions:
        return Family(_known(modules, _wkentaro), preprocessing="caffe")
    if "inception3a.branch1.conv" in convolutions:
        return _googlenet(modules)
    if "features.0" in convolutions:
        return _torchvision(convolutions)
    if {"conv1.0", "vgg.0.0", "fcn.0.0", "fcn.0.0.0"} & set(convolutions):
        return _exercise(modules, convolutions)
    names = ", ".join(repr(name[:100]) for name in list(tensors)[:5])
    raise ValueError(
        f"its names begin {names}. Known are:\n{FAMILIES}\n"
        "Rename its tensors after one of these, or copy its arrays with "
        "`layer.set_weights`."
    )


def _known(modules: Iterable[str], layer_of) -> dict[str, str]:
    found = {module: layer_of(module) for module in modules}
    return {module: layer for module, layer in found.items() if layer}


def _wkentaro(module: str) -> str | None:
    """Name a layer of https://github.com/wkentaro/pytorch-fcn, `torchfcn/models`."""
    block = re.fullmatch(r"conv([1-5])_([1-4])", module)
    if block:
        return f"block{block[1]}_conv{block[2]}"
    if module == "upscore":
        return "upscore32"
    ours = r"fc6|fc7|score_fr|score_pool[34]|upscore(2|8|16|_pool4)"
    return module if re.fullmatch(ours, module) else None


def _vgg_blocks(features: str, convolutions: Iterable[str]) -> dict[str, str]:
    """Name the convolutions of a `Sequential` of VGG's features.

    Within a block each convolution stands two places after the one before, three
    with batch normalisation; a pooling between them makes it one more.
    """
    numbers = sorted(
        int(module.removeprefix(features))
        for module in convolutions
        if re.fullmatch(re.escape(features) + r"\d{1,3}", module)
    )
    gaps = [b - a for a, b in itertools.pairwise(numbers)]
    usual = min(gaps, default=0)
    layers = {}
    block, place = 1, 0
    for number, gap in zip(numbers, [0, *gaps], strict=False):
        block, place = (block + 1, 1) if gap > usual else (block, place + 1)
        layers[f"{features}{number}"] = f"block{block}_conv{place}"
    return layers


def _torchvision(convolutions: Mapping[str, tuple[int, ...]]) -> Family:
    """Name the layers of `torchvision/models/vgg.py` and `alexnet.py`."""
    if convolutions["features.0"][-1] == 11:
        numbers = {f"features.{n}": i + 1 for i, n in enumerate((0, 3, 6, 8, 10))}
        layers = {module: f"conv{i}" for module, i in numbers.items()}
        classifier = {"classifier.1": "fc6", "classifier.4": "fc7"}
    else:
        layers = _vgg_blocks("features.", convolutions)
        classifier = {"classifier.0": "fc6", "classifier.3": "fc7"}
        if len(layers) not in (13, 16):
            raise ValueError(
                f"it is a VGG of {len(layers)} convolutions. Take VGG16, which has "
                "13, or VGG19, which has 16."
            )
    left_over = ("classifier.6.*", "*.num_batches_tracked")
    return Family(layers | classifier, "torch", left_over)


def _googlenet(modules: Iterable[str]) -> Family:
    """Name the layers of `torchvision/models/googlenet.py`."""
    stem = {
        "conv1.conv": "conv1_7x7_s2",
        "conv2.conv": "conv2_3x3_reduce",
        "conv3.conv": "conv2_3x3",
    }
    branches = {
        "1": "1x1",
        "2.0": "3x3_reduce",
        "2.1": "3x3",
        "3.0": "5x5_reduce",  # and a 3x3, as TensorFlow's
        "3.1": "5x5",
        "4.1": "pool_proj",
    }

    def layer(module: str) -> str | None:
        found = re.fullmatch(r"inception([345][a-e])\.branch([\d.]+)\.conv", module)
        if found and found[2] in branches:
            return f"inception_{found[1]}_{branches[found[2]]}"
        return stem.get(module)

    # Trained by TensorFlow on grey levels from -1 to 1: torchvision's
    # `transform_input` takes its own scaling back before the first convolution.
    return Family(
        _known(modules, layer),
        preprocessing="tf",
        left_over=("aux1.*", "aux2.*", "fc.*", "*.num_batches_tracked"),
        epsilon=1e-3,
    )


# The exercise's scores and upsamplings. `fcn.N` is a `Sequential` of all the modules,
# those of one `conv1` ... `up_score` (longer) or those around one `vgg`.
_EXERCISE = {
    "conv1x1_conv4": "score_pool4",
    "conv1x1_conv3": "score_pool3",
    "up_score_conv5": "upscore2",
    "up_score_conv4_5": "upscore_pool4",
    **dict.fromkeys(("fc6", "fc6.0", "fcn.5.0", "vgg.1.0", "fcn.0.1.0"), "fc6"),
    **dict.fromkeys(("fc7", "fc7.0", "fcn.6.0", "fcn.1"), "fc7"),
    **dict.fromkeys(("score", "fcn.7", "fcn.3"), "score_fr"),
}
_LAST_UPSAMPLINGS = ("up_score", "fcn.8", "fcn.4")


def _exercise(modules: list[str], convolutions: Iterable[str]) -> Family:
    """Name the layers of the course's FCN-32s, 16s and 8s, in both their ways."""
    vgg = {
        **_vgg_blocks("vgg.0.", convolutions),
        **_vgg_blocks("fcn.0.0.", convolutions),
    }
    factor = 16 if "conv1x1_conv4" in modules else 32
    factor = 8 if "conv1x1_conv3" in modules else factor
    unused = _unused(modules, skips=factor < 32)

    def layer(module: str) -> str | None:
        if module in unused:
            return None
        if module in _LAST_UPSAMPLINGS:
            return f"upscore{factor}"
        # `fcn.0` is `conv1`, unless it is a whole VGG.
        own = re.fullmatch(r"(conv|fcn\.)(\d)\.(\d{1,2})", module)
        if own and 1 <= (b := int(own[2]) + (own[1] != "conv")) <= 5:
            return f"block{b}_conv{int(own[3]) // 2 + 1}"
        return vgg.get(module) or _EXERCISE.get(module)

    left_over = (*(f"{module}.*" for module in unused), "*.num_batches_tracked")
    return Family(_known(modules, layer), preprocessing=None, left_over=left_over)


def _unused(modules: Iterable[str], *, skips: bool) -> set[str]:
    """Return the modules that the exercise's code makes and does not use.

    Taken literally, with both its ways in one class, FCN-32s calls the `fcn` that
    was made last, of `vgg`; 16s and 8s, which follow the same lines, call the modules
    by their names.
    """
    wrapped = {m for m in modules if m.startswith(("vgg.", "fcn."))}
    own = set(modules) - wrapped
    if "conv1.0" in own and any(m.startswith("vgg.") for m in wrapped):
        return wrapped if skips else own
    if skips and "score" in own:
        # FCN-32s' own, which the lines below it replace.
        return wrapped & {"fcn.3", "fcn.4", "fcn.7", "fcn.8"}
    return set()

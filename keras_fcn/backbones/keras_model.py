"""Any Keras model as a backbone: its feature maps are found by their strides."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import keras

from .backbone import Backbone
from .feature_map import FeatureMap, block_map

STRIDES = (8, 16, 32)

# What the families of `keras.applications` expect, by their models' names. Those of
# the last line begin with their own preprocessing.
_PREPROCESSING = (
    (r"vgg\d+$|resnet\d+$", "caffe"),
    (r"resnet\d+v2$|mobilenet(v2)?_|xception$|inception_|nasnet", "tf"),
    (r"densenet\d+$", "torch"),
    (r"efficientnet|convnext|mobilenetv3", None),
)


def keras_backbone(
    model: keras.Model, endpoints: Mapping[int, str] | None = None
) -> Backbone:
    """Make a backbone of a Keras model, which keeps its weights.

    Args:
        model: A functional model of one RGB image of any size, such as
            `keras.applications.MobileNetV2(include_top=False)`.
        endpoints: Names of the layers whose outputs are the maps of stride 8, 16 and
            32, or of some of them. By default the last layer of each stride.

    Returns:
        A `Backbone`.

    Raises:
        ValueError: If the model or an endpoint is not as above, with the layers that
            could be one.

    Example:
        >>> import keras
        >>> net = keras.applications.MobileNetV2(include_top=False, weights=None)
        >>> find_endpoints(net)[8]
        'block_6_expand_relu'
        >>> keras_backbone(net).preprocessing
        'tf'
    """
    _require_any_size(model)
    strides = layer_strides(model)
    if endpoints is None:
        endpoints = _last_of_each(strides)
    _require_endpoints(model, endpoints, strides)
    finest_first = sorted(endpoints)

    def features(
        image: FeatureMap, *, image_padding: int, width: float
    ) -> dict[int, FeatureMap]:
        names = [endpoints[stride] for stride in finest_first]
        outputs = [model.get_layer(name).output for name in names]
        maps = keras.Model(model.inputs[0], outputs, name=model.name)(image.tensor)
        return {
            stride: block_map(tensor, stride, name)
            for stride, tensor, name in zip(finest_first, maps, names, strict=True)
        }

    return Backbone(features, _preprocessing(model), padded_to=max(finest_first))


def find_endpoints(model: keras.Model) -> dict[int, str]:
    """Return the last layer of a Keras model at each stride of 8, 16 and 32."""
    _require_any_size(model)
    return _last_of_each(layer_strides(model))


def layer_strides(model: keras.Model) -> dict[str, int]:
    """Return the stride of every layer that divides the image evenly, in order.

    Found from the sizes of all feature maps of two images; layers with several
    outputs, or whose maps are larger or smaller than that, are left out.
    """
    sizes = (256, 384)
    outputs = {}
    for layer in model.layers:
        try:
            output = layer.output
        except (AttributeError, ValueError):  # used several times, or never
            continue
        if getattr(output, "shape", None) is not None and len(output.shape) == 4:
            outputs[layer.name] = output
    probe = keras.Model(model.inputs[0], list(outputs.values()))
    channels = model.inputs[0].shape[-1]
    shapes = [
        probe.compute_output_spec(keras.KerasTensor((1, n, n, channels))) for n in sizes
    ]
    found = {}
    for name, *maps in zip(outputs, *shapes, strict=True):
        one, other = (n / m.shape[1] for n, m in zip(sizes, maps, strict=True))
        if one == other and one.is_integer():
            found[name] = int(one)
    return found


def _last_of_each(strides: Mapping[str, int]) -> dict[int, str]:
    return {stride: name for name, stride in strides.items() if stride in STRIDES}


def _preprocessing(model: keras.Model) -> str | None:
    for pattern, mode in _PREPROCESSING:
        if re.match(pattern, model.name.lower()):
            return mode
    return "unknown"


def _require_any_size(model: Any) -> None:
    inputs = getattr(model, "inputs", None)
    if not isinstance(model, keras.Model) or not inputs or len(inputs) != 1:
        raise ValueError(
            "`backbone` must be a name or a functional Keras model of one image. "
            f"Received: backbone={model!r}."
        )
    shape = tuple(inputs[0].shape)
    if len(shape) != 4 or shape[1:3] != (None, None):
        raise ValueError(
            "A backbone must take images of any size. Received: "
            f"`{model.name}` with the input shape {shape}. Build it with "
            "`include_top=False, input_shape=(None, None, 3)`."
        )


def _require_endpoints(
    model: keras.Model, endpoints: Mapping[int, str], strides: Mapping[str, int]
) -> None:
    wrong = []
    for stride, name in endpoints.items():
        if stride not in STRIDES:
            wrong.append(f"  - {stride}: a stride must be 8, 16 or 32")
        elif name not in {layer.name for layer in model.layers}:
            wrong.append(f"  - {stride}: there is no layer {name!r}")
        elif strides.get(name) != stride:
            has = strides.get(name, "no whole stride")
            wrong.append(f"  - {stride}: layer {name!r} has {has}")
    if wrong or not endpoints:
        candidates = "\n".join(
            f"  {stride}: " + _shorten([n for n, s in strides.items() if s == stride])
            for stride in STRIDES
        )
        raise ValueError(
            "`endpoints` must name a layer for each stride, "
            f'`{{8: "...", 16: "...", 32: "..."}}`. Received, for `{model.name}`:\n'
            + ("\n".join(wrong) or "  none")
            + f"\nLayers of each stride, the last ones first:\n{candidates}"
        )


def _shorten(names: list[str], shown: int = 12) -> str:
    last_first = names[::-1]
    rest = f", ... ({len(names) - shown} more)" if len(names) > shown else ""
    return ", ".join(last_first[:shown]) + rest if names else "none"

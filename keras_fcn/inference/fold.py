"""Networks that only predict: what is linear together becomes one layer."""

from __future__ import annotations

from collections import Counter
from typing import Any, NamedTuple

import keras
import numpy as np

from ..weights.undrawn import undrawn

_DROPOUTS = (keras.layers.Dropout, keras.layers.SpatialDropout2D)


class _Linear(NamedTuple):
    """Layers in a row that are one convolution together."""

    layers: tuple[keras.layers.Layer, ...]
    kernel: np.ndarray  # (k_h, k_w, in, out), float64
    bias: np.ndarray


def fold_for_inference(model: keras.Model) -> keras.Model:
    """Make a network that predicts the same with fewer multiplications.

    Convolutions without an activation between them are multiplied into one, dropouts
    between them left out, and a scale before a 1x1 convolution becomes part of it.
    Under `topology="pointwise"` fc6, fc7 and `score_fr` become one convolution of 512
    to `num_classes` channels: 33.7 million parameters become 14.7. ReLU stands between
    those of `"paper"` and `"same"`; of these only the scales of `at_once` are folded.
    Weights of convolutions in mixed precision are kept in the 16 bits that they are
    computed in, half the memory, instead of being rounded anew for every image.

    Args:
        model: A network of `build_fcn8s` and the like. It is not changed.

    Returns:
        A network of its own, with the weights of now, whose logits differ by rounding
        only; `model` itself where there is nothing to fold. To be trained it is of no
        use: the dropouts are gone.

    Raises:
        ValueError: If the model is not a functional one.

    Example:
        >>> import keras_fcn
        >>> model = keras_fcn.build_fcn8s(weights=None, topology="pointwise")
        >>> folded = fold_for_inference(model)
        >>> model.count_params(), folded.count_params()
        (33699455, 14741631)
        >>> tuple(folded.get_layer("score_fr").kernel.shape[2:])
        (512, 21)
    """
    require_functional(model)
    folded = _find(model)
    mixed = {layer.name for layer in model.layers if _is_mixed(layer)}
    if not folded and not mixed:
        return model
    gone = {layer.name for one in folded.values() for layer in one.layers[:-1]}

    def clone(layer: keras.layers.Layer) -> keras.layers.Layer:
        config = layer.get_config()
        if layer.name in folded:  # it is applied where the first of them was
            first = _first_convolution(folded[layer.name])
            shape = ("kernel_size", "strides", "padding", "dilation_rate")
            config |= {key: first.get_config()[key] for key in shape}
            config["use_bias"] = True
        if layer.name in mixed:
            config["dtype"] = layer.compute_dtype
        return type(layer).from_config(config)

    def call(layer: keras.layers.Layer, *args: Any, **kwargs: Any) -> Any:
        return args[0] if layer.name in gone else layer(*args, **kwargs)

    with undrawn():
        result = keras.models.clone_model(
            model, clone_function=clone, call_function=call
        )
    for layer in result.layers:
        if layer.name in folded:
            layer.set_weights([folded[layer.name].kernel, folded[layer.name].bias])
        elif layer.weights:  # within the backend: no copies as arrays
            pairs = zip(layer.weights, model.get_layer(layer.name).weights, strict=True)
            for own, theirs in pairs:
                own.assign(theirs)
    return result


def require_functional(model: Any) -> None:
    """Raise a ValueError for what is no functional model: its layers cannot be seen."""
    if not hasattr(model, "operations"):
        raise ValueError(
            "`model` must be a functional Keras model, such as `build_fcn8s` returns. "
            f"Received: model={model!r}."
        )


def _find(model: keras.Model) -> dict[str, _Linear]:
    """Return what can be folded, by the name of its last layer."""
    once = [layer for layer in model.layers if len(layer._inbound_nodes) == 1]
    made_by = {id(layer.output): layer for layer in once if _is_one(layer.output)}
    read = [*model.outputs, *keras.tree.flatten([layer.input for layer in once])]
    uses = Counter(map(id, read))

    def before(layer: keras.layers.Layer) -> keras.layers.Layer | None:
        """Return the layer that feeds this one only."""
        if not _is_one(layer.input) or uses[id(layer.input)] > 1:
            return None
        return made_by.get(id(layer.input))

    found: dict[str, _Linear] = {}
    for layer in filter(_is_convolution, once):
        earlier, between = before(layer), ()
        while isinstance(earlier, _DROPOUTS):
            earlier, between = before(earlier), (earlier, *between)
        if earlier is None or not _is_pointwise(layer):
            continue
        if not (_is_linear(earlier) or _is_scale(earlier)):
            continue  # before its arrays are made
        own = _alone(layer)
        if _is_linear(earlier):
            first = found.get(earlier.name) or _alone(earlier)
            one = _Linear(
                (*first.layers, *between, layer),
                first.kernel @ own.kernel[0, 0],
                first.bias @ own.kernel[0, 0] + own.bias,
            )
            if one.kernel.size <= first.kernel.size + own.kernel.size:
                found[layer.name] = one
        elif _is_scale(earlier):
            found[layer.name] = _Linear(
                (earlier, *between, layer),
                own.kernel * float(earlier.scale),
                own.bias + float(earlier.offset) * own.kernel[0, 0].sum(axis=0),
            )
    # What became a part of a longer row is no row of its own.
    parts = {layer.name for one in found.values() for layer in one.layers[:-1]}
    return {name: one for name, one in found.items() if name not in parts}


def _alone(layer: Any) -> _Linear:
    kernel, *bias = (w.astype("float64") for w in layer.get_weights())
    return _Linear((layer,), kernel, bias[0] if bias else np.zeros(kernel.shape[-1]))


def _first_convolution(one: _Linear) -> Any:
    return next(layer for layer in one.layers if _is_convolution(layer))


def _is_mixed(layer: Any) -> bool:
    """Whether a convolution rounds its weights before each use."""
    kinds = (keras.layers.Conv2D, keras.layers.Conv2DTranspose)
    return isinstance(layer, kinds) and layer.compute_dtype != layer.variable_dtype


def _is_one(tensors: Any) -> bool:
    return isinstance(tensors, keras.KerasTensor)


def _is_convolution(layer: Any) -> bool:
    return isinstance(layer, keras.layers.Conv2D) and layer.groups == 1


def _is_linear(layer: Any) -> bool:
    return _is_convolution(layer) and layer.activation is keras.activations.linear


def _is_pointwise(layer: Any) -> bool:
    return layer.kernel_size == (1, 1) and layer.strides == (1, 1)


def _is_scale(layer: Any) -> bool:
    return (
        isinstance(layer, keras.layers.Rescaling)
        and np.ndim(layer.scale) == np.ndim(layer.offset) == 0
    )

"""The network as every format has it: a photo's bytes in, labels out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import keras

from ..inference.fold import fold_for_inference, require_functional
from ..layers import PatchConv2D, PhaseConv2DTranspose
from ..layers.labels import label_dtype

# Layers that compute a convolution in a way that is faster in Keras, and plain ones:
# other programs know their own ways, if they are told that it is a convolution.
_PLAIN: dict[type, type] = {
    PatchConv2D: keras.layers.Conv2D,
    PhaseConv2DTranspose: keras.layers.Conv2DTranspose,
}


def exportable(model: keras.Model) -> keras.Model:
    """Return the same network in convolutions that other programs know as such.

    Args:
        model: A network of `build_fcn8s` and the like, in float32. It is not changed.

    Returns:
        A network of its own, folded where it is linear.

    Raises:
        ValueError: If the model is not functional, not in float32, or takes
            something else than images in RGB.

    Example:
        >>> import keras_fcn
        >>> model = keras_fcn.build_fcn8s(weights=None, width=0.02)
        >>> for network in (model, exportable(model)):
        ...     print(type(network.get_layer("fc6")).__name__)
        PatchConv2D
        Conv2D
    """
    _require_exportable(model)
    return fold_for_inference(_in_plain_layers(model))


def outputs(scores: Any, logits: bool) -> dict[str, Any]:
    """Return what a file gives: `labels`, and if asked for the scores as `logits`.

    Args:
        scores: A tensor of TensorFlow, `(batch, height, width, num_classes)`.
        logits: Whether they are asked for.
    """
    import tensorflow as tf

    # Not `keras.ops.argmax`, which looks at the bits of negative zeros.
    labels = tf.argmax(scores, axis=-1, output_type=tf.int32)
    given = {"labels": tf.cast(labels, label_dtype(scores.shape[-1]))}
    if logits:
        given["logits"] = scores
    return given


def as_function(
    network: keras.Model, logits: bool = False
) -> tuple[Callable[..., Any], Sequence[Any]]:
    """Return what labels images in uint8, as a function of them and of all weights.

    Weights that are arguments are not copied while the function is traced and
    converted, which takes fifty times their size if they are constants.

    Args:
        network: A network of `exportable`.
        logits: As of `outputs`, which the function returns. Defaults to `False`.

    Returns:
        The function, and its weights in the order of its arguments.
    """
    import tensorflow as tf

    trained, others = network.trainable_variables, network.non_trainable_variables

    def label(image: Any, *weights: Any) -> Any:
        scores, _ = network.stateless_call(
            weights[: len(trained)],
            weights[len(trained) :],
            tf.cast(image, tf.float32),
            training=False,
        )
        return outputs(scores, logits)

    return label, [*trained, *others]


def _require_exportable(model: keras.Model) -> None:
    require_functional(model)
    shapes = [tensor.shape for tensor in model.inputs]
    if len(shapes) != 1 or len(shapes[0]) != 4 or shapes[0][-1] != 3:
        raise ValueError(
            "`model` must have one input, images in RGB, `(batch, height, width, 3)`. "
            f"Received: inputs of shape {shapes}."
        )
    mixed = sorted({layer.compute_dtype for layer in model.layers} - {"float32"})
    if mixed:
        raise ValueError(
            "`model` must compute in float32, which the file is compared with. "
            f"Received: layers in {', '.join(mixed)}. The weights are the same: load "
            'them with `load_run(run, precision="float32")`.'
        )


def _in_plain_layers(model: keras.Model) -> keras.Model:
    def plain(layer: keras.layers.Layer) -> keras.layers.Layer:
        kind = _PLAIN.get(type(layer), type(layer))
        return kind.from_config(layer.get_config())

    clone = keras.models.clone_model(model, clone_function=plain)
    clone.set_weights(model.get_weights())
    return clone

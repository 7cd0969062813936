"""From scores to labels, inside the network."""

from __future__ import annotations

import keras
from keras import ops

from ..pixels import argmax


def label_dtype(num_classes):
    """Return the smallest type that holds every label: uint8 up to 256 classes."""
    return "uint8" if num_classes <= 256 else "int32"


@keras.saving.register_keras_serializable("keras_fcn")
class LabelMap(keras.layers.Layer):
    """Label every pixel with the class of the highest score, the first of equals.

    As the last layer of a network it keeps the scores, 84 bytes a pixel for the 21
    classes of VOC, from being handed out: labels take one byte.

    Args:
        **kwargs: Arguments of `keras.layers.Layer`.

    Example:
        >>> import numpy as np
        >>> labels = LabelMap()(np.array([[[[0.1, 0.9, 0.2], [0.5, 0.5, 0.1]]]]))
        >>> ops.convert_to_numpy(labels).tolist()
        [[[1, 0]]]
    """

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.autocast = False

    def call(self, scores):
        return ops.cast(argmax(scores), label_dtype(scores.shape[-1]))

    def compute_output_spec(self, scores):
        return keras.KerasTensor(scores.shape[:-1], label_dtype(scores.shape[-1]))

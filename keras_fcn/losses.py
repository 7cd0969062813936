"""The loss: cross-entropy at every pixel whose label is not void."""

from __future__ import annotations

import keras
from keras import ops

from . import pixels
from .suggestions import require_choice


@keras.saving.register_keras_serializable("keras_fcn")
class PixelwiseCrossentropy(keras.losses.Loss):
    """Cross-entropy of logits against integer labels, void pixels left out.

    Labels are `(batch, height, width)`, logits `(batch, height, width,
    num_classes)`. A label that is neither a class nor void is an error (TensorFlow and
    PyTorch on a CPU) or makes the loss not-a-number, never a silent zero.

    Args:
        ignore_class: The void label, or `None` if there is none. Defaults to `255`.
        reduction: `"mean"` over the valid pixels of the batch, `0` if there are
            none; or `"sum"` over them, the paper's unnormalised loss, whose learning
            rates are smaller by the number of pixels. Defaults to `"mean"`.
        name: Name of the loss.

    Raises:
        ValueError: If `reduction` is another word.

    Example:
        Two classes, no preference: log(2) at the one valid pixel of two.

        >>> import numpy as np
        >>> labels, logits = np.array([[[1, 255]]]), np.zeros((1, 1, 2, 2))
        >>> round(float(PixelwiseCrossentropy()(labels, logits)), 4)
        0.6931

    Reference:
        Long et al., https://arxiv.org/abs/1411.4038, section 3; `SoftmaxWithLoss`
        with `normalize: false, ignore_label: 255` in the authors' networks.
    """

    def __init__(
        self,
        ignore_class: int | None = 255,
        reduction: str = "mean",
        name: str = "pixelwise_crossentropy",
    ):
        require_choice("reduction", reduction, ("mean", "sum"))
        super().__init__(name=name, reduction=reduction)
        self.ignore_class = ignore_class

    def call(self, y_true, y_pred):
        losses = pixels.crossentropy(y_true, y_pred, self.ignore_class)
        if self.ignore_class is None or self.reduction == "sum":
            return losses
        # Keras divides by the number of all pixels.
        valid = ops.cast(ops.not_equal(y_true, self.ignore_class), losses.dtype)
        return losses * ops.divide_no_nan(1.0, ops.mean(valid))

    def get_config(self):
        return {
            "ignore_class": self.ignore_class,
            "reduction": self.reduction,
            "name": self.name,
        }

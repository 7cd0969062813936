"""The three operations, and which form of them each backend gets.

With TensorFlow and JAX on a CPU `keras.ops.argmax` takes ten times as long as XLA's
code for the same, and Keras' cross-entropy three times as long as the forms here. With
PyTorch it is copies and layouts that can be saved.
"""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import ops

from .cells import count_cells


def argmax(logits: Any) -> Any:
    """Return the class of the largest logit of each pixel.

    Where several are largest it is the first of them; 0 and -0 are equal. Where one is
    NaN, it is a class, and which one depends on the backend.

    Args:
        logits: Array or tensor `(..., num_classes)`.

    Returns:
        A tensor `(...)`, int32.

    Example:
        >>> import numpy as np
        >>> classes = argmax(np.array([[0.0, 2.0, 1.0], [3.0, 0.0, 3.0]]))
        >>> np.asarray(classes).tolist()
        [1, 0]
    """
    logits = ops.convert_to_tensor(logits)
    backend = keras.backend.backend()
    if backend == "tensorflow":
        from . import xla

        return xla.argmax(logits) if xla.is_faster() else xla.plain_argmax(logits)
    if backend == "jax":
        from jax import numpy  # pyright: ignore[reportMissingImports]

        return numpy.argmax(logits, axis=-1).astype("int32")
    if backend == "torch":  # whose `argmax` takes longer to find less
        return ops.cast(logits.max(-1).indices, "int32")
    return ops.cast(ops.argmax(logits, axis=-1), "int32")


def crossentropy(labels: Any, logits: Any, ignore_class: int | None = 255) -> Any:
    """Return minus the log-softmax of the logits at each pixel's label.

    Computed in float32 at least. Void pixels are 0, and so is their gradient, whatever
    their logits. A label that is neither a class nor void is an error (TensorFlow
    outside of XLA and PyTorch, on a CPU) or not-a-number.

    Args:
        labels: Array or tensor of as many labels as there are pixels.
        logits: Array or tensor `(..., num_classes)`.
        ignore_class: The void label, or `None` if there is none. Defaults to `255`.

    Returns:
        A tensor `(...)`, float32, or float64 for logits of float64.

    Example:
        >>> import numpy as np
        >>> losses = crossentropy(np.array([1, 255]), np.zeros((2, 2), "float32"))
        >>> [round(float(loss), 4) for loss in losses]
        [0.6931, 0.0]
    """
    logits = ops.convert_to_tensor(logits)
    labels = ops.cast(ops.reshape(labels, ops.shape(logits)[:-1]), "int32")
    if keras.backend.standardize_dtype(logits.dtype) in ("float16", "bfloat16"):
        logits = ops.cast(logits, "float32")
    backend = keras.backend.backend()
    if backend == "tensorflow":
        from . import xla

        if xla.is_faster():
            return xla.crossentropy(labels, logits, ignore_class)
        return xla.plain_crossentropy(labels, logits, ignore_class)
    if backend == "torch":
        from . import pytorch

        return pytorch.crossentropy(labels, logits, ignore_class)
    return _crossentropy(labels, logits, ignore_class)


def confusion(
    labels: Any, predictions: Any, num_classes: int, ignore_class: int | None = 255
) -> tuple[Any, Any]:
    """Count pixels by label and predicted class; void pixels are not counted.

    Args:
        labels: Array or tensor, perhaps with a last axis of 1.
        predictions: Predicted classes of the labels' own shape, or logits, with a last
            axis that labels lack or have as 1.
        num_classes: Number of classes, `n`.
        ignore_class: The void label, or `None` if there is none. Defaults to `255`.

    Returns:
        Counts `(n + 1, n + 1)`, row label, column prediction, the last of each for what
        is no class; and the largest label and prediction of those, `(2,)`, where there
        are any. NumPy arrays outside of compiled code, or tensors.

    Example:
        >>> import numpy as np
        >>> counts, largest = confusion(np.array([0, 1, 9]), np.array([0, 0, 1]), 2)
        >>> np.asarray(counts).tolist(), int(largest[0])
        ([[1, 0, 0], [1, 0, 0], [0, 1, 0]], 9)
    """
    labels, predictions = map(ops.convert_to_tensor, (labels, predictions))
    if _are_logits(labels, predictions):
        if keras.backend.backend() == "tensorflow":
            from . import xla

            if xla.is_faster():
                return xla.confusion(labels, predictions, num_classes, ignore_class)
        predictions = argmax(predictions)
    true, predicted = (
        ops.cast(ops.reshape(x, (-1,)), "int32") for x in (labels, predictions)
    )
    if is_compiling(predictions):
        return count_cells(true, predicted, num_classes, ignore_class, ops)
    # NumPy counts several times faster.
    true, predicted = map(ops.convert_to_numpy, (true, predicted))
    return count_cells(true, predicted, num_classes, ignore_class, np)


def is_compiling(value: Any) -> bool:
    """Return whether a tensor is a placeholder in a graph, without numbers yet."""
    backend = keras.backend.backend()
    if backend == "tensorflow":
        import tensorflow as tf

        return not tf.executing_eagerly()
    if backend == "jax":
        from jax.core import Tracer  # pyright: ignore[reportMissingImports]

        return isinstance(value, Tracer)
    if backend == "torch":
        return getattr(value.device, "type", None) == "meta"  # NumPy's is a string
    return False


def _crossentropy(labels, logits, ignore_class):
    """The formula, as XLA likes it: the label's logit is taken, not masked out."""
    classes, void = logits.shape[-1], ops.zeros_like(labels, "bool")
    if ignore_class is not None:
        void = labels == ignore_class
    # Else the gradient of a void pixel's infinite logit would be 0 * infinity.
    logits = ops.where(void[..., None], ops.stop_gradient(logits), logits)
    largest = ops.stop_gradient(ops.max(logits, axis=-1))
    total = ops.sum(ops.exp(logits - largest[..., None]), axis=-1)
    index = ops.clip(labels, 0, classes - 1)[..., None]
    own = ops.take_along_axis(logits, index, axis=-1)[..., 0] - largest
    is_class = (labels >= 0) & (labels < classes)
    # A factor, so that the gradient is not-a-number too.
    losses = (ops.log(total) - own) * ops.where(is_class, 1, float("nan"))
    return ops.where(void, 0, losses)


def _are_logits(labels, predictions) -> bool:
    """Whether predictions have a class axis that labels lack, or have as 1."""
    rank = len(labels.shape)
    return len(predictions.shape) == rank + 1 or (
        len(predictions.shape) == rank
        and labels.shape[-1] == 1 != predictions.shape[-1]
    )

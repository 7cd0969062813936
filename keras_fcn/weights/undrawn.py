"""Networks whose first weights are not drawn at random."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import keras


@contextlib.contextmanager
def undrawn() -> Iterator[None]:
    """Let layers that are built inside begin with zeros, as a file will fill them.

    To draw the 103 million weights of VGG's fc6 takes seconds, and 1.5 GB that a
    backend may keep. Keras asks no layer whether it wants that; so its initialisers are
    replaced for the moment, in all threads.

    Example:
        >>> with undrawn():
        ...     layer = keras.layers.Dense(2)
        ...     layer.build((None, 3))
        >>> float(keras.ops.sum(keras.ops.abs(layer.kernel)))
        0.0
    """
    drawn = keras.initializers.VarianceScaling.__call__

    def zeros(self: Any, shape: Any, dtype: Any = None) -> Any:
        return keras.ops.zeros(shape, dtype or keras.config.floatx())

    keras.initializers.VarianceScaling.__call__ = zeros
    try:
        yield
    finally:
        keras.initializers.VarianceScaling.__call__ = drawn

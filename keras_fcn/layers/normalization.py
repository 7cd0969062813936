"""Local response normalisation, which AlexNet and GoogLeNet were trained with."""

from __future__ import annotations

import keras
from keras import ops


@keras.saving.register_keras_serializable("keras_fcn")
class LocalResponseNormalization(keras.layers.Layer):
    """Divide each channel by the energy of its neighbouring channels.

    `b = a / (bias + alpha/n * sum(a'**2))**beta`, the sum over the `n` channels
    around each, those beyond the ends being zero.

    Args:
        depth: `n`, odd. Defaults to `5`.
        alpha: Defaults to `1e-4`.
        beta: Defaults to `0.75`.
        bias: Defaults to `1.0`.
        **kwargs: Arguments of `keras.layers.Layer`.

    Raises:
        ValueError: If `depth` is even or below 1.

    Example:
        One channel alone, 3: 3 / (1 + 5/5 * 9)**1:

        >>> import numpy as np
        >>> layer = LocalResponseNormalization(depth=5, alpha=5.0, beta=1.0)
        >>> round(float(layer(np.full((1, 1, 1, 1), 3.0))[0, 0, 0, 0]), 6)
        0.3

    Reference:
        Krizhevsky et al., "ImageNet Classification with Deep Convolutional Neural
        Networks", section 3.3; the `LRN` layer of Caffe, which divides `alpha` by
        `n`, across channels.
    """

    def __init__(self, depth=5, alpha=1e-4, beta=0.75, bias=1.0, **kwargs):
        super().__init__(**kwargs)
        if depth < 1 or depth % 2 == 0:
            raise ValueError(
                f"`depth` must be an odd number above 0. Received: depth={depth}."
            )
        self.depth, self.alpha, self.beta, self.bias = depth, alpha, beta, bias

    def call(self, maps):
        maps = ops.cast(maps, self.compute_dtype)
        reach, channels = self.depth // 2, maps.shape[-1]
        # Squares of large activations overflow 16 bits.
        squares = ops.square(ops.cast(maps, "float32"))
        squares = ops.pad(squares, [[0, 0]] * 3 + [[reach, reach]])
        energy = sum(squares[..., c : c + channels] for c in range(self.depth))
        divisor = ops.power(self.bias + self.alpha / self.depth * energy, self.beta)
        return maps / ops.cast(divisor, self.compute_dtype)

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        return {
            **super().get_config(),
            "depth": self.depth,
            "alpha": self.alpha,
            "beta": self.beta,
            "bias": self.bias,
        }

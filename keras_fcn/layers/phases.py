"""A transposed convolution computed phase by phase: sub-pixel convolution."""

from __future__ import annotations

import keras
from keras import ops

from ..geometry import from_keras
from .cropping import crop
from .patches import patches

# TensorFlow's own is as fast below, and faster backwards.
_TENSORFLOW_FROM_STRIDE = 3


@keras.saving.register_keras_serializable("keras_fcn")
class PhaseConv2DTranspose(keras.layers.Conv2DTranspose):
    """A `Conv2DTranspose` computed as a dense convolution, then a shuffle of pixels.

    Arguments, weights and results are those of `keras.layers.Conv2DTranspose`. Output
    pixel `s*i + r` sees `m = ceil(k/s)` input pixels an axis through every `s`-th tap
    from `r` on: its phase. All `s*s` phases are one matrix product of patches of `m*m`
    input pixels with the kernel laid out by phases; no zeros are multiplied.

    XLA (JAX, and TensorFlow with `jit_compile=True`) takes up to 70 times as long for
    the strides of an FCN by itself, and TensorFlow 3 to 4 times for the gradient.
    Where TensorFlow's own form is the faster one, below stride 3, and for dilation,
    `output_padding` and channels first, the layer is Keras' own.

    Example:
        >>> import numpy as np
        >>> layer = PhaseConv2DTranspose(1, 4, strides=4, kernel_initializer="ones")
        >>> tuple(layer(np.ones((1, 2, 3, 1))).shape)
        (1, 8, 12, 1)

    Reference:
        Shi et al., "Is the deconvolution layer the same as a convolutional layer?",
        https://arxiv.org/abs/1609.07009.
    """

    def call(self, inputs):
        if not self._is_by_phases():
            return super().call(inputs)
        outputs = self._by_phases(inputs, ops.convert_to_tensor(self.kernel))
        if self.use_bias:
            outputs = ops.add(outputs, self.bias)
        return outputs if self.activation is None else self.activation(outputs)

    def _is_by_phases(self):
        plain = (
            self.data_format == "channels_last"
            and self.output_padding is None
            and set(self.dilation_rate) == {1}
        )
        enough = keras.backend.backend() != "tensorflow" or (
            min(self.strides) >= _TENSORFLOW_FROM_STRIDE
        )
        return plain and enough

    def _by_phases(self, inputs, kernel):
        windows = [
            from_keras(1, kernel_size=k, strides=s, padding=self.padding)
            for k, s in zip(self.kernel_size, self.strides, strict=True)
        ]
        (s, t), channels = self.strides, inputs.shape[-1]
        m, n = (-(-w.kernel_size // w.strides) for w in windows)
        # Zero taps make whole phases; zero pixels let the first and last paint all.
        surplus = [
            (0, f * w.strides - w.kernel_size)
            for f, w in zip((m, n), windows, strict=True)
        ]
        kernel = ops.pad(kernel, [*surplus, (0, 0), (0, 0)])
        kernel = ops.reshape(kernel, (m, s, n, t, self.filters, channels))
        kernel = ops.transpose(kernel, (0, 2, 5, 1, 3, 4))
        kernel = ops.reshape(kernel, (m * n * channels, s * t * self.filters))
        inputs_padded = ops.pad(
            inputs, [(0, 0), (m - 1, m - 1), (n - 1, n - 1), (0, 0)]
        )
        # The first taps fall on the last pixel that an output sees.
        seen = patches(inputs_padded, (m, n), last_first=True)

        batch, rows, columns, _ = ops.shape(seen)
        outputs = ops.matmul(ops.reshape(seen, (-1, m * n * channels)), kernel)
        outputs = ops.reshape(outputs, (batch, rows, columns, s, t * self.filters))
        outputs = ops.transpose(outputs, (0, 1, 3, 2, 4))
        outputs = ops.reshape(outputs, (batch, rows * s, columns * t, self.filters))
        (top, height), (left, width) = (
            (w.crop, (n_in - 1) * w.strides + w.output_length)
            for n_in, w in zip(ops.shape(inputs)[1:3], windows, strict=True)
        )
        return crop(outputs, top, height, left, width)

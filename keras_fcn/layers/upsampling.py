"""Upsampling as transposed convolution: bilinear for good, or bilinear at first."""

from __future__ import annotations

import keras
import numpy as np
from keras import ops

from ..transposed import bilinear_kernel, bilinear_profile
from .cropping import crop
from .patches import patches


@keras.saving.register_keras_serializable("keras_fcn")
class BilinearUpsampling2D(keras.layers.Layer):
    """Transposed convolution with a fixed bilinear kernel, one channel at a time.

    The same function as `Conv2DTranspose` with `bilinear_kernel`, without weights
    and without the dense channel mixing: rows first, by a small matrix product, then
    columns, each pixel of which lies between two. Outside the map there are zeros, so
    values fade out over the last half stride.

    Args:
        factor: `s`, output pixels per input pixel.
        padding: `"valid"`, output `(n - 1)*s + k` pixels, or `"same"`, `n*s`
            pixels, the difference cropped evenly. Defaults to `"valid"`.
        kernel_size: `k`, `2*s` or `2*s - 1` taps: where feature maps lie halfway
            between pixels, or on them. Defaults to `2*s - s % 2`.
        **kwargs: Arguments of `keras.layers.Layer`.

    Raises:
        ValueError: If `factor` is below 1, `padding` is another word, or
            `kernel_size` another number.

    Example:
        Two pixels become (2 - 1)*2 + 4 = 6:

        >>> import numpy as np
        >>> line = np.array([4.0, 8.0]).reshape(1, 1, 2, 1)
        >>> out = BilinearUpsampling2D(2)(line)
        >>> tuple(out.shape)
        (1, 4, 6, 1)
        >>> (np.asarray(out)[0, 1, :, 0] / 0.75).tolist()  # 0.75: the row's weight
        [1.0, 3.0, 5.0, 7.0, 6.0, 2.0]

    Reference:
        Long et al., https://arxiv.org/abs/1411.4038, section 3.3.
    """

    def __init__(self, factor, padding="valid", kernel_size=None, **kwargs):
        super().__init__(**kwargs)
        if padding not in ("valid", "same"):
            raise ValueError(
                f'`padding` must be "valid" or "same". Received: padding={padding!r}.'
            )
        self.factor = factor
        self.kernel_size = len(bilinear_profile(factor, kernel_size))
        self.padding = padding

    def call(self, maps):
        maps = ops.cast(maps, self.compute_dtype)
        batch, height, width, _ = ops.shape(maps)
        channels = maps.shape[-1]
        rows = self._interpolation(height)  # (output height, height)
        maps = ops.matmul(rows, ops.reshape(maps, (batch, height, width * channels)))
        maps = ops.reshape(maps, (batch, self._length(height), width, channels))
        maps, height = self._columns(maps), self._length(height)
        return crop(maps, 0, height, self._crop(), self._length(width))

    def compute_output_shape(self, input_shape):
        batch, height, width, channels = input_shape
        return (batch, self._length(height), self._length(width), channels)

    def get_config(self):
        return {
            **super().get_config(),
            "factor": self.factor,
            "padding": self.padding,
            "kernel_size": self.kernel_size,
        }

    def _length(self, n):
        if n is None:
            return None
        overlap = self.kernel_size - self.factor if self.padding == "valid" else 0
        return n * self.factor + overlap

    def _crop(self):
        return (self.kernel_size - self.factor) // 2 if self.padding == "same" else 0

    def _interpolation(self, n):
        """One axis' bilinear `C.T`: tap `o - i*s` of the tent at row `o`, column `i`.

        The tent's own formula is zero beyond its ends, so no tap is looked up.
        """
        s, k = self.factor, self.kernel_size
        output = ops.cast(ops.arange(self._length(n)), "float32") + self._crop()
        first_tap = s * ops.cast(ops.arange(n), "float32")
        tap = output[:, None] - first_tap[None, :]
        tent = ops.relu(1 - ops.abs(tap - (k - 1) / 2) / s)
        return ops.cast(tent, self.compute_dtype)

    def _columns(self, maps):
        """Interpolate along the width, uncropped: phase `r` of pixels `j`, `j - 1`."""
        s = self.factor
        pixels = -(-self.kernel_size // s)  # that an output lies between: 2, or 1
        taps = bilinear_profile(s, self.kernel_size)
        taps = np.pad(taps, (0, pixels * s - self.kernel_size)).reshape(pixels, s)
        maps = ops.pad(maps, [(0, 0), (0, 0), (pixels - 1, pixels - 1), (0, 0)])
        if keras.backend.backend() == "jax":
            return _columns_by_pixels(maps, taps)
        return _columns_by_patches(maps, taps)


def _columns_by_patches(maps, taps):
    """One matrix product: what is multiplied by zero costs less than passes do."""
    pixels, channels = len(taps), maps.shape[-1]
    batch, height, _, _ = ops.shape(maps)
    seen = ops.reshape(
        patches(maps, (1, pixels), last_first=True), (-1, pixels * channels)
    )
    outputs = ops.matmul(seen, _by_channel(taps, channels, maps.dtype))
    return ops.reshape(outputs, (batch, height, -1, channels))


def _columns_by_pixels(maps, taps):
    """Sums, which XLA writes in one pass; backwards it is slow at them: a product."""
    (pixels, s), channels = taps.shape, maps.shape[-1]
    batch, height, width, _ = ops.shape(maps)
    seen = width - (pixels - 1)

    @ops.custom_gradient
    def interpolate(maps):
        weights = ops.convert_to_tensor(taps[:, :, None], dtype=maps.dtype)
        outputs = sum(
            maps[:, :, pixels - 1 - p : pixels - 1 - p + seen, None] * weights[p]
            for p in range(pixels)
        )

        def gradient(*upstream):
            matrix = ops.transpose(_by_channel(taps, channels, maps.dtype))
            columns = ops.reshape(upstream[0], (-1, s * channels))
            parts = ops.reshape(
                ops.matmul(columns, matrix), (batch, height, seen, pixels, channels)
            )
            return sum(
                ops.pad(parts[..., p, :], [(0, 0)] * 2 + [(pixels - 1 - p, p), (0, 0)])
                for p in range(pixels)
            )

        return ops.reshape(outputs, (batch, height, seen * s, channels)), gradient

    return interpolate(maps)


def _by_channel(taps, channels, dtype):
    """Return the matrix from patches to phases: taps where the channel is the same."""
    matrix = np.einsum("pr,cd->pcrd", taps, np.eye(channels))
    matrix = matrix.reshape(len(taps) * channels, -1)
    return ops.convert_to_tensor(matrix, dtype=dtype)


@keras.saving.register_keras_serializable("keras_fcn")
class Bilinear(keras.initializers.Initializer):
    """Start a `Conv2DTranspose` as bilinear upsampling of each channel.

    Args:
        factor: `s`, the strides of the layer; its kernel must have
            `2*s` or `2*s - 1` taps a side, and as many input as output channels.

    Raises:
        ValueError: When called for a kernel of another shape.

    Example:
        >>> import keras, numpy as np
        >>> layer = keras.layers.Conv2DTranspose(
        ...     1, 4, strides=2, padding="same", kernel_initializer=Bilinear(2))
        >>> out = layer(np.full((1, 3, 3, 1), 7.0))
        >>> float(out[0, 2, 2, 0])  # a constant stays that constant inside
        7.0

    Reference:
        Long et al., https://arxiv.org/abs/1411.4038, section 4.3.
    """

    def __init__(self, factor):
        self.factor = factor

    def __call__(self, shape, dtype=None):
        kernel = bilinear_kernel(self.factor, shape[-1], kernel_size=shape[0])
        if tuple(shape) != kernel.shape:
            raise ValueError(
                f"A bilinear kernel for factor {self.factor} must have the shape "
                f"{kernel.shape}. Received: shape={tuple(shape)}."
            )
        return ops.convert_to_tensor(kernel, dtype=dtype)

    def get_config(self):
        return {"factor": self.factor}

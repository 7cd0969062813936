"""The few layers that Keras does not have: preprocessing, upsampling and cropping.

Knows `keras.ops`, so everything here runs on TensorFlow, JAX and PyTorch; knows
nothing of VGG or of FCN. Layout is `(batch, height, width, channels)` throughout.
"""

from __future__ import annotations

import keras
from keras import ops

from .transposed import bilinear_kernel, bilinear_profile

# The BGR means of the images that VGG16 and VGG19 were trained on, in grey levels.
VGG_BGR_MEAN = (103.939, 116.779, 123.68)


@keras.saving.register_keras_serializable("keras_fcn")
class BGRMeanSubtraction(keras.layers.Layer):
    """Turn RGB images of 0..255 into what networks trained in Caffe expect.

    The channels are reversed to BGR and a mean is taken off each. Nothing is
    scaled. Equal to `keras.applications.vgg16.preprocess_input`, but part of the
    model, so that it cannot be forgotten or done twice.

    Args:
        mean: Means of blue, green and red, in grey levels. Defaults to those of
            VGG, `(103.939, 116.779, 123.68)`.
        **kwargs: Arguments of `keras.layers.Layer`.

    Example:
        >>> import numpy as np
        >>> red = np.array([[[[255.0, 0.0, 0.0]]]])
        >>> [round(float(x), 2) for x in BGRMeanSubtraction()(red)[0, 0, 0]]
        [-103.94, -116.78, 131.32]

    Reference:
        Simonyan & Zisserman, https://arxiv.org/abs/1409.1556, section 2.1.
    """

    def __init__(self, mean=VGG_BGR_MEAN, **kwargs):
        super().__init__(**kwargs)
        self.mean = tuple(float(m) for m in mean)

    def call(self, images):
        images = ops.cast(images, self.compute_dtype)
        return ops.flip(images, axis=-1) - ops.convert_to_tensor(
            self.mean, dtype=self.compute_dtype
        )

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        return {**super().get_config(), "mean": self.mean}


@keras.saving.register_keras_serializable("keras_fcn")
class BilinearUpsampling2D(keras.layers.Layer):
    """Transposed convolution with a fixed bilinear kernel, one channel at a time.

    The same function as `Conv2DTranspose` with `bilinear_kernel`, without weights
    and without the dense channel mixing: two small matrix products, rows first.
    Outside the map there are zeros, so values fade out over the last half stride.

    Args:
        factor: `s`, output pixels per input pixel. The kernel has
            `k = 2*s - s % 2` taps.
        padding: `"valid"`, output `(n - 1)*s + k` pixels, or `"same"`, `n*s`
            pixels, the difference cropped evenly. Defaults to `"valid"`.
        **kwargs: Arguments of `keras.layers.Layer`.

    Raises:
        ValueError: If `factor` is below 1 or `padding` is another word.

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

    def __init__(self, factor, padding="valid", **kwargs):
        super().__init__(**kwargs)
        if padding not in ("valid", "same"):
            raise ValueError(
                f'`padding` must be "valid" or "same". Received: padding={padding!r}.'
            )
        self.factor = factor
        self.kernel_size = len(bilinear_profile(factor))
        self.padding = padding

    def call(self, maps):
        _, height, width, _ = ops.shape(maps)
        rows = self._interpolation(height)  # (output height, height)
        columns = self._interpolation(width)  # (output width, width)
        maps = ops.einsum("oh,bhwc->bowc", rows, maps)
        return ops.einsum("pw,bowc->bopc", columns, maps)

    def compute_output_shape(self, input_shape):
        batch, height, width, channels = input_shape
        return (batch, self._length(height), self._length(width), channels)

    def get_config(self):
        return {
            **super().get_config(),
            "factor": self.factor,
            "padding": self.padding,
        }

    def _length(self, n):
        if n is None:
            return None
        overlap = self.kernel_size - self.factor if self.padding == "valid" else 0
        return n * self.factor + overlap

    def _interpolation(self, n):
        """One axis' bilinear `C.T`: tap `o - i*s` of the tent at row `o`, column `i`.

        The tent's own formula is zero beyond its ends, so no tap is looked up.
        """
        s, k = self.factor, self.kernel_size
        crop = (k - s) // 2 if self.padding == "same" else 0
        output = ops.cast(ops.arange(self._length(n)), "float32") + crop
        first_tap = s * ops.cast(ops.arange(n), "float32")
        tap = output[:, None] - first_tap[None, :]
        tent = ops.relu(1 - ops.abs(tap - (k - 1) / 2) / s)
        return ops.cast(tent, self.compute_dtype)


@keras.saving.register_keras_serializable("keras_fcn")
class CropTo(keras.layers.Layer):
    """Cut a feature map to the height and width of another, from an offset on.

    Called on `[maps, reference]`; a map that ends early is cut where it ends.

    Args:
        offset: First row and column that is kept, in pixels; `geometry.crop_offset`
            derives it. Defaults to `0`.
        **kwargs: Arguments of `keras.layers.Layer`.

    Example:
        >>> import numpy as np
        >>> maps, image = np.zeros((1, 544, 544, 21)), np.zeros((1, 500, 375, 3))
        >>> tuple(CropTo(offset=31)([maps, image]).shape)
        (1, 500, 375, 21)
    """

    def __init__(self, offset=0, **kwargs):
        super().__init__(**kwargs)
        self.offset = offset

    def call(self, inputs):
        maps, reference = inputs
        _, height, width, _ = ops.shape(reference)
        first = self.offset
        return maps[:, first : first + height, first : first + width, :]

    def compute_output_shape(self, input_shapes):
        maps, reference = input_shapes
        return (maps[0], reference[1], reference[2], maps[3])

    def get_config(self):
        return {**super().get_config(), "offset": self.offset}


@keras.saving.register_keras_serializable("keras_fcn")
class Bilinear(keras.initializers.Initializer):
    """Start a `Conv2DTranspose` as bilinear upsampling of each channel.

    Args:
        factor: `s`, the strides of the layer; its kernel must have
            `2*s - s % 2` taps a side, and as many input as output channels.

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
        kernel = bilinear_kernel(self.factor, channels=shape[-1])
        if tuple(shape) != kernel.shape:
            raise ValueError(
                f"A bilinear kernel for factor {self.factor} must have the shape "
                f"{kernel.shape}. Received: shape={tuple(shape)}."
            )
        return ops.convert_to_tensor(kernel, dtype=dtype)

    def get_config(self):
        return {"factor": self.factor}

"""Where maps end: cut to the size of another one, or continued to whole strides."""

from __future__ import annotations

import keras
from keras import ops


def crop(maps, top, height, left, width):
    """Return `maps[:, top : top + height, left : left + width]`.

    On TensorFlow it is not written so: to undo an index, for the gradient, takes it 15
    times as long as to undo a slice. A slice refuses to reach beyond the map.
    """
    if keras.backend.backend() != "tensorflow":
        return maps[:, top : top + height, left : left + width]
    batch, rows, columns, channels = ops.shape(maps)
    size = (batch, _least(height, rows - top), _least(width, columns - left), channels)
    return ops.slice(maps, (0, top, left, 0), size)


def _least(a, b):
    return min(a, b) if isinstance(a, int) and isinstance(b, int) else ops.minimum(a, b)


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
        return crop(maps, self.offset, height, self.offset, width)

    def compute_output_shape(self, input_shapes):
        maps, reference = input_shapes
        return (maps[0], reference[1], reference[2], maps[3])

    def get_config(self):
        return {**super().get_config(), "offset": self.offset}


@keras.saving.register_keras_serializable("keras_fcn")
class PadToMultiple(keras.layers.Layer):
    """Continue an image at its bottom and right to whole multiples of a stride.

    The last row and column are repeated, so that nothing new comes into view.

    Args:
        multiple: Pixels that height and width become a multiple of.
        **kwargs: Arguments of `keras.layers.Layer`.

    Example:
        >>> import numpy as np
        >>> tuple(PadToMultiple(32)(np.zeros((1, 33, 64, 3))).shape)
        (1, 64, 64, 3)
    """

    def __init__(self, multiple, **kwargs):
        super().__init__(**kwargs)
        self.multiple = multiple

    def call(self, images):
        _, height, width, _ = ops.shape(images)
        images = ops.take(images, self._rows(height), axis=1)
        return ops.take(images, self._rows(width), axis=2)

    def compute_output_shape(self, input_shape):
        batch, height, width, channels = input_shape
        return (batch, self._length(height), self._length(width), channels)

    def get_config(self):
        return {**super().get_config(), "multiple": self.multiple}

    def _length(self, n):
        # Not the shorter -(-n // m): ONNX rounds negative quotients towards 0.
        if n is None:
            return None
        return (n + self.multiple - 1) // self.multiple * self.multiple

    def _rows(self, n):
        return ops.minimum(ops.arange(self._length(n)), n - 1)

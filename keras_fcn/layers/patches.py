"""A wide convolution as one product of patches and kernel, as fc6 needs it."""

from __future__ import annotations

import keras
from keras import ops

from .cropping import crop


def patches(maps, size, last_first=False):
    """Lay every `k_h` x `k_w` patch of a feature map beside the others, as channels.

    Rows are gathered from columns that were gathered before, so that each value is
    copied `k_w + k_h` times in long runs, not `k_w * k_h` times.

    Args:
        maps: Tensor `(batch, height, width, channels)`.
        size: `(k_h, k_w)`.
        last_first: Whether each patch is turned: its last row and column come first.

    Returns:
        Tensor `(batch, height - k_h + 1, width - k_w + 1, k_h * k_w * channels)`.
    """
    (k_h, k_w), step = size, -1 if last_first else 1
    _, height, width, _ = ops.shape(maps)
    columns = width - k_w + 1
    maps = ops.concatenate(
        [crop(maps, 0, height, left, columns) for left in range(k_w)[::step]], axis=-1
    )
    rows = height - k_h + 1
    return ops.concatenate(
        [crop(maps, top, rows, 0, columns) for top in range(k_h)[::step]], axis=-1
    )


@keras.saving.register_keras_serializable("keras_fcn")
class PatchConv2D(keras.layers.Conv2D):
    """A `Conv2D` computed as one matrix product: patches of the map times the kernel.

    Arguments, weights and results are those of `keras.layers.Conv2D`. Where a kernel
    is wide and the map small, as at VGG's fc6 (7x7, 512 to 4096 channels), the patches
    are a small matrix and the kernel, as it lies in memory, is the large one, so that
    nothing large is laid out anew, forwards or backwards. The patches take `k*k` times
    the memory of the map. Strided, dilated, grouped and channels-first convolutions
    are left to Keras.

    Example:
        >>> import numpy as np
        >>> layer = PatchConv2D(1, 2, kernel_initializer="ones")
        >>> out = layer(np.arange(9.0).reshape(1, 3, 3, 1))
        >>> ops.convert_to_numpy(out)[0, ..., 0].tolist()
        [[8.0, 12.0], [20.0, 24.0]]

    Reference:
        Chellapilla, Puri, Simard, "High Performance Convolutional Neural Networks for
        Document Processing", section 3: convolution as a matrix product.
    """

    def convolution_op(self, inputs, kernel):
        plain = (
            self.data_format == "channels_last"
            and self.groups == 1
            and set(self.strides) == set(self.dilation_rate) == {1}
            and self.padding in ("valid", "same")
        )
        if not plain:
            return super().convolution_op(inputs, kernel)
        if self.padding == "same":
            # An even kernel's odd zero stands behind.
            borders = [((k - 1) // 2, k // 2) for k in self.kernel_size]
            inputs = ops.pad(inputs, [(0, 0), *borders, (0, 0)])
        columns = patches(inputs, self.kernel_size)
        batch, height, width, taps = ops.shape(columns)
        taps = columns.shape[-1] or taps
        columns = ops.reshape(columns, (-1, taps))
        matrix = ops.reshape(ops.convert_to_tensor(kernel), (taps, self.filters))
        product = ops.matmul
        if keras.backend.backend() == "tensorflow":
            product = ops.custom_gradient(_product)
        outputs = product(columns, matrix)
        return ops.reshape(outputs, (batch, height, width, self.filters))


def _product(columns, matrix):
    """Return `columns @ matrix` and its gradient, without the large matrix turned.

    TensorFlow multiplies by the transpose of a large matrix at half of its speed: it
    transposes a copy of it first.
    """

    def gradient(*upstream):
        (outputs,) = upstream
        turned = ops.matmul(matrix, ops.transpose(outputs))
        return ops.transpose(turned), ops.matmul(ops.transpose(columns), outputs)

    return ops.matmul(columns, matrix), gradient

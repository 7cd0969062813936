"""Grouped convolution, as AlexNet has it from its two GPUs."""

from __future__ import annotations

import keras
from keras import ops


@keras.saving.register_keras_serializable("keras_fcn")
class GroupedConv2D(keras.layers.Conv2D):
    """A `Conv2D` in groups, computed as one convolution for each group.

    Arguments, weights and results are those of `keras.layers.Conv2D`. TensorFlow has
    no grouped convolution on CPUs, so Keras compiles its own with XLA, again for each
    size of image; this one needs no compiler.

    Example:
        Two groups of two channels each; each output sees its own group only:

        >>> import numpy as np
        >>> layer = GroupedConv2D(2, 1, groups=2, kernel_initializer="ones")
        >>> layer(np.array([[[[1.0, 2.0, 30.0, 40.0]]]])).shape[-1]
        2
        >>> tuple(layer.kernel.shape)
        (1, 1, 2, 2)

    Reference:
        Krizhevsky et al., "ImageNet Classification with Deep Convolutional Neural
        Networks", section 3.5 and figure 2.
    """

    def convolution_op(self, inputs, kernel):
        axis = -1 if self.data_format == "channels_last" else 1
        groups = zip(
            ops.split(inputs, self.groups, axis=axis),
            ops.split(kernel, self.groups, axis=-1),
            strict=True,
        )
        return ops.concatenate(
            [
                ops.conv(
                    group,
                    group_kernel,
                    strides=list(self.strides),
                    padding=self.padding,
                    data_format=self.data_format,
                    dilation_rate=self.dilation_rate,
                )
                for group, group_kernel in groups
            ],
            axis=axis,
        )

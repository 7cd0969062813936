"""From a photo's grey levels to what a trained network expects."""

from __future__ import annotations

import keras
from keras import ops

from ..suggestions import require_choice

# The BGR means of the images that VGG16 and VGG19 were trained on, in grey levels,
# and those that the FCN authors subtracted.
CAFFE_BGR_MEAN = (103.939, 116.779, 123.68)
FCN_BGR_MEAN = (104.00698793, 116.66876762, 122.67891434)

# Mean and scale in grey levels of each mode, and whether channels become BGR.
_MODES = {
    "caffe": (CAFFE_BGR_MEAN, (1.0, 1.0, 1.0), True),
    "tf": ((127.5, 127.5, 127.5), (127.5, 127.5, 127.5), False),
    "torch": ((123.675, 116.28, 103.53), (58.395, 57.12, 57.375), False),
}
PREPROCESSING_MODES = tuple(_MODES)


@keras.saving.register_keras_serializable("keras_fcn")
class ImagePreprocessing(keras.layers.Layer):
    """Turn RGB images of 0..255 into what a trained network expects.

    | mode | channels | result |
    | --- | --- | --- |
    | `"caffe"` | BGR | grey levels less their mean |
    | `"tf"` | RGB | -1..1 |
    | `"torch"` | RGB | less the mean of ImageNet, over its standard deviation |

    Equal to Keras' `preprocess_input` of the same mode, but part of the model, so
    that it cannot be forgotten or done twice.

    Args:
        mode: As above. Defaults to `"caffe"`.
        mean: Means of the three channels of the result, in grey levels, instead of
            the mode's own. Defaults to `None`.
        **kwargs: Arguments of `keras.layers.Layer`.

    Raises:
        ValueError: If `mode` is another word.

    Example:
        >>> import numpy as np
        >>> red = np.array([[[[255.0, 0.0, 0.0]]]])
        >>> [round(float(x), 2) for x in ImagePreprocessing()(red)[0, 0, 0]]
        [-103.94, -116.78, 131.32]

    Reference:
        Simonyan & Zisserman, https://arxiv.org/abs/1409.1556, section 2.1, and
        `infer.py` of https://github.com/shelhamer/fcn.berkeleyvision.org.
    """

    def __init__(self, mode="caffe", mean=None, **kwargs):
        super().__init__(**kwargs)
        require_choice("mode", mode, PREPROCESSING_MODES)
        self.mode = mode
        own_mean, self.deviation, self.is_bgr = _MODES[mode]
        self.mean = tuple(float(m) for m in (own_mean if mean is None else mean))

    def call(self, images):
        images = ops.cast(images, self.compute_dtype)
        if self.is_bgr:
            images = ops.flip(images, axis=-1)
        images -= ops.convert_to_tensor(self.mean, dtype=self.compute_dtype)
        if self.mode == "caffe":
            return images
        return images / ops.convert_to_tensor(self.deviation, dtype=self.compute_dtype)

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        return {**super().get_config(), "mode": self.mode, "mean": self.mean}

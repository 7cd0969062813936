"""Where the pixels of a feature map lie in the image, and the crops that follow.

Knows strides, kernels and paddings; knows nothing of tensors, of Keras, or even
of NumPy. Exact rational numbers throughout, so a crop is derived, never rounded.
"""

from .alignment import crop_offset
from .coordinates import CoordinateMap, convolution, transposed_convolution

__all__ = [
    "CoordinateMap",
    "convolution",
    "crop_offset",
    "transposed_convolution",
]

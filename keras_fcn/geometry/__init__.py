"""Where pixels lie, which of them a framework keeps, and the crops that follow.

Knows strides, kernels and paddings, on one axis at a time; knows nothing of tensors,
of any framework, or even of NumPy. Whole and rational numbers throughout, so a crop is
derived, never rounded.
"""

from .alignment import crop_offset
from .conventions import (
    from_caffe,
    from_jax,
    from_keras,
    from_onnx,
    from_pytorch,
    from_tensorflow,
    to_caffe,
    to_jax,
    to_keras,
    to_onnx,
    to_pytorch,
    to_tensorflow,
)
from .coordinates import CoordinateMap, convolution, transposed_convolution
from .kernels import convert_kernel
from .representable import NotRepresentable, Workaround
from .upsampling import Upsampling, overlap_counts, phase_sums, upsampling_by
from .window import Window, window_of_convolution

__all__ = [
    "CoordinateMap",
    "NotRepresentable",
    "Upsampling",
    "Window",
    "Workaround",
    "convert_kernel",
    "convolution",
    "crop_offset",
    "from_caffe",
    "from_jax",
    "from_keras",
    "from_onnx",
    "from_pytorch",
    "from_tensorflow",
    "overlap_counts",
    "phase_sums",
    "to_caffe",
    "to_jax",
    "to_keras",
    "to_onnx",
    "to_pytorch",
    "to_tensorflow",
    "transposed_convolution",
    "upsampling_by",
    "window_of_convolution",
]

"""The transposed convolution from scratch, in NumPy.

`convolution_matrix` is the definition; `conv_transpose` computes with it and without
it. Knows arrays and windows; knows nothing of Keras or of any network.
"""

from .adjoint import dot_test
from .bilinear import bilinear_kernel, bilinear_profile
from .evaluate import conv, conv_transpose
from .matrix import convolution_matrix

__all__ = [
    "bilinear_kernel",
    "bilinear_profile",
    "conv",
    "conv_transpose",
    "convolution_matrix",
    "dot_test",
]

"""The kernels of the transposed convolution, in NumPy.

Knows arrays; knows nothing of Keras or of any network.
"""

from .bilinear import bilinear_kernel, bilinear_profile

__all__ = ["bilinear_kernel", "bilinear_profile"]

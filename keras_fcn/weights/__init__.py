"""Tensors in and out of a model that our own builders made.

Only tensors are read, by name, into variables of the same shape; no configuration
and no code is ever taken from a file. Knows Keras models; knows nothing of FCN.
"""

from .files import WeightsFormatError, load_weights, save_weights
from .surgery import transplant

__all__ = ["WeightsFormatError", "load_weights", "save_weights", "transplant"]

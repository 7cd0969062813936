"""Published tensors put into the variables of our models, all or none.

Knows the layer names of fully convolutional networks, and how Caffe and PyTorch lay
out a kernel; knows no file format.
"""

from .account import SourceTensor
from .layouts import is_bilinear
from .placing import place
from .report import LoadReport, MatchedTensor

__all__ = ["LoadReport", "MatchedTensor", "SourceTensor", "is_bilinear", "place"]

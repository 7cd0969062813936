"""Tensors in and out of a model, ours or published by others.

Only tensors are read, by name, into variables of the same shape; no configuration
and no code is ever taken from a file. Knows Keras models, and the names of the layers
of FCNs; knows nothing of how they are built.
"""

from .caffe import CaffeLayer, load_caffemodel, read_caffemodel
from .files import WeightsFormatError, load_weights, save_weights
from .placement import LoadReport, MatchedTensor
from .published import PUBLISHED, PublishedWeights, find_published, obtain_weights
from .pytorch import load_torch, read_state_dict
from .sources import check_source, fill
from .surgery import Inheritance, inherit, transplant

__all__ = [
    "PUBLISHED",
    "CaffeLayer",
    "Inheritance",
    "LoadReport",
    "MatchedTensor",
    "PublishedWeights",
    "WeightsFormatError",
    "check_source",
    "fill",
    "find_published",
    "inherit",
    "load_caffemodel",
    "load_torch",
    "load_weights",
    "obtain_weights",
    "read_caffemodel",
    "read_state_dict",
    "save_weights",
    "transplant",
]

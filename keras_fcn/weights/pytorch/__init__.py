"""PyTorch's state dicts, read without PyTorch: nothing in a file is ever run."""

from .format import read_state_dict
from .loading import load_torch
from .names import Family, recognize_family

__all__ = ["Family", "load_torch", "read_state_dict", "recognize_family"]

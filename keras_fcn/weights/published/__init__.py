"""What others have published: where it is, and which network each file holds."""

from .catalogue import PUBLISHED, PublishedWeights
from .obtaining import default_folder, find_published, obtain_weights
from .recognition import Recognized, read_tensors, recognize

__all__ = [
    "PUBLISHED",
    "PublishedWeights",
    "Recognized",
    "default_folder",
    "find_published",
    "obtain_weights",
    "read_tensors",
    "recognize",
]

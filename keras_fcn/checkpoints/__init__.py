"""Checkpoints from which a training goes on exactly, and the callback that writes them.

Knows models, optimisers and files; knows nothing of run folders and data sets.
"""

from .file import Checkpoint, find_checkpoints
from .folder import RunLock, newest_valid
from .identity import require_same_identity
from .remembered import Remembered
from .resume import ExactResume

__all__ = [
    "Checkpoint",
    "ExactResume",
    "Remembered",
    "RunLock",
    "find_checkpoints",
    "newest_valid",
    "require_same_identity",
]

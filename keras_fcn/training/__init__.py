"""Training: from a configuration to a run folder.

Knows data sets, networks, losses and scores; knows nothing of the command line.
"""

from .fit import train

__all__ = ["train"]

"""The parts that the paper's figure is put together from.

An `Assembly` holds the builders' arguments, checked before anything is built, and
makes the steps of the figure.
"""

from .steps import Assembly

__all__ = ["Assembly"]

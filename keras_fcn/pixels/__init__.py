"""Argmax, cross-entropy and confusion of every pixel, in each backend's fastest form.

The answers are those of Keras' own operations. Knows `keras.ops`, and each backend when
it is the one in use; knows nothing of networks, losses or metrics.
"""

from .operations import argmax, confusion, crossentropy, is_compiling

__all__ = ["argmax", "confusion", "crossentropy", "is_compiling"]

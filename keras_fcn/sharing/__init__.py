"""A trained network for others: a folder that the Hugging Face Hub understands.

This room chooses what is told, writes the model card and uploads. What it writes is
read again by `keras_fcn.from_pretrained`; it knows nothing of how training goes.
"""

from .publishing import Publication, publish

__all__ = ["Publication", "publish"]

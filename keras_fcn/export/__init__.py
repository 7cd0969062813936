"""Trained networks as files that other programs run, without Keras.

A file takes the bytes of a photo and gives labels; preprocessing and the names of the
classes are inside, and any size of image will do. Knows networks, inference and data
sets; knows nothing of training. It works with Keras on TensorFlow, and needs `pip
install "keras-fcn[export]"`.
"""

from .exporting import FORMATS, ExportReport, export

__all__ = ["FORMATS", "ExportReport", "export"]

"""PASCAL VOC segmentation and SBD as a data set of TensorFlow Datasets.

Importing this package is what makes the data set known there. It needs the extra
`keras-fcn[datasets]`:

    import keras_fcn.datasets.voc_segmentation
    import tensorflow_datasets as tfds

    batches = tfds.load("voc_segmentation/2012", split="train", as_supervised=True)

The folder is laid out as TFDS lays out its own data sets.
"""

from .voc_segmentation_dataset_builder import Builder

__all__ = ["Builder"]

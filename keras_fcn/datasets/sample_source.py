"""What every data set is: samples by index, with names and classes."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

import numpy as np

VOID = 255


class SampleSource(ABC):
    """Images and label maps by index; the base class of all data sets.

    `source[i]` is `(image, label)`: uint8 RGB `(height, width, 3)` and uint8
    `(height, width)`, class indices and `ignore_class` for void pixels. Reading an
    index twice gives the same sample.

    Attributes:
        class_names: Names of the classes, the background first.
        ignore_class: The void label, `255`.
        names: A name for each sample, for messages and file names.
    """

    class_names: tuple[str, ...]
    ignore_class: int = VOID
    names: tuple[str, ...]

    @abstractmethod
    def __getitem__(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        """Return the image and the label map of one sample."""

    def label(self, index: int) -> np.ndarray:
        """Return the label map of one sample."""
        return self[index][1]

    def image_size(self, index: int) -> tuple[int, int]:
        """Return height and width of one image."""
        height, width, _ = self[index][0].shape
        return height, width

    def __len__(self) -> int:
        return len(self.names)

    @property
    def num_classes(self) -> int:
        """Number of classes, the background included."""
        return len(self.class_names)

    def batches(self, batch_size: int = 1, **options: Any):
        """Return the samples as a `tf.data.Dataset`; see `pipeline.make_batches`.

        Raises:
            ModuleNotFoundError: If TensorFlow is not installed.

        Example:
            >>> from keras_fcn.datasets import load
            >>> batches = load("shapes", "val").batches(batch_size=4, crop_size=64)
            >>> images, labels = next(iter(batches))
            >>> images.shape, labels.shape
            (TensorShape([4, 64, 64, 3]), TensorShape([4, 64, 64]))
        """
        try:
            from .pipeline import make_batches
        except ModuleNotFoundError as error:
            raise ModuleNotFoundError(
                "Batches are made by `tf.data`, which needs TensorFlow beside JAX or "
                f"PyTorch: {error}. Install tensorflow-cpu (tensorflow on a Mac)."
            ) from error
        return make_batches(self, batch_size, **options)

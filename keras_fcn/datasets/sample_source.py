"""What every data set is: samples by index, with names and classes."""

from __future__ import annotations

from abc import ABC, abstractmethod
from pathlib import Path
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
        ignore_class: The void label. Defaults to `255`.
        names: A name for each sample, for messages and file names.
        missing: What should be there and is not, in words; mostly nothing.
    """

    class_names: tuple[str, ...]
    ignore_class: int = VOID
    missing: tuple[str, ...] = ()
    names: tuple[str, ...]

    @abstractmethod
    def __getitem__(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        """Return the image and the label map of one sample."""

    def decoded(self, index: int) -> tuple[Any, np.ndarray]:
        """Return one sample for augmentation: its photo may be a Pillow image, RGB.

        Cutting a part out of that is cheaper than laying out the whole as an array.
        """
        return self[index]

    def image(self, index: int) -> np.ndarray:
        """Return the photo of one sample."""
        return self[index][0]

    def label(self, index: int) -> np.ndarray:
        """Return the label map of one sample."""
        return self[index][1]

    def voc_label(self, index: int) -> np.ndarray:
        """Return the label map of one sample with 255 for void, as VOC has it."""
        label = self.label(index)
        return np.where(label == self.ignore_class, VOID, label).astype("uint8")

    def image_size(self, index: int) -> tuple[int, int]:
        """Return height and width of one image."""
        height, width, _ = self.image(index).shape
        return height, width

    def image_file(self, index: int) -> Path | None:
        """Return the file of one photo, or `None` where photos are no files."""
        return None

    def label_file(self, index: int) -> Path | None:
        """Return the file of one mask, or `None` where masks are no files."""
        return None

    def __len__(self) -> int:
        return len(self.names)

    @property
    def num_classes(self) -> int:
        """Number of classes, the background included."""
        return len(self.class_names)

    def batches(self, batch_size: int = 1, **options: Any):
        """Return the samples in batches for `fit`; see `pipeline.make_batches`.

        They are a `tf.data.Dataset` if Keras runs on TensorFlow, else, with the same
        batches, a `keras.utils.PyDataset`, which does without TensorFlow.

        Raises:
            ModuleNotFoundError: If the backend of Keras is not installed.

        Example:
            >>> from keras_fcn.datasets import load
            >>> batches = load("shapes", "val").batches(batch_size=4, crop_size=64)
            >>> images, labels = next(iter(batches))
            >>> tuple(images.shape), tuple(labels.shape)
            ((4, 64, 64, 3), (4, 64, 64))
        """
        from .batches.pipeline import make_batches

        try:
            return make_batches(self, batch_size, **options)
        except ModuleNotFoundError as error:
            raise ModuleNotFoundError(
                f"Batches need Keras and the backend that it is set to: {error}. "
                "Install tensorflow-cpu (tensorflow on a Mac), or name the backend "
                'that is installed: KERAS_BACKEND="jax" or "torch".'
            ) from error

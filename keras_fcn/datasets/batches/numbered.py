"""Every batch of a training by its number: index, decode, augment, stack.

Which samples a batch holds and every random number in it are functions of (seed, epoch,
position) alone. So a training can be taken up at any batch, and however the batches are
made, by `tf.data` or by threads, by one or by many, they are the same.
"""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np

from ..sample_source import SampleSource
from . import draws
from .augment import Photo, pad_to, prepare


class NumberedBatches:
    """The batches of all epochs, one epoch after the other.

    Args:
        source: The data set.
        batch_size: Samples per batch; the last batch of an epoch may be smaller.
        crop_size: Pixels a side of every sample, or `None` for native sizes.
        augment: Whether to flip and, with `crop_size`, scale and cut at random.
        shuffle: Whether to reorder all samples, anew each epoch.
        seed: Seed of order and augmentation.
        scale_range: Lowest and highest scale of the augmentation.

    Raises:
        ValueError: If the data set is empty, a number is below 1, or the scales are
            not above 0 and in order.

    Example:
        >>> from keras_fcn.datasets import load
        >>> batches = NumberedBatches(load("shapes"), 30, crop_size=64, shuffle=True)
        >>> [len(batches[number][0]) for number in (0, 13, 14)]  # 400 = 13 * 30 + 10
        [30, 10, 30]
    """

    def __init__(
        self,
        source: SampleSource,
        batch_size: int = 1,
        *,
        crop_size: int | None = None,
        augment: bool = False,
        shuffle: bool = False,
        seed: int = 0,
        scale_range: tuple[float, float] = (0.5, 2.0),
    ):
        if len(source) < 1:
            raise ValueError(
                "A data set must have at least one sample. Received: none."
            )
        for name, value in (("batch_size", batch_size), ("crop_size", crop_size)):
            if value is not None and value < 1:
                raise ValueError(
                    f"`{name}` must be at least 1. Received: {name}={value}."
                )
        if not 0 < scale_range[0] <= scale_range[1]:
            raise ValueError(
                "`scale_range` must be the lowest and the highest scale, above 0. "
                f"Received: scale_range={scale_range}."
            )
        self.source = source
        self.batch_size = batch_size
        self.crop_size = crop_size
        self.per_epoch = math.ceil(len(source) / batch_size)
        self.smallest = len(source) - (self.per_epoch - 1) * batch_size
        self._augment = augment
        self._shuffle = shuffle
        self._seed = seed
        self._scale_range = scale_range
        # Files' photos come as Pillow has them: only the part that is kept is laid out.
        self._read = source.decoded
        # Two epochs meet where one ends.
        self._order = lru_cache(maxsize=2)(self._draw_order)

    def __getitem__(self, number: int) -> tuple[np.ndarray, np.ndarray]:
        """Make one batch: images and labels, uint8, arrays of their own."""
        return self._made(*self._positions(number))

    def part(self, number: int, which: slice) -> tuple[np.ndarray, np.ndarray]:
        """Make some samples of one batch, as `self[number]` has them.

        Args:
            number: Number of the batch.
            which: Which of its samples, at least one.
        """
        if self.crop_size is None:  # all are padded to the largest of the batch
            images, labels = self[number]
            return images[which], labels[which]
        epoch, positions = self._positions(number)
        return self._made(epoch, positions[which])

    def _made(self, epoch: int, positions: range) -> tuple[np.ndarray, np.ndarray]:
        samples = [self._sample(epoch, position) for position in positions]
        sides = zip(*(label.shape for _, label in samples), strict=True)
        height, width = (max(lengths) for lengths in sides)
        void = self.source.ignore_class
        padded = [pad_to(*sample, (height, width), void) for sample in samples]
        images, labels = zip(*padded, strict=True)
        return np.stack(images), np.stack(labels)

    def names(self, number: int) -> list[str]:
        """Return the names of the samples of one batch."""
        epoch, positions = self._positions(number)
        return [self.source.names[self._order(epoch)[i]] for i in positions]

    def _positions(self, number: int) -> tuple[int, range]:
        epoch, step = divmod(number, self.per_epoch)
        first = step * self.batch_size
        return epoch, range(first, min(first + self.batch_size, len(self.source)))

    def _sample(self, epoch: int, position: int) -> tuple[np.ndarray, np.ndarray]:
        index = int(self._order(epoch)[position])
        image, label = self._read(index)
        kinds = _kind(image), _kind(label)
        height, width = label.shape if label.ndim == 2 else (0, 0)
        if kinds != (f"uint8 ({height}, {width}, 3)", f"uint8 ({height}, {width})"):
            raise ValueError(
                "A sample must be a uint8 photo `(height, width, 3)` and a uint8 label "
                "map `(height, width)`. "
                f"Received: {self.source.names[index]!r}, {kinds[0]} and {kinds[1]}."
            )
        return prepare(
            image,
            label,
            (self._seed, epoch * len(self.source) + position),
            crop_size=self.crop_size,
            augment=self._augment,
            scale_range=self._scale_range,
            ignore_class=self.source.ignore_class,
        )

    def _draw_order(self, epoch: int) -> np.ndarray:
        n = len(self.source)
        return (
            draws.permutation(self._seed, epoch, n) if self._shuffle else np.arange(n)
        )


def _kind(pixels: Photo) -> str:
    """Return the type and the shape of a photo or label map."""
    if isinstance(pixels, np.ndarray):
        return f"{pixels.dtype} {pixels.shape}"
    kind = "uint8" if pixels.mode == "RGB" else pixels.mode
    return f"{kind} ({pixels.height}, {pixels.width}, {len(pixels.getbands())})"

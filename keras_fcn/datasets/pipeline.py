"""The `tf.data` pipeline: index, decode, augment, batch.

The order of samples and every random number are functions of (seed, epoch, position)
alone. So an epoch never repeats the one before, two runs with one seed agree, and a
run can be taken up at any epoch.
"""

from __future__ import annotations

import itertools
import math

import numpy as np
import tensorflow as tf

from .augment import MEAN_COLOUR, prepare
from .sample_source import SampleSource


def make_batches(
    source: SampleSource,
    batch_size: int = 1,
    *,
    crop_size: int | None = None,
    augment: bool = False,
    shuffle: bool = False,
    seed: int = 0,
    scale_range: tuple[float, float] = (0.5, 2.0),
    first_epoch: int = 0,
    endless: bool = False,
) -> tf.data.Dataset:
    """Turn a data set into batches for `model.fit`.

    Each time the result is iterated over is the next epoch, in another order and
    with other random numbers.

    Args:
        source: The data set.
        batch_size: Samples per batch; the last batch of an epoch may be smaller.
            Defaults to `1`.
        crop_size: Cut every sample to this many pixels a side, padding smaller ones
            with the mean colour and void. Defaults to `None`: native sizes, padded
            the same way to the largest of the batch.
        augment: Flip at random and, with `crop_size`, scale and cut at random.
            Defaults to `False`.
        shuffle: Whether to reorder all samples, anew each epoch. Defaults to
            `False`.
        seed: Seed of order and augmentation. Defaults to `0`.
        scale_range: Lowest and highest scale of the augmentation. Defaults to
            `(0.5, 2.0)`.
        first_epoch: Epoch to begin with. Defaults to `0`.
        endless: One dataset that runs through all epochs, for `steps_per_epoch`.
            Defaults to `False`.

    Returns:
        A `tf.data.Dataset` of images `(batch, height, width, 3)` and labels `(batch,
        height, width)`, both uint8.

    Raises:
        ValueError: If the data set is empty, a number is below 1, or the scales are
            not above 0 and in order.

    Example:
        >>> from keras_fcn.datasets import load
        >>> batches = load("shapes").batches(8, crop_size=96, augment=True)
        >>> len(batches)  # 400 samples / 8
        50
    """
    n = len(source)
    if n < 1:
        raise ValueError("A data set must have at least one sample. Received: none.")
    for name, value in (("batch_size", batch_size), ("crop_size", crop_size)):
        if value is not None and value < 1:
            raise ValueError(f"`{name}` must be at least 1. Received: {name}={value}.")
    if not 0 < scale_range[0] <= scale_range[1]:
        raise ValueError(
            "`scale_range` must be the lowest and the highest scale, above 0. "
            f"Received: scale_range={scale_range}."
        )

    def read(index):
        image, label = source[int(index)]
        return np.ascontiguousarray(image), np.ascontiguousarray(label)

    def sample(epoch, position):
        index = position
        if shuffle:
            # A permutation computed position by position: no buffer to fill.
            index = tf.random.experimental.index_shuffle(  # pyright: ignore
                position, [seed, epoch], max_index=n - 1
            )
        image, label = tf.numpy_function(
            read, [index], (tf.uint8, tf.uint8), stateful=False
        )
        image.set_shape((None, None, 3))
        label.set_shape((None, None))
        return prepare(
            image,
            label,
            seed=tf.stack([tf.cast(seed, tf.int64), epoch * n + position]),
            crop_size=crop_size,
            augment=augment,
            scale_range=scale_range,
            ignore_class=source.ignore_class,
        )

    def one_epoch(epoch):
        samples = tf.data.Dataset.range(n).map(
            lambda position: sample(epoch, position),
            num_parallel_calls=tf.data.AUTOTUNE,
            deterministic=True,
        )
        if crop_size is None and batch_size > 1:
            return _padded_batches(samples, batch_size, source.ignore_class)
        return samples.batch(batch_size)

    if endless:
        epochs = tf.data.Dataset.counter(first_epoch)
        return epochs.flat_map(one_epoch).prefetch(tf.data.AUTOTUNE)
    counter = itertools.count(first_epoch)
    epochs = tf.data.Dataset.from_generator(
        lambda: iter([next(counter)]), output_signature=tf.TensorSpec((), tf.int64)
    )
    batches = epochs.flat_map(one_epoch).prefetch(tf.data.AUTOTUNE)
    # `fit` shows how far it is only if it knows how far it goes.
    return batches.apply(
        tf.data.experimental.assert_cardinality(math.ceil(n / batch_size))
    )


def _padded_batches(samples, batch_size: int, ignore_class: int):
    """Batch samples of different sizes: mean colour and void around the smaller."""
    mean = tf.constant(MEAN_COLOUR, tf.int16)
    centred = samples.map(lambda image, label: (tf.cast(image, tf.int16) - mean, label))
    padded = centred.padded_batch(
        batch_size,
        padding_values=(
            tf.constant(0, tf.int16),
            tf.constant(ignore_class, tf.uint8),
        ),
    )
    return padded.map(lambda images, labels: (tf.cast(images + mean, tf.uint8), labels))

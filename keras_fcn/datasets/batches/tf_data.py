"""Batches as a `tf.data.Dataset`, for TensorFlow."""

from __future__ import annotations

import itertools

import tensorflow as tf

from .numbered import NumberedBatches


def tf_data_batches(
    batches: NumberedBatches,
    *,
    first: int = 0,
    endless: bool = False,
    workers: int | None = None,
) -> tf.data.Dataset:
    """Make batches ahead with `tf.data`, in order.

    Args:
        batches: All batches by number.
        first: Number of the first one.
        endless: Whether to run through all epochs. Else each iteration is the next
            epoch.
        workers: Batches made at a time. Defaults to what `tf.data` finds best.

    Returns:
        A `tf.data.Dataset` of images `(batch, height, width, 3)` and labels `(batch,
        height, width)`, both uint8.

    Example:
        >>> from keras_fcn.datasets import load
        >>> shapes = NumberedBatches(load("shapes", "val"), 40, crop_size=64)
        >>> [tuple(images.shape) for images, labels in tf_data_batches(shapes)]
        [(40, 64, 64, 3), (40, 64, 64, 3), (20, 64, 64, 3)]
    """
    side = batches.crop_size

    def make(number):
        images, labels = tf.numpy_function(
            lambda number: batches[int(number)],
            [number],
            (tf.uint8, tf.uint8),
            stateful=False,
        )
        images.set_shape((None, side, side, 3))
        labels.set_shape((None, side, side))
        return images, labels

    def one_epoch(number):
        return tf.data.Dataset.range(number, number + batches.per_epoch)

    if endless:
        numbers = tf.data.Dataset.counter(first)
    else:
        firsts = itertools.count(first, batches.per_epoch)
        numbers = tf.data.Dataset.from_generator(
            lambda: iter([next(firsts)]), output_signature=tf.TensorSpec((), tf.int64)
        ).flat_map(one_epoch)
    made = numbers.map(
        make, num_parallel_calls=workers or tf.data.AUTOTUNE, deterministic=True
    ).prefetch(tf.data.AUTOTUNE)
    if endless:
        return made
    # `fit` shows how far it is only if it knows how far it goes.
    return made.apply(tf.data.experimental.assert_cardinality(batches.per_epoch))

"""Augmentation: image and label map scaled, padded, cropped and flipped together.

Every function is stateless: the same seed gives the same result, whatever ran
before and on however many threads. Pixels stay uint8 except while they are scaled.
"""

from __future__ import annotations

import math

import tensorflow as tf

# Mean colour of ImageNet, RGB: what image padding looks like after mean subtraction
# is nothing.
MEAN_COLOUR = (124, 117, 104)


def random_scale(image, label, seed, lowest=0.5, highest=2.0):
    """Scale image (bilinear) and label map (nearest) by one random factor.

    Args:
        image: uint8 `(height, width, 3)`.
        label: uint8 `(height, width)`.
        seed: int `(2,)`.
        lowest: Smallest factor; factors are drawn evenly on a logarithmic scale.
        highest: Largest factor.

    Returns:
        The scaled image and label map, uint8, at least 1 pixel a side.
    """
    exponent = tf.random.stateless_uniform(
        (), seed, math.log(lowest), math.log(highest)
    )
    size = tf.cast(tf.shape(label), "float32") * tf.exp(exponent)
    size = tf.maximum(tf.cast(tf.round(size), "int32"), 1)
    image = tf.cast(tf.round(tf.image.resize(image, size)), "uint8")
    label = tf.image.resize(label[..., None], size, method="nearest")[..., 0]
    return image, label


def random_flip(image, label, seed):
    """Mirror image and label map left to right, or leave both, evenly."""
    flip = tf.random.stateless_uniform((), seed) < 0.5
    return tf.cond(
        flip,
        lambda: (tf.reverse(image, [1]), tf.reverse(label, [1])),
        lambda: (image, label),
    )


def pad_to(image, label, size, ignore_class):
    """Pad below and to the right up to a size: mean colour, and void."""
    missing = tf.maximum(size - tf.shape(label), 0)
    border = [[0, missing[0]], [0, missing[1]]]
    mean = tf.constant(MEAN_COLOUR, tf.int16)
    centred = tf.pad(tf.cast(image, tf.int16) - mean, [*border, [0, 0]])
    label = tf.pad(label, border, constant_values=ignore_class)
    return tf.cast(centred + mean, tf.uint8), label


def crop(image, label, size, position):
    """Cut out a square of `size` pixels.

    Args:
        image: uint8 `(height, width, 3)`, at least `size` pixels a side.
        label: uint8 `(height, width)`.
        size: Pixels a side.
        position: `(2,)` of 0..1: where in the range of possible first rows and
            columns the cut begins. 0.5 cuts out the middle.

    Returns:
        The cropped image and label map.
    """
    room = tf.cast(tf.shape(label) - size + 1, "float32")
    first = tf.minimum(tf.cast(position * room, "int32"), tf.shape(label) - size)
    y, x = first[0], first[1]
    image = image[y : y + size, x : x + size]
    label = label[y : y + size, x : x + size]
    return tf.ensure_shape(image, (size, size, 3)), tf.ensure_shape(label, (size, size))


def prepare(image, label, seed, *, crop_size, augment, scale_range, ignore_class):
    """Apply what training asks for to one sample.

    Args:
        image: uint8 `(height, width, 3)`.
        label: uint8 `(height, width)`.
        seed: int `(2,)`.
        crop_size: Pixels a side of the cut, or `None` for the native size.
        augment: Whether to scale (only before a crop) and flip at random; the cut
            lies at random too then, else in the middle.
        scale_range: Lowest and highest factor of the scaling.
        ignore_class: The label of padding.

    Returns:
        Image and label map, uint8.
    """
    scale_seed, flip_seed, crop_seed = tf.unstack(tf.random.split(seed, 3))
    if augment:
        if crop_size is not None:
            image, label = random_scale(image, label, scale_seed, *scale_range)
        image, label = random_flip(image, label, flip_seed)
    if crop_size is not None:
        position = tf.constant([0.5, 0.5])
        if augment:
            position = tf.random.stateless_uniform((2,), crop_seed)
        image, label = pad_to(image, label, crop_size, ignore_class)
        image, label = crop(image, label, crop_size, position)
    return image, label

"""TensorFlow on a CPU, where XLA compiles what is done to a pixel.

TensorFlow's own operations go over the classes of one pixel after the other; XLA's code
takes several numbers at once.
"""

from __future__ import annotations

import functools

import tensorflow as tf
from keras import ops

from .cells import count_cells
from .chunks import by_chunks, compiled, in_graph, joined


def is_faster() -> bool:
    """Return whether there are only CPUs, and XLA for them.

    A GPU computes the plain operations at the speed of its memory, and would wait for
    each chunk.
    """
    kinds = {device.device_type for device in tf.config.get_visible_devices()}
    return kinds == {"CPU"} and tf.test.is_built_with_xla()


def argmax(logits):
    """Return `(...)` of logits `(..., num_classes)`, int32."""
    return tf.ensure_shape(in_graph(_argmax, logits), logits.shape[:-1])


def crossentropy(labels, logits, ignore_class):
    """Return `(...)` of labels `(...)`, int32, and logits `(..., num_classes)`."""
    forward, backward = _crossentropy(ignore_class)

    @tf.custom_gradient
    def compute(logits):
        constant = tf.stop_gradient(logits)  # else a tape keeps what it never needs
        losses, *kept = in_graph(forward, labels, constant)

        def gradient(upstream):
            gradients = in_graph(backward, labels, *kept, upstream, logits)
            return tf.raw_ops.PreventGradient(
                input=tf.ensure_shape(gradients, logits.shape),
                message="The loss of pixels has no second derivative here.",
            )

        return losses, gradient

    return compute(logits)


def confusion(labels, logits, num_classes, ignore_class):
    """Return what `count_cells` does, for labels of any shape and number type."""
    return in_graph(_confusion(num_classes, ignore_class), labels, logits)


def plain_argmax(logits):
    """Return TensorFlow's own, without Keras' distinction of -0 and 0."""
    return tf.argmax(logits, axis=-1, output_type=tf.int32)


def plain_crossentropy(labels, logits, ignore_class):
    """Return TensorFlow's own, which computes its gradient at once."""
    zero, void = tf.zeros([], logits.dtype), _is_void(labels, ignore_class)
    losses = tf.nn.sparse_softmax_cross_entropy_with_logits(
        tf.where(void, 0, labels), tf.where(void[..., None], zero, logits)
    )
    return tf.where(void, zero, losses)


def _argmax(logits):
    (classes,) = by_chunks(_argmax_of_chunk, _rows(logits))
    return joined(classes, tf.shape(logits, tf.int64)[:-1])


@compiled
def _argmax_of_chunk(logits):
    return (plain_argmax(logits),)


@functools.cache
def _confusion(num_classes, ignore_class):
    @compiled
    def of_chunk(is_pixel, labels, logits):
        classes = plain_argmax(logits)
        return count_cells(labels, classes, num_classes, ignore_class, ops, ~is_pixel)

    def of_all(labels, logits):
        labels = tf.cast(tf.reshape(labels, [-1]), tf.int32)
        is_pixel = tf.ones_like(labels, tf.bool)  # what fills the last chunk is none
        counts, largest = by_chunks(of_chunk, is_pixel, labels, _rows(logits))
        return tf.reduce_sum(counts, axis=0), tf.reduce_max(largest, axis=0)

    return of_all


@functools.cache
def _crossentropy(ignore_class):
    """Return the functions of losses, with what is kept, and of gradients."""

    @compiled
    def losses(labels, logits):
        classes, dtype = logits.shape[-1], logits.dtype
        largest = tf.reduce_max(logits, axis=-1)
        # XLA vectorises the exponential in a product, not in a sum over a short row.
        powers = tf.exp(logits - largest[:, None])
        total = tf.reshape(powers @ tf.ones([classes, 1], dtype), [-1])
        is_class = (labels >= 0) & (labels < classes)
        total = tf.where(is_class, total, tf.constant(float("nan"), dtype))
        index = tf.clip_by_value(labels, 0, classes - 1)
        own = tf.gather(logits, index, batch_dims=1) - largest
        zero, void = tf.zeros([], dtype), _is_void(labels, ignore_class)
        return tf.where(void, zero, tf.math.log(total) - own), largest, total

    @compiled
    def shifted(logits, largest):
        return logits - largest[:, None]

    @compiled
    def difference(labels, total, upstream, powers):
        zero, void = tf.zeros([], powers.dtype), _is_void(labels, ignore_class)
        softmax = powers * (upstream / total)[:, None]
        is_own = labels[:, None] == tf.range(powers.shape[-1])
        gradients = softmax - tf.where(is_own, upstream[:, None], zero)
        return tf.where(void[:, None], zero, gradients)

    def gradients(labels, largest, total, upstream, logits):
        # Three loops: of all in one XLA vectorises nothing.
        powers = tf.exp(shifted(logits, largest))
        return (difference(labels, total, upstream, powers),)

    def forward(labels, logits):
        results = by_chunks(losses, tf.reshape(labels, [-1]), _rows(logits))
        results = [joined(result, tf.shape(labels, tf.int64)) for result in results]
        check = _check(results[0], labels, logits.shape[-1], ignore_class)
        with tf.control_dependencies([check]):
            return [tf.identity(result) for result in results]

    def backward(*arrays):
        *others, logits = arrays
        flat = [tf.reshape(other, [-1]) for other in others]
        (results,) = by_chunks(gradients, *flat, _rows(logits))
        return joined(results, tf.shape(logits, tf.int64))

    return forward, backward


def _is_void(labels, ignore_class):
    if ignore_class is None:
        return tf.zeros_like(labels, tf.bool)
    return labels == ignore_class


def _check(losses, labels, num_classes, ignore_class):
    """Return an operation that fails if a label is neither a class nor void."""

    def look():
        classes = tf.where(_is_void(labels, ignore_class), 0, labels)
        smallest, largest = tf.reduce_min(classes), tf.reduce_max(classes)
        void = "" if ignore_class is None else f" or {ignore_class} (void)"
        message = (
            f"Labels must be in 0..{num_classes - 1}{void}. Received labels outside of "
            "that; the smallest and the largest are:"
        )
        is_right = (smallest >= 0) & (largest < num_classes)
        with tf.control_dependencies(
            [tf.debugging.Assert(is_right, [message, smallest, largest])]
        ):
            return tf.zeros([])

    # Where there is one, a loss is not-a-number: only then all labels are looked at.
    return tf.cond(tf.math.is_nan(tf.reduce_sum(losses)), look, lambda: tf.zeros([]))


def _rows(logits):
    return tf.reshape(logits, [-1, logits.shape[-1]])

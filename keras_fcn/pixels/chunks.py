"""Functions compiled by XLA, for images of every size.

XLA compiles for one shape only, and images have many. So all pixels are one long list,
cut into chunks of one length, the last filled up with zeros: what is compiled once
serves them all. Knows TensorFlow; knows nothing of what is done to a pixel.
"""

from __future__ import annotations

import functools

import tensorflow as tf

CHUNK = 2**20  # numbers, at most

compiled = functools.partial(tf.function, jit_compile=True, autograph=False)


def in_graph(function, *arrays):
    """Call a function of tensors, the last of them logits, as a graph for all sizes."""
    if _in_xla():
        return function(*arrays)
    shapes = [[None] * len(array.shape) for array in arrays]
    shapes[-1][-1] = arrays[-1].shape[-1]
    dtypes = [array.dtype for array in arrays]
    return _traced(function, tuple(map(tf.TensorSpec, shapes, dtypes)))(*arrays)


def _in_xla():
    return tf.__internal__.get_enclosing_xla_context() is not None


@functools.cache
def _traced(function, specs):
    return tf.function(function, input_signature=specs, autograph=False)


def by_chunks(of_chunk, *arrays):
    """Apply a function to chunks of arrays `(pixels, ...)`; stack what it returns."""
    if _in_xla():  # which knows the size
        return [result[None] for result in of_chunk(*arrays)]
    # A power of two: TensorFlow cuts at multiples of 64 bytes without copying.
    most = CHUNK // max(array.shape[1:].num_elements() for array in arrays)
    length = 2 ** (max(1, most).bit_length() - 1)
    before_last = tf.maximum(tf.shape(arrays[0], tf.int64)[0] - 1, 0) // length
    chunks, last = [], []
    for array in arrays:
        inner = array.shape[1:]
        flat = tf.reshape(array, [-1])  # else it would be cut by copying
        cut = before_last * length * inner.num_elements()
        chunks.append(tf.reshape(flat[:cut], [-1, length, *inner]))
        rest = tf.reshape(flat[cut:], [-1, *inner])
        missing = [[0, length - tf.shape(rest)[0]]] + [[0, 0]] * len(inner)
        last.append(tf.ensure_shape(tf.pad(rest, missing), [length, *inner]))
    results = of_chunk(*last)
    number = tf.cast(before_last, tf.int32)
    stacks = [
        tf.TensorArray(r.dtype, number + 1, element_shape=r.shape).write(number, r)
        for r in results
    ]

    def step(i, *stacks):
        results = of_chunk(*[chunk[i] for chunk in chunks])
        written = [s.write(i, r) for s, r in zip(stacks, results, strict=True)]
        return (i + 1, *written)

    _, *stacks = tf.while_loop(lambda i, *_: i < number, step, (0, *stacks))
    return [stack.stack() for stack in stacks]


def joined(results, shape):
    """Return in a shape the results of all chunks, without those that fill the last."""
    return tf.reshape(tf.reshape(results, [-1])[: tf.reduce_prod(shape)], shape)

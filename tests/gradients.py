"""Gradients of a layer or a loss, in the words of each backend."""

import keras
import numpy as np


def value_and_gradients(layer, inputs, upstream):
    """Return a layer's result, and what `upstream` becomes at its input and weights."""
    backend = keras.backend.backend()
    weights = layer.trainable_variables
    if backend == "tensorflow":
        import tensorflow as tf

        @tf.function  # as in training: what is not asked for is not computed
        def run(inputs, upstream):
            with tf.GradientTape() as tape:
                tape.watch(inputs)
                outputs = layer(inputs, training=True)
            sources = [inputs, *(w.value for w in weights)]
            return outputs, tape.gradient(outputs, sources, output_gradients=upstream)

        outputs, gradients = run(tf.constant(inputs), tf.constant(upstream))
    elif backend == "jax":
        import jax

        def call(inputs, values):
            return layer.stateless_call(values, [], inputs)[0]

        @jax.jit
        def run(inputs, values, upstream):
            outputs, pull_back = jax.vjp(call, inputs, values)
            at_input, at_weights = pull_back(upstream)
            return outputs, [at_input, *at_weights]

        outputs, gradients = run(inputs, [w.value for w in weights], upstream)
    else:
        import torch

        inputs, upstream = map(keras.ops.convert_to_tensor, (inputs, upstream))
        outputs = layer(inputs.requires_grad_())
        gradients = torch.autograd.grad(
            outputs, [inputs, *(w.value for w in weights)], upstream
        )
    return tuple(np.asarray(as_array(x)) for x in (outputs, *gradients))


def gradient_of(loss, logits):
    """Return the gradient of a scalar loss by an array of logits."""
    backend = keras.backend.backend()
    if backend == "tensorflow":
        import tensorflow as tf

        logits = tf.constant(logits)
        with tf.GradientTape() as tape:
            tape.watch(logits)
            value = loss(logits)
        return as_array(tape.gradient(value, logits))
    if backend == "jax":
        import jax

        return as_array(jax.grad(loss)(logits))
    logits = keras.ops.convert_to_tensor(logits).requires_grad_()
    loss(logits).backward()
    return as_array(logits.grad)


def as_array(tensor):
    return keras.ops.convert_to_numpy(tensor)

"""How a piece of Keras is run on each backend: compiled, and to its end.

TensorFlow compiles with `tf.function`, JAX with `jit`; PyTorch runs eagerly, as Keras
leaves it. Knows nothing of what is run.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any
from unittest import mock

import keras
from workers import Work


def settled(work: Work) -> Work:
    """Return work that ends when its result is there."""
    backend = keras.backend.backend()
    if backend == "jax":
        import jax

        if jax.default_backend() == "gpu":  # as the convolutions of PyTorch have it
            jax.config.update("jax_default_matmul_precision", "tensorfloat32")
        return lambda: jax.block_until_ready(work())
    if backend == "torch":
        from peers.torch_work import settled as settled_on_gpu

        return settled_on_gpu(work)
    if backend == "tensorflow":
        import tensorflow as tf

        if tf.config.list_physical_devices("GPU"):

            def run():
                result = work()
                tf.test.experimental.sync_devices()
                return result

            return run
    return work


def forward(layer: Any, inputs: Any, **options: Any) -> Work:
    """Return the work of a layer, or of a model, in inference.

    Args:
        layer: The layer.
        inputs: What it is called on, an array.
        **options: What else it is called with, such as `training=False`.
    """
    x = keras.ops.convert_to_tensor(inputs)
    backend = keras.backend.backend()
    if backend == "tensorflow":
        import tensorflow as tf

        run = tf.function(lambda x: layer(x, **options))
        return settled(lambda: run(x))
    if backend == "jax":
        import jax

        def call(trained, others, x):
            return layer.stateless_call(trained, others, x, **options)[0]

        variables = (
            _values(layer.trainable_variables),
            _values(layer.non_trainable_variables),
        )
        run = jax.jit(call)
        return settled(lambda: run(*variables, x))
    import torch

    def infer():
        with torch.inference_mode():
            return layer(x, **options)

    return settled(infer)


def backward(layer: Any, inputs: Any) -> Work:
    """Return the work of a layer's gradients: by its input, then by its weights.

    The gradient that comes from above is all ones.
    """
    x = keras.ops.convert_to_tensor(inputs)
    weights = _values(layer.trainable_variables)
    backend = keras.backend.backend()
    if backend == "tensorflow":
        import tensorflow as tf

        above = tf.ones_like(layer(x))

        @tf.function
        def run(x, above):
            with tf.GradientTape() as tape:
                tape.watch(x)
                y = layer(x)
            return tape.gradient(y, [x, *_values(layer.trainable_variables)], above)

        return settled(lambda: run(x, above))
    if backend == "jax":
        import jax
        import jax.numpy as jnp

        others = _values(layer.non_trainable_variables)

        @jax.jit
        def pull(x, weights, above):
            def call(x, weights):
                return layer.stateless_call(weights, others, x)[0]

            return jax.vjp(call, x, weights)[1](above)

        above = jnp.ones_like(layer(x))

        def gradients():
            by_input, by_weights = pull(x, weights, above)
            return [by_input, *by_weights]

        return settled(gradients)
    import torch

    x = x.detach().requires_grad_()
    y = layer(x)
    above = torch.ones_like(y)
    sources = [x, *weights]
    return settled(lambda: torch.autograd.grad(y, sources, above, retain_graph=True))


def gradient(function: Callable[[Any], Any], inputs: Any) -> Work:
    """Return the work of a scalar function and of its gradient, compiled."""
    x = keras.ops.convert_to_tensor(inputs)
    backend = keras.backend.backend()
    if backend == "tensorflow":
        import tensorflow as tf

        @tf.function
        def run(x):
            with tf.GradientTape() as tape:
                tape.watch(x)
                value = function(x)
            return value, tape.gradient(value, x)

        return settled(lambda: run(x))
    if backend == "jax":
        import jax

        run = jax.jit(jax.value_and_grad(function))
        return settled(lambda: run(x))
    import torch

    x = x.detach().requires_grad_()

    def both():
        value = function(x)
        return value, *torch.autograd.grad(value, [x])

    return settled(both)


def compiled(function: Callable[[Any], Any], inputs: Any) -> Work:
    """Return the work of a function without weights, compiled."""
    x = keras.ops.convert_to_tensor(inputs)
    backend = keras.backend.backend()
    if backend == "tensorflow":
        import tensorflow as tf

        run = tf.function(function)
        return settled(lambda: run(x))
    if backend == "jax":
        import jax

        run = jax.jit(function)
        return settled(lambda: run(x))
    return settled(lambda: function(x))


@contextlib.contextmanager
def zero_start() -> Iterator[None]:
    """Let random kernels begin as zeros: others take their place anyway.

    JAX compiles a random start for each shape, which takes longer than a benchmark.
    """

    def zeros(self, shape, dtype=None):
        return keras.ops.zeros(shape, dtype)

    with mock.patch.object(keras.initializers.VarianceScaling, "__call__", zeros):
        yield


def _values(variables: list) -> list:
    return [variable.value for variable in variables]

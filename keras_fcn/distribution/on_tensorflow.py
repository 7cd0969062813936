"""Several devices on TensorFlow, of one process: `tf.distribute.MirroredStrategy`.

Each device has all variables and computes its part of a batch. What a step needs of the
whole batch, the number of valid pixels, statistics for normalisation, gradients and
counts, is summed over all of them; metrics are counted once. Keras' own steps would
average the means of the parts.
"""

from __future__ import annotations

import functools
from typing import Any

import keras
import tensorflow as tf

from .. import pixels
from ..datasets import SampleSource
from ..datasets.batches.cached import Cached
from ..datasets.batches.numbered import NumberedBatches
from ..datasets.batches.tf_data import tf_data_batches
from .devices import Devices, build_metrics

_SUM = tf.distribute.ReduceOp.SUM


class MirroredDevices(Devices):
    """All GPUs that TensorFlow sees, or all of its logical CPUs."""

    _normalizes = False

    def __init__(self):
        names = tf.config.list_logical_devices("GPU")
        names = names or tf.config.list_logical_devices("CPU")
        self.count, self._kind = len(names), names[0].device_type
        if self.count > 1:
            self._strategy = tf.distribute.MirroredStrategy([d.name for d in names])

    def describe(self) -> str:
        """Return a sentence on them."""
        return f"Each batch is shared out among {self.count} {self._kind}s."

    def building(self):
        """Lay out the network and its optimiser."""
        return self._strategy.scope()

    def running(self):
        """Let `fit` inside run on all of them."""
        return self._strategy.scope()

    def place(self, model):
        """Return the network anew: of one made inside Keras averages the first batch.

        Which fails if its parts are of different sizes.
        """
        for layer in _layers(model):
            if isinstance(layer, keras.layers.BatchNormalization):
                layer.synchronized = self._normalizes = True
        return keras.Model(model.inputs, model.outputs, name=model.name)

    def prepare(self, model, loss, scores):
        """Give the network steps that are those of the whole batch."""
        if model.jit_compile:
            raise ValueError(
                "With TensorFlow a network on several devices must not be compiled. "
                'Received: jit="on". Leave that out, or take JAX.'
            )
        if model.optimizer.gradient_accumulation_steps:
            raise ValueError(
                "With TensorFlow gradients on several devices must not be accumulated. "
                f"Received: accumulate={model.optimizer.gradient_accumulation_steps}. "
                "Take a larger batch, or JAX."
            )
        with self._strategy.scope():
            model.optimizer.build(model.trainable_variables)
        build_metrics(model, scores)
        model.train_step = functools.partial(_train_step, model, loss, scores)
        model.test_step = functools.partial(_test_step, model, loss, scores)

    def steps(self, source):
        """Return how many batches of one sample there are."""
        return len(source)

    def batches(self, source: SampleSource, batch_size: int = 1, **options: Any) -> Any:
        """Return batches that are shared out."""
        first, endless = options.pop("first_step", 0), options.pop("endless", False)
        source = Cached(source) if options.pop("cache", False) else source
        batches = NumberedBatches(source, batch_size, **options)
        # Of parts Keras would count each as a batch: `steps` says how many there are.
        whole = tf_data_batches(batches, first=first, endless=True)
        if endless and self._normalizes and batches.smallest < self.count:
            raise ValueError(
                "With TensorFlow and batch normalisation each batch must have a sample "
                f"for each of {self.count} devices. Received: a last batch of "
                f"{batches.smallest}. Take another batch size, or JAX."
            )
        cut: Any = functools.partial(_parts, self.count, source.ignore_class)
        parts = whole.flat_map(cut)
        return self._strategy.distribute_datasets_from_function(
            lambda context: parts.prefetch(2 * self.count)
        )


def _layers(model):
    for layer in model.layers:
        yield layer
        if isinstance(layer, keras.Model):
            yield from _layers(layer)


def _parts(count, void, images, labels):
    """Return a data set of a batch's parts, as equal as can be.

    A part that would be empty is a sample without valid pixels, whose weight is 0:
    oneDNN computes nothing of no samples, and says what is wrong.
    """
    size = tf.shape(images, tf.int64)[0]

    def part(index):
        first, end = index * size // count, (index + 1) * size // count
        cut = slice(first, tf.maximum(end, first + 1))
        is_empty = first == end
        shown = tf.where(is_empty, tf.constant(void, tf.uint8), labels[cut])
        weights = tf.fill([tf.shape(shown)[0]], tf.where(is_empty, 0.0, 1.0))
        return images[cut], shown, weights

    return tf.data.Dataset.range(count).map(part)


def _train_step(model, loss, scores, data):
    images, labels, weights = data
    with tf.GradientTape() as tape:
        logits = model(images, training=True)
        value = _share(loss, labels, logits)
        scaled = model.optimizer.scale_loss(value)
    variables = model.trainable_weights
    gradients = tape.gradient(scaled, variables)
    model.optimizer.apply_gradients(zip(gradients, variables, strict=True))
    return _counted(model, scores, labels, logits, weights, value)


def _test_step(model, loss, scores, data):
    images, labels, weights = data
    logits = model(images, training=False)
    value = _share(loss, labels, logits)
    return _counted(model, scores, labels, logits, weights, value)


def _share(loss, labels, logits):
    """Return this device's share of the loss, whose sum is that of the whole batch."""
    losses = pixels.crossentropy(labels, logits, loss.ignore_class)
    total = tf.reduce_sum(losses)
    if loss.reduction == "sum":
        return total
    valid = tf.ones_like(losses)
    if loss.ignore_class is not None:
        valid = tf.cast(labels != loss.ignore_class, losses.dtype)
    number = _replica().all_reduce(_SUM, tf.reduce_sum(tf.cast(valid, tf.float64)))
    return tf.math.divide_no_nan(total, tf.cast(number, total.dtype))


def _counted(model, scores, labels, logits, weights, share):
    """Count a step once, on the first device; return on all what is logged."""
    counts, largest = pixels.confusion(
        labels, logits, scores.num_classes, scores.ignore_class
    )
    size = tf.reduce_sum(weights)
    # As float64, which every kind of sum over devices knows, and which is exact.
    numbers = [tf.cast(number, tf.float64) for number in (counts, size)]
    counts, size = _replica().all_reduce(_SUM, numbers)
    largest = tf.reduce_max(_replica().all_gather(largest[None], axis=0), axis=0)
    value = _replica().all_reduce(_SUM, share)
    if tf.get_static_value(_replica().replica_id_in_sync_group) == 0:
        model.metrics[0].update_state(value, sample_weight=size)
        scores.add(tf.cast(counts, tf.int32), largest)
        results = model.get_metrics_result()
        logs = tf.stack(tf.nest.flatten(results))
    else:
        results = model.get_metrics_result()
        logs = tf.zeros(len(tf.nest.flatten(results)))
    logs = tf.unstack(_replica().all_reduce(_SUM, logs))
    return tf.nest.pack_sequence_as(results, logs)


def _replica() -> Any:
    return tf.distribute.get_replica_context()

"""Batches for `model.fit`, on every backend the same.

`numbered` says what batch n is, in NumPy and Pillow; `tf_data` (TensorFlow) or
`threaded` (JAX, PyTorch) makes batches ahead, so that the accelerator need not wait.
"""

from __future__ import annotations

from typing import Any

from ..sample_source import SampleSource
from .cached import Cached
from .numbered import NumberedBatches


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
    first_step: int = 0,
    endless: bool = False,
    cache: bool = False,
    workers: int | None = None,
) -> Any:
    """Turn a data set into batches for `model.fit`.

    Each time the result is iterated over is the next epoch, in another order and
    with other random numbers. The same arguments give the same batches on every
    backend.

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
        first_step: Batches to leave out from there on, any number of them, to take up
            an `endless` run where it stopped. Defaults to `0`.
        endless: One run through all epochs, for `steps_per_epoch`; each time it is
            iterated over it begins anew. Defaults to `False`.
        cache: Whether to keep decoded samples in memory, as `Cached` does. Defaults to
            `False`.
        workers: Batches made at a time. Defaults to as many as is best.

    Returns:
        A `tf.data.Dataset` if Keras runs on TensorFlow, else a
        `keras.utils.PyDataset`, of images `(batch, height, width, 3)` and labels
        `(batch, height, width)`, both uint8.

    Raises:
        ValueError: If the data set is empty, a number is too small, the scales are not
            above 0 and in order, or `first_step` is given without `endless`.

    Example:
        >>> from keras_fcn.datasets import load
        >>> batches = load("shapes").batches(8, crop_size=96, augment=True)
        >>> len(batches)  # 400 samples / 8
        50
    """
    for name, value, least in (
        ("first_epoch", first_epoch, 0),
        ("first_step", first_step, 0),
        ("workers", workers, 1),
    ):
        if value is not None and value < least:
            raise ValueError(
                f"`{name}` must be at least {least}. Received: {name}={value}."
            )
    if first_step and not endless:
        raise ValueError(
            "`first_step` must be 0 unless `endless=True`, since a first epoch that is "
            f"shorter has no one length. Received: first_step={first_step}. Begin at "
            "an epoch with `first_epoch`, or pass `endless=True`."
        )
    batches = NumberedBatches(
        Cached(source) if cache else source,
        batch_size,
        crop_size=crop_size,
        augment=augment,
        shuffle=shuffle,
        seed=seed,
        scale_range=scale_range,
    )
    first = first_epoch * batches.per_epoch + first_step
    import keras

    if keras.backend.backend() == "tensorflow":
        from .tf_data import tf_data_batches as made
    else:
        from .threaded import ThreadedBatches as made
    return made(batches, first=first, endless=endless, workers=workers)

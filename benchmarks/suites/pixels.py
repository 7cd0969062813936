"""What is done at every pixel: the loss, the scores, the label of the largest score."""

from __future__ import annotations

import functools
from collections.abc import Iterator

from peers.draws import VOID, label_maps, logits_of
from races import Pair, Race, Settings
from side_by_side import Contender
from workers import Work

from .layers import BACKENDS, CLASSES


def races(settings: Settings) -> Iterator[Race]:
    """Yield what is measured."""
    size = 64 if settings.quick else 512
    at = f"{size}x{size}x{CLASSES}"
    yield _race(
        f"loss and its gradient, {at}",
        ("PixelwiseCrossentropy", our_loss),
        ("SparseCategoricalCrossentropy", keras_loss),
        size,
        settings,
        0.35,
    )
    for what, from_logits, target in (("logits", True, 0.10), ("labels", False, None)):
        yield _race(
            f"scores from {what}, {at}",
            ("SegmentationScores", functools.partial(our_scores, from_logits)),
            ("MeanIoU", functools.partial(keras_scores, from_logits)),
            size,
            settings,
            target,
        )
    yield _race(
        f"argmax, {at}",
        ("pixels.argmax", our_argmax),
        ("ops.argmax", keras_argmax),
        size,
        settings,
        0.25,
    )


def _race(
    work, ours, peer, size: int, settings: Settings, target: float | None
) -> Race:
    contenders, pairs = {}, []
    for backend, title in BACKENDS.items():
        names = [f"{name}, {title}" for name, _ in (ours, peer)]
        for name, (_, prepare) in zip(names, (ours, peer), strict=True):
            contenders[name] = Contender(backend, functools.partial(prepare, size))
        on_target = backend == "tensorflow" and not settings.on_gpu
        pairs.append(Pair(*names, target if on_target else None))
    return Race(work, contenders, pairs)


def our_loss(size: int) -> Work:
    """Return our loss and its gradient by the logits."""
    from keras_fcn.losses import PixelwiseCrossentropy

    return _loss(PixelwiseCrossentropy(), size)


def keras_loss(size: int) -> Work:
    """Return Keras' loss and its gradient by the logits."""
    import keras

    made = keras.losses.SparseCategoricalCrossentropy(
        from_logits=True, ignore_class=VOID
    )
    return _loss(made, size)


def _loss(loss, size: int) -> Work:
    import keras

    from .running import gradient

    labels = keras.ops.convert_to_tensor(label_maps(1, size))
    return gradient(lambda logits: loss(labels, logits), logits_of(1, size))


def our_scores(from_logits: bool, size: int) -> Work:
    """Return an update of our scores, as when a network is evaluated."""
    from keras_fcn.metrics import SegmentationScores

    metric = SegmentationScores(CLASSES)
    return _update(metric, lambda: metric.result()["mean_iou"], from_logits, size)


def keras_scores(from_logits: bool, size: int) -> Work:
    """Return an update of Keras' mean IoU."""
    import keras

    metric = keras.metrics.MeanIoU(
        CLASSES, ignore_class=VOID, sparse_y_pred=not from_logits
    )
    return _update(metric, metric.result, from_logits, size)


def _update(metric, result, from_logits: bool, size: int) -> Work:
    import keras

    labels = label_maps(1, size)
    prediction = keras.ops.convert_to_tensor(logits_of(1, size))
    if not from_logits:
        prediction = keras.ops.argmax(prediction, axis=-1)
    score: list[float] = []  # which more of the same leave as it is

    def update():
        metric.update_state(labels, prediction)
        if not score:
            score.append(float(result()))
        return score

    return update


def our_argmax(size: int) -> Work:
    """Return our label of the largest score."""
    from keras_fcn.pixels import argmax

    return _argmax(argmax, size)


def keras_argmax(size: int) -> Work:
    """Return Keras' label of the largest score."""
    import keras

    return _argmax(functools.partial(keras.ops.argmax, axis=-1), size)


def _argmax(function, size: int) -> Work:
    import keras

    from .running import settled

    logits = keras.ops.convert_to_tensor(logits_of(1, size))
    return settled(lambda: function(logits))

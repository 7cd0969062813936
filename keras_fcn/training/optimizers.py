"""Optimisers by name, with the polynomial decay that segmentation is trained with."""

from __future__ import annotations

import keras


def make_optimizer(
    name: str, lr: float, steps: int, momentum: float = 0.9, weight_decay: float = 0.0
) -> keras.optimizers.Optimizer:
    """Make an optimiser whose rate falls to zero over `steps` steps.

    Args:
        name: `"adam"`, `"adamw"` or `"sgd"`.
        lr: Learning rate `r` of the first step; step `t` takes `r*(1 - t/steps)**0.9`.
        steps: Number of steps of the whole training.
        momentum: Of `"sgd"`. Defaults to `0.9`.
        weight_decay: Of `"sgd"` and `"adamw"`. Defaults to `0.0`.

    Returns:
        A Keras optimiser.

    Example:
        >>> optimizer = make_optimizer("sgd", lr=0.1, steps=100)
        >>> round(float(optimizer.learning_rate), 3)
        0.1

    Reference:
        Liu et al., ParseNet, https://arxiv.org/abs/1506.04579, the "poly" policy.
    """
    schedule = keras.optimizers.schedules.PolynomialDecay(
        lr, steps, end_learning_rate=0.0, power=0.9
    )
    if name == "sgd":
        return keras.optimizers.SGD(
            schedule, momentum=momentum, weight_decay=weight_decay or None
        )
    if name == "adamw":
        return keras.optimizers.AdamW(schedule, weight_decay=weight_decay)
    return keras.optimizers.Adam(schedule)

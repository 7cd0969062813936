"""Optimisers by name, at a fixed rate or with the decay usual for segmentation."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from ..optimizers import LR_POLICIES, MULTIPLIERS, CaffeSGD
from ..runs import LEARNING_RATES
from ..suggestions import require_choice


@keras.saving.register_keras_serializable("keras_fcn")
class PolynomialDecayOfUpdates(keras.optimizers.schedules.PolynomialDecay):
    """Polynomial decay that counts updates of the weights, not batches.

    Keras asks a schedule for the rate of a batch. Where the gradients of several
    batches make one update, all of them have the rate of that update here, as
    under Caffe's `iter_size`.

    Args:
        accumulate: Batches of one update. Defaults to `1`.
        **kwargs: As in `keras.optimizers.schedules.PolynomialDecay`; `decay_steps`
            are updates.
    """

    def __init__(self, accumulate: int = 1, **kwargs: Any):
        super().__init__(**kwargs)
        self.accumulate = accumulate

    def __call__(self, step: Any) -> Any:
        """Return the rate of the batch `step`."""
        return super().__call__(ops.floor_divide(step, self.accumulate))

    def get_config(self) -> dict[str, Any]:
        """Return what makes the same schedule again."""
        return {**super().get_config(), "accumulate": self.accumulate}


def make_optimizer(
    name: str,
    lr: float,
    steps: int,
    momentum: float = 0.9,
    weight_decay: float = 0.0,
    *,
    lr_policy: str = "poly",
    accumulate: int = 1,
    doubled_biases: str = "none",
) -> keras.optimizers.Optimizer:
    """Make an optimiser for a training of `steps` batches.

    Args:
        name: `"adam"`, `"adamw"`, `"sgd"` or `"caffe_sgd"`.
        lr: Learning rate `r` of the first update.
        steps: Batches of the whole training; `n = steps/accumulate` updates.
        momentum: Of `"sgd"` and `"caffe_sgd"`. Defaults to `0.9`.
        weight_decay: Of `"sgd"` and `"adamw"`, which let the weights shrink beside
            the gradient, and of `"caffe_sgd"`, where it is part of the gradient.
            Defaults to `0.0`.
        lr_policy: `"poly"`: update `t` takes `r*(1 - t/n)**0.9`; `"fixed"`: all take
            `r`. Defaults to `"poly"`.
        accumulate: Batches whose gradients are averaged for one update. Defaults to
            `1`.
        doubled_biases: Whose biases learn at twice the rate and without decay, with
            `"caffe_sgd"`: those of `"all"` layers, of the `"scores"` only, or of
            `"none"`. Defaults to `"none"`.

    Returns:
        A Keras optimiser.

    Raises:
        ValueError: If an argument is not as above.

    Example:
        >>> optimizer = make_optimizer("sgd", lr=0.1, steps=100)
        >>> round(float(optimizer.learning_rate), 3)
        0.1

    Reference:
        Liu et al., ParseNet, https://arxiv.org/abs/1506.04579, the "poly" policy.
    """
    require_choice("name", name, LEARNING_RATES)
    require_choice("lr_policy", lr_policy, LR_POLICIES)
    require_choice("doubled_biases", doubled_biases, MULTIPLIERS)
    if accumulate < 1:
        raise ValueError(
            f"`accumulate` must be at least 1. Received: accumulate={accumulate}."
        )
    if doubled_biases != "none" and name != "caffe_sgd":
        raise ValueError(
            '`doubled_biases` must be "none" with any optimiser but "caffe_sgd". '
            f"Received: doubled_biases={doubled_biases!r} with name={name!r}."
        )
    options: dict[str, Any] = {
        "learning_rate": float(lr),
        "gradient_accumulation_steps": accumulate if accumulate > 1 else None,
    }
    if lr_policy == "poly":
        options["learning_rate"] = PolynomialDecayOfUpdates(
            accumulate=accumulate,
            initial_learning_rate=lr,
            decay_steps=steps / accumulate,
            end_learning_rate=0.0,
            power=0.9,
        )
    if name == "caffe_sgd":
        return CaffeSGD(
            momentum=momentum,
            weight_decay=weight_decay,
            multipliers=MULTIPLIERS[doubled_biases],
            **options,
        )
    if name == "sgd":
        options |= {"momentum": float(momentum), "weight_decay": weight_decay or None}
        return keras.optimizers.SGD(**options)
    if name == "adamw":
        return keras.optimizers.AdamW(weight_decay=weight_decay, **options)
    return keras.optimizers.Adam(**options)

"""The authors' optimiser: Caffe's stochastic gradient descent, weight by weight.

Keras' `SGD` knows one learning rate for all variables, and its weight decay stands
outside the gradient. Caffe's knows a rate and a decay for each, and its decay is
part of the gradient.
"""

from __future__ import annotations

import fnmatch
from collections.abc import Callable, Mapping
from typing import Any

import keras
from keras import ops

# Biases learn at twice the rate and without decay, those of every layer: the authors'
# rule for their networks on VGG16. (lr_mult, decay_mult) by variable, as in Caffe.
DOUBLED_BIASES = {"*/bias": (2.0, 0.0)}

# The same for the score layers only: the authors' FCN-AlexNet, whose other layers keep
# Caffe's defaults.
DOUBLED_SCORE_BIASES = {"score*/bias": (2.0, 0.0)}

# Whose biases are doubled, and how a rate goes, in the words of a run's configuration.
MULTIPLIERS = {
    "none": None,
    "scores": DOUBLED_SCORE_BIASES,
    "all": DOUBLED_BIASES,
}
LR_POLICIES = ("poly", "fixed")


@keras.saving.register_keras_serializable("keras_fcn")
class CaffeSGD(keras.optimizers.SGD):
    """Stochastic gradient descent as Caffe does it, for each variable `W`.

    `V = momentum*V + learning_rate*lr_mult*(gradient + decay_mult*weight_decay*W)`,
    then `W = W - V`.

    Args:
        learning_rate: A float, a schedule or a callable. Defaults to `0.01`.
        momentum: At least 0 and below 1. Defaults to `0.9`.
        weight_decay: What is added to the gradient, per unit of weight: L2
            regularisation, not the decoupled decay of Keras' other optimisers.
            Defaults to `0.0`.
        multipliers: `(lr_mult, decay_mult)` by a pattern, as in a shell, of
            `variable.path`, which is `layer/variable` in a functional model; the
            first pattern that matches counts. Defaults to `None`: 1 and 1 for all.
        gradient_accumulation_steps: Batches whose gradients are averaged before the
            weights move, Caffe's `iter_size`. Defaults to `None`: 1.
        name: Name of the optimiser.
        **kwargs: Keras' own: `nesterov`, `global_clipnorm`, `use_ema`, ...

    Raises:
        ValueError: If a number is impossible or, when the optimiser meets its
            variables, if a pattern matches none of them.

    Example:
        One step from 1 with gradient 1: the kernel decays, the bias learns twice.

        >>> layer = keras.layers.Dense(1, kernel_initializer="ones",
        ...                            bias_initializer="ones", name="fc")
        >>> layer.build((None, 1))
        >>> optimizer = CaffeSGD(0.1, weight_decay=0.5, multipliers=DOUBLED_BIASES)
        >>> gradients = [ops.ones((1, 1)), ops.ones(1)]
        >>> optimizer.apply(gradients, layer.trainable_variables)
        >>> [round(float(w.squeeze()), 3) for w in layer.get_weights()]
        [0.85, 0.8]

    Reference:
        `Normalize`, `Regularize` and `ComputeUpdateValue` in Caffe's
        `sgd_solver.cpp`; `lr_mult` and `decay_mult` in the authors' `net.py`,
        https://github.com/shelhamer/fcn.berkeleyvision.org, commit 1305c73.
    """

    def __init__(
        self,
        learning_rate: float | Callable[..., Any] = 0.01,
        momentum: float = 0.9,
        weight_decay: float = 0.0,
        multipliers: Mapping[str, tuple[float, float]] | None = None,
        gradient_accumulation_steps: int | None = None,
        name: str = "caffe_sgd",
        **kwargs: Any,
    ):
        if not 0 <= momentum < 1:
            raise ValueError(
                "`momentum` must be at least 0 and below 1. "
                f"Received: momentum={momentum}."
            )
        if not weight_decay >= 0:
            raise ValueError(
                "`weight_decay` must be at least 0. "
                f"Received: weight_decay={weight_decay}."
            )
        rules = tuple(
            (pattern, *_checked(pattern, pair))
            for pattern, pair in (multipliers or {}).items()
        )
        super().__init__(
            learning_rate=learning_rate,
            momentum=float(momentum),
            weight_decay=float(weight_decay),
            gradient_accumulation_steps=gradient_accumulation_steps,
            name=name,
            **kwargs,
        )
        self._rules = rules

    @property
    def multipliers(self) -> dict[str, tuple[float, float]]:
        """`(lr_mult, decay_mult)` by pattern."""
        return {pattern: (lr, decay) for pattern, lr, decay in self._rules}

    def build(self, variables: list[Any]) -> None:
        """Find the multipliers of each variable, and make room for its `V`."""
        if self.built:
            return
        self._require_matches(variables)
        # TensorFlow's own variables, which `update_step` is given, have no path.
        self._multipliers = tuple(self._multipliers_of(v) for v in variables)
        super().build(variables)

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        """Update one variable and its `V`."""
        index = self._get_variable_index(variable)
        lr_mult, decay_mult = self._multipliers[index]
        gradient = ops.cast(gradient, variable.dtype)
        if self.weight_decay * decay_mult:
            decay = ops.cast(self.weight_decay * decay_mult, variable.dtype)
            gradient = ops.add(gradient, ops.multiply(variable, decay))
        super().update_step(gradient, variable, learning_rate * lr_mult)

    def _apply_weight_decay(self, variables: list[Any]) -> None:
        """Do nothing, where Keras would let the weights decay a second time."""

    def get_config(self) -> dict[str, Any]:
        """Return what makes the same optimiser again."""
        multipliers = {name: list(pair) for name, pair in self.multipliers.items()}
        return {**super().get_config(), "multipliers": multipliers}

    def _multipliers_of(self, variable: Any) -> tuple[float, float]:
        matches = (
            pair
            for pattern, pair in self.multipliers.items()
            if fnmatch.fnmatchcase(_path(variable), pattern)
        )
        lr_mult, decay_mult = next(matches, (1.0, 1.0))
        # What Keras' `exclude_from_weight_decay` was told.
        return lr_mult, decay_mult if self._use_weight_decay(variable) else 0.0

    def _require_matches(self, variables: list[Any]) -> None:
        paths = [_path(variable) for variable in variables]
        for pattern, *_ in self._rules:
            if not fnmatch.filter(paths, pattern):
                raise ValueError(
                    "Every pattern of `multipliers` must match the path of a trainable "
                    f"variable. Received: {pattern!r}, which matches none of "
                    f"{', '.join(paths)}."
                )


def mean_loss_translation(
    learning_rate: float, weight_decay: float, num_pixels: int
) -> tuple[float, float]:
    """Return the rate and the decay that do with a mean what these do with a sum.

    A loss summed over `N` pixels has `N` times the gradient of its mean. The rate
    takes up that factor, and the decay, which the rate multiplies too, gives it
    back; the momentum stays. The weights are the same if every step has `N` valid
    pixels, and only nearly so if images differ in size or in void.

    Args:
        learning_rate: That of the loss summed over pixels.
        weight_decay: That of the loss summed over pixels, as `CaffeSGD` has it.
        num_pixels: Valid pixels of one step.

    Returns:
        The learning rate and the weight decay for the mean over those pixels.

    Raises:
        ValueError: If `num_pixels` is not at least 1.

    Example:
        The authors' FCN-32s on a photo of 500x375:

        >>> lr, weight_decay = mean_loss_translation(1e-10, 5e-4, 500 * 375)
        >>> f"{lr:.1e} {weight_decay:.1e}"
        '1.9e-05 2.7e-09'

    Reference:
        `base_lr`, "lr for unnormalized softmax", in the authors'
        `voc-fcn32s/solver.prototxt`.
    """
    if not num_pixels >= 1:
        raise ValueError(
            f"`num_pixels` must be at least 1. Received: num_pixels={num_pixels}."
        )
    return learning_rate * num_pixels, weight_decay / num_pixels


def _checked(pattern: Any, pair: Any) -> tuple[float, float]:
    if (
        not isinstance(pattern, str)
        or not isinstance(pair, (tuple, list))
        or len(pair) != 2
        or not all(isinstance(n, (int, float)) and n >= 0 for n in pair)
    ):
        raise ValueError(
            "`multipliers` must give `(lr_mult, decay_mult)`, both at least 0, for a "
            f"pattern. Received: {pattern!r}: {pair!r}."
        )
    return float(pair[0]), float(pair[1])


def _path(variable: Any) -> str:
    return getattr(variable, "path", variable.name)

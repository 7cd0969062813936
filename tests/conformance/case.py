"""A case of a conformance suite: a transposed convolution and someone else's answer."""

from dataclasses import dataclass

import numpy as np

from keras_fcn.geometry import Window
from keras_fcn.transposed import conv_transpose

METHODS = ("matrix", "scatter", "phase")

# Two float32 sums of some dozen products of order 1; integers have to agree exactly.
FLOAT32 = 1e-5


@dataclass(frozen=True, eq=False)
class Case:
    """What is computed, and what comes out according to the suite's judge.

    Args:
        name: How the judge calls it, or its arguments.
        x: Array `(batch, *spatial, in)`.
        kernel: Array `(*spatial, out / groups, in)`, as in Keras.
        windows: One for each axis, read from the judge's own words.
        groups: Groups of channels.
        bias: Array `(out,)`, or `None`.
        expected: Array `(batch, *spatial, out)`; integers if `x` holds integers.
    """

    name: str
    x: np.ndarray
    kernel: np.ndarray
    windows: tuple[Window, ...]
    groups: int
    bias: np.ndarray | None
    expected: np.ndarray

    def compute(self, method="phase"):
        """Return what we make of it."""
        return conv_transpose(
            self.x,
            self.kernel,
            strides=[window.strides for window in self.windows],
            padding=[(window.crop, window.tail_crop) for window in self.windows],
            dilation_rate=[window.dilation_rate for window in self.windows],
            groups=self.groups,
            bias=self.bias,
            method=method,
        )

    def agrees(self, y):
        """Whether `y` is what is expected, in shape and in every value."""
        if y.shape != self.expected.shape:
            return False
        if self.x.dtype.kind == "i":
            return np.array_equal(y, self.expected)
        return np.allclose(y, self.expected, rtol=0, atol=FLOAT32)


def integers(rng, *shape):
    """Return integers from -8 to 8: single precision sums their products exactly."""
    return rng.integers(-8, 9, shape)

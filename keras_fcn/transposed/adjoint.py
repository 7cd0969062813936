"""The dot test: is one operator the transpose of another?"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np


def dot_test(
    operator: Callable[[np.ndarray], Any],
    transpose: Callable[[np.ndarray], Any],
    input_shape: Sequence[int],
    output_shape: Sequence[int],
    *,
    dtype: Any = "float64",
    examples: int = 3,
    rtol: float = 0.0,
    seed: int = 0,
) -> tuple[float, float]:
    """Check that `<C x, y> == <x, C.T y>` for random `x` and `y`.

    If it holds for all `x` and `y`, and both are linear, `transpose` is the transpose
    of `operator`. `x` and `y` hold small integers, so that operators made of integers
    agree exactly, in single precision too.

    Args:
        operator: `C`, a function of an array of `input_shape`.
        transpose: What should be `C.T`, a function of an array of `output_shape`.
        input_shape: Shape of `x`.
        output_shape: Shape of `y`.
        dtype: Type of `x` and `y`. Defaults to `"float64"`.
        examples: How many pairs to try, at least 1. Defaults to `3`.
        rtol: Difference to allow, relative to `|C x| * |y|`; for operators of which
            rounding is to be expected. Defaults to `0.0`.
        seed: Seed of the pairs. Defaults to `0`.

    Returns:
        The two products of the last pair, `<C x, y>` and `<x, C.T y>`.

    Raises:
        AssertionError: If they differ.
        ValueError: If an operator returns another shape.

    Example:
        >>> kernel = np.array([1.0, 2.0, 3.0]).reshape(3, 1, 1)
        >>> from keras_fcn.transposed import conv, conv_transpose
        >>> dot_test(
        ...     lambda x: conv(x, kernel, strides=2),
        ...     lambda y: conv_transpose(y, kernel, strides=2),
        ...     input_shape=(9, 1), output_shape=(4, 1))
        (-136.0, -136.0)

    Reference:
        Claerbout, Earth Soundings Analysis, "dot-product test".
    """
    if examples < 1:
        raise ValueError(
            f"`examples` must be at least 1. Received: examples={examples}."
        )
    random = np.random.default_rng(seed)
    forward = backward = 0.0
    for _ in range(examples):
        x = random.integers(-8, 9, tuple(input_shape)).astype(dtype)
        y = random.integers(-8, 9, tuple(output_shape)).astype(dtype)
        cx = _of_shape("operator", operator(x), y.shape)
        cty = _of_shape("transpose", transpose(y), x.shape)
        forward, backward = float(np.vdot(cx, y)), float(np.vdot(x, cty))
        allowed = rtol * float(np.linalg.norm(cx) * np.linalg.norm(y))
        if not abs(forward - backward) <= allowed:
            raise AssertionError(
                "`transpose` is not the transpose of `operator`: "
                f"<C x, y> = {forward!r} but <x, C.T y> = {backward!r}."
            )
    return forward, backward


def _of_shape(name: str, result: Any, shape: tuple[int, ...]) -> np.ndarray:
    result = np.asarray(result)
    if result.shape != shape:
        raise ValueError(
            f"`{name}` must return the shape {shape}. Received: {result.shape}."
        )
    return result.astype(np.float64)

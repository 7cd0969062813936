"""The limits of the machine: a large matrix product of each library, and copying.

What no convolution and no data movement can be faster than, measured in the same run.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from races import Race, Settings, spread
from side_by_side import Contender, Outcome
from workers import Turn, Work

TITLES = {
    "numpy": "NumPy",
    "tensorflow": "TensorFlow",
    "jax": "JAX",
    "torch": "PyTorch",
}
COPY = "NumPy, copy"


def race(settings: Settings) -> Race:
    """Return the products and the copy, who are nobody's peers."""
    n = 256 if settings.quick else 8192 if settings.on_gpu else 2048
    contenders = {}
    for backend, title in TITLES.items():
        dtypes = ("float32",) if backend == "numpy" else ("float32", "bfloat16")
        for dtype in dtypes:
            prepare = functools.partial(product, n, dtype)
            contenders[f"{title}, {dtype}"] = Contender(backend, prepare, dtype)
    prepare = functools.partial(copy, _mebibytes(settings))
    contenders[COPY] = Contender("numpy", prepare, "uint8")
    return Race("limits", contenders, (), 2.0 * n**3)


def results(race: Race, outcome: Outcome, settings: Settings) -> list[dict[str, Any]]:
    """Return what was measured, one dictionary a contender: best and median."""
    found = []
    for name, turns in outcome.turns.items():
        contender = race.contenders[name]
        if name == COPY:
            amount, unit = 2.0 * 2**20 * _mebibytes(settings), "GB/s"
        else:
            amount, unit = race.flops or 0.0, "GFLOP/s"
        found.append(
            {
                "name": name,
                "backend": contender.backend,
                "dtype": contender.dtype,
                "unit": unit,
                "best": 1e-9 * amount / min(turn.wall for turn in turns),
                "median": 1e-9 * amount / _median(turns),
            }
        )
    return found


def rates(found: list[dict[str, Any]]) -> Mapping[str, float]:
    """Return the best FLOP/s of each library, by `"backend dtype"`."""
    return {
        f"{limit['backend']} {limit['dtype']}": 1e9 * limit["best"]
        for limit in found
        if limit["unit"] == "GFLOP/s"
    }


def product(n: int, dtype: str) -> Work:
    """Return the product of two matrices `(n, n)`."""
    a = np.random.default_rng(0).standard_normal((n, n), "float32")
    if os.environ["KERAS_BACKEND"] == "numpy":
        return lambda: a @ a
    import keras

    from .running import compiled

    x = keras.ops.cast(a, dtype)
    function: Callable = keras.ops.matmul
    return compiled(lambda x: function(x, x), x)


def copy(mebibytes: int) -> Work:
    """Return the copying of an array into another that is there already."""
    source = np.ones(2**20 * mebibytes, "uint8")
    target = np.zeros_like(source)
    return lambda: np.copyto(target, source)


def _mebibytes(settings: Settings) -> int:
    return 4 if settings.quick else 256


def _median(turns: list[Turn]) -> float:
    return spread([turn.wall for turn in turns]).median

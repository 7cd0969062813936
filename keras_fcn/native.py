"""What Keras has no word for, in each backend's own.

Determinism, generators of random numbers that no variable holds, and a part of a
variable. Knows the backends; knows no network.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

import keras
import numpy as np

from .hardware import accelerator


def make_deterministic() -> None:
    """Let operations give the same bits each time, where a backend has a choice.

    For this process, once and for all; some operations become slower. Seeds are the
    caller's (`keras.utils.set_random_seed`). It holds for one machine, its versions
    and its number of threads.

    Raises:
        RuntimeError: With JAX on a GPU, if XLA was not told so before it began.
    """
    backend = keras.backend.backend()
    if backend == "tensorflow":
        import tensorflow as tf

        tf.config.experimental.enable_op_determinism()
    if backend == "torch":
        import torch  # pyright: ignore[reportMissingImports]

        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
        torch.use_deterministic_algorithms(True)
    flag = "--xla_gpu_deterministic_ops=true"
    told = flag in os.environ.get("XLA_FLAGS", "")
    if backend == "jax" and not told and accelerator()[0] == "GPU":
        raise RuntimeError(
            "XLA must be told to be deterministic before it begins. Received: "
            f"XLA_FLAGS={os.environ.get('XLA_FLAGS', '')!r}. Start again with "
            f"XLA_FLAGS={flag}."
        )


def assign_rows(variable: keras.Variable, first: int, values: np.ndarray) -> None:
    """Assign a part of a variable in place; with TensorFlow, which copies it else.

    Args:
        variable: The variable.
        first: Index of its first axis where the part begins.
        values: The part, of the variable's type.
    """
    import tensorflow as tf

    value: Any = variable.value
    for copy in getattr(value, "values", [value]):  # one on each of several devices
        tf.raw_ops.ResourceStridedSliceAssign(
            ref=copy.handle,
            begin=[first],
            end=[first + len(values)],
            strides=[1],
            value=values,
        )


def random_states() -> dict[str, np.ndarray]:
    """Return the states of a backend's own generators, which no variable holds.

    With PyTorch, Dropout draws from those of the processor and of each GPU unless its
    layer was given a seed; the other backends have none.
    """
    if keras.backend.backend() != "torch":
        return {}
    import torch  # pyright: ignore[reportMissingImports]

    gpus = torch.cuda.get_rng_state_all() if torch.cuda.is_available() else []
    return {
        f"{number:04d}": state.numpy()
        for number, state in enumerate([torch.get_rng_state(), *gpus])
    }


def set_random_states(states: Mapping[str, np.ndarray]) -> None:
    """Bring back what `random_states` gave."""
    if keras.backend.backend() != "torch":
        return
    import torch  # pyright: ignore[reportMissingImports]

    processor, *gpus = (torch.from_numpy(states[name]) for name in sorted(states))
    torch.set_rng_state(processor)
    if gpus:
        torch.cuda.set_rng_state_all(gpus)

"""What the machine computes fast: 16 bits or 32, and whether to compile.

The rules are those that `make bench` measured; docs/speed.md has the numbers. Knows
which backend Keras has and what it runs on; knows no network.
"""

from __future__ import annotations

import contextlib
import functools
import platform
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import keras

from .suggestions import require_choice

PRECISIONS = ("float32", "mixed_float16", "mixed_bfloat16")
JIT_CHOICES = ("auto", "on", "off")

# Instructions of processors that multiply bfloat16, by their names in Linux: of x86
# (AMD since Zen 4, Intel since Cooper Lake), of Arm.
_BFLOAT16_INSTRUCTIONS = ("amx_bf16", "avx512_bf16", "bf16")
_BFLOAT16_CAPABILITY = (8, 0)  # NVIDIA Ampere
_FLOAT16_CAPABILITY = (7, 0)  # NVIDIA Volta


def fastest_precision() -> tuple[str, str]:
    """Return the fastest precision of this machine and backend, and why.

    | backend | processor | precision |
    | --- | --- | --- |
    | all | NVIDIA GPU since Ampere, TPU | `"mixed_bfloat16"` |
    | all | NVIDIA GPU Volta or Turing | `"mixed_float16"` |
    | TensorFlow, PyTorch | CPU with bfloat16 instructions | `"mixed_bfloat16"` |
    | JAX | CPU | `"float32"`: XLA computes bfloat16 no faster there |

    Returns:
        `"float32"`, `"mixed_float16"` or `"mixed_bfloat16"`, and a phrase for people.

    Example:
        >>> precision, reason = fastest_precision()
        >>> precision in PRECISIONS
        True
    """
    backend = keras.backend.backend()
    kind, capability = accelerator()
    if kind == "TPU":
        return "mixed_bfloat16", "a TPU multiplies bfloat16"
    if kind == "GPU":
        if capability >= _BFLOAT16_CAPABILITY:
            return "mixed_bfloat16", "the GPU multiplies bfloat16"
        if capability >= _FLOAT16_CAPABILITY:
            return "mixed_float16", "the GPU multiplies float16"
        return "float32", "the GPU multiplies 16 bits no faster"
    found = [word for word in _BFLOAT16_INSTRUCTIONS if word in cpu_instructions()]
    if not found:
        return "float32", "the processor has no bfloat16 instructions"
    if backend == "jax":
        return "float32", "XLA computes bfloat16 no faster on a processor"
    return "mixed_bfloat16", f"the processor has {found[0]}"


def resolve_precision(precision: str) -> tuple[str, str]:
    """Return the precision meant, `"auto"` being the fastest, and why.

    Args:
        precision: `"auto"`, `"float32"`, `"mixed_float16"` or `"mixed_bfloat16"`.

    Raises:
        ValueError: If it is another word.
    """
    require_choice("precision", precision, ("auto", *PRECISIONS))
    return fastest_precision() if precision == "auto" else (precision, "as asked for")


@contextlib.contextmanager
def computing_in(precision: str | None) -> Iterator[None]:
    """Let what is built inside compute in a precision; `None` is Keras' current one.

    Example:
        >>> with computing_in("mixed_bfloat16"):
        ...     layer = keras.layers.Dense(1)
        >>> layer.compute_dtype, keras.layers.Dense(1).compute_dtype
        ('bfloat16', 'float32')
    """
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(precision or before)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)


def resolve_jit(jit: str) -> bool:
    """Return whether to compile a network with the backend's compiler.

    `"auto"` compiles with JAX, which is slow without. XLA makes TensorFlow slower on a
    CPU, and every compiler begins anew for each size of image, of which a validation
    at native sizes has hundreds; so TensorFlow and PyTorch run uncompiled.

    Args:
        jit: `"auto"`, `"on"` or `"off"`.

    Raises:
        ValueError: If it is another word.
    """
    require_choice("jit", jit, JIT_CHOICES)
    return keras.backend.backend() == "jax" if jit == "auto" else jit == "on"


def accelerator() -> tuple[str, tuple[int, int]]:
    """Return `"GPU"`, `"TPU"` or `"CPU"`, and an NVIDIA GPU's compute capability."""
    backend = keras.backend.backend()
    if backend == "tensorflow":
        import tensorflow as tf

        gpus = tf.config.list_physical_devices("GPU")
        if gpus:
            details = tf.config.experimental.get_device_details(gpus[0])
            return "GPU", details.get("compute_capability", (0, 0))
        return ("TPU" if tf.config.list_physical_devices("TPU") else "CPU"), (0, 0)
    if backend == "jax":
        import jax  # pyright: ignore[reportMissingImports]

        device = jax.devices()[0]
        kind = {"gpu": "GPU", "cuda": "GPU", "tpu": "TPU"}.get(device.platform, "CPU")
        return kind, _numbers(getattr(device, "compute_capability", "0.0"))
    if backend == "torch":
        import torch  # pyright: ignore[reportMissingImports]

        if torch.cuda.is_available():
            return "GPU", torch.cuda.get_device_capability()
    return "CPU", (0, 0)


@functools.cache
def cpu_instructions() -> frozenset[str]:
    """Return what the processor can do, in Linux' words; nothing elsewhere."""
    file = Path("/proc/cpuinfo")
    if platform.system() != "Linux" or not file.is_file():
        return frozenset()
    lines = file.read_text(encoding="utf-8", errors="replace").splitlines()
    words = (ln.partition(":")[2] for ln in lines if ln.startswith(("flags", "Feat")))
    return frozenset(next(words, "").split())


def _numbers(version: Any) -> tuple[int, int]:
    major, _, minor = str(version).partition(".")
    return int(major), int(minor or 0)

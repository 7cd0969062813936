"""What a measurement was made on: the processor, what it knows, who else is at work."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

# The instructions that decide how fast a matrix product is, as Linux calls them.
FLAGS = (
    *("avx2", "fma", "avx512f", "avx512_vnni", "avx_vnni", "avx512_bf16"),
    *("amx_bf16", "amx_int8", "asimd", "asimddp", "bf16", "i8mm", "sve"),
)
PACKAGES = (
    *("keras", "tensorflow", "tensorflow-cpu", "jax", "torch"),
    *("onnxruntime", "numpy", "scipy", "keras-fcn"),
)


def describe(threads: int, device: str) -> dict[str, Any]:
    """Return the machine, its libraries, and how they may use it."""
    model, flags = _processor()
    return {
        "processor": model,
        "flags": flags,
        "cores": cores(),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "packages": {name: found for name in PACKAGES if (found := _version(name))},
        "threads": threads,
        "device": _gpus() if device == "gpu" else "CPU",
    }


def cores() -> int:
    """Return the cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def load() -> float | None:
    """Return how many processes wanted a core in the last minute."""
    return round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None


def looking_for_gpu():
    """Return, as work, whether the backend of this process sees a GPU: 1 or 0."""
    from keras_fcn.hardware import accelerator

    kind, _ = accelerator()
    return lambda: [float(kind == "GPU")]


def _processor() -> tuple[str, list[str]]:
    known: dict[str, str] = {}
    file = Path("/proc/cpuinfo")
    if file.exists():
        for line in file.read_text().splitlines():
            key, _, value = line.partition(":")
            known.setdefault(key.strip(), value.strip())
    words = known.get("flags", known.get("Features", "")).split()
    model = known.get("model name") or platform.processor() or platform.machine()
    return model, [flag for flag in FLAGS if flag in words]


def _gpus() -> str:
    if shutil.which("nvidia-smi") is None:
        return "GPU"
    query = ["nvidia-smi", "--query-gpu=name", "--format=csv,noheader"]
    told = subprocess.run(query, capture_output=True, text=True)
    return ", ".join(told.stdout.split("\n")).strip(", ") or "GPU"


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None

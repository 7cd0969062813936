"""What can be known without importing Keras: packages, settings, machine, room.

Knows files, environment variables and `nvidia-smi`; knows nothing of what is good.
"""

from __future__ import annotations

import importlib.util
import json
import os
import platform
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path
from typing import Any

BACKENDS = ("tensorflow", "jax", "torch")
TENSORFLOWS = ("tensorflow", "tensorflow-cpu", "tf-nightly", "intel-tensorflow")
PACKAGES = (
    *("keras-fcn", "keras", *TENSORFLOWS, "jax", "jaxlib", "torch", "tf-keras"),
    *("numpy", "scipy", "pillow", "h5py", "safetensors", "pyyaml", "matplotlib"),
    *("rich", "typer", "tensorflow-datasets", "array-record", "importlib-resources"),
    *("dill", "onnx", "onnxruntime", "tf2onnx", "keras-nightly", "pillow-simd"),
)
VARIABLES = (
    *("KERAS_BACKEND", "KERAS_HOME", "KERAS_MAX_EPOCHS", "KERAS_MAX_STEPS_PER_EPOCH"),
    *("TF_ENABLE_ONEDNN_OPTS", "TF_USE_LEGACY_KERAS", "TFDS_DATA_DIR"),
    *("CUDA_VISIBLE_DEVICES", "JAX_PLATFORMS", "JAX_ENABLE_X64", "XLA_FLAGS"),
    *("PYTHONDONTWRITEBYTECODE", "PYTHONPATH", "OMP_NUM_THREADS"),
)
# The instructions that decide whether a backend runs, and how fast, in Linux' words.
INSTRUCTIONS = (
    *("avx", "avx2", "fma", "avx512f", "avx512_vnni", "avx_vnni", "avx512_bf16"),
    *("amx_bf16", "amx_int8", "asimd", "asimddp", "bf16", "i8mm", "sve"),
)


@dataclass(frozen=True, kw_only=True)
class Facts:
    """A machine and its packages.

    Attributes:
        python: Version of Python.
        system: Operating system and kind of processor.
        packages: Versions by name on the package index, of those that are installed.
        requirements: What keras-fcn asks for, as its package says; empty where that
            is not installed.
        backends: Which backends can be found, working or not.
        backend: The one that Keras is told to use.
        backend_from: Who says so.
        keras_json: What Keras' own file of settings holds.
        environment: Variables that change what runs, of those that are set.
        processor: Its model.
        cores: Those that this process may use.
        instructions: Those of `INSTRUCTIONS` that it has; `None` where no file of the
            system tells.
        memory: Bytes in all, and bytes free; `None` where unknown.
        gpus: NVIDIA's, by name.
        gpu_error: What `nvidia-smi` said if it did not work.
        disks: Bytes free for each folder that is written to, by what it is for.
    """

    python: tuple[int, int, int]
    system: str
    packages: Mapping[str, str]
    requirements: tuple[str, ...]
    backends: tuple[str, ...]
    backend: str
    backend_from: str
    keras_json: Mapping[str, Any]
    environment: Mapping[str, str]
    processor: str
    cores: int
    instructions: tuple[str, ...] | None
    memory: tuple[int | None, int | None]
    gpus: tuple[str, ...]
    gpu_error: str | None
    disks: Mapping[str, int]


def gather() -> Facts:
    """Look at this machine.

    Example:
        >>> facts = gather()
        >>> facts.cores >= 1, "numpy" in facts.packages
        (True, True)
    """
    settings = _keras_json()
    backend, backend_from = _chosen_backend(settings)
    processor, instructions = _processor()
    gpus, gpu_error = _gpus()
    requirements = _requirements()
    needed = (name_of(requirement) for requirement in requirements)
    names = dict.fromkeys([*PACKAGES, *needed])
    return Facts(
        python=sys.version_info[:3],
        system=f"{platform.system()} {platform.machine()}",
        packages={name: found for name in names if (found := _version(name))},
        requirements=requirements,
        backends=tuple(name for name in BACKENDS if importlib.util.find_spec(name)),
        backend=backend,
        backend_from=backend_from,
        keras_json=settings,
        environment={n: os.environ[n] for n in VARIABLES if os.environ.get(n)},
        processor=processor,
        cores=_cores(),
        instructions=instructions,
        memory=_memory(),
        gpus=gpus,
        gpu_error=gpu_error,
        disks={what: _free(folder) for what, folder in folders().items()},
    )


def name_of(requirement: str) -> str:
    """Return the package that a requirement is about, as the index writes it.

    Example:
        >>> name_of('array_record>=0.8; platform_system != "Windows"')
        'array-record'
    """
    match = re.match(r"\s*([\w.-]+)", requirement)
    return re.sub(r"[-_.]+", "-", match[1]).lower() if match else ""


def folders() -> dict[str, Path]:
    """Return the folders that are written to, by what they are for."""
    tfds = os.environ.get("TFDS_DATA_DIR") or "~/tensorflow_datasets"
    return {
        "current folder": Path.cwd(),
        "weights (Keras' own folder)": _keras_home(),
        "TFDS data sets": Path(os.path.expanduser(tfds)),  # noqa: PTH111 - never raises
    }


def _keras_home() -> Path:
    home = os.environ.get("KERAS_HOME") or "~/.keras"
    return Path(os.path.expanduser(home))  # noqa: PTH111 - never raises


def _keras_json() -> dict[str, Any]:
    try:
        told = json.loads((_keras_home() / "keras.json").read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}  # as Keras does
    return told if isinstance(told, dict) else {}


def _chosen_backend(settings: Mapping[str, Any]) -> tuple[str, str]:
    if told := os.environ.get("KERAS_BACKEND"):
        return told, "KERAS_BACKEND"
    if "backend" in settings:
        return str(settings["backend"]), str(_keras_home() / "keras.json")
    return "tensorflow", "by default"


def _version(name: str) -> str | None:
    try:
        return version(name)
    except (PackageNotFoundError, ValueError):  # half an installation, or no name
        return None


def _requirements() -> tuple[str, ...]:
    try:
        return tuple(requires("keras-fcn") or ())
    except PackageNotFoundError:
        return ()


def _processor() -> tuple[str, tuple[str, ...] | None]:
    known: dict[str, str] = {}
    file = Path("/proc/cpuinfo")
    if file.is_file():
        for line in file.read_text(encoding="utf-8", errors="replace").splitlines():
            key, _, value = line.partition(":")
            known.setdefault(key.strip(), value.strip())
    model = known.get("model name") or platform.processor() or platform.machine()
    words = known.get("flags") or known.get("Features")
    if words is None:
        return model, None
    return model, tuple(word for word in INSTRUCTIONS if word in words.split())


def _cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _memory() -> tuple[int | None, int | None]:
    total = free = None
    file = Path("/proc/meminfo")
    if file.is_file():
        lines = file.read_text(encoding="utf-8").splitlines()
        fields = dict(line.split(":", 1) for line in lines if ":" in line)
        total, free = (
            1024 * int(fields[name].split()[0]) if name in fields else None
            for name in ("MemTotal", "MemAvailable")
        )
    elif "SC_PHYS_PAGES" in getattr(os, "sysconf_names", {}):
        total = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    # A container may be allowed less than there is.
    limit, used = (_cgroup(name) for name in ("memory.max", "memory.current"))
    if limit is not None and (total is None or limit < total):
        total = limit
        free = min(n for n in (free, limit - (used or 0)) if n is not None)
    return total, free


def _cgroup(name: str) -> int | None:
    try:
        text = (Path("/sys/fs/cgroup") / name).read_text(encoding="utf-8").strip()
    except OSError:
        return None
    return int(text) if text.isdecimal() else None


def _gpus() -> tuple[tuple[str, ...], str | None]:
    if shutil.which("nvidia-smi") is None:
        return (), None
    query = ["nvidia-smi", "--query-gpu=name,memory.total", "--format=csv,noheader"]
    try:
        told = subprocess.run(query, capture_output=True, text=True, timeout=30)
    except (OSError, subprocess.TimeoutExpired) as error:
        return (), str(error)
    lines = [line.strip() for line in told.stdout.splitlines() if line.strip()]
    if told.returncode:
        words = [*lines, *told.stderr.splitlines(), f"exit status {told.returncode}"]
        return (), words[0]
    return tuple(lines), None


def _free(folder: Path) -> int:
    """Return the bytes free where a folder is, or will be made."""
    for place in (folder, *folder.absolute().parents):
        try:
            return shutil.disk_usage(place).free
        except OSError:
            continue
    return 0

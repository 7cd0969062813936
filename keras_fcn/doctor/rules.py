"""What is known to go wrong: facts in, findings out.

Knows nothing of how the facts were found, so that any machine can be imagined.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from .facts import BACKENDS, TENSORFLOWS, Facts, name_of
from .trial import Trial

LEAST_DISK = 5e9  # bytes; VGG's weights and a data set
LEAST_MEMORY = 4e9  # bytes; training FCN-8s at full width
# Before these, CPython's `tarfile` lets hostile archives write anywhere.
SAFE_TARFILE = {(3, 11): 13, (3, 12): 11, (3, 13): 4}
# Packages that write into one folder.
SAME_FOLDER = (TENSORFLOWS, ("keras", "keras-nightly"), ("pillow", "pillow-simd"))
INSTALL = {
    "tensorflow": "pip install tensorflow-cpu (on Arm, macOS or a GPU: tensorflow)",
    "jax": "pip install jax",
    "torch": "pip install torch",
}


@dataclass(frozen=True)
class Finding:
    """Something that is odd.

    Attributes:
        what: What was found.
        why: Why that matters.
        do: What to do.
        broken: Whether things fail; otherwise it is merely not advisable.
    """

    what: str
    why: str
    do: str
    broken: bool = False


Findings = Iterator[Finding]


def findings(facts: Facts, trial: Trial) -> tuple[Finding, ...]:
    """Return what is wrong with a machine, the worst first.

    Args:
        facts: The machine.
        trial: What Keras did on it.
    """
    found = [finding for rule in RULES for finding in rule(facts, trial)]
    return tuple(sorted(found, key=lambda finding: not finding.broken))


def release(version: str) -> tuple[int, ...]:
    """Return the numbers of a version, without zeros at the end.

    Example:
        >>> release("3.15.0rc1"), release("2")
        ((3, 15), (2,))
    """
    match = re.match(r"\d+(\.\d+)*", version)
    numbers = [int(n) for n in match[0].split(".")] if match else []
    while numbers and not numbers[-1]:
        numbers.pop()
    return tuple(numbers)


def _same_folder(facts: Facts, trial: Trial) -> Findings:
    for names in SAME_FOLDER:
        found = [name for name in names if name in facts.packages]
        if len(found) > 1:
            yield Finding(
                f"{' and '.join(found)} are all installed",
                "they write into the same folder: files are a mixture of both",
                f"pip uninstall -y {' '.join(found)}, then install one of them",
                broken=True,
            )


def _floors(facts: Facts, trial: Trial) -> Findings:
    if not facts.requirements:
        yield Finding(
            "keras-fcn is not installed as a package",
            "what it needs is not known then",
            "pip install . in its folder",
        )
    for requirement in facts.requirements:
        told, _, marker = requirement.partition(";")
        name, bound = name_of(told), re.search(r">=\s*([\w.]+)", told)
        floor = bound[1] if bound else "0"
        installed = facts.packages.get(name)
        if installed is None and "extra" not in marker:
            yield Finding(
                f"{name} is not installed",
                f"keras-fcn needs {told.strip()}",
                f'pip install "{told.strip()}"',
                broken=True,
            )
        elif installed is not None and release(installed) < release(floor):
            yield Finding(
                f"{name} is {installed}",
                f"keras-fcn needs {told.strip()}",
                f'pip install "{told.strip()}"',
                broken=True,
            )


def _backend(facts: Facts, trial: Trial) -> Findings:
    told = f"Keras shall use {facts.backend!r} ({facts.backend_from})"
    if facts.backend not in BACKENDS:
        near = difflib.get_close_matches(facts.backend.lower(), BACKENDS, n=1)
        hint = f"; {near[0]}?" if near else ""
        yield Finding(
            told,
            f"keras-fcn trains and predicts with {', '.join(BACKENDS)}{hint}",
            "set KERAS_BACKEND to one of them",
            broken=True,
        )
    elif facts.backend not in facts.backends:
        other = f", or set KERAS_BACKEND={facts.backends[0]}" if facts.backends else ""
        yield Finding(
            f"{told}, which is not installed",
            "no network can be built without",
            INSTALL[facts.backend] + other,
            broken=True,
        )
    elif trial.error:
        yield Finding(
            f"Keras does not work with {facts.backend}: {trial.error}",
            "no network can be built",
            f"pip install --force-reinstall keras {_packages_of(facts)}",
            broken=True,
        )


def _instructions(facts: Facts, trial: Trial) -> Findings:
    x86 = facts.system.endswith(("x86_64", "AMD64"))
    if x86 and facts.instructions is not None and "avx" not in facts.instructions:
        yield Finding(
            "the processor has no AVX instructions",
            "the wheels of TensorFlow and JAX end with SIGILL there",
            "set KERAS_BACKEND=torch, or use another (virtual) processor",
            broken=facts.backend in ("tensorflow", "jax"),
        )


def _repeatable(facts: Facts, trial: Trial) -> Findings:
    if trial.repeatable is False:
        yield Finding(
            "two trainings from one seed differ",
            "runs cannot be repeated or resumed exactly here",
            "update the backend and the GPU's driver, or compute on the processor",
            broken=True,
        )
    elif trial.repeatable_error:
        yield Finding(
            f"a tiny network does not train: {trial.repeatable_error}",
            "a large one will not either",
            f"pip install --force-reinstall keras {_packages_of(facts)}",
            broken=True,
        )


def _gpu(facts: Facts, trial: Trial) -> Findings:
    if facts.gpu_error is not None:
        yield Finding(
            f"nvidia-smi fails: {facts.gpu_error}",
            "no backend will see the GPU",
            "reinstall NVIDIA's driver, then restart the machine",
        )
    if not facts.gpus:
        return
    packages, chosen = facts.packages, facts.backend
    if chosen == "tensorflow" and "tensorflow-cpu" in packages:
        yield _unused(
            facts,
            "tensorflow-cpu cannot use it",
            'pip uninstall -y tensorflow-cpu, then pip install "tensorflow[and-cuda]"',
        )
    elif chosen == "torch" and "+cpu" in packages.get("torch", ""):
        yield _unused(
            facts,
            "this build of PyTorch cannot use it",
            "pip uninstall -y torch, then pip install torch",
        )
    elif trial.device == "CPU":
        hidden = [
            f"{name}={facts.environment[name]}"
            for name in ("CUDA_VISIBLE_DEVICES", "JAX_PLATFORMS")
            if name in facts.environment
        ]
        yield _unused(
            facts,
            f"{chosen} does not see it",
            f"unset {' '.join(hidden)}"
            if hidden
            else 'install "tensorflow[and-cuda]", "jax[cuda12]" or PyTorch for CUDA',
        )


def _unused(facts: Facts, why: str, do: str) -> Finding:
    return Finding(f"there is a GPU ({facts.gpus[0]})", why, do)


def _variables(facts: Facts, trial: Trial) -> Findings:
    told = facts.environment
    if "PYTHONDONTWRITEBYTECODE" in told:
        yield Finding(
            "PYTHONDONTWRITEBYTECODE is set",
            "importing TensorFlow takes 10 s instead of 3, every time",
            "unset PYTHONDONTWRITEBYTECODE",
        )
    on_cpu = facts.backend == "tensorflow" and trial.device in ("CPU", None)
    if told.get("TF_ENABLE_ONEDNN_OPTS") == "0" and on_cpu:
        yield Finding(
            "TF_ENABLE_ONEDNN_OPTS=0",
            "TensorFlow on a processor is slower then, and cannot dilate",
            "unset TF_ENABLE_ONEDNN_OPTS",
        )
    if told.get("TF_USE_LEGACY_KERAS", "").lower() in ("1", "true"):
        yield Finding(
            "TF_USE_LEGACY_KERAS is set",
            "tf.keras is Keras 2 then, whose models and layers do not mix with ours",
            "unset TF_USE_LEGACY_KERAS, and import keras instead of tf.keras",
        )
    for name in ("KERAS_MAX_EPOCHS", "KERAS_MAX_STEPS_PER_EPOCH"):
        if name in told:
            yield Finding(
                f"{name}={told[name]}",
                "Keras ends every training earlier than it was told to",
                f"unset {name}",
            )


def _keras_json(facts: Facts, trial: Trial) -> Findings:
    for name, usual in (("floatx", "float32"), ("image_data_format", "channels_last")):
        found = facts.keras_json.get(name, usual)
        if found != usual:
            yield Finding(
                f"keras.json says {name}: {found}",
                "that holds for whatever runs, and keras-fcn is tested without",
                f'write "{name}": "{usual}"'
                + ("; --precision chooses 16 bits" if name == "floatx" else ""),
            )


def _python(facts: Facts, trial: Trial) -> Findings:
    major, minor, patch = facts.python
    safe = SAFE_TARFILE.get((major, minor), 0)
    if patch < safe:
        yield Finding(
            f"Python is {major}.{minor}.{patch}",
            "tarfile's filter has holes before "
            f"{major}.{minor}.{safe}; keras-fcn does not rely on it, others may",
            f"update Python to {major}.{minor}.{safe} or later",
        )


def _data_sets(facts: Facts, trial: Trial) -> Findings:
    for name in ("importlib-resources", "dill"):
        if "tensorflow-datasets" in facts.packages and name not in facts.packages:
            yield Finding(
                f"tensorflow-datasets is installed without {name}",
                "it needs that to prepare data sets, and forgets to say so",
                f"pip install {name}",
            )


def _room(facts: Facts, trial: Trial) -> Findings:
    for what, free in facts.disks.items():
        if free < LEAST_DISK:
            yield Finding(
                f"{free / 1e9:.1f} GB of disk are free for the {what}",
                "weights take 0.5 GB, each run 1 GB, VOC and SBD 6 GB",
                "free some, or name a folder on another disk",
            )
    free = facts.memory[1]
    if free is not None and free < LEAST_MEMORY:
        yield Finding(
            f"{free / 1e9:.1f} GB of memory are free",
            "training FCN-8s at full width takes about 4 GB",
            "end other programs, or train with --width 0.25 or a smaller --crop-size",
        )


def _packages_of(facts: Facts) -> str:
    """Return the packages of the backend, as pip knows them."""
    names = TENSORFLOWS if facts.backend == "tensorflow" else (facts.backend,)
    found = [name for name in names if name in facts.packages]
    return " ".join(found or names[:1])


RULES: tuple[Callable[[Facts, Trial], Findings], ...] = (
    *(_same_folder, _floors, _backend, _instructions, _repeatable, _gpu),
    *(_variables, _keras_json, _python, _data_sets, _room),
)

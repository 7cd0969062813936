import dataclasses
import importlib.metadata
import importlib.util
import itertools
import json
import os
import subprocess
import sys
from pathlib import Path

import keras
import pytest

from keras_fcn import hardware
from keras_fcn.doctor import Facts, Trial, findings, gather, try_keras
from keras_fcn.doctor import facts as facts_module
from keras_fcn.doctor import report as report_module
from keras_fcn.doctor.rules import release
from keras_fcn.doctor.trial import repeats, tiny_network

from ..end_to_end.test_command_line import run, words

BACKEND = keras.backend.backend()

SOUND = Facts(
    python=(3, 13, 9),
    system="Linux x86_64",
    packages={"keras-fcn": "0.1.0", "keras": "3.15.1", "tensorflow-cpu": "2.21.0"},
    requirements=("keras>=3.15.1", 'tensorflow-cpu>=2.18; extra == "tensorflow-cpu"'),
    backends=("tensorflow",),
    backend="tensorflow",
    backend_from="by default",
    keras_json={"floatx": "float32", "image_data_format": "channels_last"},
    environment={},
    processor="a processor",
    cores=2,
    instructions=("avx", "avx2"),
    memory=(16 * 10**9, 8 * 10**9),
    gpus=(),
    gpu_error=None,
    disks={"current folder": 50 * 10**9},
)
WORKS = Trial(
    backend="tensorflow",
    device="CPU",
    precision="float32",
    precision_reason="no instructions",
    jit=False,
    jit_reason="sizes",
    repeatable=True,
)
TORCH = {"backend": "torch", "backends": ("torch",)}


def with_packages(**versions):
    named = {name.replace("_", "-"): version for name, version in versions.items()}
    return {"packages": {**SOUND.packages, **named}}


def told(changes=(), trial=WORKS):
    return findings(dataclasses.replace(SOUND, **dict(changes)), trial)


def test_a_sound_machine_gives_no_finding():
    assert told() == ()


BROKEN = [
    (with_packages(tensorflow="2.21.0"), "tensorflow and tensorflow-cpu are all"),
    (with_packages(keras="3.14.9"), "keras is 3.14.9"),
    (with_packages(keras="2.15.0"), "keras is 2.15.0"),
    (with_packages(tensorflow_cpu="2.17.1"), "tensorflow-cpu is 2.17.1"),
    ({"packages": {"tensorflow-cpu": "2.21.0"}}, "keras is not installed"),
    (with_packages(pillow="12", pillow_simd="9"), "pillow and pillow-simd are all"),
    ({"backend": "jax", "backend_from": "KERAS_BACKEND"}, "'jax' (KERAS_BACKEND)"),
    ({"backends": ()}, "'tensorflow' (by default), which is not installed"),
    ({"backend": "pytorch"}, "'pytorch'"),
    ({"backend": "numpy"}, "'numpy'"),
    ({"instructions": ("fma",)}, "no AVX"),
]


@pytest.mark.parametrize(("changes", "what"), BROKEN, ids=[what for _, what in BROKEN])
def test_what_is_broken_is_told(changes, what):
    (finding,) = told(changes)
    assert what in finding.what
    assert finding.broken
    assert finding.why
    assert finding.do


GPU = {"gpus": ("NVIDIA H100, 81559 MiB",)}
ADVICE = [
    ({"environment": {"PYTHONDONTWRITEBYTECODE": "1"}}, "PYTHONDONTWRITEBYTECODE is"),
    ({"environment": {"TF_ENABLE_ONEDNN_OPTS": "0"}}, "TF_ENABLE_ONEDNN_OPTS=0"),
    ({"environment": {"TF_USE_LEGACY_KERAS": "1"}}, "TF_USE_LEGACY_KERAS is"),
    ({"environment": {"KERAS_MAX_EPOCHS": "1"}}, "KERAS_MAX_EPOCHS=1"),
    ({"python": (3, 11, 12)}, "Python is 3.11.12"),
    ({"python": (3, 12, 10)}, "Python is 3.12.10"),
    ({"python": (3, 13, 3)}, "Python is 3.13.3"),
    ({"keras_json": {"floatx": "float16"}}, "floatx: float16"),
    ({"keras_json": {"image_data_format": "channels_first"}}, "channels_first"),
    ({"disks": {"current folder": 49 * 10**8}}, "4.9 GB of disk"),
    ({"memory": (16 * 10**9, 3 * 10**9)}, "3.0 GB of memory"),
    ({"gpu_error": "couldn't communicate"}, "nvidia-smi fails: couldn't"),
    ({"requirements": ()}, "not installed as a package"),
    (GPU, "there is a GPU (NVIDIA H100"),
    (GPU | TORCH | with_packages(torch="2.13.0+cpu"), "there is a GPU (NVIDIA H100"),
    (
        with_packages(tensorflow_datasets="4.9.10", dill="0.4"),
        "without importlib-resources",
    ),
]


@pytest.mark.parametrize(("changes", "what"), ADVICE, ids=[what for _, what in ADVICE])
def test_what_is_not_advisable_is_told_and_not_called_broken(changes, what):
    (finding,) = told(changes)
    assert what in finding.what
    assert not finding.broken
    assert finding.why
    assert finding.do


@pytest.mark.parametrize(
    "changes",
    [
        {"python": (3, 11, 13)},
        {"python": (3, 12, 11)},
        {"python": (3, 14, 0)},
        with_packages(keras="3.15.1"),
        with_packages(keras="3.16"),
        with_packages(keras="4.0.0"),
        {"instructions": None},
        {"system": "Linux aarch64", "instructions": ("asimd",)},
        {"memory": (None, None)},
        {"environment": {"TF_USE_LEGACY_KERAS": "0", "TF_ENABLE_ONEDNN_OPTS": "1"}},
    ],
)
def test_what_is_right_is_not_told(changes):
    assert told(changes) == ()


def test_gpus_that_the_backend_uses_are_no_finding():
    working = dataclasses.replace(WORKS, device="GPU")
    packages = {"keras-fcn": "0.1.0", "keras": "3.15.1", "tensorflow": "2.21.0"}
    assert told({**GPU, "packages": packages}, working) == ()
    environment = {"CUDA_VISIBLE_DEVICES": "-1"}
    changes = {**GPU, "packages": packages, "environment": environment}
    (finding,) = told(changes)
    assert finding.do == "unset CUDA_VISIBLE_DEVICES=-1"
    # oneDNN computes on processors.
    assert told({"environment": {"TF_ENABLE_ONEDNN_OPTS": "0"}}, working) == ()


@pytest.mark.parametrize(
    ("trial", "what"),
    [
        (Trial(error="ImportError: libcudnn"), "with tensorflow: ImportError: libcu"),
        (dataclasses.replace(WORKS, repeatable=False), "from one seed differ"),
        (
            dataclasses.replace(WORKS, repeatable=None, repeatable_error="no kernel"),
            "does not train: no kernel",
        ),
    ],
)
def test_what_keras_could_not_do_is_broken(trial, what):
    (finding,) = told(trial=trial)
    assert what in finding.what
    assert finding.broken


def test_what_is_broken_comes_first():
    found = told({"python": (3, 11, 0), **with_packages(keras="3.0")})
    assert [finding.broken for finding in found] == [True, False]


@pytest.mark.parametrize(
    ("lower", "higher"),
    [("3.9.2", "3.15"), ("2.4", "2.4.1"), ("1.0.0rc1", "1.0.1"), ("2", "10.0")],
)
def test_versions_are_compared_by_their_numbers(lower, higher):
    assert release(lower) < release(higher)
    assert release(lower) == release(f"{lower.partition('rc')[0]}.0")


# This machine


def test_facts_are_those_of_this_machine(monkeypatch):
    monkeypatch.setenv("KERAS_BACKEND", "torch")
    facts = gather()
    assert facts.packages["keras"] == importlib.metadata.version("keras")
    assert facts.python == sys.version_info[:3]
    assert (facts.backend, facts.backend_from) == ("torch", "KERAS_BACKEND")
    for name in facts.backends:
        assert importlib.util.find_spec(name)
    assert BACKEND in facts.backends
    total, free = facts.memory
    assert total is None or total >= (free or 0) > 0
    assert all(free > 0 for free in facts.disks.values())
    if facts.instructions is not None:
        has = hardware.cpu_instructions()
        assert set(facts.instructions) == has & set(facts_module.INSTRUCTIONS)


def test_every_package_that_keras_fcn_needs_is_looked_at(monkeypatch):
    needs = ["Iniconfig>=0.1", "no_such.Package; python_version > '3'", "keras"]
    monkeypatch.setattr(facts_module, "requires", lambda name: needs)
    facts = gather()
    assert facts.requirements == tuple(needs)
    assert facts.packages["iniconfig"] == importlib.metadata.version("iniconfig")
    missing = [f.what for f in findings(facts, WORKS) if "not installed" in f.what]
    assert missing == ["no-such-package is not installed"]


def test_a_file_of_settings_chooses_the_backend(monkeypatch, tmp_path):
    monkeypatch.delenv("KERAS_BACKEND", raising=False)
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    assert (gather().backend, gather().backend_from) == ("tensorflow", "by default")
    file = tmp_path / "keras.json"
    file.write_text('{"backend": "jax", "floatx": "float16"}')
    facts = gather()
    assert (facts.backend, facts.backend_from) == ("jax", str(file))
    assert facts.keras_json["floatx"] == "float16"
    for damaged in ("{", "[]", '"jax"', "[" * 100_000):
        file.write_text(damaged)
        assert gather().backend == "tensorflow"


def test_folders_that_are_not_there_yet_have_the_room_of_those_above(tmp_path):
    free = facts_module._free(tmp_path / "new" / "newer")
    assert free == pytest.approx(facts_module._free(tmp_path), rel=0.1)


@pytest.fixture
def nvidia_smi(monkeypatch, tmp_path):
    """Put a program called nvidia-smi before all others."""

    def write(script):
        file = tmp_path / "nvidia-smi"
        file.write_text(f"#!/bin/sh\n{script}\n")
        file.chmod(0o755)
        monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")

    return write


@pytest.mark.skipif(os.name != "posix", reason="the script is one for a Unix shell")
def test_gpus_are_those_of_nvidia_smi(nvidia_smi):
    nvidia_smi("echo 'NVIDIA A, 1 MiB'; echo 'NVIDIA B, 2 MiB'")
    assert gather().gpus == ("NVIDIA A, 1 MiB", "NVIDIA B, 2 MiB")
    nvidia_smi("echo 'no driver'; exit 9")
    facts = gather()
    assert (facts.gpus, facts.gpu_error) == ((), "no driver")


# Keras, tried


def test_a_tiny_network_trains_twice_to_the_same_bits():
    assert repeats(tiny_network)


def test_a_dropout_seeded_from_a_clock_is_noticed():
    clock = itertools.count()

    def build():
        network = tiny_network()
        layers = [
            keras.layers.Dropout(0.5, seed=next(clock))
            if isinstance(layer, keras.layers.Dropout)
            else layer
            for layer in network.layers
        ]
        return keras.Sequential([keras.Input((16, 16, 3)), *layers])

    assert not repeats(build)


def test_keras_is_tried_in_a_process_of_its_own(tmp_path, monkeypatch):
    # A file of that name in the current folder is not what is meant.
    (tmp_path / "keras.py").write_text("raise SystemExit(7)")
    monkeypatch.chdir(tmp_path)
    trial = try_keras()
    assert trial.error is None
    assert trial.repeatable, trial.repeatable_error
    assert trial.backend == BACKEND
    assert (trial.precision, trial.precision_reason) == hardware.fastest_precision()
    assert trial.jit == hardware.resolve_jit("auto")


@pytest.fixture
def broken_keras(monkeypatch, tmp_path):
    """Put a package called keras before all others."""

    def write(code):
        (tmp_path / "keras.py").write_text(code)
        path = [str(tmp_path), str(Path(__file__).parents[2])]
        monkeypatch.setenv("PYTHONPATH", os.pathsep.join(path))

    return write


@pytest.mark.parametrize(
    ("code", "error"),
    [
        ("raise ImportError('libcudnn.so.9 is\\nmissing')", "libcudnn.so.9 is missing"),
        ("1 / 0", "ZeroDivisionError"),
        ("raise SystemExit(3)", "exit status 3"),
        ("import os; os.abort()", "SIGABRT"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGILL)", "SIGILL"),
    ],
    ids=["import", "other", "exit", "abort", "illegal instruction"],
)
@pytest.mark.skipif(os.name != "posix", reason="signals of Unix")
def test_a_keras_that_ends_its_process_ends_no_other(broken_keras, code, error):
    broken_keras(code)
    assert error in try_keras().error


def test_a_keras_that_hangs_is_given_up(broken_keras):
    broken_keras("import time; time.sleep(60)")
    assert try_keras(seconds=0.5).error == "no answer within 0.5 s"


# The verb


@pytest.fixture
def machine(monkeypatch):
    """Pretend to be another machine."""

    def pretend(changes=(), trial=WORKS):
        facts = dataclasses.replace(SOUND, **dict(changes))
        monkeypatch.setattr(report_module, "gather", lambda: facts)
        monkeypatch.setattr(report_module, "try_keras", lambda: trial)

    return pretend


def test_a_sound_machine_exits_0_and_is_told_in_json(machine, tmp_path):
    machine()
    result = run("doctor", "--json", tmp_path / "doctor.json")
    printed = words(result.stdout)
    for part in (
        "tensorflow-cpu",
        "2.21.0",
        "a processor, 2 cores",
        "Nothing is broke",
    ):
        assert part in printed
    told = json.loads((tmp_path / "doctor.json").read_text())
    assert not told["broken"]
    assert told["findings"] == []
    assert told["facts"]["packages"] == SOUND.packages
    assert told["trial"]["repeatable"] is True


def test_advice_exits_0_and_what_is_broken_1(machine, tmp_path):
    machine({"python": (3, 11, 7)})
    assert "advice: Python is 3.11.7" in run("doctor").stdout
    machine(with_packages(tensorflow="2.21.0"), Trial(error="AttributeError: [/tf]"))
    result = run("doctor", "--json", tmp_path / "doctor.json", check=False)
    assert result.returncode == 1
    assert "AttributeError: [/tf]" in result.stdout
    assert "broken: tensorflow and tensorflow-cpu are all installed" in result.stdout
    assert "Nothing is broken" not in result.stdout
    told = json.loads((tmp_path / "doctor.json").read_text())
    assert told["broken"]
    assert told["findings"][0]["do"].startswith("pip uninstall")


def test_the_verb_works_where_no_backend_can_be_imported(tmp_path):
    code = """
import sys
for name in ("keras", "tensorflow", "jax", "torch"):
    sys.modules[name] = None
from keras_fcn.cli import main
sys.argv = ["keras-fcn", "doctor"]
main()
"""
    (tmp_path / "keras.py").write_text("raise ImportError('half of it is missing')")
    path = os.pathsep.join([str(tmp_path), str(Path(__file__).parents[2])])
    result = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": path, "KERAS_BACKEND": BACKEND},
    )
    assert result.returncode == 1
    assert "half of it is missing" in words(result.stdout)
    assert "Traceback" not in result.stderr

"""What importing the package loads, and the floors of the house."""

import subprocess
import sys

import pytest

import keras_fcn


def loaded_after(statement):
    code = f"import sys\n{statement}\nprint(*sorted(sys.modules))"
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    return set(result.stdout.split())


FRAMEWORKS = {"keras", "tensorflow", "jax", "torch", "tensorflow_datasets"}


@pytest.mark.parametrize(
    "statement",
    [
        "import keras_fcn",
        "from keras_fcn import geometry",
        "from keras_fcn import transposed",
        "import keras_fcn.cli",
    ],
)
def test_no_framework_is_loaded_before_it_is_needed(statement):
    assert not loaded_after(statement) & FRAMEWORKS


def test_geometry_needs_no_numpy():
    assert "numpy" not in loaded_after("from keras_fcn import geometry")


def test_the_guard_above_can_fail():
    assert "keras" in loaded_after("from keras_fcn import build_fcn8s")


def test_reading_samples_needs_no_tensorflow():
    statement = """
import os; os.environ["KERAS_BACKEND"] = "numpy"
from keras_fcn.datasets import load, check
check(load("shapes", "val"))
"""
    assert "tensorflow" not in loaded_after(statement)


def test_every_module_is_imported_without_what_is_optional():
    statement = """
import os, sys; os.environ["KERAS_BACKEND"] = "tensorflow"
class NotInstalled:
    def find_spec(name, path=None, target=None):
        if name in ("jax", "onnx", "onnxruntime", "tf2onnx", "torch"):
            raise ModuleNotFoundError(name=name)
sys.meta_path.insert(0, NotInstalled)
import importlib, pkgutil, keras_fcn
for module in pkgutil.walk_packages(keras_fcn.__path__, "keras_fcn."):
    if module.name != "keras_fcn.__main__":  # which runs
        importlib.import_module(module.name)
"""
    assert "keras_fcn.pixels.pytorch" in loaded_after(statement)


def test_batches_without_tensorflow_say_what_to_install():
    statement = """
import os, sys; sys.modules["tensorflow"] = None
os.environ["KERAS_BACKEND"] = "tensorflow"
from keras_fcn.datasets import load
try:
    load("shapes", "val").batches()
except ModuleNotFoundError as error:
    assert "Install tensorflow-cpu" in str(error)
    sys.modules["told"] = sys
"""
    assert "told" in loaded_after(statement)


PUBLIC = [
    "backbones",
    "build_fcn16s",
    "build_fcn32s",
    "build_fcn8s",
    "checkpoints",
    "datasets",
    "evaluate",
    "export",
    "fold_for_inference",
    "from_pretrained",
    "geometry",
    "load_run",
    "load_weights",
    "losses",
    "metrics",
    "optimizers",
    "pictures",
    "predict",
    "pretrained",
    "publish",
    "recipes",
    "save_weights",
    "sharing",
    "transposed",
    "weights",
    "write_report",
]


def test_the_public_names_are_these_and_documented():
    assert sorted(keras_fcn.__all__) == PUBLIC
    assert set(PUBLIC) <= set(dir(keras_fcn))
    for name in PUBLIC:
        assert getattr(keras_fcn, name).__doc__


def test_another_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="build_fcn4s"):
        keras_fcn.build_fcn4s  # noqa: B018

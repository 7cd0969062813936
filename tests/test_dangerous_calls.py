"""No code is taken from files: what could run it does not stand in the package.

An exception is a line in `ALLOWED`, with its reason; one that is no longer needed
fails too. Names are followed through imports, their aliases and plain assignments, and
it does not matter whether a function is called or handed on. What no reader of the text
can know (`getattr(module, name)`) is not looked for.
"""

import ast
import re
from collections import Counter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FOLDERS = ("keras_fcn", "benchmarks", "docs")

# In any of these modules.
UNPICKLERS = {
    "cPickle",
    "_pickle",
    "cloudpickle",
    "dill",
    "joblib",
    "marshal",
    "pickle",
}
UNPICKLING = {"Unpickler", "_Unpickler", "_load", "_loads", "load", "loads", "open"}
# By their full names.
FUNCTIONS = {
    "importlib.reload",
    "os.popen",
    "os.system",
    "pandas.read_pickle",
    "runpy.run_module",
    "runpy.run_path",
    "scipy.io.loadmat",
    "shelve.DbfilenameShelf",
    "shelve.open",
    "subprocess.getoutput",
    "subprocess.getstatusoutput",
    "tempfile.mktemp",
    "tensorflow.load_library",
    "tensorflow.load_op_library",
    "tensorflow.saved_model.load",
    "torch.hub.load",
    "torch.jit.load",
    "torch.package.PackageImporter",
    "urllib.request.urlopen",
    "urllib.request.urlretrieve",
    *(
        f"yaml.{name}"
        for name in (
            *("load", "load_all", "full_load", "full_load_all", "unsafe_load"),
            *("unsafe_load_all", "FullLoader", "Loader", "UnsafeLoader", "CLoader"),
            *("CFullLoader", "CUnsafeLoader"),
        )
    ),
}
BUILTINS = {"__import__", "compile", "eval", "exec"}
# Ours, which may be called as Keras' methods are.
OURS = {f"keras_fcn.{home}load_weights" for home in ("", "weights.", "weights.files.")}
# Whatever they are called on.
METHODS = {
    "TFSMLayer",
    "deserialize",
    "deserialize_keras_object",
    "enable_unsafe_deserialization",
    "extract",
    "extractall",
    "from_config",
    "load_model",
    "load_weights",
    "model_from_config",
    "model_from_json",
}
# Harmless with the right word.
SUBPROCESS = {"Popen", "call", "check_call", "check_output", "run"}
CONDITIONS = {
    "PIL.Image.open": lambda call: "formats" in call,
    "importlib.import_module": lambda call: isinstance(call.get(0), ast.Constant),
    "numpy.lib.format.read_array": lambda call: is_constant(
        call, "allow_pickle", False
    ),
    "numpy.load": lambda call: is_constant(call, "allow_pickle", False),
    "torch.load": lambda call: is_constant(call, "weights_only", True, given=True),
    **{
        f"subprocess.{name}": lambda call: is_constant(call, "shell", False)
        for name in SUBPROCESS
    },
}


def is_constant(call, word, value, given=False):
    """Whether an argument is this constant; or not given, if that is the same."""
    if word not in call:
        return not given and None not in call  # `**options` may hide it
    return isinstance(call[word], ast.Constant) and call[word].value is value


class Scan(ast.NodeVisitor):
    """Finds dangerous names in one module.

    Args:
        package: The package that relative imports begin in.
    """

    def __init__(self, package=""):
        self.package = package
        self.names = {}
        self.found = []
        self.called = {}  # the call of which a node is the function
        self.types = set()

    def read(self, source):
        tree = ast.parse(source)
        for node in ast.walk(tree):  # whatever stands first in the file
            self.bind_imports(node)
        for node in ast.walk(tree):
            self.bind_assignments(node)
            for told in ("annotation", "returns"):  # which run nothing
                if annotation := getattr(node, told, None):
                    self.types.update(ast.walk(annotation))
        self.visit(tree)
        return self.found

    def bind_imports(self, node):
        if isinstance(node, ast.Import):
            for alias in node.names:
                bound = alias.asname or alias.name.partition(".")[0]
                self.names[bound] = alias.name if alias.asname else bound
        elif isinstance(node, ast.ImportFrom):
            module = node.module or ""
            if node.level:
                above = self.package.split(".")[: 1 - node.level or None]
                module = ".".join([*above, *filter(None, [module])])
            for alias in node.names:
                full = f"{module}.{alias.name}"
                if alias.name == "*" and (
                    module in UNPICKLERS
                    or any(name.startswith(f"{module}.") for name in FUNCTIONS)
                ):
                    self.found.append((node.lineno, full))
                self.names[alias.asname or alias.name] = full

    def bind_assignments(self, node):
        if isinstance(node, ast.Assign) and len(node.targets) == 1:
            target, full = node.targets[0], self.full(node.value)
            if isinstance(target, ast.Name) and full and target.id not in self.names:
                self.names[target.id] = full

    def full(self, node):
        """The full name of a name or a chain of attributes, if it is one."""
        if isinstance(node, ast.Name):
            name = self.names.get(node.id, node.id)
            return f"builtins.{name}" if name in BUILTINS else name
        if isinstance(node, ast.Attribute):
            base = self.full(node.value)
            return base and f"{base}.{node.attr}"
        return None

    def visit_Call(self, node):
        self.called[node.func] = node
        self.generic_visit(node)

    def visit_Name(self, node):
        self.judge(node, self.full(node))

    def visit_Attribute(self, node):
        full = self.full(node)
        self.judge(node, full or f"?.{node.attr}")
        if full is None:
            self.generic_visit(node)

    def judge(self, node, full):
        if not isinstance(node.ctx, ast.Load) or node in self.types:
            return
        module, _, last = full.rpartition(".")
        known = isinstance(node, ast.Attribute) or node.id in self.names
        if (
            (module in UNPICKLERS and last in UNPICKLING)
            or (module == "builtins" and last in BUILTINS)
            or full in FUNCTIONS
            or (known and last in METHODS and full not in OURS)
            or (full in CONDITIONS and not self.is_harmless(node, full))
        ):
            self.found.append((node.lineno, full))

    def is_harmless(self, node, full):
        call = self.called.get(node)
        if call is None:
            return False  # handed on to whoever calls it
        words = {word.arg: word.value for word in call.keywords}
        return CONDITIONS[full](dict(enumerate(call.args)) | words)


def found_in(source, package=""):
    return [name for _, name in sorted(Scan(package).read(source))]


# What stands in the package, and why it may

OWN = "names of our own modules, from a table or a folder of ours"
ALLOWED = {
    ("keras_fcn/__init__.py", "importlib.import_module"): (2, OWN),
    ("keras_fcn/recipes/__init__.py", "importlib.import_module"): (1, OWN),
    ("keras_fcn/datasets/tfds_builder.py", "importlib.import_module"): (1, OWN),
    ("keras_fcn/runs/folder.py", "importlib.import_module"): (
        *(1, "the backend that Keras has imported already, for its version"),
    ),
    ("keras_fcn/export/network.py", "kind.from_config"): (
        *(1, "the configuration of a layer in memory, not of a file"),
    ),
    ("keras_fcn/inference/fold.py", "?.from_config"): (
        *(1, "the configuration of a layer in memory, not of a file"),
    ),
    ("keras_fcn/datasets/readers/mat_reader.py", "scipy.io.loadmat"): (
        *(1, "in a process of its own with limits, which may die of it"),
    ),
    ("keras_fcn/weights/pytorch/format.py", "safetensors.deserialize"): (
        *(1, "bytes of tensors; safetensors knows no code"),
    ),
    ("benchmarks/bench_pipeline.py", "importlib.import_module"): (
        *(1, "packages by names that stand in the file, for their versions"),
    ),
    ("benchmarks/bench_pipeline.py", "PIL.Image.open"): (
        *(2, "measured on photos of a data set that was checked before"),
    ),
    ("benchmarks/suites/start.py", "model.load_weights"): (
        *(1, "measured on a file that the benchmark has just written"),
    ),
    ("benchmarks/suites/networks.py", "kind.from_config"): (
        *(1, "the configuration of a layer in memory, not of a file"),
    ),
    ("benchmarks/suites/start.py", "keras.saving.load_model"): (
        *(1, "measured on a file that the benchmark has just written"),
    ),
    ("keras_fcn/export/saved_model_format.py", "tensorflow.saved_model.load"): (
        *(1, "what `export` has just written, before it gets its name"),
    ),
    ("docs/tutorials/plot_train_on_voc.py", "PIL.Image.open"): (
        *(4, "pictures that the tutorial has just made"),
    ),
    ("docs/tutorials/plot_what_a_transposed_convolution_is.py", "PIL.Image.open"): (
        *(1, "pictures that the tutorial has just made"),
    ),
    ("docs/tutorials/plot_your_own_images.py", "PIL.Image.open"): (
        *(5, "pictures that the tutorial has just made"),
    ),
    ("docs/make_figures.py", "builtins.compile"): (1, "the code of our own pages"),
    ("docs/make_figures.py", "builtins.exec"): (1, "the code of our own pages"),
    ("docs/make_own_images.py", "builtins.compile"): (1, "the code of our own pages"),
    ("docs/make_own_images.py", "builtins.exec"): (1, "the code of our own pages"),
}


def scan_repository():
    found = Counter()
    for folder in FOLDERS:
        for file in sorted((ROOT / folder).rglob("*.py")):
            path = file.relative_to(ROOT)
            package = ".".join(path.parent.parts)
            source = file.read_text(encoding="utf-8")
            for name in found_in(source, package):
                found[path.as_posix(), name] += 1
    return found


def test_only_the_exceptions_stand_in_the_repository(record_property):
    found = scan_repository()
    record_property("cases", sum(found.values()))
    # The package may stand alone, without benchmarks and pages.
    here = [f"{folder}/" for folder in FOLDERS if (ROOT / folder).is_dir()]
    assert "keras_fcn/" in here
    allowed = {p: n for p, (n, _) in ALLOWED.items() if p[0].startswith(tuple(here))}
    assert dict(found) == allowed


def test_every_exception_has_a_reason():
    assert all(len(reason) > 10 for _, reason in ALLOWED.values())


# That it finds

FOUND = {
    "import pickle; pickle.load(f)": "pickle.load",
    "import pickle as p; p.loads(b)": "pickle.loads",
    "from pickle import load; load(f)": "pickle.load",
    "from pickle import load as innocent; innocent(f)": "pickle.load",
    "from pickle import Unpickler\nclass U(Unpickler): pass": "pickle.Unpickler",
    "from pickle import *": "pickle.*",
    "import pickle; read = pickle.load; read(f)": "pickle.load",
    "import functools, pickle; functools.partial(pickle.load, f)": "pickle.load",
    "def f():\n    import dill\n    return dill.loads(b)": "dill.loads",
    "import joblib; joblib.load(f)": "joblib.load",
    "import cloudpickle as c; c.load(f)": "cloudpickle.load",
    "import marshal; marshal.loads(b)": "marshal.loads",
    "import _pickle; _pickle.loads(b)": "_pickle.loads",
    "import shelve; shelve.open(p)": "shelve.open",
    "import numpy as np; np.load(p, allow_pickle=True)": "numpy.load",
    "import numpy as np; np.load(p, allow_pickle=flag)": "numpy.load",
    "import numpy as np; np.load(p, **options)": "numpy.load",
    "from numpy import load; map(load, paths)": "numpy.load",
    "import torch; torch.load(p)": "torch.load",
    "import torch; torch.load(p, weights_only=False)": "torch.load",
    "from torch import load as read; read(p, 'cpu')": "torch.load",
    "import torch.jit; torch.jit.load(p)": "torch.jit.load",
    "import keras; keras.models.load_model(p)": "keras.models.load_model",
    "from keras.saving import load_model as f; f(p)": "keras.saving.load_model",
    "import keras.saving as s; s.load_model(p)": "keras.saving.load_model",
    "import tensorflow as tf; tf.keras.models.load_model(p)": (
        "tensorflow.keras.models.load_model"
    ),
    "import tensorflow as tf; tf.saved_model.load(p)": "tensorflow.saved_model.load",
    "import keras; keras.layers.TFSMLayer(p)": "keras.layers.TFSMLayer",
    "model.load_weights(p)": "model.load_weights",
    "build().load_weights(p)": "?.load_weights",
    "import keras; keras.Model.from_config(c)": "keras.Model.from_config",
    "type(layer).from_config(c)": "?.from_config",
    "from keras.layers import deserialize; deserialize(c)": "keras.layers.deserialize",
    "import keras; keras.config.enable_unsafe_deserialization()": (
        "keras.config.enable_unsafe_deserialization"
    ),
    "from keras.models import model_from_json as m; m(t)": (
        "keras.models.model_from_json"
    ),
    "import yaml; yaml.load(t, yaml.SafeLoader)": "yaml.load",
    "import yaml as y; y.unsafe_load(t)": "yaml.unsafe_load",
    "from yaml import full_load; full_load(t)": "yaml.full_load",
    "from yaml import UnsafeLoader": None,
    "from yaml import UnsafeLoader as L; read(t, L)": "yaml.UnsafeLoader",
    "eval(t)": "builtins.eval",
    "exec(t)": "builtins.exec",
    "compile(t, '', 'exec')": "builtins.compile",
    "__import__(name)": "builtins.__import__",
    "run = eval\nrun(t)": "builtins.eval",
    "map(eval, texts)": "builtins.eval",
    "import builtins as b; b.exec(t)": "builtins.exec",
    "import importlib; importlib.import_module(name)": "importlib.import_module",
    "from importlib import import_module as i; i(f'a.{b}')": "importlib.import_module",
    "import runpy; runpy.run_path(p)": "runpy.run_path",
    "import os; os.system('ls')": "os.system",
    "from os import system as say; say('ls')": "os.system",
    "import os as o; o.popen('ls')": "os.popen",
    "import subprocess; subprocess.run('ls', shell=True)": "subprocess.run",
    "import subprocess as s; s.Popen('ls', shell=1)": "subprocess.Popen",
    "from subprocess import check_output as c; c(x, **k)": "subprocess.check_output",
    "import subprocess; subprocess.getoutput('ls')": "subprocess.getoutput",
    "import tarfile\nwith tarfile.open(p) as t:\n    t.extractall(d)": "t.extractall",
    "import tarfile; tarfile.open(p).extract(m)": "?.extract",
    "import zipfile; zipfile.ZipFile(p).extractall()": "?.extractall",
    "import tempfile; tempfile.mktemp()": "tempfile.mktemp",
    "from urllib import request; request.urlopen(u)": "urllib.request.urlopen",
    "import urllib.request as r; r.urlretrieve(u)": "urllib.request.urlretrieve",
    "from urllib.request import urlopen; urlopen(u)": "urllib.request.urlopen",
    "from scipy.io import loadmat; loadmat(p)": "scipy.io.loadmat",
    "from PIL import Image; Image.open(p)": "PIL.Image.open",
    "import PIL.Image as I; I.open(p)": "PIL.Image.open",
}


@pytest.mark.parametrize("source", FOUND)
def test_what_is_dangerous_is_found(source):
    expected = FOUND[source]
    # Importing alone is harmless; what is imported is not used.
    assert set(found_in(source)) == ({expected} if expected else set())


HARMLESS = [
    "import re; re.compile('a')",
    "from re import compile; compile('a')",
    "model.compile(optimizer, loss)",
    "import torch; torch.compile(net)",
    "net = network().eval()",
    "class A:\n    def load(self): return self.load()",
    "image.load()",
    "import json; json.load(f); json.loads(t)",
    "import pickle; pickle.dumps(x)",
    "import pickletools; pickletools.genops(b)",
    "import yaml; yaml.safe_load(t)",
    "import numpy as np; np.load(p)",
    "import numpy as np; np.load(p, allow_pickle=False)",
    "import torch; torch.load(p, weights_only=True)",
    "import subprocess; subprocess.run(['ls'], check=True)",
    "import subprocess; subprocess.run(['ls'], shell=False)",
    "import importlib; importlib.import_module('scipy')",
    "import ast; ast.literal_eval(t)",
    "from PIL import Image; Image.open(p, formats=('PNG',))",
    "import tarfile; tarfile.open(p).extractfile(m)",
    "import zipfile; zipfile.ZipFile(p).read('a')",
    "import tempfile; tempfile.mkdtemp()",
    "from urllib import request; request.OpenerDirector()",
    "load_model = 3; print(load_model)",
    "def from_config(c): return c\nfrom_config(1)",
    "self.names.eval",
    "x.exec = 1",
    "'eval(t)'  # exec(t)",
    "import keras_fcn; keras_fcn.load_weights(model, p)",
    "os = Own(); os.systems()",
]


@pytest.mark.parametrize("source", HARMLESS)
def test_what_is_harmless_is_not_found(source):
    assert found_in(source) == []


@pytest.mark.parametrize(
    ("source", "package"),
    [
        ("from .files import load_weights; load_weights(m, p)", "keras_fcn.weights"),
        ("from ..weights import load_weights as f; f(m, p)", "keras_fcn.runs"),
        ("from .. import weights; weights.load_weights(m, p)", "keras_fcn.runs"),
    ],
)
def test_our_own_functions_are_known_by_where_they_come_from(source, package):
    assert found_in(source, package) == []
    assert found_in(source, package.replace("keras_fcn", "other")) != []


def test_a_dangerous_line_in_a_real_module_is_found():
    file = ROOT / "keras_fcn" / "runs" / "plain_yaml.py"
    source = file.read_text(encoding="utf-8")
    assert found_in(source, "keras_fcn.runs") == []
    mutant = source.replace("yaml.SafeLoader", "yaml.UnsafeLoader")
    assert found_in(mutant, "keras_fcn.runs") == ["yaml.UnsafeLoader"]
    source = "from .. import models\nmodels.keras.models.load_model(p)"
    expected = ["keras_fcn.models.keras.models.load_model"]
    assert found_in(source, "keras_fcn.runs") == expected


def test_the_page_on_security_names_what_is_there():
    page = (ROOT / "SECURITY.md").read_text(encoding="utf-8")
    named = set(re.findall(r"`((?:keras_fcn|tests)/[\w/.]+\.py)`", page))
    assert len(named) > 12
    for path in named:
        assert (ROOT / path).is_file(), path

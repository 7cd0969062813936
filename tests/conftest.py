"""Fixtures of all tests: small data, and real data where it is."""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import importlib.util
import json
import platform
import re
import shutil
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import hypothesis
import keras
import numpy as np
import pytest
from PIL import Image

from keras_fcn.datasets import voc_palette
from keras_fcn.hardware import accelerator

from . import tally

REAL_VOC = Path(__file__).parents[2] / "shared" / "data" / "VOCdevkit" / "VOC2012"

hypothesis.settings.register_profile(
    "keras_fcn", derandomize=True, deadline=None, print_blob=True
)
# The full tier of `make conformance`: `pytest --hypothesis-profile full`.
hypothesis.settings.register_profile(
    "full", hypothesis.settings.get_profile("keras_fcn"), max_examples=2000
)
hypothesis.settings.load_profile("keras_fcn")


def pytest_addoption(parser):
    parser.addoption(
        "--require-gpu", action="store_true", help="fail, not skip, without a GPU"
    )
    parser.addoption(
        "--require-backends",
        action="store_true",
        help="fail, not skip, where JAX or PyTorch is not installed",
    )
    parser.addoption(
        "--require-browser",
        action="store_true",
        help="fail, not skip, without Chromium and Playwright",
    )
    parser.addoption(
        "--onnxruntime-web",
        type=Path,
        help="folder `dist` of the package onnxruntime-web of npm, version 1.30.0",
    )
    parser.addoption(
        "--report", type=Path, help="write what was proven, as JSON, to this file"
    )


def pytest_sessionfinish(session):
    config = session.config
    if hasattr(config, "workeroutput"):  # one of xdist's processes
        config.workeroutput["tally"] = tally.counted()
    elif config.getoption("--report"):
        report = {
            "backend": keras.backend.backend(),
            "device": "GPU" if sees_gpu() else "CPU",
            "python": platform.python_version(),
            "versions": {name: installed(name) for name in JUDGES if installed(name)},
            **tally.counted(),
        }
        file = config.getoption("--report")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(report, indent=1, sort_keys=True) + "\n")


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node):
    if "tally" in getattr(node, "workeroutput", {}):
        tally.add(node.workeroutput["tally"])


# Whose word counts, by their names on the package index.
JUDGES = (
    "jax",
    "keras",
    "numpy",
    "onnx",
    "onnxruntime",
    "scipy",
    "tensorflow",
    "tensorflow-cpu",
    "torch",
)


def installed(name):
    try:
        return version(name)
    except PackageNotFoundError:
        return None


@pytest.fixture(autouse=True)
def _seed():
    keras.utils.set_random_seed(0)


@pytest.fixture(autouse=True)
def _choices_of_operations():
    """`train --deterministic` chooses for its process, and here that is all tests'."""
    yield
    backend = keras.backend.backend()
    if backend == "tensorflow":
        from tensorflow.python.framework.config import disable_op_determinism

        disable_op_determinism()
    if backend == "torch":
        import torch

        torch.use_deterministic_algorithms(False)


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def sees_gpu():
    return accelerator()[0] == "GPU"


@pytest.fixture
def gpu(request):
    """A GPU that the backend sees."""
    if not sees_gpu():
        message = f"{keras.backend.backend()} sees no GPU"
        if request.config.getoption("--require-gpu"):
            pytest.fail(message)
        pytest.skip(message)


@pytest.fixture(scope="session")
def need(pytestconfig):
    """Skip if a module is not installed; fail with --require-backends."""

    def needed(*modules):
        for module in modules:
            if importlib.util.find_spec(module) is None:
                if pytestconfig.getoption("--require-backends"):
                    pytest.fail(f"{module} is not installed")
                pytest.skip(f"{module} is not installed")

    return needed


@pytest.fixture(scope="session")
def real_voc():
    """The folder of real VOC images, where the project is beside one."""
    if not REAL_VOC.is_dir():
        pytest.skip("the real VOC images are not on this machine (../shared/data)")
    return REAL_VOC


@pytest.fixture(scope="session")
def chromium(pytestconfig):
    """A headless Chromium, the one of this machine."""
    program = next(filter(None, map(shutil.which, CHROMIUMS)), None)
    if program is None or importlib.util.find_spec("playwright") is None:
        message = f"{'Playwright' if program else 'Chromium'} is not installed"
        if pytestconfig.getoption("--require-browser"):
            pytest.fail(message)
        pytest.skip(message)
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=program, args=BROWSER_FLAGS
        )
        yield browser
        browser.close()


CHROMIUMS = ("chromium", "chromium-browser", "google-chrome")
BROWSER_FLAGS = [
    "--no-sandbox",  # which a container's root has not
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]


@pytest.fixture
def open_page(chromium):
    """Opens a page without a network; an error in its console fails the test.

    `open_page(file, width=1280, height=900, served={}, query="")`. Files and localhost
    are served as they are, what `served` names by the start of its address comes from
    that folder; anything else that a page asks for is an error.
    """
    contexts, errors = [], []

    def opened(address, *, width=1280, height=900, served=None, query=""):
        context = chromium.new_context(viewport={"width": width, "height": height})
        contexts.append(context)

        def answer(route, request):
            for start, folder in (served or {}).items():
                if request.url.startswith(start):
                    return route.fulfill(path=folder / request.url[len(start) :])
            errors.append(f"asked for {request.url}")
            return route.abort()

        local = re.compile(
            r"^(?!file:|data:|blob:|http://(localhost|127\.0\.0\.1)[:/])"
        )
        context.route(local, answer)
        page = context.new_page()
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on(
            "console",
            lambda said: said.type == "error" and errors.append(said.text),
        )
        if isinstance(address, Path):
            address = address.resolve().as_uri()
        page.goto(address + query)
        return page

    yield opened
    for context in contexts:
        context.close()
    assert not errors


def write_voc(folder, labels, splits):
    """Write label maps and noise photos in VOC's layout; return the folder."""
    rng = np.random.default_rng(0)
    for name in ("JPEGImages", "SegmentationClass", "ImageSets/Segmentation"):
        (folder / name).mkdir(parents=True)
    for name, label in labels.items():
        photo = rng.integers(0, 256, (*label.shape, 3), "uint8")
        Image.fromarray(photo).save(folder / "JPEGImages" / f"{name}.jpg")
        mask = Image.fromarray(label.astype("uint8"))
        mask.putpalette(voc_palette().tobytes())
        mask.save(folder / "SegmentationClass" / f"{name}.png")
    for split, names in splits.items():
        file = folder / "ImageSets" / "Segmentation" / f"{split}.txt"
        file.write_text("\n".join(names) + "\n")
    return folder


def write_small_voc(folder):
    """Write four small samples: two to train on, two to validate on."""
    labels = {}
    for i, size in enumerate([(40, 52), (52, 40), (33, 47), (48, 48)]):
        label = np.zeros(size, "uint8")
        label[10:25, 8:30] = i + 1
        label[9, 8:30] = 255
        labels[f"2007_{i:06d}"] = label
    names = list(labels)
    splits = {"train": names[:2], "val": names[2:]}
    return write_voc(folder / "VOCdevkit" / "VOC2012", labels, splits)


@pytest.fixture
def tiny_voc(tmp_path):
    """Four small samples in VOC's layout."""
    return write_small_voc(tmp_path)

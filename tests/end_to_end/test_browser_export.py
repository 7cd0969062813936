"""docs/browser/label.html: a network of `keras-fcn export` labels photos there."""

import importlib.util
import io
import re
from pathlib import Path

import keras
import numpy as np
import pytest
from PIL import Image

import keras_fcn
from keras_fcn.datasets import voc_palette
from keras_fcn.export import FORMATS, export

from ..unit.test_export import random_network

PAGE = Path(__file__).parents[2] / "docs" / "browser" / "label.html"
RUNTIME = "https://cdn.jsdelivr.net/npm/onnxruntime-web@1.30.0/dist/"
NAMES = ("background", "<b>cat</b>", "개", "bus", "none of these")


@pytest.fixture(scope="module")
def runtime(pytestconfig):
    """What the page fetches, by the start of its address."""
    folder = pytestconfig.getoption("--onnxruntime-web")
    if folder is None:
        pytest.skip("--onnxruntime-web does not say where ONNX Runtime Web is")
    assert (folder / "ort.wasm.min.mjs").is_file(), folder
    return {RUNTIME: folder}


@pytest.fixture(scope="module")
def network():
    keras.utils.set_random_seed(0)
    return random_network(topology="pointwise", width=0.05)


@pytest.fixture(scope="module")
def exported(network, need, tmp_path_factory):
    if keras.backend.backend() != "tensorflow":
        pytest.skip("export needs Keras on TensorFlow")
    need(*FORMATS["onnx"].modules)
    file = tmp_path_factory.mktemp("exported") / "net.onnx"
    photos = [np.random.default_rng(0).integers(0, 256, (32, 32, 3), "uint8")]
    return export(network, file, class_names=NAMES, photos=photos).file


def write_photo(file, height, width):
    """A photo without large flat regions, in a format that keeps every pixel."""
    rng = np.random.default_rng(1)
    small = rng.integers(0, 256, (height // 8 + 1, width // 8 + 1, 3), "uint8")
    Image.fromarray(small).resize((width, height), Image.Resampling.BICUBIC).save(file)
    return file


def saved_labels(page):
    with page.expect_download() as download:
        page.get_by_role("button", name="Save labels").click()
    assert download.value.suggested_filename.endswith("_labels.png")
    picture = Image.open(io.BytesIO(Path(download.value.path()).read_bytes()))
    red, green, blue, alpha = np.moveaxis(np.asarray(picture), -1, 0)
    assert (red == green).all()
    assert (red == blue).all()
    assert (alpha == 255).all()
    return red


def label_in_browser(page, network, photo):
    page.get_by_label("Network").set_input_files(network)
    page.get_by_label("Photo").set_input_files(photo)
    page.get_by_text(re.compile(r"pixels labelled in [\d.]+ s")).wait_for()


def test_the_browser_labels_a_photo_as_predict_does(
    network, exported, open_page, runtime, tmp_path
):
    photo = write_photo(tmp_path / "photo.png", 75, 117)
    page = open_page(PAGE, served=runtime)
    label_in_browser(page, exported, photo)
    labels = saved_labels(page)
    expected = keras_fcn.predict(network, photo)
    assert labels.shape == (75, 117)
    assert (labels == expected).mean() >= 0.999
    seen, counts = np.unique(labels, return_counts=True)
    assert len(seen) > 1
    lines = page.locator("#found li")
    order = seen[np.argsort(-counts, kind="stable")]
    for line, label in zip(lines.all(), order, strict=True):
        share = 100 * counts[seen == label][0] / labels.size
        assert line.inner_text().split("\n") == [NAMES[label], f"{share:.1f} %"]
        colour = line.locator(".colour").evaluate("e => e.style.background")
        assert colour == f"rgb({', '.join(map(str, voc_palette()[label]))})"
    others = [name for label, name in enumerate(NAMES) if label not in seen]
    assert page.locator("#others").text_content() == ", ".join(others)


def test_a_large_photo_is_made_smaller_and_another_one_labelled_next(
    exported, open_page, runtime, tmp_path
):
    page = open_page(PAGE, served=runtime)
    label_in_browser(page, exported, write_photo(tmp_path / "large.png", 40, 1024))
    page.get_by_text("large.png: 512 x 20 pixels").wait_for()
    page.get_by_label("Photo").set_input_files(write_photo(tmp_path / "b.png", 33, 47))
    page.get_by_text("b.png: 47 x 33 pixels").wait_for()
    assert saved_labels(page).shape == (33, 47)


@pytest.mark.slow
def test_the_browser_labels_real_photos_as_predict_does(
    network, exported, open_page, runtime, real_voc
):
    page = open_page(PAGE, served=runtime)
    for photo in sorted((real_voc / "JPEGImages").glob("*.jpg"))[:3]:
        label_in_browser(page, exported, photo)
        page.get_by_text(f"{photo.name}: ").wait_for()
        expected = keras_fcn.predict(network, photo)
        assert (saved_labels(page) == expected).mean() >= 0.999


def test_nothing_is_wider_than_a_narrow_screen(open_page):
    page = open_page(PAGE, width=360, height=700)
    page.evaluate("document.querySelector('main').hidden = false")
    assert page.evaluate("document.documentElement.scrollWidth") <= 360


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("other.onnx", bytes([0x08, 8, 0x12, 2]) + b"me", "other.onnx holds no class"),
        ("cut.onnx", bytes([0x3A, 200]), "This is no ONNX file"),
        ("text.onnx", b"some words", "This is no ONNX file"),
    ],
)
def test_another_file_is_refused_in_a_sentence(
    name, content, message, open_page, tmp_path
):
    (tmp_path / name).write_bytes(content)
    page = open_page(PAGE)
    page.get_by_label("Network").set_input_files(tmp_path / name)
    page.get_by_text(message).wait_for()


@pytest.mark.skipif(
    importlib.util.find_spec("onnx") is None, reason="onnx is not installed"
)
def test_metadata_is_read_from_the_bytes_of_a_file(open_page):
    import onnx

    graph = onnx.helper.make_graph([], "graph" * 100, [], [])
    model = onnx.helper.make_model(graph)
    entries = {"class_names": '["a", "고양이"]', "long": "x" * 300, "empty": ""}
    onnx.helper.set_model_props(model, entries)
    page = open_page(PAGE)
    source = re.search(r"^function metadataOf.*?^}", PAGE.read_text(), re.M | re.S)[0]
    found = page.evaluate(
        f"bytes => ({source})(new Uint8Array(bytes))", list(model.SerializeToString())
    )
    assert found == entries

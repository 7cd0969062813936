"""`keras-fcn export`, as a person types it, on a run with random weights."""

import json
import zipfile

import keras
import numpy as np
import pytest
from PIL import Image

from keras_fcn import publish, save_weights
from keras_fcn.datasets import VOC_CLASSES
from keras_fcn.export import FORMATS
from keras_fcn.images import read_image, read_label
from keras_fcn.runs import RunConfig, write_config

from ..conftest import write_small_voc
from .test_command_line import run, words


@pytest.fixture(scope="module")
def onnx_tools(need):
    if keras.backend.backend() != "tensorflow":
        pytest.skip("export needs Keras on TensorFlow")
    need(*FORMATS["onnx"].modules)


def write_run(folder, **options):
    """Write a thin network that no data has formed, as a run."""
    names = {"class_names": VOC_CLASSES, "width": 0.05, "topology": "same"}
    config = RunConfig(**names, **options)
    network = config.build()
    rng = np.random.default_rng(0)
    for layer in network.layers:
        if layer.name.startswith("score_"):
            layer.set_weights([rng.normal(size=w.shape) for w in layer.get_weights()])
    write_config(folder, config)
    save_weights(network, folder / "best.safetensors")
    return folder


@pytest.fixture(scope="module")
def voc(tmp_path_factory):
    return write_small_voc(tmp_path_factory.mktemp("data"))


@pytest.fixture(scope="module")
def voc_run(voc, tmp_path_factory):
    keras.utils.set_random_seed(0)
    folder = tmp_path_factory.mktemp("runs") / "voc"
    return write_run(folder, dataset="voc", data_dir=str(voc))


def test_the_file_labels_a_photo_as_predict_does(voc_run, voc, onnx_tools, tmp_path):
    import onnxruntime

    photos, file = voc / "JPEGImages", tmp_path / "voc.onnx"
    printed = run("export", voc_run, "-o", file, "--images", photos).stdout
    assert "On 4 photos" in printed
    assert "ONNX float32" in printed
    assert "mean IU" not in printed  # folders of photos have no masks
    assert f"Written: {file}" in printed
    photo = photos / "2007_000002.jpg"
    run("predict", voc_run, photo, "-o", tmp_path / "out", "--precision", "float32")
    expected = read_label(tmp_path / "out" / "2007_000002.png")
    session = onnxruntime.InferenceSession(file)
    (labels,) = session.run(["labels"], {"image": read_image(photo)[None]})
    assert (labels[0] == expected).mean() > 0.999
    assert len(np.unique(expected)) > 1


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "name"),
    [("-o {tmp}/voc.tflite", "LiteRT"), ("-o {tmp}/a/1 --format saved_model", "Saved")],
)
def test_the_other_formats_are_written_with_scores_and_names(
    voc_run, voc, arguments, name, tmp_path, need
):
    if keras.backend.backend() != "tensorflow":
        pytest.skip("export needs Keras on TensorFlow")
    need("ai_edge_litert")
    given = arguments.format(tmp=tmp_path).split()
    photos = voc / "JPEGImages"
    printed = run("export", voc_run, *given, "--logits", "--images", photos).stdout
    assert name in printed
    assert "100.00%" in printed
    image = read_image(photos / "2007_000002.jpg")[None]
    if name == "LiteRT":
        from ai_edge_litert.interpreter import Interpreter

        file = tmp_path / "voc.tflite"
        results = Interpreter(str(file)).get_signature_runner()(image=image)
        classes = zipfile.ZipFile(file).read("classes.json")
    else:
        import tensorflow as tf

        loaded = tf.saved_model.load(tmp_path / "a" / "1")
        results = loaded.signatures["serving_default"](image=tf.constant(image))
        classes = (tmp_path / "a/1/assets.extra/classes.json").read_bytes()
    assert tuple(results["labels"].shape) == image.shape[:3]
    assert tuple(results["logits"].shape) == (*image.shape[:3], 21)
    assert json.loads(classes)["class_names"] == list(VOC_CLASSES)


def test_a_published_network_is_exported_with_photos_that_are_made(
    voc_run, tmp_path, need
):
    if keras.backend.backend() != "tensorflow":
        pytest.skip("export needs Keras on TensorFlow")
    need("ai_edge_litert")
    publish(voc_run, tmp_path / "voc")
    printed = run("export", tmp_path / "voc", "-o", tmp_path / "voc.tflite").stdout
    assert "On 4 photos" in printed
    classes = json.loads(zipfile.ZipFile(tmp_path / "voc.tflite").read("classes.json"))
    assert classes["class_names"] == list(VOC_CLASSES)


def test_in_eight_bits_with_the_samples_of_the_run(voc_run, onnx_tools, tmp_path):
    file = tmp_path / "voc.onnx"
    printed = run("export", voc_run, "--int8", "--samples", 1, "-o", file).stdout
    for bar in ("Equalizing", "Calibrating", "Correcting", "Comparing"):
        assert bar in printed
    assert "On 1 photo " in printed
    assert "ONNX int8" in printed
    assert "mean IU" in printed
    assert file.is_file()


@pytest.fixture(scope="module")
def shapes_run(tmp_path_factory):
    return write_run(tmp_path_factory.mktemp("runs") / "converted", dataset="shapes")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            "-o {tmp}/net.onnx",
            "'shapes' with 5 classes. Name photos instead: `--images`",
        ),
        (
            "-o {tmp}/net.pb --images {tmp}/photo.png",
            "'.onnx' or '.tflite' if no format is named",
        ),
        (
            "-o {tmp} --format saved_model --images {tmp}/photo.png",
            "must be new, empty, or hold what this wrote before",
        ),
        ("-o {tmp}/a.tflite --int8 --images {tmp}/photo.png", "to 'onnx'"),
        ("-o {tmp}/net.onnx --images {tmp}/none", "no file or folder"),
        ("-o {tmp}/net.onnx --weights last --images {tmp}/photo.png", "last.safe"),
        ("-o {tmp}/net.onnx --format torch", "'torch'"),
        ("-o {tmp}/net.onnx --samples 0", "--samples"),
        ("", "--output"),
    ],
)
def test_mistakes_are_told_in_a_sentence(shapes_run, arguments, message, tmp_path):
    Image.new("RGB", (9, 9)).save(tmp_path / "photo.png")
    given = arguments.format(tmp=tmp_path).split()
    result = run("export", shapes_run, *given, check=False)
    assert result.returncode != 0
    assert message in words(result.stderr)
    assert "Traceback" not in result.stderr
    assert [file.name for file in tmp_path.iterdir()] == ["photo.png"]


def test_samples_that_are_gone_are_replaced_by_images(tmp_path):
    folder = write_run(tmp_path / "run", dataset="voc", data_dir=str(tmp_path / "gone"))
    result = run("export", folder, "-o", tmp_path / "net.onnx", check=False)
    assert result.returncode == 1
    assert "gone" in result.stderr
    assert "`--images`" in result.stderr


def test_help_shows_examples_and_what_to_install(monkeypatch):
    monkeypatch.setenv("COLUMNS", "100")
    printed = words(run("export", "--help").stdout)
    assert "keras-fcn export runs/voc --int8" in printed
    assert "--format saved_model --logits" in printed
    assert 'pip install "keras-fcn[export]"' in printed

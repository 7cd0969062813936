"""Each format's file, run by its own runtime as docs/export.md says, and its folder."""

import json
import warnings
import zipfile

import keras
import numpy as np
import pytest
from PIL import Image

import keras_fcn
from keras_fcn.datasets import Shapes, voc_palette
from keras_fcn.export import FORMATS, export
from keras_fcn.export.photos import Photos

from ..conftest import REAL_VOC
from .test_export import PHOTOS, needs_tensorflow, random_network

NAMES = ("background", "a cat", "고양이", '"', "line\nbreak")
FILES = {"onnx": "net.onnx", "litert": "net.tflite", "saved_model": "net"}

every_format = pytest.mark.parametrize("format", FILES)


@pytest.fixture(scope="module")
def network():
    keras.utils.set_random_seed(0)
    return random_network(topology="pointwise", upsampling="learned", width=0.05)


def can_export(format, need):
    if keras.backend.backend() != "tensorflow":
        pytest.skip("export needs Keras on TensorFlow")
    need(*FORMATS[format].modules)


@pytest.fixture(scope="module")
def exported(network, need, tmp_path_factory):
    """Each format's file with scores, written once."""
    made = {}

    def file_of(format):
        can_export(format, need)
        if format not in made:
            file = tmp_path_factory.mktemp("exported") / "new" / FILES[format]
            options = {"class_names": NAMES, "logits": True, "photos": PHOTOS}
            report = export(network, file, format=format, **options)
            assert report.comparison.agreement > 0.999
            made[format] = file
        return made[format]

    return file_of


def run_onnx(file):
    import onnxruntime

    session = onnxruntime.InferenceSession(file, providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]

    def run(images):
        return dict(zip(names, session.run(names, {"image": images}), strict=True))

    return run


def run_litert(file):
    from ai_edge_litert.interpreter import Interpreter

    runner = Interpreter(str(file)).get_signature_runner()
    return lambda images: runner(image=images)


def run_saved_model(file):
    import tensorflow as tf

    loaded = tf.saved_model.load(file)

    def run(images):
        results = loaded.signatures["serving_default"](image=tf.constant(images))
        return {name: result.numpy() for name, result in results.items()}

    return run


RUN = {"onnx": run_onnx, "litert": run_litert, "saved_model": run_saved_model}


def classes_of(format, file):
    """What a reader of the format finds, without keras_fcn."""
    if format == "onnx":
        import onnx

        return {p.key: json.loads(p.value) for p in onnx.load(file).metadata_props[-2:]}
    if format == "litert":
        return json.loads(zipfile.ZipFile(file).read("classes.json"))
    return json.loads((file / "assets.extra" / "classes.json").read_text("utf-8"))


@every_format
def test_one_file_labels_photos_of_many_sizes(format, network, exported):
    run = RUN[format](exported(format))
    for size in [(33, 47), (64, 64), (1, 1), (50, 21), (33, 47)]:
        images = np.random.default_rng(1).integers(0, 256, (2, *size, 3), "uint8")
        results = run(images)
        scores = network.predict_on_batch(images)
        assert results.keys() == {"labels", "logits"}
        labels, logits = results["labels"], results["logits"]
        assert (labels.dtype, labels.shape) == ("uint8", (2, *size))
        assert (logits.dtype, logits.shape) == ("float32", (2, *size, 5))
        assert (labels == np.argmax(scores, axis=-1)).mean() > 0.999
        tolerance = 1e-4 * np.abs(scores).max()
        np.testing.assert_allclose(logits, scores, rtol=1e-4, atol=tolerance)


@every_format
def test_names_and_colours_are_in_the_file(format, exported):
    classes = classes_of(format, exported(format))
    assert classes["class_names"] == list(NAMES)
    assert classes["palette"] == voc_palette()[:5].tolist()


@every_format
def test_nothing_but_the_file_is_left(format, exported):
    file = exported(format)
    assert list(file.parent.iterdir()) == [file]


def test_a_file_for_litert_is_resized_by_hand_too(network, exported):
    file = exported("litert")
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(str(file))
    (image,) = interpreter.get_input_details()
    assert image["dtype"] == np.uint8
    assert image["shape_signature"].tolist() == [-1, -1, -1, 3]
    labels, logits = interpreter.get_output_details()
    assert labels["shape_signature"].tolist() == [-1, -1, -1]
    assert logits["shape_signature"].tolist() == [-1, -1, -1, 5]
    for photo in PHOTOS:
        interpreter.resize_tensor_input(image["index"], (1, *photo.shape))
        interpreter.allocate_tensors()
        interpreter.set_tensor(image["index"], photo[None])
        interpreter.invoke()
        (found,) = interpreter.get_tensor(labels["index"])
        assert (found == keras_fcn.predict(network, photo)).mean() > 0.999


def test_eight_bits_keep_names_and_scores(network, need, tmp_path):
    can_export("onnx", need)
    options = {"class_names": NAMES, "logits": True, "calibration": PHOTOS[:1]}
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "The file in int8")  # its weights are random
        file = export(network, tmp_path / "net.onnx", int8=True, **options).file
    assert run_onnx(file)(PHOTOS[0][None])["logits"].shape == (1, 33, 47, 5)
    import onnx

    metadata = {p.key: p.value for p in onnx.load(file).metadata_props}
    assert json.loads(metadata["class_names"]) == list(NAMES)


@pytest.mark.slow
@every_format
@pytest.mark.parametrize("topology", ["paper", "same", "pointwise"])
@pytest.mark.parametrize("upsampling", ["fixed", "learned"])
def test_every_topology_labels_five_real_photos_in_every_format(
    format, topology, upsampling, need, tmp_path
):
    can_export(format, need)
    model = random_network(topology=topology, upsampling=upsampling, num_classes=21)
    photos = five_photos()
    file = export(model, tmp_path / FILES[format], format=format, photos=photos).file
    run, seen = RUN[format](file), set()
    for photo in Photos(photos):
        labels = run(photo[None])["labels"][0]
        expected = keras_fcn.predict(model, photo)
        assert (labels == expected).mean() >= 0.999, photo.shape
        seen.update(np.unique(expected))
    assert len(seen) > 1


def five_photos():
    """Photos of five sizes: real ones where they are."""
    if not REAL_VOC.is_dir():
        return [Shapes("val", 1, (n, n + 7)).image(0) for n in (40, 55, 70, 85, 100)]
    files = sorted((REAL_VOC / "JPEGImages").glob("*.jpg"))[:60]
    by_size = {Image.open(file).size: file for file in files}
    assert len(by_size) >= 5
    return list(by_size.values())[:5]


def test_what_litert_has_not_is_named(need, tmp_path):
    can_export("litert", need)
    import tensorflow as tf

    class Gamma(keras.layers.Layer):
        def call(self, maps):
            return tf.math.igamma(tf.abs(maps), tf.abs(maps))

        def compute_output_shape(self, shape):
            return shape

    image = keras.Input((None, None, 3))
    model = keras.Model(image, Gamma()(keras.layers.Conv2D(2, 1)(image)))
    with pytest.raises(ValueError, match=r"LiteRT has\. Received: Igamma\. Choose"):
        export(model, tmp_path / "new" / "net.tflite")
    assert not list(tmp_path.iterdir())


# What is written and what is not


@needs_tensorflow
@every_format
@pytest.mark.parametrize("older", [False, True])
def test_after_a_file_that_labels_otherwise_nothing_is_left(
    format, older, network, monkeypatch, tmp_path
):
    def write(network, new, classes, logits):
        if new.is_dir():
            (new / "variables").mkdir()
            new /= "variables/weights"
        new.write_bytes(b"new")

    def run(new):
        return lambda photo: np.zeros(photo.shape[:2], "uint8")

    stub = FORMATS[format]._replace(modules=(), write=write, run=run)
    monkeypatch.setitem(FORMATS, format, stub)
    file = tmp_path / "a" / "b" / FILES[format]
    if older and format == "saved_model":
        file.mkdir(parents=True)
        (file / "saved_model.pb").write_bytes(b"older")
    elif older:
        file.parent.mkdir(parents=True)
        file.write_bytes(b"older")
    before = {
        path: path.is_file() and path.read_bytes() for path in tmp_path.rglob("*")
    }
    with pytest.raises(RuntimeError, match="Nothing was written"):
        export(network, file, format=format, photos=PHOTOS)
    after = {path: path.is_file() and path.read_bytes() for path in tmp_path.rglob("*")}
    assert after == before


def test_a_folder_with_something_else_in_it_stays(network, tmp_path):
    (tmp_path / "thesis.tex").touch()
    with pytest.raises(FileExistsError, match="must be new"):
        export(network, tmp_path, format="saved_model")
    with pytest.raises(FileExistsError, match=r"must be new.*thesis\.tex"):
        export(network, tmp_path / "thesis.tex", format="saved_model")
    assert [file.name for file in tmp_path.iterdir()] == ["thesis.tex"]


def test_of_a_huge_photo_and_its_mask_the_middle_is_compared():
    class Huge(Shapes):
        def image(self, index):
            return np.dstack([grid] * 3)

        def label(self, index):
            return grid

    grid = (np.arange(2000 * 3000) % 251).astype("uint8").reshape(2000, 3000)
    photos = Photos(Huge("val", num_samples=1))
    photo, mask = photos[0], photos.mask(0)
    assert photo.shape == (1000, 1500, 3)
    np.testing.assert_array_equal(photo, np.dstack([grid[500:1500, 750:2250]] * 3))
    np.testing.assert_array_equal(mask, photo[..., 0])

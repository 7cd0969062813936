"""Networks of others as runs, from files that the test writes in their publishers' way.

Each file holds the numbers of a network of ours with random weights, renamed and laid
out anew by hand; the run that is made of it must compute the same.
"""

import re

import keras
import numpy as np
import pytest
import safetensors.numpy

import keras_fcn
from keras_fcn import pretrained
from keras_fcn.datasets.voc_labels import VOC_CLASSES
from keras_fcn.pretrained import convert
from keras_fcn.runs import MODELS, RunConfig, load_run
from keras_fcn.weights import WeightsFormatError
from keras_fcn.weights.published.recognition import Recognized, recognize

from .caffe_files import write_caffemodel

# The exact width of 82 channels in fc6 and fc7, which is what a file tells.
THIN = 82 / 4096


def random_network(model="fcn8s", num_classes=3, **options):
    """Build a thin network of random weights, scores and biases too."""
    keras.utils.set_random_seed(2)  # a module's networks are made before a test's seed
    options = {"weights": None, "width": THIN, **options}
    network = MODELS[model](num_classes=num_classes, **options)
    rng = np.random.default_rng(1)
    for variable in network.weights:
        layer, kind = variable.path.split("/")[-2:]
        if kind == "bias" or layer.startswith("score"):
            scale = 0.01 if kind == "bias" else 1
            variable.assign(rng.normal(0, scale, variable.shape))
    return network


@pytest.fixture(scope="module")
def coarse():
    return random_network("fcn32s")


@pytest.fixture(scope="module")
def at_once():
    return random_network("fcn8s_atonce")


def tent(k):
    """The authors' bilinear kernel: `upsample_filt` of their surgery.py, on paper."""
    half = (k + 1) // 2
    centre = half - 1 if k % 2 else half - 0.5
    line = [1 - abs(i - centre) / half for i in range(k)]
    return np.outer(line, line)


# Taps of each upsampling of VGG's networks; AlexNet's has 63.
TAPS = {
    "upscore32": 64,
    "upscore16": 32,
    "upscore8": 16,
    "upscore2": 4,
    "upscore_pool4": 4,
}


def channels_first(network, taps=TAPS):
    """Return `{layer: (kernel, bias)}` in the layout of Caffe and PyTorch."""
    layers = {}
    classes = network.output_shape[-1]
    for layer in network.layers:
        if layer.name.startswith("upscore"):
            if layer.weights:
                kernel = np.asarray(layer.kernel)
                assert kernel.shape[:2] == (taps[layer.name],) * 2
                arrays = [kernel.transpose(3, 2, 0, 1)]
            else:
                k = taps[layer.name]
                arrays = [np.zeros((classes, classes, k, k))]
                arrays[0][range(classes), range(classes)] = tent(k)
            layers[layer.name] = arrays
        elif layer.weights:
            kernel, bias = map(keras.ops.convert_to_numpy, layer.weights)
            layers[layer.name] = [kernel.transpose(3, 2, 0, 1), bias]
    return layers


def authors_name(layer):
    """Return what the FCN authors call a layer of ours."""
    if layer in ("upscore32",):
        return "upscore"
    if layer.startswith("inception"):
        return re.sub(r"(inception_\d\w)_", r"\1/", layer)
    if layer.startswith("conv") and "x" in layer:
        return layer.replace("_", "/", 1)
    return re.sub(r"block(\d)_conv(\d)", r"conv\1_\2", layer)


def write_caffe(network, path, taps=TAPS, **others):
    layers = {
        authors_name(name): ("Convolution", arrays)
        for name, arrays in channels_first(network, taps).items()
    }
    return write_caffemodel(path, {**layers, **others})


def torchfcn_names(network):
    """Return a state dict with the names of wkentaro/pytorch-fcn."""
    state = {}
    for name, arrays in channels_first(network).items():
        name = authors_name(name) if name == "upscore32" else name
        name = re.sub(r"block(\d)_conv(\d)", r"conv\1_\2", name)
        for kind, array in zip(("weight", "bias"), arrays, strict=False):
            state[f"{name}.{kind}"] = np.ascontiguousarray(array, "float32")
    return state


def require_same(network, run_dir):
    """Require that a run has a network's very weights; return its configuration."""
    saved = safetensors.numpy.load_file(run_dir / "best.safetensors")
    expected = {variable.path: variable for variable in network.weights}
    assert saved.keys() == expected.keys()
    for name, array in saved.items():
        wanted = keras.ops.convert_to_numpy(expected[name])
        np.testing.assert_array_equal(array, wanted, err_msg=name)
    return RunConfig.from_yaml((run_dir / "config.yaml").read_text())


def photo_of(size):
    return np.random.default_rng(3).integers(0, 256, (*size, 3), "uint8")


def balance(network, size):
    """Choose the scores' biases so that a photo is not labelled all alike."""
    scores = keras.ops.convert_to_numpy(network(photo_of(size)[None]))[0]
    bias = network.get_layer("score_fr").bias
    bias.assign(keras.ops.convert_to_numpy(bias) - scores.mean((0, 1)))


def require_same_labels(network, run_dir, size):
    """Require that a run labels a photo as a network does, and not all of it alike."""
    photo = photo_of(size)
    scores = keras.ops.convert_to_numpy(network(photo[None]))[0]
    expected = np.argmax(scores, axis=-1)
    assert len(np.unique(expected)) > 1
    labels = keras_fcn.predict(load_run(run_dir)[0], photo)
    np.testing.assert_array_equal(labels, expected)


def files(folder):
    return sorted(path.name for path in folder.iterdir()) if folder.exists() else []


CAFFE_NETWORKS = [
    ("fcn16s", "vgg19", THIN),
    ("fcn32s", "alexnet", THIN),
    ("fcn32s", "googlenet", 8 / 384),
]


@pytest.mark.parametrize(("model", "backbone", "width"), CAFFE_NETWORKS)
def test_a_caffe_network_becomes_a_run_of_the_same_weights(
    tmp_path, model, backbone, width
):
    network = random_network(model, backbone=backbone, width=width)
    taps = TAPS if "vgg" in backbone else {"upscore32": 63}
    path = write_caffe(network, tmp_path / "net.caffemodel", taps)
    report = convert(path, tmp_path / "run")
    config = require_same(network, tmp_path / "run")
    assert (config.model, config.backbone) == (model, backbone)
    assert (config.topology, config.upsampling) == ("paper", "fixed")
    assert (config.preprocessing, config.width) == ("backbone", width)
    assert config.class_names == ("class_0", "class_1", "class_2")
    assert config.weights == str(path)
    assert len(report.matched) == len(network.weights)
    assert not report.missing
    assert not report.left_over
    assert files(tmp_path / "run") == ["best.safetensors", "config.yaml"]


def test_a_pytorch_network_becomes_a_run_of_the_same_weights(tmp_path):
    network = random_network("fcn16s", num_classes=21)
    path = tmp_path / "net.safetensors"
    safetensors.numpy.save_file(torchfcn_names(network), path)
    convert(path, tmp_path / "run", dataset="voc", data_dir="VOCdevkit")
    config = require_same(network, tmp_path / "run")
    assert (config.model, config.backbone) == ("fcn16s", "vgg16")
    assert config.class_names == VOC_CLASSES
    assert (config.dataset, config.data_dir) == ("voc", "VOCdevkit")


def test_scaled_skips_tell_the_network_at_once(tmp_path, at_once):
    balance(at_once, (33, 47))
    scales = {"scale_pool4": 0.01, "scale_pool3": 0.0001}
    scales = {name: ("Scale", [np.full(4, x)]) for name, x in scales.items()}
    path = write_caffe(at_once, tmp_path / "net.caffemodel", **scales)
    convert(path, tmp_path / "run")
    assert require_same(at_once, tmp_path / "run").model == "fcn8s_atonce"
    require_same_labels(at_once, tmp_path / "run", (33, 47))


def test_a_published_name_tells_what_the_tensors_do_not(tmp_path, at_once):
    torch = pytest.importorskip("torch")
    state = {k: torch.from_numpy(v) for k, v in torchfcn_names(at_once).items()}
    torch.save(state, tmp_path / "fcn8s-atonce_from_caffe.pth")
    convert(tmp_path / "fcn8s-atonce_from_caffe.pth", tmp_path / "run")
    assert require_same(at_once, tmp_path / "run").model == "fcn8s_atonce"


@pytest.mark.parametrize("model", [None, "fcn8s", "fcn8s_atonce"])
def test_a_network_can_be_asked_for_where_the_tensors_do_not_tell(
    tmp_path, at_once, model
):
    path = tmp_path / "net.safetensors"
    safetensors.numpy.save_file(torchfcn_names(at_once), path)
    convert(path, tmp_path / "run", model=model)
    assert require_same(at_once, tmp_path / "run").model == (model or "fcn8s")


def exercise_names(network):
    """Return a state dict of the exercise's FCN-32s."""
    names = {"score_fr": "score", "upscore32": "up_score", "fc6": "fc6.0"}
    names["fc7"] = "fc7.0"
    state = {}
    for layer in network.layers:
        if not layer.weights:
            continue
        block = re.fullmatch(r"block(\d)_conv(\d)", layer.name)
        own = names.get(layer.name) or f"conv{block[1]}.{2 * int(block[2]) - 2}"
        kernel, bias = map(keras.ops.convert_to_numpy, layer.weights)
        state[f"{own}.weight"] = np.ascontiguousarray(kernel.transpose(3, 2, 0, 1))
        state[f"{own}.bias"] = bias
    return state


def test_the_exercise_is_recognized_and_asks_what_it_expects_of_an_image(tmp_path):
    options = {"topology": "pointwise", "upsampling": "learned"}
    network = random_network("fcn32s", include_preprocessing="torch", **options)
    network.get_layer("upscore32").bias.assign([0.5, -0.5, 0.0])
    balance(network, (32, 64))
    path = tmp_path / "net.safetensors"
    safetensors.numpy.save_file(exercise_names(network), path)
    with pytest.raises(ValueError, match=r'`preprocessing` must tell.*"torch"'):
        convert(path, tmp_path / "run")
    assert files(tmp_path / "run") == []
    convert(path, tmp_path / "run", preprocessing="torch")
    config = require_same(network, tmp_path / "run")
    require_same_labels(network, tmp_path / "run", (32, 64))
    assert (config.topology, config.upsampling) == ("pointwise", "learned")
    assert config.preprocessing == "torch"


def test_kernels_that_are_not_bilinear_make_learned_upsampling(tmp_path):
    network = random_network("fcn32s", upsampling="learned")
    kernel = network.get_layer("upscore32").kernel
    kernel.assign(kernel + 0.01)
    path = write_caffe(network, tmp_path / "net.caffemodel")
    convert(path, tmp_path / "run")
    assert require_same(network, tmp_path / "run").upsampling == "learned"
    with pytest.raises(WeightsFormatError, match='upsampling="learned"'):
        convert(path, tmp_path / "other", upsampling="fixed")


@pytest.fixture(scope="module")
def caffe_file(tmp_path_factory, coarse):
    """A thin FCN-32s of three classes."""
    path = tmp_path_factory.mktemp("caffe") / "net.caffemodel"
    return write_caffe(coarse, path)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"class_names": ["a", "b"]}, r"`class_names` must be 3 different names"),
        ({"class_names": ["a", "b", "b"]}, r"`class_names` must be 3 different names"),
        ({"preprocessing": "torch"}, "`preprocessing` must be 'caffe'"),
        ({"preprocessing": "coffee"}, 'Did you mean "caffe"'),
        ({"model": "fcn8"}, 'Did you mean "fcn8s"'),
        ({"model": "fcn8s"}, "must be of the whole network.*score_pool4"),
        ({"backbone": "vgg19"}, "block3_conv4/kernel.*not in the file"),
        ({"topology": "pointwise"}, 'topology="pointwise" has no place'),
        ({"dataset": "voc"}, "`data_dir` must be the folder"),
    ],
)
def test_a_wrong_argument_is_told_and_nothing_is_written(
    tmp_path, caffe_file, options, message
):
    with pytest.raises(ValueError, match=f"(?s){message}"):
        convert(caffe_file, tmp_path / "run", **options)
    assert not (tmp_path / "run").exists()


def test_names_of_classes_are_kept(tmp_path, coarse, caffe_file):
    convert(caffe_file, tmp_path / "run", class_names=["none", "cat", "dog"])
    config = require_same(coarse, tmp_path / "run")
    assert config.class_names == ("none", "cat", "dog")


def test_a_coarser_network_than_the_file_is_refused(tmp_path, coarse):
    finer = ("Convolution", [np.ones((3, 10, 1, 1)), np.ones(3)])
    path = write_caffe(coarse, tmp_path / "net.caffemodel", score_pool4=finer)
    with pytest.raises(WeightsFormatError, match=r"score_pool4.*not in the model"):
        convert(path, tmp_path / "run", model="fcn32s")
    assert not (tmp_path / "run").exists()


def test_a_classifier_is_refused_with_what_to_do(tmp_path, coarse):
    layers = {
        authors_name(name): ("Convolution", arrays)
        for name, arrays in channels_first(coarse).items()
        if "score" not in name
    }
    path = write_caffemodel(tmp_path / "vgg.caffemodel", layers)
    message = "classifier.*vgg16.*keras-fcn train --backbone vgg16 --weights"
    with pytest.raises(WeightsFormatError, match=message):
        convert(path, tmp_path / "run")
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("name", ["config.yaml", "best.safetensors"])
def test_a_run_is_not_overwritten(tmp_path, name):
    (tmp_path / name).write_text("mine")
    with pytest.raises(FileExistsError, match=f"must be new.*{name}"):
        convert("nowhere.pth", tmp_path)
    assert (tmp_path / name).read_text() == "mine"


def test_a_run_that_cannot_be_finished_is_not_begun(tmp_path, caffe_file, monkeypatch):
    def full(*_):
        raise OSError("No space left on device")

    monkeypatch.setattr(pretrained, "write_config", full)
    with pytest.raises(OSError, match="No space"):
        convert(caffe_file, tmp_path / "run")
    assert files(tmp_path / "run") == []


@pytest.mark.parametrize(
    ("source", "error", "message"),
    [
        ("fcn8s-heavy-pascals", ValueError, r"`source` must be .*--list"),
        ("net.h5", ValueError, r"`\.caffemodel`.*source='net\.h5'"),
        ("net.pth", FileNotFoundError, "no weights file 'net.pth'"),
    ],
)
def test_a_source_that_is_none_is_told(tmp_path, source, error, message):
    with pytest.raises(error, match=message):
        convert(source, tmp_path / "run")
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("suffix", [".caffemodel", ".pth", ".pt", ".safetensors"])
def test_a_broken_file_is_told_with_its_name(tmp_path, suffix):
    path = tmp_path / f"net{suffix}"
    path.write_bytes(b"<!DOCTYPE html><title>404 Not Found</title>" * 10)
    with pytest.raises(WeightsFormatError, match=re.escape(path.name)):
        convert(path, tmp_path / "run")
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("suffix", [".caffemodel", ".safetensors"])
def test_an_unknown_network_is_told_with_its_file(tmp_path, suffix):
    path = tmp_path / f"net{suffix}"
    if suffix == ".caffemodel":
        layers = {"ip1": ("InnerProduct", [np.zeros((10, 500)), np.zeros(10)])}
        write_caffemodel(path, layers)
    else:
        state = {"encoder.weight": np.zeros((4, 4), "float32")}
        safetensors.numpy.save_file(state, path)
    with pytest.raises(WeightsFormatError, match=rf"net\{suffix}"):
        convert(path, tmp_path / "run")


# Published shapes, channels first: torchvision/models and the authors' net.py.
VGG = {"block1_conv1": (64, 3, 3, 3), "fc6": (4096, 512, 7, 7), "fc7": (4096, 4096)}
CAFFENET = {"conv1": (96, 3, 11, 11), "conv2": (256, 48, 5, 5), "fc7": (4096, 4096)}
OWT = {"conv1": (64, 3, 11, 11), "conv2": (192, 64, 5, 5), "fc7": (4096, 4096)}
INCEPTION = {"conv1_7x7_s2": (64, 3, 7, 7), "inception_5b_1x1": (384, 832, 1, 1)}
PUBLISHED_SHAPES = [
    (VGG, "vgg16"),
    ({**VGG, "fc6": (1, 1, 4096, 25088)}, "vgg16"),
    ({**VGG, "block3_conv4": (256, 256, 3, 3)}, "vgg19"),
    (CAFFENET, "alexnet"),
    (OWT, "alexnet_torchvision"),
    ({**INCEPTION, "inception_3a_5x5": (32, 16, 5, 5)}, "googlenet"),
    ({**INCEPTION, "inception_3a_5x5": (32, 16, 3, 3)}, "googlenet_torchvision"),
]


def of_shapes(shapes):
    """Return kernels of zeros that take no memory."""
    zero = np.zeros(())
    return {f"{k}/kernel": np.broadcast_to(zero, v) for k, v in shapes.items()}


@pytest.mark.parametrize(("shapes", "backbone"), PUBLISHED_SHAPES)
def test_published_shapes_tell_the_network(shapes, backbone):
    classifier = Recognized(None, backbone, None, "fixed", 0, 1.0)
    assert recognize(of_shapes(shapes)) == classifier
    scored = {**shapes, "score_fr": (21, 4096, 1, 1)}
    whole = Recognized("fcn32s", backbone, None, "fixed", 21, 1.0)
    assert recognize(of_shapes(scored)) == whole


def test_a_1x1_fc6_tells_the_exercise():
    pointwise = recognize(of_shapes({**VGG, "fc6": (4096, 512, 1, 1)}))
    assert pointwise.topology == "pointwise"
    assert recognize(of_shapes(VGG)).topology is None


def test_other_tensors_tell_nothing():
    assert recognize(of_shapes({"conv9": (1, 1, 1, 1)})) is None
    assert recognize({}) is None

"""State dicts of PyTorch networks: the logits of ours are PyTorch's."""

import keras
import numpy as np
import pytest

import keras_fcn
from keras_fcn.backbones.alexnet import apply_alexnet
from keras_fcn.backbones.feature_map import FeatureMap
from keras_fcn.backbones.googlenet import INCEPTIONS, apply_googlenet
from keras_fcn.weights import WeightsFormatError
from keras_fcn.weights.pytorch import load_torch

torch = pytest.importorskip("torch")
networks = pytest.importorskip("tests.conformance.torch_networks")

# Two float32 evaluations of the same 19-layer net on logits of order 1.
FLOAT32_NETWORK = 1e-4

BUILDERS = {
    32: keras_fcn.build_fcn32s,
    16: keras_fcn.build_fcn16s,
    8: keras_fcn.build_fcn8s,
}
CLASSES = 4
# JAX compiles every layer for each size.
FEW = keras.backend.backend() == "jax"
skip_if_few = pytest.mark.skipif(FEW, reason="minutes of compilation, no new names")


def build(stride, **options):
    options = {"num_classes": CLASSES, "width": 0.03, **options}
    return BUILDERS[stride](weights=None, include_preprocessing=False, **options)


def exercise(stride, ways, width=0.03):
    net = networks.randomize(networks.Exercise(stride, CLASSES, width, ways))
    with torch.no_grad():
        for weight in net.parameters():
            if weight.shape[2:] == (1, 1):  # no ReLU follows, which takes a half away
                weight *= 0.5**0.5
    return net


def saved(net, folder, **options):
    file = folder / "net.pth"
    torch.save(net.state_dict(), file, **options)
    return file


def as_array(tensor):
    return keras.ops.convert_to_numpy(tensor)


def assert_same_logits(ours, theirs, sizes, rng):
    for size in sizes[:1] if FEW else sizes:
        x = rng.normal(size=(1, *size, 3)).astype("float32")
        with torch.no_grad():
            expected = theirs(torch.tensor(x.transpose(0, 3, 1, 2))).numpy()
        expected = expected.transpose(0, 2, 3, 1)
        # Logits that died away would prove nothing; huge ones too little.
        assert 0.05 < expected.std() < 10
        np.testing.assert_allclose(as_array(ours(x)), expected, atol=FLOAT32_NETWORK)


def assert_every_tensor_is_told(report, net):
    told = [*report.left_over, *report.bilinear]
    for match in report.matched.values():
        told += [*match.name.split(" + "), *match.same]
    assert sorted(told) == sorted(net.state_dict())
    assert not report.missing


@pytest.mark.parametrize("ways", ["own", "vgg", "both"][: 1 if FEW else 3])
@pytest.mark.parametrize("stride", [8, 16, 32][: 1 if FEW else 3])
def test_the_exercise_gives_pytorchs_logits(stride, ways, tmp_path, rng):
    theirs = exercise(stride, ways)
    ours = build(stride, topology="pointwise", upsampling="learned")
    file = saved(theirs, tmp_path, _use_new_zipfile_serialization=stride != 16)
    report = load_torch(ours, file)
    assert report.preprocessing is None
    assert len(report.matched) == len(ours.weights)
    assert_every_tensor_is_told(report, theirs)
    # Its own sums fail at sizes that 32 does not divide.
    large = [(384, 512)] if (stride, ways) == (8, "own") else []
    assert_same_logits(ours, theirs, [(64, 96), (32, 32), *large], rng)


@pytest.mark.parametrize("upsampling", ["fixed", "learned"][: 1 if FEW else 2])
@pytest.mark.parametrize("stride", [8, 16, 32][: 1 if FEW else 3])
def test_the_papers_nets_give_wkentaros_logits(stride, upsampling, tmp_path, rng):
    theirs = networks.randomize(networks.PaperFCN(stride, CLASSES, 0.03))
    if upsampling == "fixed":
        theirs.interpolate()
    ours = build(stride, upsampling=upsampling)
    report = load_torch(ours, saved(theirs, tmp_path))
    assert report.preprocessing == "caffe"
    assert len(report.bilinear) == {32: 1, 16: 2, 8: 3}[stride] * (
        upsampling == "fixed"
    )
    assert_every_tensor_is_told(report, theirs)
    large = [(376, 500)] if (stride, upsampling) == (8, "fixed") else []
    assert_same_logits(ours, theirs, [(33, 47), (101, 64), *large], rng)


@skip_if_few
def test_wkentaros_net_at_once_has_the_same_names(tmp_path, rng):
    theirs = networks.PaperFCN(8, CLASSES, 0.03, at_once=True)
    networks.randomize(theirs).interpolate()
    with torch.no_grad():  # so that the scaled skips are felt
        theirs.score_pool4.weight *= 100
        theirs.score_pool3.weight *= 10_000
    file = saved(theirs, tmp_path)
    ours = build(8, at_once=True)
    load_torch(ours, file)
    assert_same_logits(ours, theirs, [(33, 47)], rng)
    load_torch(build(8), file)


@pytest.mark.slow
@pytest.mark.parametrize("ways", ["own", "vgg"])
def test_the_exercise_at_its_full_width_gives_pytorchs_logits(ways, tmp_path, rng):
    theirs = exercise(8, ways, width=1.0)
    ours = build(8, topology="pointwise", upsampling="learned", width=1.0)
    report = load_torch(ours, saved(theirs, tmp_path))
    assert_every_tensor_is_told(report, theirs)
    assert_same_logits(ours, theirs, [(384, 512)], rng)


@pytest.mark.slow
def test_the_papers_net_at_its_full_width_gives_wkentaros_logits(tmp_path, rng):
    theirs = networks.randomize(networks.PaperFCN(8, CLASSES, 1.0)).interpolate()
    ours = build(8, width=1.0)
    load_torch(ours, saved(theirs, tmp_path))
    assert_same_logits(ours, theirs, [(376, 500)], rng)


def assert_same_features(ours, theirs, size, at, rng):
    """Compare pixels `at` of our map with PyTorch's, relative to the largest."""
    x = rng.normal(size=(1, *size, 3)).astype("float32")
    with torch.no_grad():
        expected = theirs(torch.tensor(x.transpose(0, 3, 1, 2))).numpy()
    expected = np.moveaxis(expected, 1, -1)
    assert expected.std() > 0.05
    found = as_array(ours(x))[at]
    assert found.shape == expected.shape
    np.testing.assert_allclose(found, expected, atol=2e-5 * np.abs(expected).max())


@skip_if_few
@pytest.mark.parametrize("batch_norm", [False, True])
@pytest.mark.parametrize("name", networks.BLOCKS)
def test_torchvisions_vgg_fills_all_but_the_scores(name, batch_norm, tmp_path, rng):
    theirs = networks.TorchvisionVGG(name, 0.03, batch_norm=batch_norm)
    networks.randomize(theirs)
    ours = build(8, backbone=name, topology="same", upsampling="learned")
    report = load_torch(ours, saved(theirs, tmp_path))
    assert report.preprocessing == "torch"
    filled = {target.split("/")[0] for target in report.matched}
    assert len(filled) == (13 if name == "vgg16" else 16) + 2
    left = {name for name in report.left_over if "num_batches" not in name}
    assert left == {"classifier.6.weight", "classifier.6.bias"}
    missing = {target.split("/")[0] for target in report.missing}
    scores = {"score_fr", "score_pool4", "score_pool3"}
    assert missing == scores | {"upscore2", "upscore_pool4", "upscore8"}
    # The padded fc6 sees the whole 7x7 map from its middle.
    fc7 = keras.Model(ours.inputs[0], ours.get_layer("fc7").output)
    assert_same_features(fc7, theirs, (224, 224), np.s_[:, 3, 3], rng)


@skip_if_few
def test_torchvisions_alexnet_fills_all_but_the_scores(tmp_path, rng):
    theirs = networks.randomize(networks.TorchvisionAlexNet(0.05))
    image = FeatureMap(keras.Input((None, None, 3)))
    maps = apply_alexnet(image, image_padding=2, width=0.05, variant="torchvision")
    x = maps[32].tensor
    for name, k in (("fc6", 6), ("fc7", 1)):
        hidden = round(4096 * 0.05)
        x = keras.layers.Conv2D(hidden, k, activation="relu", name=name)(x)
    ours = keras.Model(image.tensor, x)
    report = load_torch(ours, saved(theirs, tmp_path))
    assert report.preprocessing == "torch"
    assert report.left_over == ("classifier.6.weight", "classifier.6.bias")
    assert_same_features(ours, theirs, (224, 224), np.s_[:, 0, 0], rng)


@skip_if_few
def test_torchvisions_googlenet_is_loaded_without_its_normalisations(tmp_path, rng):
    theirs = networks.TorchvisionGoogLeNet(INCEPTIONS, 0.05)
    networks.randomize(theirs)
    image = FeatureMap(keras.Input((None, None, 3)))
    maps = apply_googlenet(image, image_padding=3, width=0.05, variant="torchvision")
    ours = keras.Model(image.tensor, maps[32].tensor)
    report = load_torch(ours, saved(theirs, tmp_path))
    assert len(report.matched) == len(ours.weights) == 2 * (3 + 6 * 9)
    assert_every_tensor_is_told(report, theirs)
    heads = ("aux1.", "aux2.", "fc.")
    left = [n for n in report.left_over if not n.endswith("num_batches_tracked")]
    assert all(name.startswith(heads) for name in left)
    # torchvision's `transform_input` takes pixels from -1 to 1.
    assert report.preprocessing == "tf"
    assert_same_features(ours, theirs, (65, 130), np.s_[:], rng)


def weights_of(model):
    return [w.copy() for w in model.get_weights()]


def assert_refused(model, file, message):
    before = weights_of(model)
    with pytest.raises(WeightsFormatError, match=message):
        load_torch(model, file)
    for old, new in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


@pytest.fixture(scope="module")
def pointwise():
    return build(32, topology="pointwise", upsampling="learned")


def save(tensors, folder):
    file = folder / "net.pth"
    torch.save(tensors, file)
    return file


def test_an_unknown_family_is_told_what_is_known(pointwise, tmp_path):
    tensors = {f"stem.{i}.weight": torch.ones(1) for i in range(9)}
    message = r"(?s)net\.pth'; its names begin 'stem.0.weight'.*wkentaro.*GoogLeNet"
    assert_refused(pointwise, save(tensors, tmp_path), message)


def test_a_vgg_that_we_do_not_have_is_named(pointwise, tmp_path):
    numbers = (0, 3, 6, 8, 11, 13, 16, 18)  # VGG11
    tensors = {f"features.{i}.weight": torch.ones(1, 1, 3, 3) for i in numbers}
    assert_refused(pointwise, save(tensors, tmp_path), "a VGG of 8 convolutions")


@pytest.mark.parametrize(
    "change",
    [
        lambda t: [t.pop(name) for name in ("conv3.2.bias", "fcn.2.2.bias")],
        lambda t: t.update({"fcn.2.2.bias": t["fcn.2.2.bias"] + 1}),
        lambda t: t.update({"conv3.2.bias": torch.ones(2)}),
        lambda t: t.update({"conv3.1.running_mean": torch.ones(8)}),
        lambda t: t.update({"extra.weight": torch.ones(2)}),
    ],
    ids=["missing", "two values", "shape", "normalisation", "extra"],
)
def test_what_differs_is_named_and_nothing_changed(change, pointwise, tmp_path):
    tensors = exercise(32, "own").state_dict()
    change(tensors)
    message = r"block3_conv2/bias|conv3\.2\.bias|conv3\.1\.weight|extra\.weight"
    assert_refused(pointwise, save(tensors, tmp_path), message)


def test_learned_kernels_need_a_model_that_learns_them(tmp_path):
    theirs = networks.randomize(networks.PaperFCN(32, CLASSES, 0.03))
    message = 'upsampling="learned"'
    assert_refused(build(32), saved(theirs, tmp_path), message)


def test_a_7x7_fc6_has_no_place_in_a_pointwise_net(pointwise, tmp_path):
    theirs = networks.randomize(networks.PaperFCN(32, CLASSES, 0.03))
    assert_refused(pointwise, saved(theirs, tmp_path), 'topology="pointwise" has no')


def test_a_normalisation_of_other_channels_is_refused(pointwise, tmp_path):
    theirs = networks.TorchvisionVGG("vgg16", 0.03, batch_norm=True)
    for name, value in [("running_var", -torch.ones(2)), ("weight", torch.ones(3))]:
        tensors = theirs.state_dict() | {f"features.1.{name}": value}
        file = save(tensors, tmp_path)
        assert_refused(pointwise, file, "negative variance|other channels")

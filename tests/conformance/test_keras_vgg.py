"""Our networks against `keras.applications.VGG16`, from which they are cut."""

import keras
import numpy as np
import pytest

import keras_fcn
from keras_fcn.backbones import vgg

# Sums of 25,088 products in float32, relative to the largest activation.
FLOAT32_SUM_OVER_25088 = 1e-4


@pytest.fixture(scope="module")
def classifier():
    keras.utils.set_random_seed(1)
    model = keras.applications.VGG16(weights=None)
    rng = np.random.default_rng(0)
    for layer in model.layers:
        if layer.weights:
            kernel, bias = layer.weights
            gain = np.sqrt(2 / np.prod(kernel.shape[:-1]))  # keep activations alive
            kernel.assign(rng.standard_normal(kernel.shape, "float32") * gain)
            bias.assign(rng.standard_normal(bias.shape, "float32") * 0.1)
    return model


@pytest.fixture
def imagenet(classifier, monkeypatch):
    """Let `weights="imagenet"` find the random classifier instead of a download."""

    def load(build, *, include_top):
        assert build is keras.applications.VGG16
        if include_top:
            return classifier
        blocks = classifier.get_layer("block5_pool").output
        return keras.Model(classifier.input, blocks)

    monkeypatch.setattr(vgg, "imagenet_classifier", load)


def as_array(tensor):
    return keras.ops.convert_to_numpy(tensor)


def assert_close(ours, theirs):
    ours, theirs = as_array(ours), as_array(theirs)
    assert theirs.std() > 1e-3  # activations that died would prove nothing
    np.testing.assert_allclose(
        ours.reshape(theirs.shape), theirs, atol=FLOAT32_SUM_OVER_25088 * theirs.max()
    )


def test_fc6_and_fc7_without_padding_are_the_classifiers_fc1_and_fc2(
    classifier, imagenet, rng
):
    model = keras_fcn.build_fcn32s(weights="imagenet", topology="paper")
    image = rng.uniform(0, 255, (1, 224, 224, 3)).astype("float32")
    prepared = keras.applications.vgg16.preprocess_input(image.copy())
    ends = [classifier.get_layer(n).output for n in ("block5_pool", "fc1", "fc2")]
    pool5, fc1, fc2 = keras.Model(classifier.input, ends)(prepared)

    fc6 = model.get_layer("fc6")(pool5)
    assert tuple(fc6.shape) == (1, 1, 1, 4096)
    assert_close(fc6, fc1)
    assert_close(model.get_layer("fc7")(fc6), fc2)


def test_the_blocks_are_the_classifiers_where_nothing_is_rounded_up(
    classifier, imagenet, rng
):
    # 224 = 7*32: rounding poolings up or down is the same.
    model = keras_fcn.build_fcn32s(weights="imagenet", topology="same")
    image = rng.uniform(0, 255, (1, 224, 224, 3)).astype("float32")
    prepared = keras.applications.vgg16.preprocess_input(image.copy())
    theirs = keras.Model(classifier.input, classifier.get_layer("block5_pool").output)
    ours = keras.Model(model.input, model.get_layer("block5_pool").output)
    assert_close(ours(image), theirs(prepared))
    # In the middle of the 7x7 map, fc6 padded sees what fc1 sees.
    fc7 = keras.Model(model.input, model.get_layer("fc7").output)(image)
    fc2 = keras.Model(classifier.input, classifier.get_layer("fc2").output)(prepared)
    assert_close(fc7[:, 3:4, 3:4], fc2)


def test_pointwise_takes_the_blocks_and_leaves_fc6(classifier, imagenet):
    model = keras_fcn.build_fcn32s(weights="imagenet", topology="pointwise")
    for name in ("block1_conv1", "block5_conv3"):
        ours, theirs = model.get_layer(name).kernel, classifier.get_layer(name).kernel
        np.testing.assert_array_equal(as_array(ours), as_array(theirs))


def test_the_paper_network_has_the_papers_parameters():
    # VGG16's blocks, fc1, fc2 (Keras's own counts) and 21*(4096 + 1) for the scores.
    # Fixed upsampling adds none.
    assert keras_fcn.build_fcn32s(weights=None).count_params() == 134_346_581


def test_a_skip_adds_its_scores_and_nothing_else():
    options = {"weights": None, "width": 0.125}
    fcn32s, fcn16s, fcn8s = (
        build(**options).count_params()
        for build in (
            keras_fcn.build_fcn32s,
            keras_fcn.build_fcn16s,
            keras_fcn.build_fcn8s,
        )
    )
    assert fcn16s - fcn32s == 21 * (512 // 8 + 1)
    assert fcn8s - fcn16s == 21 * (256 // 8 + 1)


def test_the_same_topology_has_as_many_parameters_as_the_papers():
    counts = {
        t: keras_fcn.build_fcn8s(weights=None, width=0.1, topology=t).count_params()
        for t in ("paper", "same")
    }
    assert counts["paper"] == counts["same"]

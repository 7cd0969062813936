"""Backbones through the door: by name, by endpoints, and of one's own."""

import keras
import numpy as np
import pytest

import keras_fcn
from keras_fcn.backbones import Backbone, block_map, find_endpoints, keras_backbone
from keras_fcn.layers import CropTo

BUILDERS = {
    32: keras_fcn.build_fcn32s,
    16: keras_fcn.build_fcn16s,
    8: keras_fcn.build_fcn8s,
}
ENDS = {8: "eighth", 16: "sixteenth", 32: "last"}


def small_net(shape=(None, None, 3), name="resnet9"):
    """A functional model with a layer of each stride, and one of none."""
    image = keras.Input(shape)
    x = quarter = keras.layers.Conv2D(4, 3, 4, padding="same", name="quarter")(image)
    for end in ENDS.values():
        x = keras.layers.Conv2D(4, 3, 2, padding="same", name=end)(x)
    shorter = keras.layers.Conv2D(2, 2, name="shorter")(quarter)
    return keras.Model(image, [x, shorter], name=name)


def as_array(tensor):
    return keras.ops.convert_to_numpy(tensor)


def start_scores(model, rng):
    for layer in model.layers:
        if layer.name.startswith("score_"):
            layer.set_weights([rng.normal(size=w.shape) for w in layer.get_weights()])


@pytest.mark.parametrize("size", [(1, 1), (33, 70), (64, 32), (50, 101)])
@pytest.mark.parametrize("stride", BUILDERS)
def test_logits_have_the_images_size_on_any_keras_model(stride, size, rng):
    model = BUILDERS[stride](backbone=small_net(), num_classes=3)
    assert tuple(model(np.zeros((1, *size, 3))).shape) == (1, *size, 3)


@pytest.mark.parametrize(
    "strides",
    [(8, 16, 32), (8, 16), (8, 32), (8,)],
    ids=lambda s: "-".join(map(str, s)),
)
def test_skips_come_from_the_endpoints_that_are_given(strides, rng):
    ends = {s: ENDS[s] for s in strides}
    model = keras_fcn.build_fcn8s(backbone=small_net(), endpoints=ends, num_classes=3)
    names = {layer.name for layer in model.layers}
    scores = {"score_fr"} | {f"score_pool{s // 8 + 2}" for s in sorted(strides)[:-1]}
    assert {n for n in names if n.startswith("score_") and n[-1] != "c"} == scores
    start_scores(model, rng)
    assert as_array(model(rng.uniform(0, 255, (1, 40, 70, 3)))).any()


def test_a_map_stands_where_its_pixels_look():
    """Scores that are ones at one pixel must light up that pixel's block."""
    for stride in (8, 16, 32):
        image = keras.Input((None, None, 3))
        blocks = keras.layers.AveragePooling2D(stride, name="blocks")(image)
        pooling = keras.Model(image, blocks)
        model = BUILDERS[stride](
            backbone=pooling,
            endpoints={stride: "blocks"},
            num_classes=1,
            include_preprocessing=False,
        )
        model.get_layer("score_fr").set_weights([np.ones((1, 1, 3, 1)), np.zeros(1)])
        photo = np.zeros((1, 3 * stride, 4 * stride, 3), "float32")
        photo[:, stride : 2 * stride, 2 * stride : 3 * stride] = 1
        lit = as_array(model(photo))[0, ..., 0]
        weight = lit / lit.sum()
        centre = [
            (weight.sum(axis) * np.arange(n)).sum()
            for axis, n in ((1, 3 * stride), (0, 4 * stride))
        ]
        middle = (stride - 1) / 2
        np.testing.assert_allclose(
            centre, [stride + middle, 2 * stride + middle], atol=1e-3
        )


@pytest.mark.parametrize(
    ("builder", "eighth", "mode"),
    [
        ("MobileNetV2", "block_6_expand_relu", "tf"),
        ("ResNet50", "conv3_block4_out", "caffe"),
        ("DenseNet121", "pool3_conv", "torch"),
        ("ConvNeXtTiny", "convnext_tiny_stage_1_block_2_identity", None),
    ],
)
def test_endpoints_and_preprocessing_of_keras_networks_are_found(builder, eighth, mode):
    model = getattr(keras.applications, builder)(include_top=False, weights=None)
    assert find_endpoints(model)[8] == eighth
    assert keras_backbone(model).preprocessing == mode


def test_preprocessing_follows_the_backbone(rng):
    photo = rng.uniform(0, 255, (1, 32, 32, 3)).astype("float32")
    mobile = keras.applications.MobileNetV2(include_top=False, weights=None, alpha=0.35)
    model = keras_fcn.build_fcn32s(backbone=mobile, num_classes=2)
    prepared = model.get_layer("preprocessing")(photo)
    theirs = keras.applications.mobilenet_v2.preprocess_input(photo.copy())
    np.testing.assert_allclose(as_array(prepared), theirs, atol=1e-5)


def test_an_unknown_network_must_be_told_what_it_expects():
    net = small_net(name="mine")
    with pytest.raises(ValueError, match='Pass "caffe", "tf", "torch", or False'):
        keras_fcn.build_fcn8s(backbone=net)
    model = keras_fcn.build_fcn8s(backbone=net, include_preprocessing="tf")
    assert model.get_layer("preprocessing").mode == "tf"


def test_a_keras_model_keeps_its_weights():
    net = small_net()
    model = keras_fcn.build_fcn8s(backbone=net, num_classes=2)
    inside = model.get_layer("resnet9").get_layer("last")
    assert inside.kernel is net.get_layer("last").kernel


def test_networks_of_keras_go_by_name_and_come_back_from_a_file(tmp_path, rng):
    options = {"backbone": "MobileNetV3Small", "num_classes": 2, "weights": None}
    model = keras_fcn.build_fcn16s(**options)
    start_scores(model, rng)
    for suffix in ("safetensors", "weights.h5"):
        file = tmp_path / f"net.{suffix}"
        save = (
            keras_fcn.save_weights
            if suffix == "safetensors"
            else keras.Model.save_weights
        )
        save(model, file)
        # Keras counts `conv2d_7` on from network to network; files must not care.
        again = keras_fcn.build_fcn16s(**{**options, "weights": file})
        for one, other in zip(model.weights, again.weights, strict=True):
            np.testing.assert_array_equal(as_array(one), as_array(other))


@pytest.mark.parametrize(
    ("endpoints", "message"),
    [
        ({8: "eighht"}, r"8: there is no layer 'eighht'(.|\n)*8: eighth"),
        ({8: "last"}, r"8: layer 'last' has 32"),
        ({8: "shorter"}, "has no whole stride"),
        ({4: "quarter"}, "4: a stride must be 8, 16 or 32"),
        ({}, "Received, for `resnet9`:\n  none"),
        ({16: "sixteenth"}, "must name a layer of stride 8 for `fcn8s`"),
    ],
)
def test_wrong_endpoints_are_explained_with_the_candidates(endpoints, message):
    with pytest.raises(ValueError, match=message):
        keras_fcn.build_fcn8s(backbone=small_net(), endpoints=endpoints)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"backbone": small_net}, "a name or a functional Keras model"),
        ({"backbone": "resnet50"}, 'Did you mean "ResNet50"'),
        ({"backbone": "vgg16", "endpoints": {8: "x"}}, "must go with a Keras model"),
        ({"backbone": "alexnet", "topology": "same"}, 'that the backbone has: "paper"'),
        ({"include_preprocessing": "cafe"}, 'Did you mean "caffe"'),
    ],
)
def test_wrong_backbones_are_explained(options, message):
    with pytest.raises(ValueError, match=message):
        keras_fcn.build_fcn8s(weights=None, **options)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"topology": "paper"}, 'that the backbone has: "same"'),
        ({"width": 0.5}, "has one width only"),
    ],
)
def test_what_a_keras_model_does_not_have_is_refused(options, message):
    with pytest.raises(ValueError, match=message):
        keras_fcn.build_fcn8s(backbone=small_net(), weights=None, **options)


def test_a_model_of_one_size_says_how_to_build_it():
    with pytest.raises(ValueError, match=r"input_shape=\(None, None, 3\)"):
        keras_fcn.build_fcn8s(backbone=small_net((64, 64, 3)))


def test_a_backbone_of_ones_own_needs_no_keras_model():
    def features(image, *, image_padding, width):
        halves = keras.layers.Conv2D(4, 16, 16)(image.tensor)
        return {16: block_map(halves, 16)}

    model = keras_fcn.build_fcn16s(backbone=Backbone(features, None), num_classes=2)
    assert tuple(model(np.zeros((1, 37, 50, 3))).shape) == (1, 37, 50, 2)


@pytest.mark.parametrize("backbone", ["alexnet", "googlenet"])
def test_the_classic_networks_crop_at_whole_pixels(backbone):
    for build in BUILDERS.values():
        model = build(backbone=backbone, weights=None, width=0.05, num_classes=2)
        crops = {la.name: la.offset for la in model.layers if isinstance(la, CropTo)}
        # voc-fcn-alexnet of the authors; GoogLeNet's was never published.
        if (backbone, model.name) == ("alexnet", "fcn32s"):
            assert crops == {"score": 18}
            assert model.get_layer("upscore32").kernel_size == 63
        assert len(crops) == {32: 1, 16: 2, 8: 3}[int(model.name[3:-1])]


@pytest.mark.parametrize(
    ("backbone", "millions"), [("vgg16", 134), ("alexnet", 57), ("googlenet", 6)]
)
def test_fcn32s_has_the_parameters_of_the_papers_table_1(backbone, millions):
    model = keras_fcn.build_fcn32s(backbone=backbone, weights=None)
    assert round(model.count_params() / 1e6) == millions


@pytest.mark.parametrize(
    ("backbone", "upsampling"),
    [
        ("alexnet", "learned"),
        ("googlenet", "fixed"),
        ("googlenet_torchvision", "learned"),
    ],
)
def test_the_classic_networks_train_a_step(backbone, upsampling, rng):
    model = keras_fcn.build_fcn8s(
        backbone=backbone,
        weights=None,
        width=0.05,
        num_classes=2,
        upsampling=upsampling,
    )
    loss = keras_fcn.losses.PixelwiseCrossentropy()
    model.compile("sgd", loss, run_eagerly=True)  # tracing takes longer than the step
    photo = rng.uniform(0, 255, (1, 40, 53, 3)).astype("float32")
    before = as_array(model.get_layer("score_fr").kernel)
    model.train_on_batch(photo, np.zeros((1, 40, 53), "int32"))
    assert (as_array(model.get_layer("score_fr").kernel) != before).any()


@pytest.mark.parametrize(
    "builder",
    ["MobileNetV2", pytest.param("ResNet50", marks=pytest.mark.slow), "ConvNeXtTiny"],
)
def test_fcn8s_trains_a_step_on_networks_of_keras(builder, rng):
    model = keras_fcn.build_fcn8s(backbone=builder, weights=None, num_classes=2)
    loss = keras_fcn.losses.PixelwiseCrossentropy()
    model.compile("sgd", loss, run_eagerly=True)  # tracing takes longer than the step
    photo = rng.uniform(0, 255, (2, 33, 40, 3)).astype("float32")
    model.train_on_batch(photo, np.ones((2, 33, 40), "int32"))
    assert as_array(model.get_layer("score_pool3").kernel).any()
    assert model.predict_on_batch(photo).shape == (2, 33, 40, 2)


def test_at_once_scales_the_skips_features_and_nothing_else(rng):
    options = {"weights": None, "width": 0.03, "num_classes": 3}
    staged = keras_fcn.build_fcn8s(**options)
    at_once = keras_fcn.build_fcn8s(at_once=True, **options)
    for layer in staged.layers:
        if layer.weights:
            values = [rng.normal(size=w.shape) * 0.1 for w in layer.get_weights()]
            layer.set_weights(values)
            # Scaling features by s is scaling the kernel of their scores by s.
            scale = {"score_pool4": 0.01, "score_pool3": 0.0001}.get(layer.name, 1)
            at_once.get_layer(layer.name).set_weights([values[0] / scale, values[1]])
    photo = rng.uniform(0, 255, (1, 50, 61, 3)).astype("float32")
    np.testing.assert_allclose(
        as_array(at_once(photo)), as_array(staged(photo)), atol=1e-4
    )
    assert at_once.count_params() == staged.count_params()

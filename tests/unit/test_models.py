import keras
import numpy as np
import pytest

import keras_fcn
from keras_fcn.hardware import computing_in
from keras_fcn.layers import CropTo

BUILDERS = {
    "fcn32s": keras_fcn.build_fcn32s,
    "fcn16s": keras_fcn.build_fcn16s,
    "fcn8s": keras_fcn.build_fcn8s,
}
TOPOLOGIES = ("paper", "same", "pointwise")

# Two float32 evaluations of the same 20-layer net on logits of order 1.
FLOAT32_NETWORK = 1e-4


def thin(build=keras_fcn.build_fcn8s, **options):
    options = {"num_classes": 3, "weights": None, "width": 0.03, **options}
    return build(**options)


def as_array(tensor):
    return keras.ops.convert_to_numpy(tensor)


def randomise(model, rng):
    """Give every weight a value, the zero-started scores too."""
    for variable in model.weights:
        fan_in = max(1, np.prod(variable.shape[:-1]))
        value = rng.normal(size=variable.shape) * np.sqrt(2 / fan_in)
        variable.assign(value.astype("float32"))


@pytest.mark.parametrize(
    ("name", "crops"),
    [("fcn32s", [19]), ("fcn16s", [5, 27]), ("fcn8s", [5, 9, 31])],
)
def test_the_paper_networks_crop_where_the_authors_do(name, crops):
    model = thin(BUILDERS[name])
    found = [layer.offset for layer in model.layers if isinstance(layer, CropTo)]
    assert found == crops


HEADS = {
    "fcn32s": "score_fr upscore32 score",
    "fcn16s": """score_fr upscore2 score_pool4 score_pool4c fuse_pool4
        upscore16 score""",
    "fcn8s": """score_fr upscore2 score_pool4 score_pool4c fuse_pool4
        upscore_pool4 score_pool3 score_pool3c fuse_pool3 upscore8 score""",
}


@pytest.mark.parametrize(("name", "head"), HEADS.items(), ids=HEADS)
def test_layers_have_the_authors_names(name, head):
    names = [layer.name for layer in thin(BUILDERS[name]).layers]
    assert {"block1_conv1", "block5_pool", "fc6", "drop6", "fc7", "drop7"} <= set(names)
    assert set(names[names.index("drop7") + 1 :]) == set(head.split())


@pytest.mark.parametrize("backbone", ["vgg16", "vgg19"])
def test_the_blocks_have_the_layers_of_keras_applications(backbone):
    original = getattr(keras.applications, backbone.upper())(
        weights=None, include_top=False
    )
    model = keras_fcn.build_fcn8s(weights=None, backbone=backbone)
    for layer in original.layers[1:]:
        ours = model.get_layer(layer.name)
        shapes = [v.shape for v in layer.weights]
        assert [v.shape for v in ours.weights] == shapes


@pytest.mark.parametrize("topology", TOPOLOGIES)
@pytest.mark.parametrize("name", BUILDERS)
def test_a_new_network_has_no_opinion(name, topology, rng):
    photo = rng.integers(0, 256, (1, 40, 50, 3))
    model = thin(BUILDERS[name], topology=topology, upsampling="learned")
    assert not as_array(model(photo)).any()


@pytest.mark.parametrize("topology", TOPOLOGIES)
@pytest.mark.parametrize("name", BUILDERS)
def test_fixed_and_learned_upsampling_start_as_the_same_network(name, topology, rng):
    fixed = thin(BUILDERS[name], topology=topology)
    learned = thin(BUILDERS[name], topology=topology, upsampling="learned")
    randomise(fixed, rng)
    for layer in fixed.layers:
        if layer.weights:
            learned.get_layer(layer.name).set_weights(layer.get_weights())
    photo = rng.integers(0, 256, (1, 45, 70, 3))
    np.testing.assert_allclose(
        as_array(fixed(photo)), as_array(learned(photo)), atol=FLOAT32_NETWORK
    )


def test_fixed_upsampling_adds_no_weights_and_learned_does():
    fixed = {v.path for v in thin().weights}
    learned = {v.path for v in thin(upsampling="learned").weights}
    assert learned - fixed == {
        f"{name}/kernel" for name in ("upscore2", "upscore_pool4", "upscore8")
    }


def test_pointwise_is_the_exercise_layer_for_layer():
    model = thin(topology="pointwise", upsampling="learned")
    for name in ("fc6", "fc7"):
        layer = model.get_layer(name)
        assert layer.kernel_size == (1, 1)
        assert layer.activation is keras.activations.linear
    for name in ("drop6", "drop7"):
        assert isinstance(model.get_layer(name), keras.layers.SpatialDropout2D)
    for name, s in (("upscore2", 2), ("upscore_pool4", 2), ("upscore8", 8)):
        layer = model.get_layer(name)
        assert (layer.kernel_size, layer.strides) == ((2 * s, 2 * s), (s, s))
        assert layer.use_bias


def test_width_scales_every_channel_count():
    model = keras_fcn.build_fcn8s(weights=None, width=0.25)
    assert model.get_layer("block1_conv1").filters == 64 / 4
    assert model.get_layer("block5_conv3").filters == 512 / 4
    assert model.get_layer("fc6").filters == 4096 / 4


# infer.py of the authors: BGR.
AUTHORS_MEAN = (104.00698793, 116.66876762, 122.67891434)


@pytest.mark.parametrize(
    ("options", "prepare"),
    [
        ({"topology": "paper"}, lambda x: x[..., ::-1] - np.float32(AUTHORS_MEAN)),
        ({"topology": "same"}, keras.applications.vgg16.preprocess_input),
        (
            {"include_preprocessing": "caffe"},
            keras.applications.vgg16.preprocess_input,
        ),
        (
            {"include_preprocessing": "torch"},
            keras.applications.densenet.preprocess_input,
        ),
        (
            {"include_preprocessing": "tf"},
            keras.applications.mobilenet.preprocess_input,
        ),
    ],
)
def test_preprocessing_can_be_left_to_the_caller(options, prepare, rng):
    inside = thin(**options)
    outside = thin(**{**options, "include_preprocessing": False})
    randomise(inside, rng)
    outside.set_weights(inside.get_weights())
    photo = rng.uniform(0, 255, (1, 30, 30, 3)).astype("float32")
    prepared = prepare(photo.copy())
    np.testing.assert_allclose(
        as_array(inside(photo)), as_array(outside(prepared)), atol=FLOAT32_NETWORK
    )


def test_other_channel_counts_need_no_preprocessing():
    model = thin(input_shape=(None, None, 4), include_preprocessing=False)
    assert tuple(model(np.zeros((1, 9, 9, 4))).shape) == (1, 9, 9, 3)


def test_an_activation_can_end_the_network(rng):
    model = thin(classifier_activation="softmax")
    out = as_array(model(rng.integers(0, 256, (1, 20, 20, 3))))
    np.testing.assert_allclose(out.sum(-1), 1, atol=1e-5)


def test_a_fixed_input_size_is_known_at_the_output():
    assert thin(input_shape=(50, 60, 3)).output_shape == (None, 50, 60, 3)
    assert thin().output_shape == (None, None, None, 3)


def test_logits_are_float32_in_mixed_precision(rng):
    with computing_in("mixed_bfloat16"):
        model = thin()
        out = model(rng.integers(0, 256, (1, 40, 40, 3)))
    assert model.get_layer("fc6").compute_dtype == "bfloat16"
    assert keras.backend.standardize_dtype(out.dtype) == "float32"


def test_networks_are_channels_last_whatever_keras_is_told():
    keras.config.set_image_data_format("channels_first")
    try:
        out = thin(upsampling="learned")(np.zeros((1, 20, 30, 3)))
    finally:
        keras.config.set_image_data_format("channels_last")
    assert tuple(out.shape) == (1, 20, 30, 3)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"num_classes": 0}, "`num_classes` must .* Received: num_classes=0"),
        ({"num_classes": 2.5}, "Received: num_classes=2.5"),
        ({"topology": "papre"}, "topology='papre'. Did you mean \"paper\""),
        ({"backbone": "vgg 16"}, "backbone='vgg 16'. Did you mean \"vgg16\""),
        ({"upsampling": "bilinear"}, '`upsampling` must be one of "fixed", "learned"'),
        ({"width": 0}, "Received: width=0"),
        ({"dropout": 1.0}, "Received: dropout=1.0"),
        ({"input_shape": (None, 3)}, r"Received: input_shape=\(None, 3\)"),
        ({"input_shape": (0, 5, 3)}, r"Received: input_shape=\(0, 5, 3\)"),
        ({"input_shape": (None, None, None)}, "how many channels"),
        ({"input_shape": (None, None, 1)}, "must end in 3 channels"),
        ({"weights": "imagenet"}, "must go with `width=1.0`"),
        ({"weights": "imagnet"}, "file that ends in `.safetensors`"),
        (
            {
                "weights": "imagenet",
                "input_shape": (None, None, 1),
                "include_preprocessing": False,
            },
            "must end in 3 channels",
        ),
    ],
)
@pytest.mark.parametrize("build", BUILDERS.values(), ids=BUILDERS)
def test_bad_arguments_are_refused_before_anything_is_built(
    build, options, message, monkeypatch
):
    monkeypatch.setattr(keras, "Input", None)  # building anything would fail
    with pytest.raises(ValueError, match=message):
        thin(build, **options)


def test_a_missing_weights_file_is_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"nothing\.safetensors"):
        thin(weights=tmp_path / "nothing.safetensors")


def test_failing_to_download_says_what_to_do():
    from keras_fcn.backbones.imagenet import imagenet_classifier

    def no_network(**options):
        raise Exception("URL fetch failure")

    with pytest.raises(RuntimeError, match=r"of no_network .*weights=None"):
        imagenet_classifier(no_network, include_top=True)

import keras
import numpy as np
import pytest

from keras_fcn.backbones import caffe_layers
from keras_fcn.backbones.alexnet import FC6_KERNEL, apply_alexnet
from keras_fcn.backbones.feature_map import FeatureMap
from keras_fcn.geometry import (
    CoordinateMap,
    convolution,
    crop_offset,
    transposed_convolution,
)

# Filters of the prototxt: a group's input channels are half of those before it.
CAFFENET = {
    "conv1": (11, 11, 3, 96),
    "conv2": (5, 5, 48, 256),
    "conv3": (3, 3, 256, 384),
    "conv4": (3, 3, 192, 384),
    "conv5": (3, 3, 192, 256),
}

# One step takes less time than making a graph of it; JAX is slow without one.
EAGERLY = keras.backend.backend() != "jax"


def build(**arguments):
    image = FeatureMap(keras.Input((None, None, 3)))
    with pytest.MonkeyPatch.context() as patch:
        # JAX compiles a random start for each shape of kernel: minutes for GoogLeNet.
        patch.setattr(caffe_layers, "kernel_start", lambda first=False: "zeros")
        maps = apply_alexnet(image, **arguments)
    return keras.Model(image.tensor, {str(s): x.tensor for s, x in maps.items()})


def classifier_parameters(pool5_channels, classes=1000):
    fc6 = FC6_KERNEL**2 * pool5_channels * 4096 + 4096
    return fc6 + 4096 * 4096 + 4096 + 4096 * classes + classes


def test_the_kernels_are_those_of_caffenet():
    shapes = {
        layer.name: tuple(layer.kernel.shape)
        for layer in build().layers
        if layer.weights
    }
    assert shapes == CAFFENET


def test_the_layers_stand_in_caffenets_order():
    names = [layer.name for layer in build(width=0.02).layers]
    assert [n for n in names if not n.startswith(("pad_", "input"))] == [
        *("conv1", "pool1", "norm1", "conv2", "pool2", "norm2"),
        *("conv3", "conv4", "conv5", "pool5"),
    ]


@pytest.mark.parametrize(
    ("variant", "published"),
    # Of Caffe's bvlc_reference_caffenet and of torchvision's documentation.
    [("caffenet", 60_965_224), ("torchvision", 61_100_840)],
)
def test_the_classifier_has_the_published_number_of_parameters(variant, published):
    ours = build(variant=variant).count_params()
    assert ours + classifier_parameters(256) == published


def test_fcn_alexnet_has_the_papers_57_million_parameters():
    ours = build().count_params() + classifier_parameters(256, classes=21)
    assert round(ours / 1e6) == 57


@pytest.mark.parametrize(
    ("variant", "size", "padding"),
    [("caffenet", 227, 0), ("torchvision", 224, 2)],
)
def test_fc6_sees_the_whole_of_pool5_on_the_images_that_it_was_trained_on(
    variant, size, padding
):
    model = build(variant=variant, image_padding=padding, width=0.02)
    image = keras.KerasTensor((1, size, size, 3))
    pool5 = model.compute_output_spec(image)["32"]
    assert pool5.shape[1:3] == (FC6_KERNEL, FC6_KERNEL)


@pytest.mark.parametrize("width", [0.01, 0.02, 0.1, 0.25, 0.37, 1.3])
def test_every_width_leaves_whole_groups(width):
    for layer in build(width=width).layers:
        if layer.weights:
            assert layer.filters % 2 == 0, layer.name
            assert layer.filters == pytest.approx(
                CAFFENET[layer.name][-1] * width, abs=2
            )


def caffe_sizes(n, padding):
    """Output sizes of Caffe's layers: a convolution rounds down, a pooling up."""
    conv1 = (n + 2 * padding - 11) // 4 + 1
    pool1 = -(-(conv1 - 3) // 2) + 1
    pool2 = -(-(pool1 - 3) // 2) + 1
    pool5 = -(-(pool2 - 3) // 2) + 1
    return {"8": pool1, "16": pool2, "32": pool5}


def test_every_size_has_caffes_maps_and_fc6_fits_on_the_last():
    model = build(width=0.02)
    for n in range(1, 131):
        heights, widths = caffe_sizes(n, 100), caffe_sizes(131 - n, 100)
        out = model.compute_output_spec(keras.KerasTensor((1, n, 131 - n, 3)))
        shapes = {stride: tuple(x.shape[1:3]) for stride, x in out.items()}
        assert shapes == {s: (heights[s], widths[s]) for s in heights}
        assert min(shapes["32"]) >= FC6_KERNEL


def test_the_crop_after_upsampling_is_the_authors():
    image = FeatureMap(keras.Input((None, None, 3)))
    score = apply_alexnet(image, width=0.02)[32].coordinates.then(convolution(6))
    upscored = score.then(transposed_convolution(63, stride=32))
    assert crop_offset(upscored, CoordinateMap()) == 18


def test_every_layer_learns(rng):
    model = build(width=0.02)
    for layer in model.layers:
        if layer.weights:
            shape = layer.kernel.shape
            scale = np.sqrt(2 / np.prod(shape[:-1]))
            layer.kernel.assign(rng.normal(size=shape) * scale)
    before = [keras.ops.convert_to_numpy(w) for w in model.weights]
    losses = dict.fromkeys(("8", "16", "32"), "mse")
    model.compile("sgd", losses, run_eagerly=EAGERLY)
    image = rng.uniform(-1, 1, (1, 40, 33, 3)).astype("float32")
    targets = {s: np.ones(x.shape, "float32") for s, x in model(image).items()}
    model.train_on_batch(image, targets)
    for old, new in zip(before, model.weights, strict=True):
        assert np.any(old != keras.ops.convert_to_numpy(new)), new.path


@pytest.mark.skipif(
    keras.backend.backend() == "jax", reason="compiles a start for each kernel"
)
def test_kernels_start_with_the_gain_that_keeps_a_signal_alive():
    image = FeatureMap(keras.Input((None, None, 3)))
    model = keras.Model(image.tensor, apply_alexnet(image, width=0.25)[32].tensor)
    for layer in model.layers:
        if layer.weights:
            kernel = keras.ops.convert_to_numpy(layer.kernel)
            gain = 2 / 64**2 if layer.name == "conv1" else 2
            expected = np.sqrt(gain / np.prod(kernel.shape[:-1]))
            assert kernel.std() == pytest.approx(expected, rel=0.05)


def test_another_variant_is_refused():
    with pytest.raises(ValueError, match='Did you mean "caffenet"'):
        build(variant="cafenet")

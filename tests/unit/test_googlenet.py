import keras
import numpy as np
import pytest

from keras_fcn.backbones import caffe_layers
from keras_fcn.backbones.feature_map import FeatureMap
from keras_fcn.backbones.googlenet import apply_googlenet

# Output channels of every module, from the "output size" column of Szegedy et al.,
# table 1.
OUTPUT_CHANNELS = {
    "3a": 256,
    "3b": 480,
    "4a": 512,
    "4b": 512,
    "4c": 512,
    "4d": 528,
    "4e": 832,
    "5a": 832,
    "5b": 1024,
}
CLASSIFIER = 1024 * 1000 + 1000


def build(**arguments):
    image = FeatureMap(keras.Input((None, None, 3)))
    with pytest.MonkeyPatch.context() as patch:
        # JAX compiles a random start for each shape of kernel: minutes for GoogLeNet.
        patch.setattr(caffe_layers, "kernel_start", lambda first=False: "zeros")
        maps = apply_googlenet(image, **arguments)
    return keras.Model(image.tensor, {str(s): x.tensor for s, x in maps.items()})


@pytest.fixture(scope="module")
def full():
    return build()


@pytest.fixture(scope="module")
def thin():
    return {v: build(variant=v, width=0.02) for v in ("caffe", "torchvision")}


def test_caffes_classifier_has_the_published_number_of_parameters(full):
    # bvlc_googlenet without its two auxiliary classifiers.
    assert full.count_params() + CLASSIFIER == 6_998_552


def test_torchvisions_classifier_has_the_published_number_of_parameters():
    model = build(variant="torchvision")
    # There each channel has a scale and a shift of its batch normalisation; here both
    # are in the kernel and its bias.
    scales = sum(layer.filters for layer in model.layers if layer.weights)
    assert model.count_params() + scales + CLASSIFIER == 6_624_904


@pytest.mark.parametrize("module", OUTPUT_CHANNELS)
def test_every_module_has_as_many_channels_as_in_the_papers_table(full, module):
    output = full.get_layer(f"inception_{module}_output").output
    assert output.shape[-1] == OUTPUT_CHANNELS[module]


def test_the_layers_have_caffes_names(full):
    names = [n.name for n in full.layers[1:] if not n.name.startswith("pad_")]
    assert names[:7] == [
        *("conv1_7x7_s2", "pool1_3x3_s2", "pool1_norm1"),
        *("conv2_3x3_reduce", "conv2_3x3", "conv2_norm2", "pool2_3x3_s2"),
    ]
    module = {layer.name for layer in full.layers if "_4c_" in layer.name}
    assert module == {
        f"inception_4c_{name}"
        for name in (
            *("1x1", "3x3_reduce", "3x3", "5x5_reduce", "5x5"),
            *("pool", "pool_proj", "output"),
        )
    }


def test_only_convolutions_have_weights_and_each_has_a_bias(full):
    for layer in full.layers:
        if layer.weights:
            kernel, bias = layer.weights
            assert tuple(bias.shape) == kernel.shape[-1:]
    assert sum(bool(layer.weights) for layer in full.layers) == 3 + 9 * 6


def test_torchvision_calls_a_3x3_kernel_5x5(thin):
    kernels = {v: thin[v].get_layer("inception_3a_5x5").kernel_size for v in thin}
    assert kernels == {"caffe": (5, 5), "torchvision": (3, 3)}


def caffe_sizes(n, padding, last_pool_kernel):
    """Output sizes of Caffe's layers: a convolution rounds down, a pooling up."""
    conv1 = (n + 2 * padding - 7) // 2 + 1
    pool1 = -(-(conv1 - 3) // 2) + 1
    pool2 = -(-(pool1 - 3) // 2) + 1
    pool3 = -(-(pool2 - 3) // 2) + 1
    pool4 = -(-(pool3 - last_pool_kernel) // 2) + 1
    return {"8": pool2, "16": pool3, "32": pool4}


@pytest.mark.parametrize(("variant", "kernel"), [("caffe", 3), ("torchvision", 2)])
def test_sizes_are_caffes(thin, variant, kernel):
    for n in range(1, 33, 2):  # with n + 1 columns a whole period of the last stride
        heights, widths = caffe_sizes(n, 100, kernel), caffe_sizes(n + 1, 100, kernel)
        out = thin[variant].compute_output_spec(keras.KerasTensor((1, n, n + 1, 3)))
        shapes = {stride: tuple(x.shape[1:3]) for stride, x in out.items()}
        assert shapes == {s: (heights[s], widths[s]) for s in heights}
        assert min(shapes["32"]) >= 1


def test_the_maps_of_the_images_it_was_trained_on_are_28_14_and_7_pixels_wide():
    model = build(width=0.02, image_padding=3)
    out = model.compute_output_spec(keras.KerasTensor((1, 224, 224, 3)))
    assert {s: x.shape[1] for s, x in out.items()} == {"8": 28, "16": 14, "32": 7}


@pytest.mark.skipif(
    keras.backend.backend() == "jax", reason="compiles 57 layers and their gradients"
)
def test_every_layer_learns(rng):
    model = build(width=0.1, image_padding=3)
    for layer in model.layers:
        if layer.weights:
            shape = layer.kernel.shape
            scale = np.sqrt(2 / np.prod(shape[:-1]))
            layer.kernel.assign(rng.normal(size=shape) * scale)
    before = [keras.ops.convert_to_numpy(w) for w in model.weights]
    losses = dict.fromkeys(("8", "16", "32"), "mse")
    model.compile("sgd", losses, run_eagerly=True)
    image = rng.uniform(-1, 1, (1, 80, 65, 3)).astype("float32")
    targets = {s: np.ones(x.shape, "float32") for s, x in model(image).items()}
    model.train_on_batch(image, targets)
    for old, new in zip(before, model.weights, strict=True):
        assert np.any(old != keras.ops.convert_to_numpy(new)), new.path


def test_another_variant_is_refused():
    with pytest.raises(ValueError, match="Received: variant='tensorflow'"):
        build(variant="tensorflow")

"""AlexNet and GoogLeNet against PyTorch and against the paper's table of fields."""

import keras
import numpy as np
import pytest

from keras_fcn.backbones import caffe_layers
from keras_fcn.backbones.alexnet import apply_alexnet
from keras_fcn.backbones.feature_map import FeatureMap
from keras_fcn.backbones.googlenet import apply_googlenet
from keras_fcn.layers import LocalResponseNormalization

# Sums of at most a few thousand products in float32, relative to the largest.
FLOAT32_SUMS = 2e-5

NETWORKS = {"alexnet": apply_alexnet, "googlenet": apply_googlenet}
CASES = [
    ("alexnet", "caffenet"),
    ("alexnet", "torchvision"),
    ("googlenet", "caffe"),
    ("googlenet", "torchvision"),
]
# Odd and even maps before the poolings, in rows and in columns. JAX compiles each.
SIZES = [(65, 130), (101, 64), (1, 7)][: 1 if keras.backend.backend() == "jax" else 3]


def as_array(tensor):
    return keras.ops.convert_to_numpy(tensor)


def build(name, variant, **options):
    image = FeatureMap(keras.Input((None, None, 3)))
    with pytest.MonkeyPatch.context() as patch:
        # JAX compiles a random start for each shape of kernel: minutes for GoogLeNet.
        patch.setattr(caffe_layers, "kernel_start", lambda first=False: "zeros")
        maps = NETWORKS[name](image, variant=variant, **options)
    model = keras.Model(image.tensor, [x.tensor for x in maps.values()])
    return model, maps


def randomize(model, rng):
    """Draw weights that keep activations near 100, where normalisation is felt."""
    gain = np.sqrt(2)
    for layer in model.layers:
        if layer.weights:
            kernel, bias = layer.weights
            scale = gain / np.sqrt(np.prod(kernel.shape[:-1]))
            kernel.assign(rng.normal(size=kernel.shape) * scale)
            bias.assign(rng.uniform(0, 20, bias.shape))


class Judge:
    """PyTorch's layers with the weights of a model of ours, by the layers' names."""

    def __init__(self, model):
        import torch

        self.weights = {
            layer.name: [torch.tensor(as_array(w)) for w in layer.weights]
            for layer in model.layers
            if layer.weights
        }

    def convolve(self, x, name, groups=1, **options):
        from torch.nn.functional import conv2d, relu

        kernel, bias = self.weights.pop(name)
        kernel = kernel.permute(3, 2, 0, 1)
        return relu(conv2d(x, kernel, bias, groups=groups, **options))

    def pool(self, x, k=3, **options):
        from torch.nn.functional import max_pool2d

        return max_pool2d(x, k, **{"stride": 2, "ceil_mode": True, **options})

    def normalize(self, x):
        from torch.nn.functional import local_response_norm

        return local_response_norm(x, size=5, alpha=1e-4, beta=0.75, k=1.0)


def judge_alexnet(judge, x, variant, padding):
    """The order of CaffeNet's prototxt, or of torchvision's `features`."""
    caffe = variant == "caffenet"
    groups = 2 if caffe else 1
    x = judge.pool(judge.convolve(x, "conv1", stride=4, padding=padding))
    x = judge.normalize(x) if caffe else x
    stride8 = judge.convolve(x, "conv2", groups, padding=2)
    x = judge.pool(stride8)
    x = judge.normalize(x) if caffe else x
    x = judge.convolve(x, "conv3", padding=1)
    x = judge.convolve(x, "conv4", groups, padding=1)
    stride16 = judge.convolve(x, "conv5", groups, padding=1)
    return [stride8, stride16, judge.pool(stride16)]


def judge_googlenet(judge, x, variant, padding):
    """The order of bvlc_googlenet's prototxt, or of torchvision's `_forward`."""
    import torch

    caffe = variant == "caffe"

    def inception(x, name):
        name = f"inception_{name}_"
        one = judge.convolve(x, name + "1x1")
        three = judge.convolve(x, name + "3x3_reduce")
        three = judge.convolve(three, name + "3x3", padding=1)
        five = judge.convolve(x, name + "5x5_reduce")
        five = judge.convolve(five, name + "5x5", padding=2 if caffe else 1)
        pool = judge.pool(x, stride=1, padding=1)
        pool = judge.convolve(pool, name + "pool_proj")
        return torch.cat([one, three, five, pool], 1)

    x = judge.pool(judge.convolve(x, "conv1_7x7_s2", stride=2, padding=padding))
    x = judge.normalize(x) if caffe else x
    x = judge.convolve(x, "conv2_3x3_reduce")
    x = judge.convolve(x, "conv2_3x3", padding=1)
    x = judge.pool(judge.normalize(x) if caffe else x)
    stride8 = inception(inception(x, "3a"), "3b")
    x = judge.pool(stride8)
    for name in ("4a", "4b", "4c", "4d", "4e"):
        x = inception(x, name)
    stride16 = x
    x = judge.pool(x, 3 if caffe else 2)
    return [stride8, stride16, inception(inception(x, "5a"), "5b")]


JUDGES = {"alexnet": judge_alexnet, "googlenet": judge_googlenet}


@pytest.mark.parametrize(("name", "variant"), CASES)
def test_every_map_is_pytorchs(name, variant, need, rng):
    need("torch")
    import torch

    model, maps = build(name, variant, width=0.05)
    randomize(model, rng)
    assert list(maps) == [8, 16, 32]
    for size in SIZES:
        image = rng.uniform(-128, 128, (1, *size, 3)).astype("float32")
        judge = Judge(model)
        with torch.no_grad():
            channels_first = torch.tensor(image).permute(0, 3, 1, 2)
            theirs = JUDGES[name](judge, channels_first, variant, padding=100)
        assert not judge.weights  # every layer of ours took part
        for our, their in zip(model(image), theirs, strict=True):
            expected = their.permute(0, 2, 3, 1).numpy()
            assert expected.std() > 1  # activations that died would prove nothing
            np.testing.assert_allclose(
                as_array(our), expected, rtol=0, atol=FLOAT32_SUMS * expected.max()
            )


@pytest.mark.parametrize("depth", [1, 3, 5, 7])
@pytest.mark.parametrize("channels", [1, 2, 6])
def test_local_response_normalisation_is_pytorchs(depth, channels, need, rng):
    need("torch")
    import torch

    maps = rng.normal(size=(2, 3, 4, channels)).astype("float32") * 50
    numbers = {"alpha": 3e-3, "beta": 0.6}
    theirs = torch.nn.LocalResponseNorm(depth, **numbers, k=2.0)(
        torch.tensor(maps).permute(0, 3, 1, 2)
    )
    ours = LocalResponseNormalization(depth, **numbers, bias=2.0)(maps)
    expected = theirs.permute(0, 2, 3, 1).numpy()
    assert np.abs(expected - maps / 2**0.6).max() > 1  # it does divide
    np.testing.assert_allclose(as_array(ours), expected, rtol=1e-5)


def fields(first_kernel, first_stride, steps):
    """Sizes of the fields of view, stride by stride: `k - 1` strides are added."""
    size, stride, found = first_kernel, first_stride, {}
    for k, s in steps:
        size += (k - 1) * stride
        stride *= s
        found[stride] = size
    return found


# Kernel and stride of each step after conv1, of the branch that sees most.
FIELDS = {
    "caffenet": fields(
        *(11, 4),
        [(3, 2), (5, 1), (3, 2), (3, 1), (3, 1), (3, 1), (3, 2)],
    ),
    "caffe": fields(
        *(7, 2),
        [(3, 2), (3, 1), (3, 2), *[(5, 1)] * 2, (3, 2), *[(5, 1)] * 5, (3, 2)]
        + [(5, 1)] * 2,
    ),
    "torchvision": fields(
        *(7, 2),
        [(3, 2), (3, 1), (3, 2), *[(3, 1)] * 2, (3, 2), *[(3, 1)] * 5, (2, 2)]
        + [(3, 1)] * 2,
    ),
}


def test_the_fields_of_view_are_those_of_the_papers_table_1():
    # 355 pixels with the 6x6 fc6 on top, 907 with the 7x7 mean of GoogLeNet.
    assert FIELDS["caffenet"][32] + (6 - 1) * 32 == 355
    assert FIELDS["caffe"][32] + (7 - 1) * 32 == 907


@pytest.mark.skipif(
    keras.backend.backend() == "jax", reason="compiles every layer once more"
)
@pytest.mark.parametrize(
    ("name", "variant"), [c for c in CASES if c != ("alexnet", "torchvision")]
)
def test_a_pixel_lies_in_the_middle_of_what_it_sees(name, variant):
    """A single lit pixel reaches an output exactly if it is in its field of view."""
    model, maps = build(name, variant, width=0.02)
    for layer in model.layers:
        if layer.weights:
            kernel, bias = layer.weights
            kernel.assign(np.full(kernel.shape, 1 / kernel.shape[-2]))
            bias.assign(np.zeros(bias.shape))
    height, outputs, lit = 0, {}, []
    for stride in maps:
        reach = (FIELDS[variant][stride] - 1) // 2
        outputs[stride] = (reach + 100) // stride + 4
        centre = maps[stride].coordinates(outputs[stride])
        assert centre.denominator == 1
        assert centre > reach  # all of it lies inside the image
        lit += [int(centre) + x for x in (-reach - 1, -reach, reach, reach + 1)]
        height = int(centre) + reach + 2
    images = np.zeros((len(lit), height, 1, 3), "float32")
    images[np.arange(len(lit)), lit] = 1
    for i, (stride, out) in enumerate(zip(maps, model(images), strict=True)):
        row = as_array(out)[4 * i : 4 * i + 4, outputs[stride]]
        reached = (row > 0).any(axis=(1, 2)).tolist()
        assert reached == [False, True, True, False], stride

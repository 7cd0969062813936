import functools
import itertools
import re

import keras
import numpy as np
import pytest

import keras_fcn
from keras_fcn.layers import BilinearUpsampling2D
from keras_fcn.weights import WeightsFormatError
from keras_fcn.weights.caffe import caffe_target, load_caffemodel
from keras_fcn.weights.caffe.format import read_caffemodel

from . import caffe_files as caffe

MEAN_BGR = (104.00698793, 116.66876762, 122.67891434)


@functools.cache
def built(name, **options):
    """A thin network, built once: what it holds is what was loaded last."""
    build = getattr(keras_fcn, f"build_{name}")
    return build(weights=None, width=0.02, num_classes=3, **options)


def random(*shape, seed=0):
    return np.random.default_rng([seed, *shape]).normal(size=shape).astype("float32")


def tent(kernel_size, channels):
    """The authors' `upsample_filt` on the diagonal, tap by tap."""
    factor = (kernel_size + 1) // 2
    centre = factor - 1 if kernel_size % 2 else factor - 0.5
    kernel = np.zeros((channels, channels, kernel_size, kernel_size), "float32")
    for c, i, j in np.ndindex(channels, kernel_size, kernel_size):
        row, column = 1 - abs(i - centre) / factor, 1 - abs(j - centre) / factor
        kernel[c, c, i, j] = row * column
    return kernel


def layer_like(layer, seed=0):
    """Random weights of a convolution of ours, in Caffe's layout."""
    rows, columns, inputs, outputs = layer.kernel.shape
    kernel = random(outputs, inputs, rows, columns, seed=seed)
    return "Convolution", [kernel, random(outputs, seed=seed + 1)]


def published(model, upscores, names=lambda name: name):
    """The file that Caffe would hold of a network of ours."""
    layers = {}
    for seed, layer in enumerate(model.layers):
        if isinstance(layer, keras.layers.Conv2D):
            name = re.sub(r"block(\d)_conv(\d)", r"conv\1_\2", layer.name)
            layers[names(name)] = layer_like(layer, seed)
    for name, kernel_size in upscores.items():
        layers[name] = ("Deconvolution", [tent(kernel_size, 3)])
    return layers


def one_layer(layer, channels, size=(4, 5)):
    return keras.Sequential([keras.Input((*size, channels)), layer])


def correlate(x, kernel, bias, groups=1):
    """Caffe's convolution of one image (channels, height, width), by its definition."""
    outputs, per_group, rows, columns = kernel.shape
    height, width = x.shape[1] - rows + 1, x.shape[2] - columns + 1
    y = np.zeros((outputs, height, width))
    for o, i, j in np.ndindex(*y.shape):
        first = o // (outputs // groups) * per_group
        for c, u, v in np.ndindex(per_group, rows, columns):
            y[o, i, j] += kernel[o, c, u, v] * x[first + c, i + u, j + v]
        y[o, i, j] += bias[o]
    return y


def output(model, x):
    """The model's output for one image, channels first."""
    y = model(np.moveaxis(x, 0, -1)[None])
    return np.moveaxis(keras.ops.convert_to_numpy(y)[0], -1, 0)


@pytest.mark.parametrize("generation", [1, 2])
def test_layers_of_both_generations_are_read_by_name_type_and_shape(
    tmp_path, generation
):
    kernel, bias = random(2, 3, 4, 5), random(2)
    file = caffe.write_caffemodel(
        tmp_path / "net.caffemodel",
        {"relu": ("ReLU", []), "conv": ("Convolution", [kernel, bias])},
        generation,
    )
    relu, conv = read_caffemodel(file)
    assert (relu.name, relu.blobs) == ("relu", [])
    assert (conv.name, conv.type) == ("conv", "Convolution")
    np.testing.assert_array_equal(conv.blobs[0], kernel)
    expected = bias.reshape(1, 1, 1, 2) if generation == 1 else bias
    np.testing.assert_array_equal(conv.blobs[1], expected)


def test_the_oldest_generation_wraps_its_layers(tmp_path):
    file = tmp_path / "old.caffemodel"
    kernel = random(2, 3, 1, 1)
    file.write_bytes(caffe.v0_layer("conv", "conv", caffe.blob(kernel, legacy=True)))
    (layer,) = read_caffemodel(file)
    assert (layer.name, layer.type) == ("conv", "conv")
    np.testing.assert_array_equal(layer.blobs[0], kernel)


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(caffe.floats([1, 2, 3, 4]), id="packed"),
        pytest.param(
            b"".join(b"\x2d" + np.float32(x).tobytes() for x in (1, 2, 3, 4)),
            id="one by one",
        ),
        pytest.param(caffe.floats([1]) + caffe.floats([2, 3, 4]), id="in two parts"),
        pytest.param(caffe.message(8, np.array([1, 2, 3, 4.0]).tobytes()), id="double"),
        pytest.param(
            caffe.floats([9] * 4)
            + caffe.message(8, np.array([1, 2, 3, 4.0]).tobytes()),
            id="double before single",
        ),
        pytest.param(
            caffe.floats([9] * 4, field=6) + caffe.floats([1, 2, 3, 4]),
            id="beside their gradient",
        ),
        pytest.param(
            caffe.number(77, 5) + caffe.floats([1, 2, 3, 4]), id="beside the unknown"
        ),
    ],
)
@pytest.mark.parametrize(
    "shape",
    [
        pytest.param(caffe.shape(2, 2), id="shape"),
        pytest.param(
            caffe.message(7, caffe.number(1, 2) + caffe.number(1, 2)), id="unpacked"
        ),
        pytest.param(caffe.legacy_shape(1, 1, 2, 2), id="legacy"),
    ],
)
def test_numbers_are_read_however_protobuf_writes_them(tmp_path, data, shape):
    for first, second in ((shape, data), (data, shape)):
        file = tmp_path / "net.caffemodel"
        file.write_bytes(caffe.v2_layer("conv", "Convolution", first + second))
        (layer,) = read_caffemodel(file)
        assert layer.blobs[0].squeeze().tolist() == [[1, 2], [3, 4]]


def test_googles_protobuf_writes_what_is_read(tmp_path):
    protobuf = pytest.importorskip("google.protobuf")
    assert protobuf
    from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

    F = descriptor_pb2.FieldDescriptorProto
    file = descriptor_pb2.FileDescriptorProto(name="caffe.proto", package="caffe")

    def add(message, *fields):
        described = file.message_type.add(name=message)
        for name, number, label, type, type_name in fields:
            added = described.field.add(
                name=name, number=number, label=label, type=type, type_name=type_name
            )
            if label == F.LABEL_REPEATED and type in (F.TYPE_FLOAT, F.TYPE_INT64):
                added.options.packed = True

    one, many = F.LABEL_OPTIONAL, F.LABEL_REPEATED
    add("BlobShape", ("dim", 1, many, F.TYPE_INT64, None))
    add(
        "BlobProto",
        ("data", 5, many, F.TYPE_FLOAT, None),
        ("shape", 7, one, F.TYPE_MESSAGE, ".caffe.BlobShape"),
    )
    add(
        "LayerParameter",
        ("name", 1, one, F.TYPE_STRING, None),
        ("type", 2, one, F.TYPE_STRING, None),
        ("blobs", 7, many, F.TYPE_MESSAGE, ".caffe.BlobProto"),
    )
    add(
        "NetParameter",
        ("name", 1, one, F.TYPE_STRING, None),
        ("layer", 100, many, F.TYPE_MESSAGE, ".caffe.LayerParameter"),
    )
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    net = message_factory.GetMessageClass(
        pool.FindMessageTypeByName("caffe.NetParameter")
    )(name="net")
    kernel = random(150, 2, 3, 1)  # 150: two bytes of varint
    layer = net.layer.add(name="conv", type="Convolution")
    written = layer.blobs.add(data=kernel.ravel().tolist())
    written.shape.dim.extend(kernel.shape)
    path = tmp_path / "net.caffemodel"
    path.write_bytes(net.SerializeToString())
    (read,) = read_caffemodel(path)
    assert (read.name, read.type) == ("conv", "Convolution")
    np.testing.assert_array_equal(read.blobs[0], kernel)


@pytest.mark.parametrize("generation", [1, 2])
def test_the_first_convolution_sees_bgr_as_caffe_computes_it(tmp_path, generation):
    model = built("fcn32s")
    layers = published(model, {"upscore": 64})
    file = caffe.write_caffemodel(tmp_path / "net.caffemodel", layers, generation)
    load_caffemodel(model, file)

    photo = np.random.default_rng(0).integers(0, 256, (3, 4, 3)).astype("uint8")  # RGB
    blue_first = np.stack([photo[..., 2], photo[..., 1], photo[..., 0]]).astype(float)
    image = blue_first - np.reshape(MEAN_BGR, (3, 1, 1))
    kernel, bias = layers["conv1_1"][1]
    # Caffe pads by 100; what two of those pixels see is enough.
    expected = correlate(np.pad(image, ((0, 0), (2, 2), (2, 2))), kernel, bias)
    first = keras.Model(model.inputs[0], model.get_layer("block1_conv1").output)
    found = output(first, np.moveaxis(photo, -1, 0))[:, 98:103, 98:104]
    np.testing.assert_allclose(found, np.maximum(expected, 0), rtol=1e-4, atol=1e-2)
    assert expected.max() > 10  # else ReLU hides everything


def test_grouped_convolutions_keep_their_groups(tmp_path):
    layer = keras.layers.Conv2D(6, (2, 3), groups=2, name="conv2")
    model = one_layer(layer, channels=4)
    kernel, bias = random(6, 2, 2, 3), random(6)
    file = caffe.write_caffemodel(
        tmp_path / "net.caffemodel", {"conv2": ("Convolution", [kernel, bias])}
    )
    load_caffemodel(model, file)
    x = random(4, 4, 5)
    np.testing.assert_allclose(
        output(model, x), correlate(x, kernel, bias, groups=2), atol=1e-5
    )


@pytest.mark.parametrize("generation", [1, 2])
def test_fully_connected_layers_become_convolutions(tmp_path, generation):
    model = one_layer(keras.layers.Conv2D(7, (4, 5), name="fc6"), channels=3)
    matrix, bias = random(7, 3 * 4 * 5), random(7)
    file = caffe.write_caffemodel(
        tmp_path / "net.caffemodel",
        {"fc6": ("InnerProduct", [matrix, bias])},
        generation,
    )
    report = load_caffemodel(model, file)
    x = random(3, 4, 5)
    expected = matrix @ x.ravel() + bias  # Caffe flattens channels first
    np.testing.assert_allclose(output(model, x).ravel(), expected, atol=1e-5)
    ones = (1, 1) if generation == 1 else ()
    assert report.matched["fc6/kernel"].file_shape == (*ones, 7, 60)


def test_learned_upsampling_takes_the_published_kernel(tmp_path):
    layer = keras.layers.Conv2DTranspose(2, 4, strides=2, name="upscore2")
    model = one_layer(layer, channels=3, size=(2, 3))
    kernel = random(3, 2, 4, 4)  # input, output, height, width
    file = caffe.write_caffemodel(
        tmp_path / "net.caffemodel", {"upscore2": ("Deconvolution", [kernel])}
    )
    report = load_caffemodel(model, file)
    x = random(3, 2, 3)
    expected = np.zeros((2, 6, 8))
    for c, o, i, j in np.ndindex(3, 2, 2, 3):
        expected[o, 2 * i : 2 * i + 4, 2 * j : 2 * j + 4] += x[c, i, j] * kernel[c, o]
    np.testing.assert_allclose(output(model, x), expected, atol=1e-5)
    assert report.matched["upscore2/bias"].name == "no bias: zero"


UPSCORES_8S = {"upscore2": 4, "upscore_pool4": 4, "upscore8": 16}


@pytest.mark.parametrize("generation", [1, 2])
@pytest.mark.parametrize("upsampling", ["fixed", "learned"])
def test_a_whole_fcn8s_loads_into_the_right_variables(tmp_path, upsampling, generation):
    model = built("fcn8s", upsampling=upsampling)
    layers = published(model, UPSCORES_8S)
    file = caffe.write_caffemodel(tmp_path / "fcn8s.caffemodel", layers, generation)
    report = load_caffemodel(model, file)

    for name, (_, arrays) in layers.items():
        ours = re.sub(r"conv(\d)_(\d)", r"block\1_conv\2", name)
        variables = model.get_layer(ours).weights
        if upsampling == "fixed" and name in UPSCORES_8S:
            assert not variables
            continue
        kernel = keras.ops.convert_to_numpy(variables[0])
        for i, j in np.ndindex(kernel.shape[:2]):
            np.testing.assert_array_equal(kernel[i, j].T, arrays[0][:, :, i, j])
        if len(arrays) == 2:
            np.testing.assert_array_equal(variables[1].numpy(), arrays[1])
    learned = 3 if upsampling == "learned" else 0
    assert report.counts == {
        "matched": 2 * (13 + 2 + 3) + learned,
        "missing": 0,
        "left over": 0,
        "bilinear": 3 - learned,
        "constants": 0,
    }
    assert report.preprocessing == "caffe"
    assert len(report.matched) == len(model.weights)
    assert "block1_conv1/kernel (3, 3, 3, 1)" in str(report)


def test_names_of_the_first_release_are_known(tmp_path):
    model = built("fcn8s")
    layers = published(
        model,
        {"score2": 4, "score4": 4, "upsample": 16},
        lambda name: (
            "score-fr" if name == "score_fr" else name.replace("_pool", "-pool")
        ),
    )
    assert {"score-fr", "score-pool4", "score-pool3"} < set(layers)
    report = load_caffemodel(
        model, caffe.write_caffemodel(tmp_path / "old.caffemodel", layers, 1)
    )
    assert report.matched["score_pool3/bias"].name == "score-pool3[1]"
    assert report.bilinear == ("score2[0]", "score4[0]", "upsample[0]")


@pytest.mark.parametrize(
    ("caffes", "kernel_size", "ours"),
    [
        ("conv5_3", 3, "block5_conv3"),
        ("conv3_4", 3, "block3_conv4"),
        ("conv5", 3, "conv5"),
        ("conv1/7x7_s2", 7, "conv1_7x7_s2"),
        ("inception_3a/1x1", 1, "inception_3a_1x1"),
        ("upscore", 64, "upscore32"),
        ("upscore", 63, "upscore32"),
        ("upsample", 32, "upscore16"),
        ("bigscore", 16, "upscore8"),
        ("upscore2", 4, "upscore2"),
        ("score59", 1, "score_fr"),
    ],
)
def test_layers_are_found_by_their_published_names(caffes, kernel_size, ours):
    assert caffe_target(caffes, kernel_size) == ours


def test_googlenets_layers_load_and_its_classifiers_are_left_over(tmp_path):
    image = keras.Input((8, 8, 3))
    x = keras.layers.Conv2D(4, 7, padding="same", name="conv1_7x7_s2")(image)
    x = keras.layers.Conv2D(2, 1, name="inception_3a_1x1")(x)
    model = keras.Model(image, x)
    layers = {
        "conv1/7x7_s2": layer_like(model.layers[1]),
        "inception_3a/1x1": layer_like(model.layers[2]),
        "loss1/conv": ("Convolution", [random(2, 2, 1, 1)]),
        "loss3/classifier": ("InnerProduct", [random(9, 2), random(9)]),
    }
    report = load_caffemodel(
        model, caffe.write_caffemodel(tmp_path / "googlenet.caffemodel", layers)
    )
    assert report.left_over == (
        "loss1/conv[0]",
        "loss3/classifier[0]",
        "loss3/classifier[1]",
    )
    assert report.matched["inception_3a_1x1/kernel"].name == "inception_3a/1x1[0]"


def test_an_imagenet_file_leaves_the_scores_as_they_are(tmp_path):
    model = built("fcn8s", upsampling="learned")
    layers = published(model, {})
    layers = {name: x for name, x in layers.items() if not name.startswith("score")}
    scores = model.get_layer("score_fr").kernel
    before = scores.numpy()
    fc7 = layers["fc7"][1][0]
    layers["fc8"] = ("InnerProduct", [random(10, len(fc7)), random(10)])
    report = load_caffemodel(
        model, caffe.write_caffemodel(tmp_path / "vgg16.caffemodel", layers)
    )
    assert report.left_over == ("fc8[0]", "fc8[1]")
    assert len(report.missing) == 6 + 3
    np.testing.assert_array_equal(scores.numpy(), before)


def test_a_coarser_network_fills_all_but_the_finer_scores(tmp_path):
    coarse = built("fcn32s")
    file = caffe.write_caffemodel(
        tmp_path / "fcn32s.caffemodel", published(coarse, {"upscore": 64})
    )
    fine = built("fcn16s")
    report = load_caffemodel(fine, file)
    assert report.missing == ("score_pool4/kernel", "score_pool4/bias")
    assert report.left_over == ("upscore[0]",)


def test_a_finer_network_does_not_load_into_a_coarser_one(tmp_path):
    fine = built("fcn16s")
    layers = published(fine, {"upscore2": 4, "upscore16": 32})
    file = caffe.write_caffemodel(tmp_path / "fcn16s.caffemodel", layers)
    with pytest.raises(WeightsFormatError, match=r"\+ score_pool4\[0\] .*not in the"):
        load_caffemodel(built("fcn32s"), file)


def at_once_layers(model, pool4=0.01, pool3=0.0001):
    layers = published(model, UPSCORES_8S)
    # Caffe's Scale has one number a channel.
    layers["scale_pool4"] = ("Scale", [np.full(10, pool4, "float32")])
    layers["scale_pool3"] = ("Scale", [np.full(5, pool3, "float32")])
    return layers


def test_the_at_once_networks_scales_are_its_own_constants(tmp_path):
    model = built("fcn8s", at_once=True)
    file = caffe.write_caffemodel(tmp_path / "net.caffemodel", at_once_layers(model))
    report = load_caffemodel(model, file)
    assert report.constants == ("scale_pool4[0]", "scale_pool3[0]")


@pytest.mark.parametrize(
    ("at_once", "change"),
    [
        pytest.param(False, {}, id="a model without scales"),
        pytest.param(True, {"pool4": 0.02}, id="other scales"),
        pytest.param(True, None, id="a file without scales"),
    ],
)
def test_scales_of_the_file_and_of_the_model_must_agree(tmp_path, at_once, change):
    model = built("fcn8s", at_once=at_once)
    layers = at_once_layers(model, **(change or {}))
    if change is None:
        del layers["scale_pool4"], layers["scale_pool3"]
    file = caffe.write_caffemodel(tmp_path / "net.caffemodel", layers)
    before = [v.numpy() for v in model.weights]
    with pytest.raises(WeightsFormatError, match="at_once"):
        load_caffemodel(model, file)
    for old, now in zip(before, model.weights, strict=True):
        np.testing.assert_array_equal(old, now.numpy())


def test_weights_of_before_scales_start_an_at_once_network(tmp_path):
    model = built("fcn8s", at_once=True)
    layers = published(model, {})
    layers = {name: x for name, x in layers.items() if not name.startswith("score")}
    file = caffe.write_caffemodel(tmp_path / "vgg16.caffemodel", layers)
    assert len(load_caffemodel(model, file).missing) == 6


def test_an_odd_bilinear_kernel_is_known_as_bilinear(tmp_path):
    image = keras.Input((None, None, 3))
    x = keras.layers.Conv2D(3, 1, name="score_fr")(image)
    x = BilinearUpsampling2D(32, kernel_size=63, name="upscore32")(x)
    model = keras.Model(image, x)
    for kernel_size, loads in ((63, True), (64, False)):
        layers = published(model, {"upscore": kernel_size})
        file = caffe.write_caffemodel(tmp_path / "alexnet.caffemodel", layers)
        if loads:
            assert load_caffemodel(model, file).bilinear == ("upscore[0]",)
        else:
            with pytest.raises(WeightsFormatError, match="63 taps a side in the model"):
                load_caffemodel(model, file)


def test_every_network_refuses_every_other_ones_file(tmp_path):
    upscores = {
        "fcn32s": {"upscore": 64},
        "fcn16s": {"upscore2": 4, "upscore16": 32},
        "fcn8s": UPSCORES_8S,
    }
    loads = {}
    for file_of, model_of in itertools.product(upscores, upscores):
        layers = published(built(file_of), upscores[file_of])
        file = caffe.write_caffemodel(tmp_path / "net.caffemodel", layers)
        try:
            load_caffemodel(built(model_of), file)
            loads[file_of, model_of] = True
        except WeightsFormatError:
            loads[file_of, model_of] = False
    # Training is staged from coarse to fine.
    order = list(upscores)
    assert loads == {
        (a, b): order.index(a) <= order.index(b)
        for a, b in itertools.product(order, order)
    }


def test_a_file_that_is_not_there_is_said_to_be_missing(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"no weights file.*none\.caffemodel"):
        read_caffemodel(tmp_path / "none.caffemodel")

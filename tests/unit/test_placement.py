import keras
import numpy as np
import pytest

from keras_fcn.layers import BilinearUpsampling2D, ImagePreprocessing
from keras_fcn.weights import WeightsFormatError
from keras_fcn.weights.placement import SourceTensor, place

PATH = "net.weights"


def layer(name, channels, kernel_size=1):
    return keras.layers.Conv2D(channels, kernel_size, padding="same", name=name)


def net(upsampling="fixed", fc6=3, upsampling_bias=False, preprocessing=None):
    """A network with the names of FCN-16s, of two channels and a few pixels."""
    image = x = keras.Input((8, 8, 3))
    if preprocessing:
        x = ImagePreprocessing(preprocessing, name="preprocessing")(x)
    x = pool4 = layer("block1_conv1", 2, 3)(x)
    x = layer("fc7", 2)(layer("fc6", 2, fc6)(x))
    x = layer("score_fr", 2)(x)
    if upsampling == "fixed":
        x = BilinearUpsampling2D(2, "same", name="upscore2")(x)
    else:
        x = keras.layers.Conv2DTranspose(
            2, 4, 2, "same", use_bias=upsampling_bias, name="upscore2"
        )(x)
    return keras.Model(image, [x, layer("score_pool4", 2)(pool4)])


def values(*shape):
    return np.random.default_rng(shape).normal(size=shape).astype("float32")


def bilinear():
    profile = np.array([1, 3, 3, 1]) / 4
    return np.einsum("io,h,w->iohw", np.eye(2), profile, profile)


def whole():
    """All tensors that `net()` wants, by target."""
    arrays = {"block1_conv1/kernel": values(2, 3, 3, 3), "fc6/kernel": values(2, 18)}
    for name in ("fc7", "score_fr", "score_pool4"):
        arrays[f"{name}/kernel"] = values(2, 2, 1, 1)
    for name in ("block1_conv1", "fc6", "fc7", "score_fr", "score_pool4"):
        arrays[f"{name}/bias"] = values(2)
    return {**arrays, "upscore2/kernel": bilinear()}


def load(model, arrays, extra=(), **options):
    options = {"preprocessing": None, **options}
    tensors = [SourceTensor(f"file.{name}", x, name) for name, x in arrays.items()]
    return place(model, PATH, [*tensors, *extra], **options)


def refuse(model, arrays, match, extra=(), **options):
    """Expect an error, and the model as it was; return the message."""
    before = [keras.ops.convert_to_numpy(v) for v in model.weights]
    with pytest.raises(WeightsFormatError, match=match) as error:
        load(model, arrays, extra, **options)
    for old, now in zip(before, model.weights, strict=True):
        np.testing.assert_array_equal(old, keras.ops.convert_to_numpy(now))
    assert PATH in str(error.value)
    return str(error.value)


def without(arrays, *starts):
    return {name: x for name, x in arrays.items() if not name.startswith(starts)}


def test_every_tensor_and_every_variable_is_accounted_for():
    model = net()
    classifier = SourceTensor("fc8.weight", values(9, 2), None)
    report = load(
        model, whole(), [classifier], preprocessing="torch", allowed_left_over=["fc8*"]
    )
    assert set(report.matched) == {f"{x.path}" for x in model.weights}
    assert report.counts == {
        "matched": 10,
        "missing": 0,
        "left over": 1,
        "bilinear": 1,
        "constants": 0,
    }
    matched = report.matched["fc6/kernel"]
    assert matched.name == "file.fc6/kernel"
    assert (matched.file_shape, matched.shape) == ((2, 18), (3, 3, 2, 2))
    assert str(report).splitlines()[:3] == [
        "net.weights: 10 matched, 0 missing, 1 left over, 1 bilinear, 0 constants",
        "preprocessing expected: torch",
        "matched:",
    ]
    assert "  fc6/kernel (3, 3, 2, 2)           from file.fc6/kernel (2, 18)" in str(
        report
    )
    assert str(report).splitlines()[-4:] == [
        "left over in the file:",
        "  fc8.weight",
        "bilinear, computed without weights:",
        "  file.upscore2/kernel",
    ]


def test_wrong_shapes_are_all_named_with_both_shapes():
    arrays = whole() | {"fc7/kernel": values(5, 2, 1, 1), "fc7/bias": values(5)}
    message = refuse(net(), arrays, "nothing was loaded")
    assert "fc7/kernel: (5, 2, 1, 1) in the file as file.fc7/kernel" in message
    assert "(1, 1, 2, 2) in the model" in message
    assert "fc7/bias: (5,) in the file as file.fc7/bias, (2,) in the model" in message
    assert message.count("  - ") == 2


@pytest.mark.parametrize(
    ("target", "shape"),
    [
        pytest.param("block1_conv1/kernel", (3, 3, 3, 2), id="a turned kernel"),
        pytest.param("fc7/bias", (2, 1), id="a bias in rows"),
        pytest.param("fc7/bias", (3, 2), id="three biases"),
        pytest.param("fc6/kernel", (2, 2, 18), id="two matrices"),
        pytest.param("fc6/kernel", (18, 2), id="a turned matrix"),
        pytest.param("fc7/bias", (), id="a scalar"),
    ],
)
def test_the_last_axes_or_the_size_are_not_enough(target, shape):
    refuse(net(), whole() | {target: values(*shape)}, f"- {target}: .*in the file")


def test_the_same_tensor_twice_is_one():
    twin = SourceTensor("fcn.fc7", whole()["fc7/bias"].copy(), "fc7/bias")
    report = load(net(), whole(), [twin])
    assert report.matched["fc7/bias"].same == ("fcn.fc7",)
    assert "from file.fc7/bias (2,) = fcn.fc7" in str(report)


def test_two_tensors_for_one_place_are_refused():
    other = SourceTensor("fcn.fc7", whole()["fc7/bias"] + 1, "fc7/bias")
    refuse(net(), whole(), r"fc7/bias: file\.fc7/bias and fcn\.fc7 .*differ", [other])


@pytest.mark.parametrize("missing", ["block1_conv1/bias", "fc6", "score_fr/bias"])
def test_what_is_missing_is_named(missing):
    message = refuse(net(), without(whole(), missing), f"- {missing}.*: not in the fil")
    assert message.count("  - ") == (2 if missing == "fc6" else 1)


def test_a_classifiers_file_has_no_scores():
    report = load(net("learned"), without(whole(), "score", "upscore"))
    assert report.missing == (
        "score_fr/kernel",
        "score_fr/bias",
        "upscore2/kernel",
        "score_pool4/kernel",
        "score_pool4/bias",
    )


def test_only_the_finer_scores_may_be_missing():
    coarse = without(whole(), "score_pool4", "upscore2")
    last = SourceTensor("upscore", values(2, 2, 64, 64), "upscore32/kernel")
    report = load(net(), coarse, [last])
    assert report.missing == ("score_pool4/kernel", "score_pool4/bias")
    assert report.left_over == ("upscore",)
    refuse(net(), without(whole(), "score_fr"), "- score_fr/kernel")
    refuse(net("learned"), without(whole(), "upscore2"), "- upscore2/kernel")
    refuse(net(), whole(), r"\+ upscore \(2, 2, 64, 64\): not in the model", [last])


def test_optional_layers_are_missing_together_or_not_at_all():
    arrays = without(whole(), "fc", "score", "upscore")
    report = load(net(), arrays, optional_missing=["fc6", "fc7"])
    assert len(report.missing) == 8
    refuse(net(), arrays, "- fc6/kernel")
    arrays |= {"fc7/kernel": values(2, 2), "fc7/bias": values(2)}
    refuse(net(), arrays, "- fc6/kernel", optional_missing=["fc6", "fc7"])


@pytest.mark.parametrize("target", [None, "conv9/kernel", "fc6/gamma"])
def test_a_tensor_without_a_place_is_named(target):
    extra = SourceTensor("mystery", values(4), target)
    refuse(net(), whole(), r"\+ mystery \(4,\): not in the model", [extra])


def test_a_file_of_something_else_matches_nothing():
    strangers = [SourceTensor(f"stranger{i}", values(2), None) for i in range(9)]
    message = refuse(
        net(), {}, "none of its 9 tensors", strangers, allowed_left_over=["*"]
    )
    assert "stranger0, stranger1, stranger2, stranger3, stranger4, ..." in message


def test_fixed_upsampling_wants_a_bilinear_kernel():
    learned = whole() | {"upscore2/kernel": bilinear() + 1e-3}
    refuse(net(), learned, 'bilinearly as the model does\n.*upsampling="learned"')
    report = load(net("learned"), learned)
    assert report.matched["upscore2/kernel"].shape == (4, 4, 2, 2)
    biased = whole() | {"upscore2/bias": np.array([0, 1e-3])}
    refuse(net(), biased, 'file.upscore2/bias .*\n.*upsampling="learned"')
    unbiased = whole() | {"upscore2/bias": np.zeros(2)}
    assert load(net(), unbiased).counts["bilinear"] == 2


def test_bilinear_kernels_that_mix_channels_or_turn_are_not_bilinear():
    refuse(net(), whole() | {"upscore2/kernel": bilinear()[::-1]}, "bilinearly")
    kernel = bilinear()
    kernel[..., 0] = 0
    refuse(net(), whole() | {"upscore2/kernel": kernel}, "bilinearly")
    size = whole() | {"upscore2/kernel": values(2, 2, 6, 6)}
    refuse(net(), size, r"\(2, 2, 6, 6\) in the file .* 4 taps a side in the model")


def test_a_kernel_of_one_channel_a_group_is_the_diagonal_of_a_dense_one():
    grouped = values(2, 1, 4, 4)
    model = net("learned")
    load(model, whole() | {"upscore2/kernel": grouped})
    kernel = keras.ops.convert_to_numpy(model.get_layer("upscore2").kernel)
    for o, i in np.ndindex(2, 2):
        expected = grouped[i, 0] if i == o else 0
        np.testing.assert_array_equal(kernel[:, :, o, i] - expected, 0)
    grouped = bilinear().sum(axis=1, keepdims=True)
    report = load(net(), whole() | {"upscore2/kernel": grouped})
    assert report.bilinear == ("file.upscore2/kernel",)


def test_a_bias_that_the_file_does_not_have_becomes_zero_where_upsampling_has_one():
    model = net("learned", upsampling_bias=True)
    model.get_layer("upscore2").bias.assign([1.0, 2.0])
    report = load(model, whole())
    assert not keras.ops.convert_to_numpy(model.get_layer("upscore2").bias).any()
    assert report.matched["upscore2/bias"].name == "no bias: zero"


def test_a_bias_of_the_file_that_the_model_does_not_have_must_be_zero():
    zero = whole() | {"upscore2/bias": np.zeros(2)}
    assert load(net("learned"), zero).left_over == ("file.upscore2/bias",)
    nonzero = whole() | {"upscore2/bias": np.ones(2)}
    refuse(net("learned"), nonzero, r"\+ file.upscore2/bias \(2,\): not in the model")


def test_a_wide_fc6_has_no_place_in_a_pointwise_network():
    refuse(net(fc6=1), whole(), 'topology="pointwise" has no place for a 7x7 fc6')
    narrow = whole() | {"fc6/kernel": values(2, 2, 1, 1)}
    refuse(net(), narrow, '1x1 fc6 belongs to topology="pointwise"')
    other = whole() | {"fc6/kernel": values(2, 2, 2, 2)}
    assert "pointwise" not in refuse(net(), other, "fc6/kernel")


@pytest.mark.parametrize("mode", ["caffe", "torch", "tf"])
def test_the_models_preprocessing_must_be_that_of_the_weights(mode):
    for wanted in ("caffe", "torch"):
        model = net(preprocessing=mode)
        if mode == wanted:
            assert load(model, whole(), preprocessing=wanted).preprocessing == wanted
        else:
            refuse(
                model,
                whole(),
                f'{mode!r}.*include_preprocessing="{wanted}"',
                preprocessing=wanted,
            )
    assert load(net(preprocessing=mode), whole()).preprocessing is None


def test_the_model_keeps_no_view_of_a_file():
    memory = np.zeros(64, "float32")
    first = -memory.ctypes.data % 64 // 4  # JAX keeps arrays that begin at 64 bytes
    bias = memory[first : first + 2]
    bias[:] = 1, 2
    view = bias.view()
    view.flags.writeable = False  # as a mapped file is
    model = net()
    load(model, whole() | {"fc7/bias": view})
    bias[:] = 9
    loaded = keras.ops.convert_to_numpy(model.get_layer("fc7").bias)
    np.testing.assert_array_equal(loaded, [1, 2])

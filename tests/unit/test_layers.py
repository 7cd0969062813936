import json

import keras
import numpy as np
import pytest

from keras_fcn.layers import (
    FCN_BGR_MEAN,
    PREPROCESSING_MODES,
    Bilinear,
    BilinearUpsampling2D,
    CropTo,
    ImagePreprocessing,
    LabelMap,
    LocalResponseNormalization,
    PadToMultiple,
    PatchConv2D,
    PhaseConv2DTranspose,
)
from keras_fcn.layers.grouped import GroupedConv2D
from keras_fcn.transposed import bilinear_kernel

# Sums of at most 4 products of values below 10 in float32.
FLOAT32_INTERPOLATION = 1e-5


def as_array(tensor):
    return keras.ops.convert_to_numpy(tensor)


def scatter(maps, kernel, stride, crop, lengths):
    """A transposed convolution by its definition: every input paints its kernel."""
    n, m, _ = maps.shape
    k = len(kernel)
    full = np.zeros(((n - 1) * stride + k, (m - 1) * stride + k, kernel.shape[2]))
    for i in range(n):
        for j in range(m):
            rows = slice(i * stride, i * stride + k)
            columns = slice(j * stride, j * stride + k)
            full[rows, columns] += kernel @ maps[i, j]
    return full[crop : crop + lengths[0], crop : crop + lengths[1]]


@pytest.mark.parametrize("padding", ["valid", "same"])
@pytest.mark.parametrize("factor", [1, 2, 3, 4, 8, 16])
def test_fixed_upsampling_is_the_transposed_convolution(factor, padding, rng):
    maps = rng.normal(size=(1, 5, 3, 2)).astype("float32")
    kernel = bilinear_kernel(factor, 2)
    k = len(kernel)
    crop = (k - factor) // 2 if padding == "same" else 0
    lengths = [
        n * factor if padding == "same" else (n - 1) * factor + k for n in (5, 3)
    ]
    expected = scatter(maps[0], kernel, factor, crop, lengths)
    out = as_array(BilinearUpsampling2D(factor, padding)(maps))
    np.testing.assert_allclose(out[0], expected, atol=FLOAT32_INTERPOLATION)


@pytest.mark.parametrize("padding", ["valid", "same"])
@pytest.mark.parametrize("factor", [2, 3, 8, 32])
def test_fixed_and_learned_upsampling_start_as_the_same_function(factor, padding, rng):
    maps = rng.normal(size=(2, 4, 6, 3)).astype("float32")
    learned = keras.layers.Conv2DTranspose(
        3,
        2 * factor - factor % 2,
        strides=factor,
        padding=padding,
        data_format="channels_last",
        kernel_initializer=Bilinear(factor),
    )
    np.testing.assert_allclose(
        as_array(BilinearUpsampling2D(factor, padding)(maps)),
        as_array(learned(maps)),
        atol=FLOAT32_INTERPOLATION,
    )


def test_fixed_upsampling_has_no_weights():
    layer = BilinearUpsampling2D(8)
    layer.build((None, None, None, 21))
    assert layer.weights == []


def test_fixed_upsampling_knows_its_output_shape():
    layer = BilinearUpsampling2D(8)
    assert layer.compute_output_shape((2, 10, None, 21)) == (2, 88, None, 21)
    layer = BilinearUpsampling2D(8, padding="same")
    assert layer.compute_output_shape((2, 10, None, 21)) == (2, 80, None, 21)


def test_upsampling_refuses_another_padding():
    with pytest.raises(ValueError, match="Received: padding='full'"):
        BilinearUpsampling2D(2, padding="full")


@pytest.mark.parametrize("padding", ["valid", "same"])
@pytest.mark.parametrize(("factor", "k"), [(2, 3), (3, 6), (4, 7), (32, 63)])
def test_a_kernel_of_the_other_parity_is_the_same_tent(factor, k, padding, rng):
    maps = rng.normal(size=(1, 3, 2, 2)).astype("float32")
    tent = 1 - np.abs(np.arange(k) - (k - 1) / 2) / factor
    kernel = np.einsum("i,j,oc->ijoc", tent, tent, np.eye(2))
    crop = (k - factor) // 2 if padding == "same" else 0
    lengths = [
        n * factor if padding == "same" else (n - 1) * factor + k for n in (3, 2)
    ]
    expected = scatter(maps[0], kernel, factor, crop, lengths)
    layer = BilinearUpsampling2D(factor, padding, kernel_size=k)
    out = as_array(layer(maps))
    np.testing.assert_allclose(out[0], expected, atol=FLOAT32_INTERPOLATION)
    assert layer.compute_output_shape(maps.shape) == out.shape
    np.testing.assert_allclose(as_array(Bilinear(factor)((k, k, 2, 2))), kernel)


@pytest.mark.parametrize(
    ("shape", "received"),
    [((5, 5, 2, 2), "kernel_size=5"), ((4, 3, 2, 2), r"shape=\(4, 3, 2, 2\)")],
)
def test_a_bilinear_start_refuses_a_kernel_of_another_size(shape, received):
    with pytest.raises(ValueError, match=f"Received: {received}"):
        Bilinear(2)(shape)


def test_fixed_upsampling_refuses_a_kernel_of_another_size():
    with pytest.raises(ValueError, match=r"must be 7 or 8 .* Received: kernel_size=9"):
        BilinearUpsampling2D(4, kernel_size=9)


@pytest.mark.parametrize("mode", PREPROCESSING_MODES)
def test_preprocessing_is_that_of_keras_applications(mode, rng):
    images = rng.uniform(0, 255, (2, 4, 5, 3)).astype("float32")
    expected = keras.applications.imagenet_utils.preprocess_input(
        images.copy(), data_format="channels_last", mode=mode
    )
    out = as_array(ImagePreprocessing(mode)(images))
    np.testing.assert_allclose(out, expected, atol=1e-5)


def test_preprocessing_takes_bytes():
    bytes_ = np.full((1, 1, 1, 3), 7, "uint8")
    out = as_array(ImagePreprocessing(mode="caffe", mean=(1, 2, 3))(bytes_))
    assert out.dtype == "float32"
    assert out.ravel().tolist() == [6, 5, 4]


def test_a_mean_of_bgr_is_subtracted_after_the_channels_are_swapped():
    out = ImagePreprocessing(mean=FCN_BGR_MEAN)(np.array([[[[255.0, 0.0, 0.0]]]]))
    blue, green, red = as_array(out).ravel()
    assert [blue, green] == pytest.approx([-104.00698793, -116.66876762])
    assert red == pytest.approx(255 - 122.67891434)


def test_another_preprocessing_is_refused():
    with pytest.raises(ValueError, match='Did you mean "caffe"'):
        ImagePreprocessing("cafe")


@pytest.mark.parametrize("size", [(1, 1), (5, 8), (8, 5), (9, 17), (16, 8)])
def test_an_image_is_continued_behind_its_end_to_whole_multiples(size, rng):
    height, width = size
    images = rng.normal(size=(2, height, width, 3)).astype("float32")
    behind = [(0, 0), (0, -height % 8), (0, -width % 8), (0, 0)]
    layer = PadToMultiple(8)
    out = as_array(layer(images))
    np.testing.assert_array_equal(out, np.pad(images, behind, mode="edge"))
    assert layer.compute_output_shape(images.shape) == out.shape


def test_an_image_of_unknown_size_is_continued_too(rng):
    image = keras.Input((None, None, 1))
    padded = PadToMultiple(4)(image)
    assert padded.shape == (None, None, None, 1)
    images = rng.normal(size=(1, 6, 3, 1)).astype("float32")
    out = keras.Model(image, padded).predict_on_batch(images)
    np.testing.assert_array_equal(out[:, :6, :3], images)
    assert out.shape == (1, 8, 4, 1)


@pytest.mark.parametrize("options", [{"strides": 2}, {"padding": "same"}])
@pytest.mark.parametrize("groups", [1, 2, 3])
def test_a_grouped_convolution_is_that_of_keras(groups, options, rng):
    options = {"groups": groups, "data_format": "channels_last", **options}
    maps = rng.normal(size=(2, 7, 6, 6)).astype("float32")
    kernel = rng.normal(size=(3, 5, 6 // groups, 12))
    bias = rng.normal(size=12)
    outputs = []
    for layer in (GroupedConv2D, keras.layers.Conv2D):
        layer = layer(12, (3, 5), activation="relu", **options)
        layer.build(maps.shape)
        layer.set_weights([kernel, bias])
        outputs.append(as_array(layer(maps)))
    ours, theirs = outputs
    assert (theirs == 0).any()
    np.testing.assert_allclose(ours, theirs, atol=1e-4)


def test_crop_begins_at_the_offset_and_has_the_size_of_the_reference(rng):
    maps = rng.normal(size=(1, 20, 30, 2)).astype("float32")
    out = as_array(CropTo(offset=3)([maps, np.zeros((1, 7, 9, 5))]))
    np.testing.assert_array_equal(out, maps[:, 3:10, 3:12])


@pytest.mark.parametrize(("classes", "dtype"), [(21, "uint8"), (300, "int32")])
def test_a_label_is_the_first_of_the_highest_scores(classes, dtype, rng):
    scores = rng.integers(0, 5, (2, 9, 7, classes)).astype("float32")  # many are equal
    labels = as_array(LabelMap()(scores))
    assert labels.dtype == dtype
    np.testing.assert_array_equal(labels, scores.argmax(axis=-1))
    assert LabelMap()(keras.Input((None, 7, classes))).shape == (None, None, 7)


@pytest.mark.parametrize(
    "layer",
    [
        GroupedConv2D(4, 3, groups=2, name="grouped"),
        ImagePreprocessing("caffe", mean=(1, 2, 3)),
        ImagePreprocessing("torch"),
        LocalResponseNormalization(3, alpha=2.0, beta=0.5, bias=3.0),
        LabelMap(name="labels"),
        PadToMultiple(16),
        PatchConv2D(4, 7, padding="same"),
        PhaseConv2DTranspose(3, 8, strides=4, kernel_initializer=Bilinear(4)),
        BilinearUpsampling2D(3, padding="same"),
        BilinearUpsampling2D(2, kernel_size=3),
        CropTo(offset=5),
    ],
    ids=lambda layer: layer.name,
)
def test_a_layer_can_be_made_again_from_its_configuration(layer):
    saved = keras.saving.serialize_keras_object(layer)
    again = keras.saving.deserialize_keras_object(json.loads(json.dumps(saved)))
    assert type(again) is type(layer)
    assert again.get_config() == layer.get_config()

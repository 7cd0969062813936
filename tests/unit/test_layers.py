import keras
import numpy as np
import pytest

from keras_fcn.layers import (
    BGRMeanSubtraction,
    Bilinear,
    BilinearUpsampling2D,
    CropTo,
)
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


def test_a_bilinear_start_refuses_a_kernel_of_another_size():
    with pytest.raises(ValueError, match=r"Received: shape=\(3, 3, 2, 2\)"):
        Bilinear(2)((3, 3, 2, 2))


def test_preprocessing_is_that_of_keras_applications(rng):
    images = rng.uniform(0, 255, (2, 4, 5, 3)).astype("float32")
    expected = keras.applications.vgg16.preprocess_input(images.copy())
    out = as_array(BGRMeanSubtraction()(images))
    np.testing.assert_allclose(out, expected, atol=1e-5)


def test_preprocessing_takes_bytes():
    out = as_array(
        BGRMeanSubtraction(mean=(1, 2, 3))(np.full((1, 1, 1, 3), 7, "uint8"))
    )
    assert out.dtype == "float32"
    assert out.ravel().tolist() == [6, 5, 4]


def test_crop_begins_at_the_offset_and_has_the_size_of_the_reference(rng):
    maps = rng.normal(size=(1, 20, 30, 2)).astype("float32")
    out = as_array(CropTo(offset=3)([maps, np.zeros((1, 7, 9, 5))]))
    np.testing.assert_array_equal(out, maps[:, 3:10, 3:12])


@pytest.mark.parametrize(
    "layer",
    [
        BGRMeanSubtraction(mean=(1, 2, 3)),
        BilinearUpsampling2D(3, padding="same"),
        CropTo(offset=5),
    ],
    ids=lambda layer: layer.name,
)
def test_a_layer_can_be_made_again_from_its_configuration(layer):
    again = type(layer).from_config(layer.get_config())
    assert again.get_config() == layer.get_config()

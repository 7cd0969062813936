from fractions import Fraction

import pytest

from keras_fcn.geometry import (
    CoordinateMap,
    convolution,
    crop_offset,
    transposed_convolution,
)

POOL = convolution(2, stride=2)


def authors_network(padding, kernels, classifier=7):
    """The coordinate maps of the authors' VGG networks, up to each upsampling.

    Five poolings, fc6 unpadded, then `kernels` (factor each). 3x3 convolutions with
    padding 1 move nothing; of the first only `padding` counts.
    """
    pools = [convolution(3, padding=padding)]
    for _ in range(5):
        pools.append(pools[-1].then(POOL))
    score = pools[5].then(convolution(classifier))
    maps = []
    for factor in kernels:
        score = score.then(transposed_convolution(2 * factor, factor))
        maps.append(score)
    return pools, maps


@pytest.mark.parametrize(
    ("kernels", "skips", "expected"),
    [
        pytest.param([32], [], [19], id="fcn32s"),
        pytest.param([2, 16], [4], [5, 27], id="fcn16s"),
        pytest.param([2, 2, 8], [4, 3], [5, 9, 31], id="fcn8s"),
    ],
)
def test_crops_are_those_of_the_authors_prototxts(kernels, skips, expected):
    pools, maps = authors_network(padding=100, kernels=kernels)
    crops = [
        crop_offset(pools[skip], score)
        for skip, score in zip(skips, maps, strict=False)
    ]
    crops.append(crop_offset(maps[-1], CoordinateMap()))
    assert crops == expected


@pytest.mark.parametrize("padding", [81, 97, 100, 150])
def test_the_crop_grows_with_the_padding(padding):
    # Worked out by hand: with padding P the x32 output begins P - 81 pixels early.
    _, (score,) = authors_network(padding, [32])
    assert crop_offset(score, CoordinateMap()) == padding - 81


def test_a_negative_crop_is_refused():
    _, (score,) = authors_network(80, [32])
    with pytest.raises(ValueError, match="offset=-1"):
        crop_offset(score, CoordinateMap())


def test_a_crop_between_pixels_is_refused():
    half = CoordinateMap(shift=Fraction(-1, 2))
    with pytest.raises(ValueError, match="offset=1/2"):
        crop_offset(half, CoordinateMap())


def test_maps_of_different_strides_cannot_be_aligned():
    with pytest.raises(ValueError, match="strides 2 and 1"):
        crop_offset(POOL, CoordinateMap())


def test_a_dilated_kernel_is_as_wide_as_its_holes():
    assert convolution(3, dilation_rate=4) == convolution(9)


@pytest.mark.parametrize("name", ["kernel_size", "stride", "dilation_rate"])
def test_sizes_below_one_are_refused(name):
    with pytest.raises(ValueError, match=f"Received: {name}=0"):
        convolution(**{"kernel_size": 3, name: 0})

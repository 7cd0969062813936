import numpy as np
import pytest
from PIL import Image

from keras_fcn.datasets.batches.augment import (
    cut,
    mirrored,
    pad_to,
    prepare,
    scaled_size,
    span,
)

# The mean colour of ImageNet, red, green, blue, of the FCN authors' solvers.
MEAN = np.rint([123.68, 116.779, 103.939]).astype("uint8").tolist()


def coded(label):
    """A photo that says what the label is."""
    return np.repeat(10 * np.asarray(label, "uint8")[..., None], 3, axis=-1)


def prepared(label, seed, **options):
    given = {
        "crop_size": None,
        "augment": True,
        "scale_range": (1.0, 1.0),
        "ignore_class": 255,
    }
    return prepare(coded(label), label, seed, **(given | options))


def scaled(image, label, factor):
    """All of a sample, scaled."""
    height, width = scaled_size(label.shape, factor)
    return cut(image, label, (height, width), slice(0, height), slice(0, width))


def test_a_flip_mirrors_photo_and_label_together_about_every_second_time(rng):
    label = rng.integers(0, 21, (4, 5)).astype("uint8")
    flips = 0
    for seed in range(100):
        image, flipped = prepared(label, (0, seed))
        np.testing.assert_array_equal(image, coded(flipped))
        is_mirrored = np.array_equal(flipped, label[:, ::-1])
        assert is_mirrored or np.array_equal(flipped, label)
        flips += is_mirrored
    assert 30 <= flips <= 70  # 50 +- 4 standard deviations of a fair coin


def test_scales_fill_the_range_evenly_in_octaves():
    label = np.zeros((100, 60), "uint8")
    scales = []
    for seed in range(80):
        _, cut_out = prepared(label, (1, seed), crop_size=201, scale_range=(0.5, 2.0))
        height, width = (cut_out == 0).any(axis=1).sum(), (cut_out == 0).any(0).sum()
        assert abs(width - 0.6 * height) <= 1  # one factor for both
        scales.append(height / 100)
    assert 0.5 <= min(scales) < 0.6
    assert 1.8 < max(scales) <= 2
    assert 22 <= sum(scale < 1 for scale in scales) <= 58  # 40 +- 4 deviations


@pytest.mark.parametrize("factor", [0.5, 0.8, 1.7, 2.0])
def test_scaled_photo_and_label_have_their_edges_in_one_place(factor):
    label = np.zeros((40, 50), "uint8")
    label[12:, 20:] = 20
    image, result = scaled(coded(label), label, factor)
    assert result.shape == (round(40 * factor), round(50 * factor))
    assert set(np.unique(result)) == {0, 20}  # nearest: no label between two
    differs = (image[..., 0] > 100) != (result == 20)
    # within a pixel of the edge, and nowhere else
    rows, columns = np.nonzero(differs)
    away = abs(rows + 0.5 - 12 * factor), abs(columns + 0.5 - 20 * factor)
    assert (np.minimum(*away) <= 1).all()


def test_a_doubled_label_repeats_every_pixel(rng):
    label = rng.integers(0, 21, (5, 6)).astype("uint8")
    _, doubled = scaled(coded(label), label, 2)
    np.testing.assert_array_equal(doubled, np.kron(label, np.ones((2, 2), "uint8")))


@pytest.mark.parametrize("factor", [0.4, 0.7, 1.3, 2.6])
def test_a_scaled_label_is_that_under_the_middle_of_its_pixel(rng, factor):
    label = rng.integers(0, 21, (11, 13)).astype("uint8")
    _, result = scaled(coded(label), label, factor)
    rows, columns = (
        [int((i + 0.5) * old / new) for i in range(new)]
        for old, new in zip(label.shape, result.shape, strict=True)
    )
    np.testing.assert_array_equal(result, label[rows][:, columns])


def test_a_halved_photo_is_averaged_not_thinned_out():
    stripes = np.tile(np.array([0, 20], "uint8"), (16, 8))
    image, _ = scaled(coded(stripes), stripes, 0.5)
    assert 80 <= image.min() <= image.max() <= 120  # every second pixel: all 0 or 200


@pytest.mark.parametrize("factor", [0.37, 0.5, 0.93, 1.4, 3.0])
def test_a_whole_photo_is_scaled_as_pillow_does(rng, factor):
    photo = rng.integers(0, 256, (23, 31, 3), "uint8")
    image, label = scaled(photo, photo[..., 0], factor)
    whole = Image.fromarray(photo).resize(label.shape[::-1], Image.Resampling.BILINEAR)
    np.testing.assert_array_equal(image, np.asarray(whole))


def test_a_sample_of_its_own_size_is_not_resampled(rng):
    photo = rng.integers(0, 256, (9, 11, 3), "uint8")
    label = photo[..., 0]
    image, result = cut(photo, label, (9, 11), slice(2, 8), slice(1, 11))
    np.testing.assert_array_equal(image, photo[2:8, 1:11])
    np.testing.assert_array_equal(result, label[2:8, 1:11])


def test_only_what_the_cut_sees_is_read(rng):
    """The rest may be as large as it likes."""
    label = rng.integers(0, 21, (40, 50)).astype("uint8")
    image = coded(label)
    window = (80, 100), slice(60, 70), slice(80, 90)  # a quarter of a twelfth of it
    seen = cut(image, label, *window)
    outside = np.ones(label.shape, bool)
    outside[27:38, 37:48] = False  # 30..35 and 40..45, and what the triangle reaches
    image[outside], label[outside] = 77, 7
    for one, other in zip(seen, cut(image, label, *window), strict=True):
        np.testing.assert_array_equal(one, other)


def test_padding_is_void_and_of_the_mean_colour_below_and_right(rng):
    label = rng.integers(0, 21, (4, 9)).astype("uint8")
    image, padded = pad_to(coded(label), label, (6, 12), 255)
    assert padded.shape == image.shape[:2] == (6, 12)
    np.testing.assert_array_equal(padded[:4, :9], label)
    np.testing.assert_array_equal(image[:4, :9], coded(label))
    padding = np.ones((6, 12), bool)
    padding[:4, :9] = False
    assert (padded[padding] == 255).all()
    assert (image[padding] == MEAN).all()


def test_padding_cuts_nothing_off():
    label = np.ones((4, 9), "uint8")
    _, padded = pad_to(coded(label), label, (6, 5), 255)
    assert padded.shape == (6, 9)


@pytest.mark.parametrize(
    ("position", "first"),
    [((0.0, 0.0), (0, 0)), ((0.999, 0.999), (4, 6)), ((1.0, 0.0), (4, 0))],
)
def test_a_cut_reaches_every_corner(rng, position, first):
    label = rng.integers(0, 21, (9, 11)).astype("uint8")
    window = [span(n, 5, at) for n, at in zip(label.shape, position, strict=True)]
    image, result = cut(coded(label), label, label.shape, *window)
    y, x = first
    np.testing.assert_array_equal(result, label[y : y + 5, x : x + 5])
    np.testing.assert_array_equal(image, coded(result))


def test_a_side_shorter_than_the_cut_is_kept_whole():
    assert span(3, 5, 0.7) == slice(0, 3)


@pytest.mark.parametrize(
    "as_given",
    [
        np.asfortranarray,
        lambda array: array[::-1][::-1],
        lambda array: np.repeat(array, 2, axis=1)[:, ::2],
        lambda array: np.frombuffer(array.tobytes(), "uint8").reshape(array.shape),
        lambda array: Image.fromarray(array) if array.ndim == 3 else array,
    ],
    ids=["Fortran", "reversed twice", "every second", "read-only", "Pillow"],
)
@pytest.mark.parametrize("crop_size", [None, 12])
@pytest.mark.parametrize("scale", [1.0, 0.7, 1.6])
def test_photos_of_any_layout_are_augmented_alike(rng, as_given, scale, crop_size):
    photo = rng.integers(0, 256, (14, 17, 3), "uint8")
    label = rng.integers(0, 21, (14, 17)).astype("uint8")
    options = {"crop_size": crop_size, "augment": True, "ignore_class": 255}
    options["scale_range"] = (scale, scale)
    for seed in range(4):
        expected = prepare(photo, label, (0, seed), **options)
        given = prepare(as_given(photo), as_given(label), (0, seed), **options)
        for one, other in zip(expected, given, strict=True):
            np.testing.assert_array_equal(one, other)


def test_what_was_given_is_left_as_it_was(rng):
    photo = rng.integers(0, 256, (14, 17, 3), "uint8")
    label = rng.integers(0, 21, (14, 17)).astype("uint8")
    before = photo.copy(), label.copy()
    for seed in range(8):
        for crop_size in (None, 12, 40):
            prepare(
                photo,
                label,
                (0, seed),
                crop_size=crop_size,
                augment=True,
                scale_range=(0.5, 2),
                ignore_class=255,
            )
    np.testing.assert_array_equal(photo, before[0])
    np.testing.assert_array_equal(label, before[1])


def test_mirroring_twice_changes_nothing(rng):
    photo = rng.integers(0, 256, (5, 6, 3), "uint8")
    image, label = mirrored(*mirrored(photo, photo[..., 1]))
    np.testing.assert_array_equal(image, photo)
    np.testing.assert_array_equal(label, photo[..., 1])

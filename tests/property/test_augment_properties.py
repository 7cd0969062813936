import hypothesis.extra.numpy as hnp
import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from keras_fcn.datasets.batches.augment import cut, prepare, scaled_size, span

MEAN = [124, 117, 104]  # ImageNet's, rounded
VOID = 255

sides = st.integers(1, 24)
shapes = st.tuples(sides, sides)
seeds = st.tuples(st.integers(-(2**62), 2**62), st.integers(0, 2**62))
labels = hnp.arrays("uint8", shapes, elements=st.integers(0, 20))
photos = hnp.arrays("uint8", st.tuples(sides, sides, st.just(3)))


def coded(label):
    """A photo that says what the label is."""
    return np.repeat(10 * label[..., None], 3, axis=-1)


def prepared(label, seed, **options):
    given = {
        "crop_size": None,
        "augment": True,
        "scale_range": (1.0, 1.0),
        "ignore_class": VOID,
    }
    return prepare(coded(label), label, seed, **(given | options))


@settings(max_examples=100)
@given(labels, seeds, st.integers(1, 30))
def test_a_crop_holds_its_part_of_the_photo_and_else_padding(label, seed, size):
    image, part = prepared(label, seed, crop_size=size)
    assert image.shape == (size, size, 3)
    assert part.shape == (size, size)
    void = part == VOID
    assert (image[void] == MEAN).all()
    np.testing.assert_array_equal(image[~void], coded(part)[~void])
    # as much of the label as fits, from one place, mirrored or not
    height, width = (min(n, size) for n in label.shape)
    assert not void[:height, :width].any()
    assert void.sum() == size**2 - height * width
    windows = [
        np.lib.stride_tricks.sliding_window_view(candidate, (height, width))
        for candidate in (label, label[:, ::-1])
    ]
    kept = part[:height, :width]
    assert any((w == kept).all(axis=(-2, -1)).any() for w in windows)


@settings(max_examples=100)
@given(labels, seeds)
def test_a_native_sample_is_mirrored_or_left(label, seed):
    image, result = prepared(label, seed)
    np.testing.assert_array_equal(image, coded(result))
    assert any(np.array_equal(result, x) for x in (label, label[:, ::-1]))


@settings(max_examples=100)
@given(labels, seeds, st.floats(0.25, 4), st.floats(1, 3))
def test_a_scaled_sample_keeps_its_labels_and_its_proportions(label, seed, low, ratio):
    high = low * ratio
    size = 1 + max(scaled_size(label.shape, high))  # all of it, and padding
    image, part = prepared(label, seed, crop_size=size, scale_range=(low, high))
    inside = part != VOID
    height, width = inside.any(axis=1).sum(), inside.any(axis=0).sum()
    assert inside[:height, :width].all()
    assert set(np.unique(part[inside])) <= set(np.unique(label))
    # one factor of the range explains both sides, each rounded to whole pixels
    least, most = low, high
    for new, old in zip((height, width), label.shape, strict=True):
        least = max(least, 0 if new == 1 else (new - 0.501) / old)
        most = min(most, (new + 0.501) / old)
    assert least <= most * (1 + 1e-6)
    # bilinear: no colour beyond those of the photo
    assert coded(label).min() <= image[inside].min()
    assert image[inside].max() <= coded(label).max()


@settings(max_examples=50)
@given(st.integers(0, 20), shapes, seeds, st.integers(1, 30))
def test_a_scaled_crop_of_one_class_is_that_class_or_void(value, shape, seed, size):
    label = np.full(shape, value, "uint8")
    image, part = prepared(label, seed, crop_size=size, scale_range=(0.5, 2.0))
    assert image.shape == (size, size, 3)
    void = part == VOID
    assert (part[~void] == value).all()
    assert (image[~void] == 10 * value).all()
    assert (image[void] == MEAN).all()


@settings(max_examples=200)
@given(photos, shapes, st.integers(1, 30), *[st.floats(0, 1)] * 2, st.booleans())
def test_a_cut_of_the_scaled_photo_is_that_part_of_it(photo, size, side, y, x, mirror):
    label = photo[..., 0]
    whole, whole_label = cut(photo, label, size, slice(0, size[0]), slice(0, size[1]))
    rows, columns = span(size[0], side, y), span(size[1], side, x)
    image, part = cut(photo, label, size, rows, columns, mirror=mirror)
    expected, expected_label = whole[rows, columns], whole_label[rows, columns]
    if mirror:
        expected, expected_label = expected[:, ::-1], expected_label[:, ::-1]
    np.testing.assert_array_equal(part, expected_label)
    # its weights are rounded from one float or the next
    assert abs(image.astype(int) - expected).max() <= 1
    pillow, part = cut(
        Image.fromarray(photo), label, size, rows, columns, mirror=mirror
    )
    np.testing.assert_array_equal(part, expected_label)
    np.testing.assert_array_equal(pillow, image)


@settings(max_examples=50)
@given(labels, seeds, st.integers(1, 20))
def test_one_seed_gives_one_result(label, seed, size):
    options = {"crop_size": size, "scale_range": (0.5, 2.0)}
    for one, other in zip(
        prepared(label, seed, **options), prepared(label, seed, **options), strict=True
    ):
        np.testing.assert_array_equal(one, other)

import hypothesis.extra.numpy as hnp
import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from keras_fcn.datasets.augment import prepare, random_scale

MEAN = [124, 117, 104]  # ImageNet's, rounded
VOID = 255

sides = st.integers(1, 24)
seeds = st.tuples(st.integers(-(2**62), 2**62), st.integers(0, 2**62))
labels = hnp.arrays("uint8", st.tuples(sides, sides), elements=st.integers(0, 20))


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
    image, label = prepare(coded(label), label, list(seed), **(given | options))
    return np.asarray(image), np.asarray(label)


@settings(max_examples=25)
@given(labels, seeds, st.integers(1, 30))
def test_a_crop_holds_its_part_of_the_photo_and_else_padding(label, seed, size):
    image, cut = prepared(label, seed, crop_size=size)
    assert image.shape == (size, size, 3)
    assert cut.shape == (size, size)
    void = cut == VOID
    assert (image[void] == MEAN).all()
    np.testing.assert_array_equal(image[~void], coded(cut)[~void])
    # as much of the label as fits, from one place, mirrored or not
    height, width = (min(n, size) for n in label.shape)
    assert not void[:height, :width].any()
    assert void.sum() == size**2 - height * width
    windows = [
        np.lib.stride_tricks.sliding_window_view(candidate, (height, width))
        for candidate in (label, label[:, ::-1])
    ]
    kept = cut[:height, :width]
    assert any((w == kept).all(axis=(-2, -1)).any() for w in windows)


@settings(max_examples=25)
@given(labels, seeds)
def test_a_native_sample_is_mirrored_or_left(label, seed):
    image, result = prepared(label, seed)
    np.testing.assert_array_equal(image, coded(result))
    assert any(np.array_equal(result, x) for x in (label, label[:, ::-1]))


@settings(max_examples=25)
@given(labels, seeds, st.floats(0.25, 4), st.floats(1, 3))
def test_a_scaled_sample_keeps_its_labels_and_its_proportions(label, seed, low, ratio):
    high = low * ratio
    image, scaled = random_scale(coded(label), label, list(seed), low, high)
    assert image.shape == (*scaled.shape, 3)
    assert set(np.unique(scaled)) <= set(np.unique(label))
    # one factor of the range explains both sides, each rounded to whole pixels
    least, most = low, high
    for new, old in zip(scaled.shape, label.shape, strict=True):
        least = max(least, 0 if new == 1 else (new - 0.501) / old)
        most = min(most, (new + 0.501) / old)
    assert least <= most * (1 + 1e-6)
    # bilinear: no colour beyond those of the photo
    assert coded(label).min() <= image.numpy().min()
    assert image.numpy().max() <= coded(label).max()


@settings(max_examples=12)
@given(st.integers(0, 20), st.tuples(sides, sides), seeds, st.integers(1, 30))
def test_a_scaled_crop_of_one_class_is_that_class_or_void(value, shape, seed, size):
    label = np.full(shape, value, "uint8")
    image, cut = prepared(label, seed, crop_size=size, scale_range=(0.5, 2.0))
    assert image.shape == (size, size, 3)
    void = cut == VOID
    assert (cut[~void] == value).all()
    assert (image[~void] == 10 * value).all()
    assert (image[void] == MEAN).all()


@settings(max_examples=8)
@given(labels, seeds, st.integers(1, 20))
def test_one_seed_gives_one_result(label, seed, size):
    options = {"crop_size": size, "scale_range": (0.5, 2.0)}
    for one, other in zip(
        prepared(label, seed, **options), prepared(label, seed, **options), strict=True
    ):
        np.testing.assert_array_equal(one, other)

import re

import numpy as np
import pytest

from keras_fcn.datasets import Shapes, load


@pytest.fixture(scope="module")
def samples():
    return list(Shapes("train", num_samples=60))


def equal(a, b):
    return all(np.array_equal(x, y) for x, y in zip(a, b, strict=True))


def test_every_run_sees_the_same_pictures(samples):
    again = Shapes("train", num_samples=60)
    assert all(equal(again[i], samples[i]) for i in reversed(range(10)))


def test_a_sample_does_not_depend_on_how_many_there_are(samples):
    assert equal(Shapes("train", num_samples=4)[3], samples[3])
    assert equal(Shapes("train")[3], samples[3])


def test_samples_splits_and_seeds_all_differ():
    sizes = (64, 64)  # of one size, or they would differ by that alone
    pictures = [
        Shapes(split, 5, sizes, seed)[i][0].tobytes()
        for split in ("train", "val")
        for seed in (0, 1)
        for i in range(5)
    ]
    assert len(set(pictures)) == 20


def test_images_and_labels_are_bytes_of_one_size(samples):
    for image, label in samples:
        assert image.dtype == label.dtype == np.uint8
        assert image.shape == (*label.shape, 3)


def test_sizes_reach_both_bounds_and_not_further():
    shapes = Shapes(num_samples=40, sizes=(10, 13))
    sizes = [n for i in range(40) for n in shapes.image_size(i)]
    assert set(sizes) == {10, 11, 12, 13}


def test_labels_are_the_classes_or_void_and_all_occur(samples):
    seen = {value for _, label in samples for value in np.unique(label).tolist()}
    assert seen == {*range(Shapes().num_classes), 255}


def test_void_runs_along_every_outline(samples):
    # Were a piece of outline not void, two classes would touch there.
    for _, label in samples:
        for one, other in [(label[1:], label[:-1]), (label[:, 1:], label[:, :-1])]:
            touching = (one != other) & (one != 255) & (other != 255)
            assert not touching.any()


def test_void_is_a_line_and_not_an_area(samples):
    for _, label in samples:
        void = np.lib.stride_tricks.sliding_window_view(label == 255, (7, 7))
        assert not void.all(axis=(2, 3)).any()
        assert (label == 255).mean() < 0.25


def test_an_outline_that_is_painted_over_is_not_void(samples):
    # Void among one class alone is where two objects of it overlap: that is rare.
    void = lonely = 0
    for _, label in samples:
        near = np.lib.stride_tricks.sliding_window_view(
            np.pad(label, 3, "edge"), (7, 7)
        )
        highest = np.where(near == 255, 0, near).max(axis=(2, 3))
        lowest = np.where(near == 255, 254, near).min(axis=(2, 3))
        void += (label == 255).sum()
        lonely += ((label == 255) & (highest <= lowest)).sum()
    assert lonely < 0.07 * void


def test_an_object_is_more_colourful_than_the_ground(samples):
    # Photo and labels belong together: the ground is drawn dull, shapes are not.
    for image, label in samples:
        spread = np.ptp(image.astype(int), axis=-1)
        objects = (label != 0) & (label != 255)
        if objects.any() and (label == 0).any():
            assert spread[objects].mean() > 1.5 * spread[label == 0].mean()


def test_samples_cannot_be_changed_under_the_next_reader():
    image, label = Shapes(num_samples=1)[0]
    with pytest.raises(ValueError, match="read-only"):
        image[0] = 0
    with pytest.raises(ValueError, match="read-only"):
        label[0] = 0


@pytest.mark.parametrize(("split", "length"), [("train", 400), ("val", 100)])
def test_the_splits_have_their_lengths(split, length):
    shapes = load("shapes", split)
    assert len(shapes) == len(set(shapes.names)) == length
    assert all(split in name for name in shapes.names)


def test_the_smallest_images_can_be_drawn():
    shapes = Shapes(num_samples=20, sizes=(1, 4))
    assert all(label.size for _, label in shapes)


@pytest.mark.parametrize("index", [3, 4, -1])
def test_an_index_outside_is_refused(index):
    with pytest.raises(IndexError, match=f"3 samples. Received: {index}"):
        Shapes(num_samples=3)[index]


@pytest.mark.parametrize(
    ("argument", "value"),
    [
        ("split", "tran"),
        ("num_samples", 0),
        ("num_samples", -1),
        ("sizes", (9, 8)),
        ("sizes", (0, 8)),
    ],
)
def test_a_wrong_argument_is_refused_with_its_value(argument, value):
    with pytest.raises(ValueError, match=re.escape(f"{argument}={value!r}")):
        Shapes(**{argument: value})

import numpy as np
import pytest
from PIL import Image

from keras_fcn.datasets import SampleSource, Shapes, VOCSegmentation, check


class Labels(SampleSource):
    """Label maps from a list, with blank photos, `sizes` of them if given."""

    def __init__(self, labels, num_classes=3, sizes=None):
        self.labels = [np.asarray(label, "uint8") for label in labels]
        self.sizes = sizes or [label.shape for label in self.labels]
        self.class_names = tuple("abcdefgh"[:num_classes])
        self.names = tuple(f"sample{i}" for i in range(len(self.labels)))

    def __getitem__(self, index):
        return np.zeros((*self.sizes[index], 3), "uint8"), self.labels[index]


def test_pixels_and_images_are_counted_for_each_class(rng):
    labels = [rng.choice([0, 1, 3, 255], rng.integers(3, 9, 2)) for _ in range(7)]
    labels.append([[0, 0, 0, 255]])
    report = check(Labels(labels, num_classes=4))
    pixels = np.concatenate([np.ravel(label) for label in labels])
    assert report.pixels.tolist() == [(pixels == c).sum() for c in range(4)]
    assert report.images_with.tolist() == [
        sum(c in np.ravel(label) for label in labels) for c in range(4)
    ]
    assert report.void_pixels == (pixels == 255).sum()
    assert report.images == 8
    assert report.class_names == ("a", "b", "c", "d")
    assert report.classes_seen == ("a", "b", "d")


def test_shapes_are_in_order():
    report = check(Shapes(num_samples=30))
    assert report.classes_seen == Shapes().class_names
    assert report.pixels.sum() + report.void_pixels == sum(
        label.size for _, label in Shapes(num_samples=30)
    )


def test_an_impossible_label_is_named_with_its_sample_and_number():
    labels = [[[0, 1]], [[3, 1]], [[0, 255]]]
    with pytest.raises(ValueError, match=r"sample1: values \[3\] in 1 pixels") as error:
        check(Labels(labels))
    assert "must be in 0..2 or 255" in str(error.value)
    assert "1 of 3 samples" in str(error.value)
    assert "sample0" not in str(error.value)


def test_254_is_not_void():
    with pytest.raises(ValueError, match=r"sample0: values \[7, 254\] in 3 pixels"):
        check(Labels([[[0, 254, 254, 7]]]))


def test_a_photo_of_another_size_is_named_with_both_sizes():
    labels = [np.zeros((2, 3)), np.zeros((4, 5))]
    with pytest.raises(ValueError, match=r"sample1: .*\(4, 5\), image \(5, 4\)"):
        check(Labels(labels, sizes=[(2, 3), (5, 4)]))


def test_every_problem_is_counted_and_the_first_five_are_named():
    labels = [[[0]], *[[[9]]] * 7, [[1]]]
    with pytest.raises(ValueError, match="7 of 9 samples") as error:
        check(Labels(labels))
    named = [i for i in range(9) if f"sample{i}:" in str(error.value)]
    assert named == [1, 2, 3, 4, 5]
    assert "and 2 more" in str(error.value)


def test_five_problems_are_all_named():
    with pytest.raises(ValueError, match="sample4") as error:
        check(Labels([[[9]]] * 5))
    assert "more" not in str(error.value)


def test_nothing_but_void_is_refused():
    with pytest.raises(ValueError, match="Received: 2 samples without one"):
        check(Labels([[[255]], [[255, 255]]]))


def test_one_pixel_of_a_class_is_enough():
    assert check(Labels([[[255]], [[255, 2]]])).classes_seen == ("c",)


def test_the_progress_sees_every_sample():
    seen = []

    def progress(items):
        for item in items:
            seen.append(item)
            yield item

    check(Labels([[[0]]] * 4), progress)
    assert len(seen) == 4


# Files


def test_a_folder_in_order_passes(tiny_voc):
    report = check(VOCSegmentation(tiny_voc, "val"))
    assert report.classes_seen == ("background", "bird", "boat")
    assert report.images_with[[0, 3, 4]].tolist() == [2, 1, 1]
    assert report.pixels[3] == (25 - 10) * (30 - 8)
    assert report.void_pixels == 2 * (30 - 8)


def test_a_label_beyond_the_class_names_is_named_with_its_file(tiny_voc):
    voc = VOCSegmentation(tiny_voc, "val", class_names=("a", "b", "c", "d"))
    with pytest.raises(ValueError, match=r"2007_000003: values \[4\] in 330 pixels"):
        check(voc)


def test_a_photo_saved_in_another_size_is_named_with_its_file(tiny_voc):
    Image.new("RGB", (9, 8)).save(tiny_voc / "JPEGImages" / "2007_000001.jpg")
    with pytest.raises(ValueError, match=r"2007_000001: .*\(52, 40\), image \(8, 9\)"):
        check(VOCSegmentation(tiny_voc))


def test_an_unreadable_label_image_is_named(tiny_voc):
    (tiny_voc / "SegmentationClass" / "2007_000001.png").write_bytes(b"no image")
    with pytest.raises(ValueError, match=r"2007_000001\.png"):
        check(VOCSegmentation(tiny_voc))

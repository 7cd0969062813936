import json

import numpy as np
import pytest
from PIL import Image

from keras_fcn.datasets import (
    SampleSource,
    Shapes,
    VOCSegmentation,
    check,
    examine,
    find_binary,
    find_leaks,
)


class Labels(SampleSource):
    """Label maps from a list, with photos of one grey each, `sizes` if given."""

    def __init__(self, labels, num_classes=3, sizes=None, greys=None):
        self.labels = [np.asarray(label, "uint8") for label in labels]
        self.sizes = sizes or [label.shape for label in self.labels]
        self.greys = greys or range(len(self.labels))
        self.class_names = tuple("abcdefgh"[:num_classes])
        self.names = tuple(f"sample{i}" for i in range(len(self.labels)))

    def __getitem__(self, index):
        shape = (*self.sizes[index], 3)
        return np.full(shape, self.greys[index], "uint8"), self.labels[index]


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


@pytest.mark.fault(12)
def test_an_impossible_label_is_named_with_its_sample_and_number():
    labels = [[[0, 1]], [[3, 1]], [[0, 255]]]
    with pytest.raises(ValueError, match=r"sample1: values \[3\] in 1 pixels") as error:
        check(Labels(labels))
    assert "must be in 0..2 or 255" in str(error.value)
    assert "Received: 1 that do not" in str(error.value)
    assert "sample0" not in str(error.value)


@pytest.mark.fault(12)
def test_254_is_not_void():
    with pytest.raises(ValueError, match=r"sample0: values \[7, 254\] in 3 pixels"):
        check(Labels([[[0, 254, 254, 7]]]))


@pytest.mark.fault(12)
def test_a_photo_of_another_size_is_named_with_both_sizes():
    labels = [np.zeros((2, 3)), np.zeros((4, 5))]
    with pytest.raises(ValueError, match=r"sample1: .*\(4, 5\), image \(5, 4\)"):
        check(Labels(labels, sizes=[(2, 3), (5, 4)]))


def test_every_problem_is_counted_and_the_first_five_are_named():
    labels = [[[0]], *[[[9]]] * 7, [[1]]]
    with pytest.raises(ValueError, match="Received: 7 that do not") as error:
        check(Labels(labels))
    named = [i for i in range(9) if f"sample{i}:" in str(error.value)]
    assert named == [1, 2, 3, 4, 5]
    assert "and 2 more" in str(error.value)


def test_five_problems_are_all_named():
    with pytest.raises(ValueError, match="sample4") as error:
        check(Labels([[[9]]] * 5))
    assert "more" not in str(error.value)


@pytest.mark.fault(13)
def test_nothing_but_void_is_refused():
    with pytest.raises(ValueError, match="no pixel that is not void"):
        check(Labels([[[255]], [[255, 255]]]))


@pytest.mark.fault(13)
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


@pytest.mark.fault(12)
def test_a_label_beyond_the_class_names_is_named_with_its_file(tiny_voc):
    voc = VOCSegmentation(tiny_voc, "val", class_names=("a", "b", "c", "d"))
    with pytest.raises(ValueError, match=r"2007_000003: values \[4\] in 330 pixels"):
        check(voc)


def test_a_photo_saved_in_another_size_is_named_with_its_file(tiny_voc):
    Image.new("RGB", (9, 8)).save(tiny_voc / "JPEGImages" / "2007_000001.jpg")
    with pytest.raises(ValueError, match=r"2007_000001: .*\(52, 40\), image \(8, 9\)"):
        check(VOCSegmentation(tiny_voc))


@pytest.mark.fault(12)
def test_an_unreadable_label_image_is_named(tiny_voc):
    (tiny_voc / "SegmentationClass" / "2007_000001.png").write_bytes(b"no image")
    with pytest.raises(ValueError, match=r"2007_000001\.png"):
        check(VOCSegmentation(tiny_voc))


def test_the_smallest_and_the_largest_side_are_told_by_themselves():
    labels = [np.zeros(size) for size in [(2, 9), (7, 3), (5, 5)]]
    report = examine(Labels(labels))
    assert (report.smallest, report.largest) == ((2, 3), (7, 9))


@pytest.mark.parametrize(
    ("void", "labels", "expected"),
    [
        (255, [[[0, 255]], [[0, 1]], [[255]], [[1, 255]]], 1),
        (0, [[[0, 1]], [[0]], [[1, 2]]], 0),
        (2, [[[0, 2]], [[0, 1]], [[2]]], 1),
    ],
    ids=["255", "0", "2"],
)
def test_samples_of_background_and_void_alone_are_counted(void, labels, expected):
    source = Labels(labels)
    source.ignore_class = void
    assert examine(source).background_only == expected


def test_void_pixels_are_of_no_class():
    source = Labels([[[0, 0, 1, 2]], [[0, 0, 0, 1]]])
    source.ignore_class = 0
    report = examine(source)
    assert (report.void_pixels, report.pixels.tolist()) == (5, [0, 2, 1])
    assert report.images_with.tolist() == [0, 2, 1]


def kinds(report):
    return [(problem.kind, problem.sample) for problem in report.problems]


@pytest.mark.fault(13)
def test_a_sample_of_void_alone_is_a_warning():
    report = examine(Labels([[[0, 1]], [[255, 255]]]))
    assert kinds(report) == [("void", "sample1")]
    assert (report.errors, len(report.warnings)) == ((), 1)


def test_what_is_missing_is_an_error():
    source = Labels([[[0, 1]]])
    source.missing = ("mask of b.jpg",)
    report = examine(source)
    assert [str(error) for error in report.errors] == ["mask of b.jpg"]


def test_a_photo_that_is_there_twice_is_a_warning_and_equal_bytes_are_not_enough():
    labels = [[[0, 1]], [[1, 0]], [[0], [1]]]  # the last photo has another shape
    report = examine(Labels(labels, greys=[5, 5, 5]))
    assert kinds(report) == [("duplicate", "sample0")]
    assert str(report.warnings[0]).endswith("the same photo as sample1")


@pytest.mark.fault(12)
@pytest.mark.parametrize(
    ("labels", "void", "cause"),
    [
        ([[1, 2, 3]], 255, "Labels 1..3 and a background 0 are 4 classes."),
        ([[0, 1, 255]], 11, "255 is the usual void label: --ignore-class 255?"),
        ([[0, 255]], 11, "Values {0, 255}: a binary mask? Use --binary."),
        ([list(range(60))], 255, "So many values: a photo, or a mask"),
        ([[0, 7]], 255, ""),
    ],
    ids=["one class more", "void", "binary", "JPEG", "no idea"],
)
def test_wrong_labels_come_with_their_likely_cause(labels, void, cause):
    source = Labels([labels])
    source.ignore_class = void
    (error,) = examine(source).errors
    told = str(error).partition("(void).")[2].strip()
    assert told.startswith(cause) if cause else told == ""


@pytest.mark.fault(12)
def test_masks_of_0_and_255_alone_are_taken_for_black_and_white():
    with pytest.raises(
        ValueError, match=r"Values \{0, 255\}: a binary mask\? Use --bin"
    ):
        check(Labels([[[0, 255]], [[0, 0]]], num_classes=2))


@pytest.mark.parametrize(
    ("labels", "num_classes"),
    [([[[0, 255]], [[0, 1]]], 2), ([[[0, 0]]], 2), ([[[0, 255]]], 1)],
    ids=["a class", "no void", "one class"],
)
def test_masks_are_not_taken_for_black_and_white_without_reason(labels, num_classes):
    assert check(Labels(labels, num_classes)).errors == ()


def test_a_photo_that_is_trained_and_validated_on_is_a_leak():
    def report(greys):
        return examine(Labels([[[0, 1]]] * len(greys), greys=greys))

    leaks = find_leaks(report([1, 2, 3, 4]), report([9, 4, 8, 2]))
    assert [(leak.kind, leak.sample) for leak in leaks] == [
        ("leak", "sample1"),
        ("leak", "sample3"),
    ]
    assert "as sample3" in str(leaks[0])
    assert "as sample1" in str(leaks[1])
    assert find_leaks(report([1, 2]), report([3])) == ()


def test_the_report_can_be_written_as_json():
    source = Labels([[[0, 1, 255]], [[9, 0, 0]]])
    source.missing = ("mask of b.jpg",)
    read = json.loads(json.dumps(examine(source).to_dict()))
    assert read["images"] == 2
    assert read["void_pixels"] == 1
    assert read["classes"][1] == {"name": "b", "images": 1, "pixels": 1}
    assert [error["kind"] for error in read["errors"]] == ["missing", "values"]
    assert [warning["kind"] for warning in read["warnings"]] == []


def test_an_unreadable_photo_does_not_hide_what_is_wrong_with_its_mask(tiny_voc):
    (tiny_voc / "JPEGImages" / "2007_000001.jpg").write_bytes(b"no image")
    Image.new("L", (9, 9), 77).save(tiny_voc / "SegmentationClass" / "2007_000001.png")
    report = examine(VOCSegmentation(tiny_voc))
    assert kinds(report) == [("photo", "2007_000001"), ("values", "2007_000001")]


def turned_photo(folder, orientation):
    file = folder / "JPEGImages" / "2007_000001.jpg"
    with Image.open(file) as photo:
        tags = Image.Exif()
        tags[0x0112] = orientation
        photo.save(file, exif=tags)


@pytest.mark.parametrize("orientation", [2, 3, 4])
def test_a_photo_turned_by_exif_of_the_same_size_is_a_warning(tiny_voc, orientation):
    turned_photo(tiny_voc, orientation)
    report = examine(VOCSegmentation(tiny_voc))
    assert kinds(report) == [("orientation", "2007_000001")]
    assert f"EXIF orientation {orientation}" in str(report.warnings[0])
    assert report.errors == ()


@pytest.mark.fault(12)
@pytest.mark.parametrize("orientation", [5, 6, 7, 8])
def test_a_mask_that_lies_on_a_side_like_its_photo_is_an_error(tiny_voc, orientation):
    turned_photo(tiny_voc, orientation)
    (error,) = examine(VOCSegmentation(tiny_voc)).errors
    assert error.kind == "size"
    assert "label map (52, 40), image (40, 52)" in str(error)
    assert f"EXIF orientation {orientation}" in str(error)
    assert "save the photo without EXIF" in str(error)


def test_a_mask_of_another_size_is_not_blamed_on_exif(tiny_voc):
    turned_photo(tiny_voc, 6)
    Image.new("L", (9, 8)).save(tiny_voc / "SegmentationClass" / "2007_000001.png")
    (error,) = examine(VOCSegmentation(tiny_voc)).errors
    assert str(error).endswith("label map (8, 9), image (40, 52)")


# All splits together


def test_black_and_white_masks_are_recognised_over_all_splits():
    void = examine(Labels([[[0, 255]], [[0]]]))
    labelled = examine(Labels([[[0, 255]], [[2]]]))
    (problem,) = find_binary(void, void)
    assert "--binary" in problem.message
    assert problem.kind == "values"
    # a few photos without an object, held out of a sound data set
    assert find_binary(labelled, void) == find_binary(void, labelled) == ()
    assert find_binary(examine(Labels([[[0, 0]]]))) == ()

import json

import numpy as np
import pytest
from PIL import Image

from keras_fcn.datasets import (
    FolderSegmentation,
    SampleSource,
    Shapes,
    Subset,
    VOCSegmentation,
    check,
    convert_to_voc,
    voc_palette,
)


@pytest.fixture
def new(tmp_path):
    """A folder that is not there yet."""
    return tmp_path / "within" / "new"


def assert_same(read, source):
    assert read.class_names == source.class_names
    assert len(read) == len(source)
    for i in range(len(source)):
        np.testing.assert_array_equal(read.image(i), source.image(i))
        np.testing.assert_array_equal(read.voc_label(i), source.voc_label(i))


@pytest.fixture
def own(tmp_path):
    """Photos and masks that a test fills."""

    def filled(photos, label=None, **options):
        for name in ("photos", "masks"):
            (tmp_path / name).mkdir(exist_ok=True)
        for name, picture in photos.items():
            file = tmp_path / "photos" / name
            file.parent.mkdir(parents=True, exist_ok=True)
            save = picture if callable(picture) else picture.save
            save(file)
            mask = (tmp_path / "masks" / name).with_suffix(".png")
            mask.parent.mkdir(parents=True, exist_ok=True)
            array = np.ones((6, 8), "uint8") if label is None else label
            Image.fromarray(array).save(mask)
        return FolderSegmentation(tmp_path / "photos", tmp_path / "masks", 3, **options)

    return filled


def noise(seed=0, size=(6, 8)):
    rng = np.random.default_rng(seed)
    return Image.fromarray(rng.integers(0, 256, (*size, 3), "uint8"))


# What is written


def test_what_was_written_reads_as_it_was(new):
    splits = {"train": Shapes("train", 5), "val": Shapes("val", 3)}
    assert convert_to_voc(splits, new) == new
    for split, source in splits.items():
        read = VOCSegmentation(new, split)
        assert read.names == source.names
        assert_same(read, source)
        assert check(read).images == len(source)


def test_the_layout_is_that_of_voc(new):
    convert_to_voc({"train": Shapes("train", 2)}, new)
    files = {str(f.relative_to(new)) for f in new.rglob("*") if f.is_file()}
    names = Shapes("train", 2).names
    assert files == {
        "class_names.txt",
        "ImageSets/Segmentation/train.txt",
        *(f"JPEGImages/{name}.png" for name in names),
        *(f"SegmentationClass/{name}.png" for name in names),
    }
    lists = (new / "ImageSets" / "Segmentation" / "train.txt").read_bytes()
    assert lists == "".join(f"{name}\n" for name in names).encode()
    with Image.open(new / "SegmentationClass" / f"{names[0]}.png") as mask:
        assert mask.mode == "P"
        shown = np.array(mask.convert("RGB"))
    np.testing.assert_array_equal(shown, voc_palette()[Shapes("train", 2).label(0)])


def test_a_voc_folder_comes_back_byte_by_byte_but_for_its_palettes(tiny_voc, new):
    splits = {split: VOCSegmentation(tiny_voc, split) for split in ("train", "val")}
    convert_to_voc(splits, new)
    for split, source in splits.items():
        assert_same(VOCSegmentation(new, split), source)
    for photo in (tiny_voc / "JPEGImages").iterdir():
        assert (new / "JPEGImages" / photo.name).read_bytes() == photo.read_bytes()


@pytest.mark.parametrize("name", ["a.jpg", "a.JPEG", "a.PNG"])
def test_jpegs_and_pngs_are_copied_byte_by_byte(own, new, tmp_path, name):
    source = own({name: noise()})
    convert_to_voc({"train": source}, new)
    (photo,) = (new / "JPEGImages").iterdir()
    assert photo.name == name.lower()
    assert photo.read_bytes() == (tmp_path / "photos" / name).read_bytes()
    assert_same(VOCSegmentation(new), source)


@pytest.mark.parametrize("name", ["a.tif", "a.webp", "a.bmp"])
def test_photos_of_other_kinds_become_png(own, new, name):
    source = own({name: noise()})
    convert_to_voc({"train": source}, new)
    (photo,) = (new / "JPEGImages").iterdir()
    assert photo.name == "a.png"
    assert_same(VOCSegmentation(new), source)


@pytest.mark.parametrize("name", ["a.jpg", "a.png"])
@pytest.mark.parametrize("orientation", [3, 6])
def test_a_photo_that_lies_on_a_side_becomes_upright(own, new, orientation, name):
    tags = Image.Exif()
    tags[0x0112] = orientation
    stored = noise(size=(6, 8) if orientation == 3 else (8, 6))
    source = own({name: lambda file: stored.save(file, exif=tags)})
    assert source.image(0).shape == (6, 8, 3)
    convert_to_voc({"train": source}, new)
    with Image.open(new / "JPEGImages" / "a.png") as photo:
        assert photo.getexif().get(0x0112, 1) == 1
        np.testing.assert_array_equal(np.array(photo), source.image(0))


def test_another_void_label_becomes_255(own, new):
    label = np.array([[0, 1, 2, 11] * 2] * 6, "uint8")
    source = own({"a.png": noise()}, label, ignore_class=11)
    convert_to_voc({"train": source}, new)
    read = VOCSegmentation(new)
    assert read.ignore_class == 255
    assert read.label(0)[0, :4].tolist() == [0, 1, 2, 255]


def test_colours_and_polygons_become_indices(tmp_path, new):
    (tmp_path / "photos").mkdir()
    noise().save(tmp_path / "photos" / "a.jpg")
    box = {"label": "cat", "shape_type": "rectangle", "points": [[2, 1], [5, 3]]}
    data = {"imageHeight": 6, "imageWidth": 8, "shapes": [box]}
    (tmp_path / "photos" / "a.json").write_text(json.dumps(data))
    source = FolderSegmentation(tmp_path / "photos", tmp_path / "photos")
    convert_to_voc({"train": source}, new)
    read = VOCSegmentation(new)
    assert read.class_names == ("_background_", "cat")
    expected = np.zeros((6, 8))
    expected[1:4, 2:6] = 1
    np.testing.assert_array_equal(read.label(0), expected)


def test_samples_of_folders_within_get_plain_ids(own, new):
    photos = {f"{name}.png": noise(i) for i, name in enumerate(["a/1", "b/1", "b/c/2"])}
    source = own(photos)
    convert_to_voc({"train": source}, new)
    read = VOCSegmentation(new)
    assert read.names == ("a_1", "b_1", "b_c_2")
    assert_same(read, source)


NAMES = [
    "two words",
    " space ",
    "new\nline",
    "wide\u3000",
    "Ünï 猫",
    "a.b",
    "\ufeffmark",
]


@pytest.mark.parametrize("name", NAMES, ids=ascii)
def test_a_photo_of_any_name_can_be_read_again(own, new, name):
    source = own({f"{name}.png": noise()})
    convert_to_voc({"train": source}, new)
    assert_same(VOCSegmentation(new), source)


def test_the_progress_sees_every_sample(new):
    seen = []

    def progress(items):
        for item in items:
            seen.append(item)
            yield item

    convert_to_voc(
        {"train": Shapes("train", 3), "val": Shapes("val", 2)}, new, progress
    )
    assert len(seen) == 5


# Refusals


@pytest.mark.parametrize("kind", ["folder", "file"])
def test_what_is_there_already_is_kept(tmp_path, kind):
    there = tmp_path / "there"
    there.mkdir() if kind == "folder" else there.write_text("mine")
    with pytest.raises(FileExistsError, match=r"must be new.*there'"):
        convert_to_voc({"val": Shapes("val", 1)}, there)
    assert sorted(f.name for f in tmp_path.iterdir()) == ["there"]
    assert kind == "folder" or there.read_text() == "mine"


def test_a_sample_in_two_splits_is_refused(new):
    shapes = Shapes("train", 5)
    splits = {"train": Subset(shapes, [0, 1, 2]), "val": Subset(shapes, [2, 3])}
    with pytest.raises(ValueError, match=r"\['shapes_train_0002'\]"):
        convert_to_voc(splits, new)
    assert not new.parent.exists()


def test_two_samples_that_would_get_one_id_are_refused(own, new):
    source = own({"a/1.png": noise(), "a_1.png": noise(1)})
    with pytest.raises(ValueError, match=r"\['a_1'\]"):
        convert_to_voc({"train": source}, new)


def test_splits_of_different_classes_are_refused(own, new):
    splits = {"train": own({"a.png": noise()}), "val": Shapes("val", 1)}
    with pytest.raises(ValueError, match=r"the same classes.*'circle'"):
        convert_to_voc(splits, new)


class Breaking(SampleSource):
    """The third sample fails."""

    def __init__(self, error):
        self.names = tuple("abcd")
        self.class_names = ("ground",)
        self.error = error

    def __getitem__(self, index):
        if index == 2:
            raise self.error
        return np.zeros((4, 5, 3), "uint8"), np.zeros((4, 5), "uint8")


@pytest.mark.parametrize("error", [ValueError("broken"), KeyboardInterrupt("broken")])
def test_a_failure_half_way_leaves_nothing(tmp_path, error):
    with pytest.raises(type(error), match="broken"):
        convert_to_voc({"train": Breaking(error)}, tmp_path / "new")
    assert list(tmp_path.iterdir()) == []

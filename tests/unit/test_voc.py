import re
import shutil

import numpy as np
import pytest
from PIL import Image

from keras_fcn.datasets import VOC_CLASSES, VOCSegmentation, load, voc_palette


def list_file(folder, split):
    return folder / "ImageSets" / "Segmentation" / f"{split}.txt"


# Colours and names


def test_the_palette_is_that_of_the_development_kit():
    # VOClabelcolormap.m, line by line, counting from 0
    expected = []
    for label in range(256):
        r = g = b = 0
        c = label
        for j in range(8):
            r |= (c & 1) << (7 - j)
            g |= (c >> 1 & 1) << (7 - j)
            b |= (c >> 2 & 1) << (7 - j)
            c >>= 3
        expected.append([r, g, b])
    assert voc_palette().dtype == np.uint8
    assert voc_palette().tolist() == expected


def test_no_two_labels_share_a_colour():
    assert len({tuple(colour) for colour in voc_palette().tolist()}) == 256


def test_the_classes_are_the_21_of_voc():
    assert len(set(VOC_CLASSES)) == 21
    # the background, then by the alphabet: so the development kit numbers them
    assert VOC_CLASSES[0] == "background"
    assert list(VOC_CLASSES[1:]) == sorted(VOC_CLASSES[1:])
    assert VOC_CLASSES.index("person") == 15


# Reading


def test_samples_are_the_photo_and_the_indices_of_the_label_image(tiny_voc):
    voc = VOCSegmentation(tiny_voc, "val")
    assert voc.names == ("2007_000002", "2007_000003")
    assert (len(voc), voc.num_classes, voc.ignore_class) == (2, 21, 255)
    for i, name in enumerate(voc.names):
        image, label = voc[i]
        with Image.open(tiny_voc / "JPEGImages" / f"{name}.jpg") as photo:
            np.testing.assert_array_equal(image, np.array(photo))
        assert image.dtype == label.dtype == np.uint8
        assert set(np.unique(label)) == {0, i + 3, 255}
        assert label[9, 8] == 255
        assert label[10, 8] == i + 3
        np.testing.assert_array_equal(voc.label(i), label)
        assert voc.image_size(i) == label.shape == image.shape[:2]


def test_a_loop_over_the_samples_ends(tiny_voc):
    assert len(list(VOCSegmentation(tiny_voc))) == 2


def test_other_class_names_make_another_number_of_classes(tiny_voc):
    voc = VOCSegmentation(tiny_voc, class_names=["ground", "cat"])
    assert voc.class_names == ("ground", "cat")
    assert voc.num_classes == 2


@pytest.mark.parametrize("levels", [0, 1, 2])
@pytest.mark.parametrize("kind", [str, lambda path: path], ids=["str", "Path"])
def test_the_folder_may_be_given_from_three_levels(tiny_voc, levels, kind):
    folder = [tiny_voc, *tiny_voc.parents][levels]
    assert VOCSegmentation(kind(folder)).root == tiny_voc


def test_of_several_years_the_newest_is_read(tiny_voc):
    shutil.copytree(tiny_voc, tiny_voc.with_name("VOC2007"))
    assert VOCSegmentation(tiny_voc.parent).root == tiny_voc
    assert VOCSegmentation(tiny_voc.with_name("VOC2007")).root.name == "VOC2007"


@pytest.mark.fault(13)
@pytest.mark.parametrize(
    "content",
    [
        b"2007_000001\r\n2007_000000\r\n",
        b"\n2007_000001\n\n2007_000000\n\n",
        b"2007_000001\n2007_000000",
        b"2007_000001 \n\t2007_000000\n",
        b"2007_000001\n2007_000000\n2007_000001\n",
        b"\xef\xbb\xbf2007_000001\r\n2007_000000\r\n",
    ],
    ids=["CRLF", "blank", "no end", "spaces", "duplicate", "byte order mark"],
)
def test_a_list_may_be_written_by_any_editor(tiny_voc, content):
    list_file(tiny_voc, "mine").write_bytes(content)
    assert VOCSegmentation(tiny_voc, "mine").names == ("2007_000001", "2007_000000")


# Errors


def test_a_missing_folder_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="nowhere"):
        VOCSegmentation(tmp_path / "nowhere")


def test_a_folder_of_another_layout_is_named_with_what_it_should_hold(tmp_path):
    (tmp_path / "JPEGImages").mkdir()
    with pytest.raises(FileNotFoundError, match=re.escape(repr(str(tmp_path)))) as e:
        VOCSegmentation(tmp_path)
    assert "must hold `JPEGImages` and `SegmentationClass`" in str(e.value)


@pytest.mark.parametrize(
    "missing", ["JPEGImages/2007_000001.jpg", "SegmentationClass/2007_000001.png"]
)
def test_a_missing_image_is_named(tiny_voc, missing):
    (tiny_voc / missing).unlink()
    with pytest.raises(FileNotFoundError, match=f"1 files, the first .*{missing}"):
        VOCSegmentation(tiny_voc)
    assert len(VOCSegmentation(tiny_voc, "val")) == 2


def test_many_missing_images_are_counted_and_the_first_named(tiny_voc):
    list_file(tiny_voc, "mine").write_text("\n".join("abcd"))
    with pytest.raises(FileNotFoundError, match=r"Missing: 8 files.*a\.jpg") as error:
        VOCSegmentation(tiny_voc, "mine")
    assert "d.jpg" not in str(error.value)


def test_an_unknown_split_is_named_with_those_there_are(tiny_voc):
    with pytest.raises(ValueError, match="split='test'") as error:
        VOCSegmentation(tiny_voc, "test")
    assert "['train', 'val']" in str(error.value)


@pytest.mark.fault(13)
@pytest.mark.parametrize("content", ["", "\n \n"])
def test_an_empty_list_is_named(tiny_voc, content):
    list_file(tiny_voc, "mine").write_text(content)
    with pytest.raises(ValueError, match=r"mine\.txt' is empty"):
        VOCSegmentation(tiny_voc, "mine")


def test_colours_instead_of_indices_are_refused_by_name(tiny_voc):
    file = tiny_voc / "SegmentationClass" / "2007_000000.png"
    with Image.open(file) as label:
        colours = label.convert("RGB")
    colours.save(file)
    with pytest.raises(ValueError, match=r"2007_000000\.png' of mode RGB"):
        VOCSegmentation(tiny_voc)[0]


@pytest.mark.parametrize("index", [2, 100])
def test_an_index_past_the_end_is_refused(tiny_voc, index):
    with pytest.raises(IndexError, match="range"):
        VOCSegmentation(tiny_voc)[index]


def test_labelmes_pngs_beside_its_numpy_files_are_read(tiny_voc):
    masks = tiny_voc / "SegmentationClass"
    masks.rename(tiny_voc / "SegmentationClassPNG")
    masks.mkdir()
    (masks / "2007_000000.npy").write_bytes(b"not read")
    assert len(VOCSegmentation(tiny_voc)) == 2


def test_an_export_without_photos_says_how_to_name_them(tiny_voc):
    (tiny_voc / "JPEGImages").rename(tiny_voc / "photos")
    with pytest.raises(FileNotFoundError, match="--dataset folder --images PHOTOS"):
        VOCSegmentation(tiny_voc)


def test_a_list_that_is_no_utf8_is_named(tiny_voc):
    list_file(tiny_voc, "mine").write_bytes("Übung".encode("latin-1"))
    with pytest.raises(ValueError, match=r"mine\.txt' must be UTF-8"):
        VOCSegmentation(tiny_voc, "mine")


# By name


def test_voc_opens_by_name(tiny_voc):
    voc = load("voc", "val", tiny_voc)
    assert isinstance(voc, VOCSegmentation)
    assert voc.split == "val"


def test_voc_needs_a_folder():
    with pytest.raises(ValueError, match="data_dir=None"):
        load("voc")


def test_an_unknown_data_set_gets_a_suggestion():
    with pytest.raises(ValueError, match=r"name='vocs'\. Did you mean \"voc\""):
        load("vocs")


# The real images


@pytest.mark.parametrize(("split", "length"), [("train", 330), ("val", 346)])
def test_the_real_splits_have_their_lengths(real_voc, split, length):
    voc = VOCSegmentation(real_voc.parents[1], split)
    assert voc.root == real_voc
    assert len(voc) == length


def test_the_real_splits_share_no_image(real_voc):
    train, val = (VOCSegmentation(real_voc, s).names for s in ("train", "val"))
    assert not set(train) & set(val)


@pytest.mark.parametrize("index", [0, 100, -1])
def test_real_samples_are_what_pillow_reads(real_voc, index):
    voc = VOCSegmentation(real_voc, "val")
    name = voc.names[index]
    image, label = voc[index]
    with Image.open(real_voc / "SegmentationClass" / f"{name}.png") as file:
        np.testing.assert_array_equal(label, np.array(file))
    with Image.open(real_voc / "JPEGImages" / f"{name}.jpg") as file:
        np.testing.assert_array_equal(image, np.array(file))
    assert voc.image_size(index) == label.shape == image.shape[:2]


def test_real_labels_are_classes_or_void(real_voc):
    voc = VOCSegmentation(real_voc, "val")
    seen = set()
    for i in range(0, len(voc), 5):
        seen |= set(np.unique(voc.label(i)).tolist())
    assert seen == {*range(21), 255}

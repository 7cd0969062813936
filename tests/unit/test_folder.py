import json
import os
import struct
import sys
from zlib import compress, crc32

import keras
import numpy as np
import pytest
from PIL import Image

from keras_fcn.datasets import FolderSegmentation, examine
from keras_fcn.losses import PixelwiseCrossentropy
from keras_fcn.metrics import SegmentationScores

SIZE = (6, 9)


class Own:
    """Two folders that a test fills."""

    def __init__(self, root):
        self.images, self.masks = root / "photos", root / "masks"
        self.images.mkdir()
        self.masks.mkdir()

    def photo(self, name, size=SIZE):
        file = self.images / name
        file.parent.mkdir(parents=True, exist_ok=True)
        grey = 1 + len(list(self.images.rglob("*.*")))
        Image.new("RGB", size[::-1], (grey, 0, 0)).save(file, format="PNG")

    def mask(self, name, label=None, palette=None):
        file = self.masks / name
        file.parent.mkdir(parents=True, exist_ok=True)
        array = np.zeros(SIZE, "uint8") if label is None else np.asarray(label)
        image = Image.fromarray(array)
        if palette is not None:
            image.putpalette(np.asarray(palette, "uint8").tobytes())
        image.save(file, format="PNG")
        return file

    def pair(self, label, name="a", palette=None):
        size = np.shape(label)[:2]
        self.photo(f"{name}.jpg", size)
        return self.mask(f"{name}.png", label, palette)

    def open(self, *arguments, **options):
        return FolderSegmentation(self.images, self.masks, *arguments, **options)


@pytest.fixture
def own(tmp_path):
    return Own(tmp_path)


# Indices


def test_grey_masks_are_indices(own, rng):
    label = rng.choice([0, 1, 2, 255], SIZE).astype("uint8")
    own.pair(label)
    source = own.open(3)
    assert (source.num_classes, source.ignore_class) == (3, 255)
    assert source.class_names == ("class 0", "class 1", "class 2")
    image, read = source[0]
    np.testing.assert_array_equal(read, label)
    np.testing.assert_array_equal(source.voc_label(0), label)
    assert (image == [1, 0, 0]).all()
    assert read.dtype == image.dtype == np.uint8
    assert source.image_size(0) == SIZE
    assert source.image_file(0) == own.images / "a.jpg"


def test_palette_masks_are_indices_whatever_their_colours(own, rng):
    label = rng.integers(0, 4, SIZE, "uint8")
    own.pair(label, palette=[[9, 9, 9], [0, 0, 0], [255, 255, 255], [1, 2, 3]])
    np.testing.assert_array_equal(own.open(4).label(0), label)


def write_png(file, label, bits):
    """Write a grey PNG of 1, 2, 4 or 16 bits a pixel, byte by byte."""
    height, width = label.shape
    if bits == 16:
        lines = [row.astype(">u2").tobytes() for row in label]
    else:
        weights = 1 << np.arange(bits)[::-1]
        deep = (label[..., None] & weights > 0).reshape(height, -1)
        lines = [np.packbits(row).tobytes() for row in deep]
    header = struct.pack(">IIBBBBB", width, height, bits, 0, 0, 0, 0)
    body = compress(b"".join(b"\0" + line for line in lines))
    content = b"\x89PNG\r\n\x1a\n"
    for name, data in ((b"IHDR", header), (b"IDAT", body), (b"IEND", b"")):
        checksum = struct.pack(">I", crc32(name + data))
        content += struct.pack(">I", len(data)) + name + data + checksum
    file.write_bytes(content)


@pytest.mark.parametrize("bits", [1, 2, 4, 16])
def test_masks_of_every_depth_are_indices(own, rng, bits):
    label = rng.integers(0, 2 ** min(bits, 4), SIZE)
    own.pair(np.zeros(SIZE, "uint8"))
    write_png(own.masks / "a.png", label, bits)
    np.testing.assert_array_equal(own.open(16).label(0), label)


# Black and white


@pytest.mark.parametrize("kind", ["0 and 255", "0 and 1", "1 bit", "RGB", "palette"])
def test_black_and_white_masks_have_two_classes(own, rng, kind):
    white = rng.random(SIZE) < 0.5
    made = {
        "0 and 255": white * np.uint8(255),
        "0 and 1": white * np.uint8(1),
        "1 bit": white,
        "RGB": np.repeat((white * np.uint8(255))[..., None], 3, axis=-1),
        "palette": white * np.uint8(1),
    }
    own.pair(made[kind], palette=[[0] * 3, [255] * 3] if kind == "palette" else None)
    source = own.open(binary=True)
    assert source.class_names == ("background", "foreground")
    np.testing.assert_array_equal(source.label(0), white)


@pytest.mark.parametrize("value", [0, 255])
def test_a_mask_of_one_colour_is_black_or_white(own, value):
    own.pair(np.full(SIZE, value, "uint8"))
    assert (own.open(binary=True).label(0) == (value == 255)).all()


def test_a_black_and_white_mask_may_have_void_besides(own):
    own.pair(np.array([[0, 255, 128]], "uint8"))
    source = own.open(binary=True, ignore_class=128)
    assert source.label(0).tolist() == [[0, 1, 128]]
    assert source.voc_label(0).tolist() == [[0, 1, 255]]


@pytest.mark.fault(12)
def test_a_mask_of_both_1_and_255_is_not_black_and_white(own):
    file = own.pair(np.array([[0, 1, 255]], "uint8"))
    with pytest.raises(ValueError, match="which holds both 1 and 255") as error:
        own.open(binary=True).label(0)
    assert repr(str(file)) in str(error.value)


@pytest.mark.fault(12)
def test_a_coloured_mask_is_not_black_and_white(own):
    file = own.pair(np.array([[0, 1]], "uint8"), palette=[[0] * 3, [255, 0, 0]])
    with pytest.raises(ValueError, match="must be grey") as error:
        own.open(binary=True).label(0)
    assert repr(str(file)) in str(error.value)


def test_the_classes_of_black_and_white_masks_may_have_other_names(own):
    own.pair(np.array([[0, 255]], "uint8"))
    source = own.open(2, binary=True, class_names=("field", "crop"))
    assert source.class_names == ("field", "crop")
    assert source.label(0).tolist() == [[0, 1]]


# Colours

LABELMAP = "road:128,64,128::\ncat:250,50,83::\nbackground:0,0,0::\nvoid:9,9,9::\n"
COLOURS = {"background": (0, 0, 0), "road": (128, 64, 128), "cat": (250, 50, 83)}


@pytest.mark.parametrize("place", ["beside", "above", "given"])
def test_of_rgb_masks_the_colour_decides(own, rng, place):
    folder = {"beside": own.masks, "above": own.masks.parent, "given": own.images}
    file = folder[place] / "labelmap.txt"
    file.write_text(LABELMAP)
    label = rng.integers(0, 3, SIZE)
    own.pair(np.array([*COLOURS.values()], "uint8")[label])
    source = own.open(labels=file) if place == "given" else own.open()
    assert source.class_names == ("background", "road", "cat")
    np.testing.assert_array_equal(source.label(0), label)


def test_of_palette_masks_the_colour_decides_though_indices_disagree(own, rng):
    (own.masks / "labelmap.txt").write_text(LABELMAP)
    label = rng.integers(0, 3, SIZE)
    colours = np.array([*COLOURS.values()])
    for name, order in ("a", [2, 0, 1]), ("b", [1, 2, 0]):
        index = np.argsort(order)[label].astype("uint8")
        assert (index != label).any()
        own.pair(index, name, palette=colours[order])
    source = own.open()
    for i in range(2):
        np.testing.assert_array_equal(source.label(i), label)


def test_colours_of_void_and_vocs_are_void(own):
    (own.masks / "labelmap.txt").write_text(LABELMAP)
    colours = [(9, 9, 9), (224, 224, 192), (250, 50, 83)]
    own.pair(np.array([colours], "uint8"))
    assert own.open().label(0).tolist() == [[255, 255, 2]]


def test_a_map_may_give_vocs_colour_of_void_to_a_class(own):
    text = "background:0,0,0::\nsand:224,224,192::\n"
    (own.masks / "labelmap.txt").write_text(text)
    own.pair(np.array([[(224, 224, 192), (0, 0, 0)]], "uint8"))
    assert own.open().label(0).tolist() == [[1, 0]]


def test_any_map_of_colours_is_read_as_it_is_written(own, rng):
    packed = rng.choice(2**24, 200, replace=False)
    colours = np.stack([packed >> 16, packed >> 8 & 255, packed & 255], -1)
    lines = [f"c{i}:{','.join(map(str, c))}::\n" for i, c in enumerate(colours)]
    (own.masks / "labelmap.txt").write_text("".join(lines))
    label = rng.integers(0, 200, (40, 50))
    own.pair(colours[label].astype("uint8"))
    np.testing.assert_array_equal(own.open().label(0), label)


@pytest.mark.fault(12)
def test_a_colour_that_is_not_in_the_map_is_told_with_its_pixels(own):
    (own.masks / "labelmap.txt").write_text(LABELMAP)
    file = own.pair(np.array([[(0, 0, 1), (0, 0, 0), (0, 0, 1), (5, 6, 7)]], "uint8"))
    with pytest.raises(ValueError, match="must hold the colours") as error:
        own.open().label(0)
    assert repr(str(file)) in str(error.value)
    assert "(0, 0, 1) in 2 pixels, (5, 6, 7) in 1 pixels." in str(error.value)
    assert "JPEG" not in str(error.value)


@pytest.mark.fault(12)
def test_many_near_colours_are_taken_for_a_smoothed_mask(own):
    (own.masks / "labelmap.txt").write_text(LABELMAP)
    own.pair(np.array([[(250, 50, i) for i in range(83)]], "uint8"))
    with pytest.raises(
        ValueError, match=r"and 78 more\. Many near colours: a mask saved"
    ):
        own.open().label(0)


@pytest.mark.fault(12)
def test_rgb_masks_without_a_map_are_refused_with_what_would_help(own):
    file = own.pair(np.zeros((*SIZE, 3), "uint8"))
    with pytest.raises(ValueError, match=r"colours\. A `labelmap\.txt`") as error:
        own.open(3).label(0)
    assert repr(str(file)) in str(error.value)


# Names of classes


@pytest.mark.parametrize("name", ["class_names.txt", "labels.txt"])
def test_a_list_beside_the_masks_names_their_indices(own, name):
    (own.masks.parent / name).write_text("_background_\nzebra\nant\n")
    own.pair(np.array([[0, 1, 2]], "uint8"))
    source = own.open()
    assert source.class_names == ("_background_", "zebra", "ant")
    assert source.label(0).tolist() == [[0, 1, 2]]


def test_class_names_give_a_map_of_colours_their_own_labels(own):
    (own.masks / "labelmap.txt").write_text(LABELMAP)
    own.pair(np.array([[*COLOURS.values(), (9, 9, 9)]], "uint8"))
    source = own.open(class_names=("background", "cat", "dog", "road"))
    assert source.class_names == ("background", "cat", "dog", "road")
    assert source.label(0).tolist() == [[0, 3, 1, 255]]


def test_a_map_may_not_name_other_classes_than_those_that_are_known(own):
    (own.masks / "labelmap.txt").write_text(LABELMAP)
    own.pair(np.zeros((*SIZE, 3), "uint8"))
    with pytest.raises(ValueError, match=r"labelmap\.txt' must name no .*\['road'\]"):
        own.open(class_names=("background", "cat"))


def test_class_names_alone_are_enough(own):
    own.pair(np.array([[0, 1]], "uint8"))
    assert own.open(class_names=("ground", "cat")).num_classes == 2


@pytest.mark.parametrize(
    "options", [{"labels": True}, {"class_names": ("a", "b", "c")}]
)
def test_a_number_of_classes_that_contradicts_their_names_is_refused(own, options):
    own.pair(np.zeros(SIZE, "uint8"))
    if "labels" in options:
        options = {"labels": own.images / "mine.txt"}
        options["labels"].write_text("a\nb\nc\n")
    assert own.open(3, **options).class_names == ("a", "b", "c")
    with pytest.raises(ValueError, match=r"3: \['a', 'b', 'c'\]\. Rec.*num_classes=4"):
        own.open(4, **options)


def test_black_and_white_masks_have_no_third_class(own):
    own.pair(np.zeros(SIZE, "uint8"))
    with pytest.raises(ValueError, match="num_classes=3"):
        own.open(3, binary=True)


@pytest.mark.parametrize("number", [0, -1, 255])
def test_an_impossible_number_of_classes_is_refused(own, number):
    own.pair(np.zeros(SIZE, "uint8"))
    with pytest.raises(ValueError, match=f"num_classes={number}"):
        own.open(number)


def test_more_classes_than_labels_are_refused(own):
    own.pair(np.zeros(SIZE, "uint8"))
    (own.masks / "labels.txt").write_text("\n".join(f"c{i}" for i in range(300)))
    with pytest.raises(ValueError, match=r"at most 254 classes\. Received: 300"):
        own.open()


@pytest.mark.parametrize("void", [-1, 256])
def test_an_impossible_void_label_is_refused(own, void):
    own.pair(np.zeros(SIZE, "uint8"))
    with pytest.raises(ValueError, match=f"ignore_class={void}"):
        own.open(2, ignore_class=void)


@pytest.mark.parametrize(
    ("values", "void", "suggestion"),
    [
        ([0, 2, 255], 255, "The first 2 masks hold [0, 1, 2, 255]: 3 classes?"),
        ([0, 2, 11], 11, "The first 2 masks hold [0, 1, 2, 11]: 3 classes?"),
        ([0, 4], 255, "The first 2 masks hold [0, 1, 4]: 5 classes?"),
    ],
    ids=["void", "void 11", "holes"],
)
def test_without_a_number_of_classes_the_error_suggests_one(
    own, values, void, suggestion
):
    own.pair(np.array([values], "uint8"), "a")
    own.pair(np.array([[0, 1]], "uint8"), "b")
    with pytest.raises(ValueError, match="`num_classes` must be given") as error:
        own.open(ignore_class=void)
    assert str(error.value).endswith(suggestion)


def test_without_a_number_of_classes_black_and_white_is_suggested(own):
    own.pair(np.array([[0, 255]], "uint8"))
    with pytest.raises(ValueError, match=r"black and white \(`binary`\)\?"):
        own.open()


@pytest.mark.parametrize("kind", ["colours", "void alone"])
def test_without_a_number_of_classes_nothing_is_suggested_without_reason(own, kind):
    rgb = np.zeros((*SIZE, 3), "uint8")
    own.pair(rgb if kind == "colours" else np.full(SIZE, 255, "uint8"))
    with pytest.raises(ValueError, match=r"Received: neither\.$"):
        own.open()


# Pairs


def test_pairs_are_found_by_name_in_the_order_of_names(own):
    for name in ("b", "a", "c.d"):
        own.pair(np.full(SIZE, ord(name[0]) - ord("a"), "uint8"), name)
    source = own.open(3)
    assert source.names == ("a", "b", "c.d")
    assert [int(source.label(i)[0, 0]) for i in range(3)] == [0, 1, 2]


@pytest.mark.parametrize("ending", ["_mask", "_L", ".jpg"])
def test_masks_may_all_have_the_same_ending(own, ending):
    names = ["1", "10", "100", "2"]
    for value, name in enumerate(names):
        own.photo(f"{name}.jpg")
        own.mask(f"{name}{ending}.png", np.full(SIZE, value, "uint8"))
    source = own.open(4)
    assert source.names == tuple(names)
    assert [int(source.label(i)[0, 0]) for i in range(4)] == [0, 1, 2, 3]


def test_a_mask_with_another_ending_has_no_photo(own):
    for name in ("a", "b"):
        own.photo(f"{name}.jpg")
        own.mask(f"{name}_mask.png")
    own.mask("a_edges.png")
    with pytest.raises(FileNotFoundError, match=r"1 files, .*photo of .*a_edges\.png"):
        own.open(2)


def test_files_in_folders_within_are_paired_by_their_way_there(own):
    for value, name in enumerate(["monday/1", "sunday/1", "sunday/late/1"]):
        own.photo(f"{name}.png")
        own.mask(f"{name}.png", np.full(SIZE, value, "uint8"))
    source = own.open(3)
    assert source.names == ("monday/1", "sunday/1", "sunday/late/1")
    assert [int(source.label(i)[0, 0]) for i in range(3)] == [0, 1, 2]


def test_suffixes_may_be_of_any_kind_and_case(own):
    for name in ("a.JPG", "b.jpeg", "c.Tiff", "d.webp"):
        own.photo(name)
    for name in ("a.PNG", "b.tif", "c.bmp", "d.gif"):
        own.mask(name)
    assert own.open(2).names == ("a", "b", "c", "d")


def test_hidden_files_and_those_of_other_kinds_are_not_looked_at(own):
    own.pair(np.zeros(SIZE, "uint8"))
    for name in ("._a.jpg", ".hidden.png", "Thumbs.db", "notes.txt"):
        (own.images / name).write_bytes(b"no picture")
        (own.masks / name).write_bytes(b"no picture")
    (own.images / ".ipynb_checkpoints").mkdir()
    (own.images / ".ipynb_checkpoints" / "a-checkpoint.jpg").touch()
    (own.images / "folder.jpg").mkdir()
    assert own.open(2).names == ("a",)


def test_photos_that_differ_in_their_suffix_only_are_refused(own):
    own.pair(np.zeros(SIZE, "uint8"))
    own.photo("a.png")
    with pytest.raises(ValueError, match=r"suffix only\. Rec.*a\.jpg' and .*a\.png'"):
        own.open(2)


def test_one_folder_for_photos_and_masks_is_refused(own):
    own.pair(np.zeros(SIZE, "uint8"))
    for same in (own.images, own.images / ".." / own.images.name):
        with pytest.raises(ValueError, match="must lie in two folders"):
            FolderSegmentation(own.images, same, 2)


@pytest.mark.parametrize("which", ["images", "masks"])
def test_a_missing_folder_is_named(own, which):
    own.pair(np.zeros(SIZE, "uint8"))
    folders = {"images": own.images, "masks": own.masks, which: own.images / "none"}
    with pytest.raises(FileNotFoundError, match=r"There is no folder .*none"):
        FolderSegmentation(**folders, num_classes=2)


@pytest.mark.fault(12)
def test_what_has_no_partner_is_counted_and_the_first_listed(own):
    own.pair(np.zeros(SIZE, "uint8"))
    for name in "bcde":
        own.photo(f"{name}.jpg")
    own.mask("z.png")
    with pytest.raises(FileNotFoundError, match="Missing: 5 files") as error:
        own.open(2)
    assert f"mask of {own.images / 'b.jpg'}" in str(error.value)
    assert "e.jpg" not in str(error.value)
    source = own.open(2, missing_ok=True)
    assert source.names == ("a",)
    photos = [f"mask of {own.images / f'{name}.jpg'}" for name in "bcde"]
    assert source.missing == (*photos, f"photo of {own.masks / 'z.png'}")


@pytest.mark.fault(13)
def test_folders_without_a_pair_are_refused(own):
    with pytest.raises(ValueError, match=r"at least one photo .*Received: none\.$"):
        own.open(2)
    own.photo("a.jpg")
    with pytest.raises(FileNotFoundError, match=r"mask of .*a\.jpg"):
        own.open(2)
    with pytest.raises(ValueError, match=r"none, and missing are .*a\.jpg"):
        own.open(2, missing_ok=True)


linux = pytest.mark.skipif(sys.platform != "linux", reason="names are bytes on Linux")


@linux
def test_a_name_that_is_not_utf_8_is_told_with_its_bytes(own):
    name = os.fsdecode(b"\xff.png")
    own.photo(name)
    own.mask(name)
    with pytest.raises(ValueError, match="File names must be UTF-8") as error:
        own.open(2)
    assert r"\xff.png'" in str(error.value)
    assert str(error.value).encode()


@linux
def test_a_missing_file_whose_name_is_not_utf_8_can_be_reported(own):
    own.pair(np.zeros(SIZE, "uint8"))
    own.mask(os.fsdecode(b"\xff.png"))
    source = own.open(2, missing_ok=True)
    (message,) = source.missing
    assert message.encode().endswith(rb"\udcff.png")
    assert str(examine(source).errors[0]) == message


@pytest.mark.parametrize("name", ["Ünï cödé 猫", "two\nlines", "x" * 200, "[b]%s{0}"])
def test_photos_may_have_any_other_name(own, name):
    own.pair(np.ones(SIZE, "uint8"), name)
    source = own.open(2)
    assert source.names == (name,)
    assert source.label(0).all()


@linux
def test_photos_and_masks_may_be_links(own, tmp_path):
    file = own.pair(np.ones(SIZE, "uint8"), "elsewhere")
    file = file.rename(tmp_path / "mask.png")
    (own.masks / "elsewhere.png").symlink_to(file)
    assert own.open(2).label(0).all()


# labelme


def test_another_tools_json_beside_the_masks_is_not_taken_for_labelmes(own):
    own.pair(np.array([[0, 1]], "uint8"))
    (own.masks / "dataset_info.json").write_text("{}")
    assert own.open(2).label(0).tolist() == [[0, 1]]


def test_class_names_lying_around_do_not_name_black_and_white(own):
    own.pair(np.array([[0, 255]], "uint8"))
    (own.masks.parent / "class_names.txt").write_text("sky\nroad\ncar\n")
    assert own.open(binary=True).class_names == ("background", "foreground")
    with pytest.raises(ValueError, match=r"2 classes\..*'car'"):
        own.open(binary=True, labels=own.masks.parent / "class_names.txt")


def annotate(file, *labels):
    """Write a labelme file with a row of pixels for each label."""
    height, width = SIZE
    shapes = [
        {"label": name, "shape_type": "rectangle", "points": [[0, y], [width, y]]}
        for y, name in enumerate(labels)
    ]
    data = {"imageHeight": height, "imageWidth": width, "shapes": shapes}
    file.write_text(json.dumps(data))


def test_labelmes_files_are_read_beside_their_photos(own):
    for name, labels in ("a", ["zebra", "ant"]), ("b", ["__ignore__", "ant"]):
        own.photo(f"{name}.jpg")
        annotate(own.images / f"{name}.json", *labels)
    source = FolderSegmentation(own.images, own.images)
    assert source.class_names == ("_background_", "ant", "zebra")
    rows = [source.label(i)[:3, 0].tolist() for i in range(2)]
    assert rows == [[2, 1, 0], [255, 1, 0]]
    assert source.label(0).shape == SIZE


def test_labelmes_classes_may_be_given(own):
    own.photo("a.jpg")
    annotate(own.masks / "a.json", "zebra", "ant")
    (own.masks / "labels.txt").write_text("__ignore__\n_background_\nzebra\nant\n")
    assert own.open().label(0)[:3, 0].tolist() == [1, 2, 0]
    given = own.open(class_names=("_background_", "yak", "ant", "zebra"))
    assert given.label(0)[:3, 0].tolist() == [3, 2, 0]
    (own.masks / "labels.txt").write_text("_background_\nzebra\n")
    with pytest.raises(ValueError, match=r"shape 2: 'ant'"):
        own.open().label(0)


# Void of another value


@pytest.fixture
def camvid(own, rng):
    label = rng.integers(0, 12, SIZE, "uint8")
    label[0, :2] = 0, 11
    own.pair(label)
    return own.open(11, ignore_class=11)


def test_another_void_label_is_known_as_void(camvid):
    label = camvid.label(0)
    assert camvid.ignore_class == 11
    np.testing.assert_array_equal(
        camvid.voc_label(0), np.where(label == 11, 255, label)
    )
    report = examine(camvid)
    assert report.errors == ()
    assert report.void_pixels == (label == 11).sum()


def test_what_is_added_around_a_photo_has_the_same_void_label(camvid):
    size = max(SIZE) + 7
    batches = camvid.batches(1, crop_size=size)
    _, labels = next(iter(batches))
    labels = keras.ops.convert_to_numpy(labels)
    assert labels.shape == (1, size, size)
    added = (labels == 11).sum() - (camvid.label(0) == 11).sum()
    assert added == labels.size - camvid.label(0).size
    assert labels.max() == 11


def test_neither_loss_nor_scores_see_another_void_label(camvid, rng):
    label = camvid.label(0)[None].astype("int32")
    logits = rng.normal(size=(*label.shape, 11)).astype("float32")
    wild = np.where(
        (label == 11)[..., None], 50 * rng.normal(size=logits.shape), logits
    )
    loss = PixelwiseCrossentropy(ignore_class=camvid.ignore_class)
    valid = label != 11
    scores = np.log(np.exp(logits).sum(-1)) - np.take_along_axis(
        logits, np.minimum(label, 10)[..., None], -1
    ).squeeze(-1)
    expected = scores[valid].mean()
    assert float(loss(label, logits)) == pytest.approx(expected, rel=1e-5)
    assert float(loss(label, wild.astype("float32"))) == pytest.approx(
        expected, rel=1e-5
    )
    metric = SegmentationScores(11, camvid.ignore_class)
    metric.update_state(label, wild.astype("float32"))
    accuracy = (wild.argmax(-1) == label)[valid].mean()
    assert metric.result()["pixel_accuracy"] == pytest.approx(accuracy)

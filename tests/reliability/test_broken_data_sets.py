"""Data sets with one fault each: it is told before anything trains, by both verbs."""

import hashlib
import json
import os
import re
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from PIL import Image

from keras_fcn.images import image_size
from keras_fcn.runs import RunConfig

from ..conftest import write_small_voc
from ..end_to_end.test_command_line import THIN, run

SIZE = (24, 32)
WIDTH_HEIGHT = (32, 24)  # as Pillow has it


def write_own(root, names: Sequence[str] = "abcdef", value=2, seed=0):
    """Write photos and index masks of three classes; return their folders."""
    rng = np.random.default_rng(seed)
    for part in ("photos", "masks"):
        (root / part).mkdir(parents=True)
    for name in names:
        photo = rng.integers(0, 256, (*SIZE, 3), "uint8")
        Image.fromarray(photo).save(root / "photos" / f"{name}.jpg")
        label = np.zeros(SIZE, "uint8")
        label[5:15, 8:20] = 1
        label[10:20, 15:25] = value
        Image.fromarray(label).save(root / "masks" / f"{name}.png")
    return root / "photos", root / "masks"


class Own(NamedTuple):
    photos: Path
    masks: Path
    options: list


def own(root):
    photos, masks = write_own(root)
    options = ["--dataset", "folder", "--images", photos, "--masks", masks]
    return Own(photos, masks, [*options, "--num-classes", 3])


def voc(root):
    folder = write_small_voc(root)
    return folder, ["--dataset", "voc", "--data-dir", folder]


def mask_of_another_size(root):
    data = own(root)
    Image.new("L", (9, 6)).save(data.masks / "c.png")
    return data.options, ["c: label map (6, 9), image (24, 32)"]


def rgb_masks_without_a_map(root):
    data = own(root)
    for file in data.masks.iterdir():
        Image.new("RGB", WIDTH_HEIGHT, (250, 50, 83)).save(file)
    file = data.masks / "a.png"
    return data.options, [f"{str(file)!r} of mode RGB, colours", "labelmap.txt"]


def black_and_white_taken_for_indices(root):
    data = own(root)
    for file in data.masks.iterdir():
        with Image.open(file) as mask:
            white = mask.point(lambda value: 255 if value else 0)
        white.save(file)
    return data.options, ["Values {0, 255}: a binary mask? Use --binary."]


def missing_mask(root):
    photos, masks, options = own(root)
    (masks / "c.png").unlink()
    return options, [f"mask of {photos / 'c.jpg'}"]


def label_21(root):
    folder, options = voc(root)
    label = np.zeros((52, 40), "uint8")
    label[0, :7] = 21
    Image.fromarray(label).save(folder / "SegmentationClass" / "2007_000001.png")
    told = "2007_000001: values [21] in 7 pixels; labels must be in 0..20 or 255"
    return options, [told]


def float_mask(root):
    data = own(root)
    (data.masks / "c.png").unlink()
    file = data.masks / "c.tif"
    Image.fromarray(np.zeros(SIZE, "float32")).save(file)
    return data.options, [f"{str(file)!r}, a float image. Save it as 8-bit PNG."]


def label_one_too_large(root):
    data = own(root)
    for file in data.masks.iterdir():
        with Image.open(file) as mask:
            mask.point(lambda value: value + 1).save(file)
    told = "values [3] in 100 pixels; labels must be in 0..2 or 255 (void)."
    return data.options, [f"a: {told} Labels 1..3 and a background 0 are 4 classes."]


def usual_void_beside_another(root):
    data = own(root)
    label = np.array(Image.open(data.masks / "c.png"))
    label[0, :4] = 255
    Image.fromarray(label).save(data.masks / "c.png")
    told = "c: values [255] in 4 pixels; labels must be in 0..2 or 11 (void). 255 is"
    return [*data.options, "--ignore-class", 11], [told]


def negative_label(root):
    data = own(root)
    (data.masks / "c.png").unlink()
    file = data.masks / "c.tif"
    label = np.zeros(SIZE, "int32")
    label[0, 0] = -1
    Image.fromarray(label).save(file)
    told = "must hold class indices 0..255. Received: {!r} with values -1..0."
    return data.options, [told.format(str(file))]


def label_of_16_bits(root):
    data = own(root)
    label = np.zeros(SIZE, "uint16")
    label[3, 4] = 300
    Image.fromarray(label).save(data.masks / "c.png")
    told = "must hold class indices 0..255. Received: {!r} with values 0..300."
    return data.options, [told.format(str(data.masks / "c.png"))]


def mask_saved_as_jpeg(root):
    data = own(root)
    for file in data.masks.iterdir():
        with Image.open(file) as mask:
            grey = mask.point(lambda value: value * 100)
        grey.save(file.with_suffix(".jpg"), quality=50)
        file.unlink()
    told = "labels must be in 0..2 or 255 (void). So many values: a photo, or a mask"
    return data.options, ["a: values [", told]


def colour_that_no_class_has(root):
    data = own(root)
    (data.masks / "labelmap.txt").write_text("ground:0,0,0::\nox:1,1,1::\ncat:2,2,2::")
    for file in data.masks.iterdir():
        if file.suffix == ".png":
            with Image.open(file) as mask:
                mask.convert("RGB").save(file)
    painted = Image.new("RGB", WIDTH_HEIGHT)
    painted.putpixel((3, 4), (2, 2, 3))
    painted.save(data.masks / "c.png")
    told = "must hold the colours of its `labelmap.txt`. Received: {!r} with (2, 2, 3)"
    return data.options, [told.format(str(data.masks / "c.png"))]


def indices_taken_for_black_and_white(root):
    data = own(root)
    label = (
        np.array([[0, 1, 255]], "uint8").repeat(11, axis=1)[:, :32].repeat(24, axis=0)
    )
    Image.fromarray(label).save(data.masks / "c.png")
    told = "must hold 0 and 255, or 0 and 1. Received: {!r}, which holds both 1 and 255"
    options = [*data.options[:-2], "--binary"]
    return options, [told.format(str(data.masks / "c.png"))]


def nothing_but_void(root):
    data = own(root)
    for file in data.masks.iterdir():
        Image.new("L", WIDTH_HEIGHT, 255).save(file)
    return data.options, ["there is no pixel that is not void"]


def polygon_of_an_unknown_class(root):
    photos, masks, options = own(root)
    shutil.rmtree(masks)
    shape = {"label": "yak", "shape_type": "rectangle", "points": [[0, 0], [9, 9]]}
    for photo in list(photos.iterdir()):
        photo.with_suffix(".json").write_text(
            json.dumps({"imageHeight": 24, "imageWidth": 32, "shapes": [shape]})
        )
    (photos / "labels.txt").write_text("_background_\nox\ncat\n")
    options = ["--dataset", "folder", "--images", photos, "--masks", photos]
    return options, [repr(str(photos / "c.json")), "'yak'", "ox"]


def empty_split(root):
    folder, options = voc(root)
    file = folder / "ImageSets" / "Segmentation" / "train.txt"
    file.write_text("\n \n")
    return options, ["must list at least one image", f"{str(file)!r} is empty"]


def truncated_jpeg(root):
    data = own(root)
    file = data.photos / "c.jpg"
    content = file.read_bytes()
    file.write_bytes(content[: len(content) * 3 // 4])
    told = f"c: {str(file)!r} is not an image that can be read: image file is truncated"
    return data.options, [told]


def photo_turned_by_exif(root):
    data = own(root)
    tags = Image.Exif()
    tags[0x0112] = 6
    with Image.open(data.photos / "c.jpg") as photo:
        photo.save(data.photos / "c.jpg", exif=tags)
    told = "c: label map (24, 32), image (32, 24). EXIF orientation 6: the mask"
    return data.options, [told, "turn the mask, or save the photo without EXIF"]


def photo_on_both_sides(root):
    data = own(root)
    photos, masks = write_own(root / "val", "xyz", seed=1)
    shutil.copy(data.photos / "c.jpg", photos / "y.jpg")
    options = [*data.options, "--val-images", photos, "--val-masks", masks]
    return options, ["y: a validation photo that is trained on too, as c"]


def name_that_is_not_utf_8(root):
    if sys.platform != "linux":
        pytest.skip("names are bytes on Linux")
    photos, masks, options = own(root)
    for folder, suffix in ((photos, b".jpg"), (masks, b".png")):
        file = folder / os.fsdecode(b"c" + suffix)
        file.rename(folder / os.fsdecode(b"\xe9t\xe9" + suffix))
    return options, ["File names must be UTF-8", r"\xe9t\xe9.jpg", "Rename the file"]


def damaged_labelme_file(root):
    photos, masks, options = own(root)
    shutil.rmtree(masks)
    for photo in list(photos.iterdir()):
        photo.with_suffix(".json").write_text(
            '{"imageHeight": 24, "imageWidth": 32, "shapes": []}'
        )
    (photos / "c.json").write_text('{"imageHeight": 24, "imageWid')
    options = ["--dataset", "folder", "--images", photos, "--masks", photos]
    return options, ["must be JSON", repr(str(photos / "c.json"))]


def one_pair_to_divide(root):
    photos, masks = write_own(root, "a")
    options = ["--dataset", "folder", "--images", photos, "--masks", masks]
    return [*options, "--num-classes", 3], ["Holding out samples needs two of them"]


def empty_folders(root):
    photos, masks = write_own(root, "")
    options = ["--dataset", "folder", "--images", photos, "--masks", masks]
    return [*options, "--num-classes", 3], ["at least one photo", "Received: none."]


# By the row of the table that each belongs to.
FAULTS = {
    10: [truncated_jpeg],
    12: [
        mask_of_another_size,
        rgb_masks_without_a_map,
        colour_that_no_class_has,
        black_and_white_taken_for_indices,
        indices_taken_for_black_and_white,
        missing_mask,
        label_21,
        label_one_too_large,
        usual_void_beside_another,
        negative_label,
        label_of_16_bits,
        float_mask,
        mask_saved_as_jpeg,
        damaged_labelme_file,
        polygon_of_an_unknown_class,
    ],
    13: [
        empty_split,
        empty_folders,
        one_pair_to_divide,
        nothing_but_void,
    ],
    19: [photo_turned_by_exif],
    20: [name_that_is_not_utf_8],
}


def squeezed(text):
    """Leave out the line breaks, which the width of the terminal sets."""
    return re.sub(r"\s", "", text)


def contents(folder):
    return {
        file: hashlib.sha256(file.read_bytes()).hexdigest()
        for file in folder.rglob("*")
        if file.is_file()
    }


@pytest.fixture(autouse=True)
def builds(monkeypatch):
    """Tell when a network is built, and build none."""

    def build(self, weights=None, precision=None):
        raise RuntimeError("a network is built")

    monkeypatch.setattr(RunConfig, "build", build)


@pytest.mark.parametrize("verb", ["check", "train"])
@pytest.mark.parametrize(
    "fault",
    [
        pytest.param(case, marks=pytest.mark.fault(number))
        for number, cases in FAULTS.items()
        for case in cases
    ]
    + [photo_on_both_sides],
)
def test_a_fault_is_told_before_anything_trains(fault, verb, tmp_path):
    options, told = fault(tmp_path / "data")
    before = contents(tmp_path / "data")
    if verb == "check":
        result = run("data", "check", *options, "-o", tmp_path / "out", check=False)
    else:
        arguments = [*options, *THIN, "--run-dir", tmp_path / "run"]
        result = run("train", *arguments, check=False)
    printed = result.stdout + result.stderr
    assert result.returncode == 1, printed
    for part in told:
        assert squeezed(part) in squeezed(printed)
    assert "Traceback" not in printed
    assert "a network is built" not in printed
    assert "Ready for training" not in printed
    assert not (tmp_path / "run" / "config.yaml").exists()
    assert not [*(tmp_path / "run").rglob("*.safetensors")]
    assert contents(tmp_path / "data") == before


CRLF = b"2007_000000\r\n2007_000001\r\n"
BLANK = b"\n2007_000000\n\n  \n2007_000001\n\n"
WINDOWS = b"\xef\xbb\xbf2007_000000\r\n\r\n2007_000001 \r\n2007_000000\r\n"


@pytest.mark.fault(13)
@pytest.mark.parametrize(
    "content", [CRLF, BLANK, WINDOWS], ids=["CRLF", "blank", "all"]
)
def test_lists_from_any_editor_are_trained_on(content, tmp_path):
    folder, options = voc(tmp_path)
    (folder / "ImageSets" / "Segmentation" / "train.txt").write_bytes(content)
    arguments = [*options, *THIN, "--run-dir", tmp_path / "run"]
    result = run("train", *arguments, check=False)
    assert "a network is built" in result.stderr
    assert "train: 2 images" in result.stdout


@pytest.mark.fault(13)
def test_a_list_from_a_windows_editor_is_ready(tmp_path):
    folder, options = voc(tmp_path)
    (folder / "ImageSets" / "Segmentation" / "train.txt").write_bytes(WINDOWS)
    printed = run("data", "check", *options, "-o", tmp_path / "out").stdout
    assert "2 pairs found" in printed
    assert "Ready for training" in printed


# What the check says of a sound data set


def test_a_sound_data_set_is_ready(tmp_path):
    options = own(tmp_path / "data").options
    before = contents(tmp_path / "data")
    out, report = tmp_path / "out", tmp_path / "report.json"
    result = run("data", "check", *options, "-o", out, "--json", report)
    assert "Ready for training" in result.stdout
    counts = "5 pairs found, 0 missing, 0 unreadable, 0 of background only."
    assert squeezed(counts) in squeezed(result.stdout)
    assert "Photos of 32 x 24 to 32 x 24 pixels" in result.stdout
    names = {file.name for file in out.iterdir()}
    samples = {"samples_train.png", "samples_held_out.png"}
    assert names == {"class_frequencies.png", *samples}
    assert all(min(image_size(out / name)) > 100 for name in names)
    assert contents(tmp_path / "data") == before

    read = json.loads(report.read_text())
    assert set(read["splits"]) == {"train", "held out 10%"}
    assert read["together"] == []
    assert read["ready"] is True
    train = read["splits"]["train"]
    assert train["images"] == 5
    assert train["background_only"] == train["void_pixels"] == 0
    assert train["smallest"] == train["largest"] == [24, 32]
    assert train["errors"] == train["warnings"] == []
    assert [c["name"] for c in train["classes"]] == ["class 0", "class 1", "class 2"]
    assert [c["images"] for c in train["classes"]] == [5, 5, 5]
    assert [c["pixels"] for c in train["classes"]] == [5 * 573, 5 * 95, 5 * 100]
    assert read["splits"]["held out 10%"]["images"] == 1


@pytest.mark.fault(13, 19)
def test_what_only_the_owner_can_judge_does_not_stop_training(tmp_path):
    photos, masks, options = own(tmp_path / "data")
    tags = Image.Exif()
    tags[0x0112] = 3
    with Image.open(photos / "b.jpg") as photo:
        photo.save(photos / "b.jpg", exif=tags)
    Image.new("L", WIDTH_HEIGHT, 255).save(masks / "c.png")
    report = tmp_path / "report.json"
    checked = run("data", "check", *options, "-o", tmp_path / "out", "--json", report)
    assert squeezed("1 turned by EXIF") in squeezed(checked.stdout)
    assert squeezed("1 all void") in squeezed(checked.stdout)
    read = json.loads(report.read_text())["splits"]
    warnings = [
        w for split in ("train", "held out 10%") for w in read[split]["warnings"]
    ]
    assert sorted((w["kind"], w["sample"]) for w in warnings) == [
        ("orientation", "b"),
        ("void", "c"),
    ]
    result = run("train", *options, *THIN, "--run-dir", tmp_path / "run", check=False)
    assert "a network is built" in result.stderr


@pytest.mark.fault(10, 12)
def test_every_fault_of_a_data_set_is_listed_at_once(tmp_path):
    photos, masks, options = own(tmp_path / "data")
    (photos / "a.jpg").write_bytes(b"no image")
    Image.new("L", (9, 6)).save(masks / "b.png")
    Image.new("L", WIDTH_HEIGHT, 77).save(masks / "c.png")
    (masks / "d.png").unlink()
    shutil.copy(photos / "e.jpg", photos / "f.jpg")
    report = tmp_path / "report.json"
    arguments = [*options, "-o", tmp_path / "out", "--json", report]
    result = run("data", "check", *arguments, check=False)
    assert result.returncode == 1
    read = json.loads(report.read_text())
    assert read["ready"] is False
    splits = list(read["splits"].values())
    kinds = sorted(error["kind"] for split in splits for error in split["errors"])
    assert kinds == ["missing", "photo", "size", "values"]
    twice = [warning["kind"] for split in splits for warning in split["warnings"]]
    assert twice.count("duplicate") + len(read["together"]) == 1
    assert f"{4 + len(read['together'])} errors to mend" in result.stdout


def test_a_photo_held_out_that_is_trained_on_too_is_a_leak(tmp_path):
    data = own(tmp_path / "data")
    for name in "bcdef":
        shutil.copy(data.photos / "a.jpg", data.photos / f"{name}.jpg")
    report = tmp_path / "report.json"
    arguments = [*data.options, "-o", tmp_path / "out", "--json", report]
    result = run("data", "check", *arguments, check=False)
    assert result.returncode == 1
    (leak,) = json.loads(report.read_text())["together"]
    assert leak["kind"] == "leak"
    assert leak["message"].startswith("a validation photo that is trained on too, as ")
    assert f"leak: {leak['sample']}" in result.stdout


@pytest.mark.fault(12)
def test_more_faults_of_one_kind_than_fit_are_counted(tmp_path):
    photos, masks = write_own(tmp_path / "data", [f"p{i:02}" for i in range(30)])
    for file in masks.iterdir():
        Image.new("L", (9, 6)).save(file)
    options = ["--dataset", "folder", "--images", photos, "--masks", masks]
    arguments = [*options, "--num-classes", 3, "-o", tmp_path / "out"]
    result = run("data", "check", *arguments, check=False)
    assert result.returncode == 1
    assert "size: and 7 more (--json)" in result.stdout
    assert "30 errors to mend" in result.stdout
    result = run(
        "train", *options, "--num-classes", 3, *THIN, "--run-dir", tmp_path, check=False
    )
    assert "and 22 more" in result.stderr
    assert "`keras-fcn data check` lists all of them" in result.stderr

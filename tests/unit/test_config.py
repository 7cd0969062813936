import dataclasses
import json
import re

import numpy as np
import pytest
from PIL import Image

from keras_fcn.datasets import DATASETS, DESCRIPTIONS, DataConfig, Shapes, hold_out
from keras_fcn.datasets.config import SPLITS

from ..conftest import write_voc


def fill(folder, names, value=1):
    """A folder of photos and masks."""
    for part in ("photos", "masks"):
        (folder / part).mkdir(parents=True)
    for i, name in enumerate(names):
        Image.new("RGB", (8, 6), (i, 0, 0)).save(folder / "photos" / f"{name}.png")
        Image.new("L", (8, 6), value).save(folder / "masks" / f"{name}.png")
    return {"images": str(folder / "photos"), "masks": str(folder / "masks")}


@pytest.fixture
def own(tmp_path):
    """The options of ten samples of one's own."""
    folders = fill(tmp_path / "own", [f"p{i}" for i in range(10)])
    return {"dataset": "folder", "num_classes": 2, **folders}


@pytest.fixture
def other(tmp_path):
    return fill(tmp_path / "other", "xyz", value=0)


# Rules


def test_nothing_said_means_shapes():
    config = DataConfig()
    assert isinstance(config.open_training(), Shapes)
    assert config.open_training().names == Shapes("train").names
    assert config.open_validation().names == Shapes("val").names


def test_every_data_set_is_described_and_has_its_splits():
    assert set(DATASETS) == set(DESCRIPTIONS) == set(SPLITS)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"dataset": "folders"}, 'Did you mean "folder"'),
        ({"val_share": 0.0}, "val_share=0.0"),
        ({"val_share": 1.0}, "val_share=1.0"),
        ({"dataset": "voc"}, "data_dir=None with dataset='voc'"),
        ({"dataset": "sbd"}, "data_dir=None with dataset='sbd'"),
        ({"dataset": "voc2011_sbd"}, "data_dir=None with dataset='voc2011_sbd'"),
        ({"dataset": "folder"}, "images=None, masks=None"),
        ({"dataset": "folder", "images": "a"}, "images='a', masks=None"),
        ({"dataset": "folder", "masks": "a"}, "images=None, masks='a'"),
    ],
)
def test_what_is_missing_or_impossible_is_told(options, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        DataConfig(**options)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("val_images", "a"),
        ("val_masks", "a"),
        ("split", "train"),
        ("val_split", "val"),
    ],
)
def test_folders_have_no_splits_and_their_validation_comes_in_pairs(name, value):
    with pytest.raises(ValueError, match=f"`{name}`.*{name}='{value}'"):
        DataConfig(dataset="folder", images="p", masks="m", **{name: value})


VALUES = {
    "images": "a",
    "masks": "a",
    "val_images": "a",
    "val_masks": "a",
    "num_classes": 3,
    "binary": True,
    "labels": "a.txt",
    "data_dir": "a",
    "ignore_class": 11,
}
BELONGS = {
    "shapes": set(),
    "voc": {"labels", "data_dir", "ignore_class"},
    "sbd": {"data_dir"},
    "voc2011_sbd": {"data_dir"},
    "folder": set(VALUES) - {"data_dir"},
    "oxford_iiit_pet": {"data_dir"},
}


@pytest.mark.parametrize("name", VALUES)
@pytest.mark.parametrize("dataset", BELONGS)
def test_options_of_another_data_set_are_refused_by_name(dataset, name):
    needed = {
        "folder": {"images": "p", "masks": "m", "val_images": "p", "val_masks": "m"}
    }
    options = needed.get(dataset, {}) | {name: VALUES[name]}
    if dataset in ("voc", "sbd", "voc2011_sbd"):
        options.setdefault("data_dir", "a")
    if name in BELONGS[dataset]:
        assert getattr(DataConfig(dataset=dataset, **options), name) == VALUES[name]
    else:
        message = f"{name}={VALUES[name]!r} with dataset='{dataset}'"
        with pytest.raises(ValueError, match=re.escape(message)):
            DataConfig(dataset=dataset, **options)


def test_no_classes_are_not_the_same_as_nothing_said():
    with pytest.raises(ValueError, match="num_classes=0"):
        DataConfig(num_classes=0)


# Folders


def test_a_share_of_a_folder_is_held_out_by_name_and_seed(own):
    for seed in (0, 3):
        config = DataConfig(**own, val_share=0.3, seed=seed)
        training, validation = config.open_training(), config.open_validation()
        expected = hold_out(config.open_split(), 0.3, seed)
        assert [s.names for s in (training, validation)] == [s.names for s in expected]
        assert (len(training), len(validation)) == (7, 3)
        assert len(config.open_split()) == 10
        assert config.splits() == []
        assert config.describe_training() == "train"
        assert config.describe_validation() == "held out 30%"


def test_another_folder_to_validate_on_is_used_whole(own, other):
    folders = {f"val_{name}": folder for name, folder in other.items()}
    config = DataConfig(**own, **folders)
    assert len(config.open_training()) == 10
    assert config.open_validation().names == ("x", "y", "z")
    assert config.describe_validation() == "val"


def test_every_option_of_a_folder_reaches_it(own, tmp_path):
    names = tmp_path / "names.txt"
    names.write_text("ground\ncat\n")
    config = DataConfig(**own, labels=str(names), ignore_class=1)
    source = config.open_split()
    assert source.class_names == ("ground", "cat")
    assert source.ignore_class == 1
    assert (source.voc_label(0) == 255).all()
    assert (DataConfig(**own, binary=True).open_split().label(0) == 1).all()
    config = dataclasses.replace(
        config, class_names=("ground", "dog", "cat"), labels=None
    )
    with pytest.raises(ValueError, match="num_classes=2"):
        config.open_split()


def test_classes_that_are_known_are_those_of_both_sides(own, other):
    folders = {f"val_{name}": folder for name, folder in other.items()}
    config = DataConfig(**own, **folders, class_names=("ground", "cat"))
    for source in (config.open_training(), config.open_validation()):
        assert source.class_names == ("ground", "cat")


def test_what_is_missing_may_be_reported_instead(own, tmp_path):
    (tmp_path / "own" / "masks" / "p3.png").unlink()
    config = DataConfig(**own)
    for opened in (config.open_training, config.open_validation, config.open_split):
        with pytest.raises(FileNotFoundError, match=r"mask of .*p3\.png"):
            opened()
    sides = (
        config.open_training(missing_ok=True),
        config.open_validation(missing_ok=True),
    )
    assert sum(len(side) for side in sides) == 9
    (message,) = sides[0].missing + sides[1].missing
    assert message.endswith("p3.png")


# VOC's layout


def test_voc_is_trained_and_validated_on_by_its_lists(tiny_voc):
    config = DataConfig(dataset="voc", data_dir=str(tiny_voc))
    assert config.open_training().names == ("2007_000000", "2007_000001")
    assert config.open_validation().names == ("2007_000002", "2007_000003")
    assert config.splits() == ["train", "val"]
    assert config.describe_training() == "train"
    assert config.describe_validation() == "val"
    config = dataclasses.replace(config, split="val", val_split="train")
    assert config.open_training().names == ("2007_000002", "2007_000003")
    assert config.open_validation().names == ("2007_000000", "2007_000001")
    assert config.describe_training() == "val"
    assert config.describe_validation() == "train"


@pytest.fixture
def exported(tmp_path):
    """Ten samples in VOC's layout with one list, as CVAT exports them."""
    labels = {f"frame_{i}": np.full((6, 8), i % 2) for i in range(10)}
    return write_voc(tmp_path / "voc", labels, {"default": list(labels)})


@pytest.mark.parametrize("lists", ["default", "trainval", None])
def test_without_a_list_to_validate_on_a_share_is_held_out(exported, lists):
    folder = exported / "ImageSets" / "Segmentation"
    if lists is None:
        (folder / "default.txt").unlink()
    else:
        (folder / "default.txt").rename(folder / f"{lists}.txt")
    config = DataConfig(dataset="voc", data_dir=str(exported), val_share=0.2)
    training, validation = config.open_training(), config.open_validation()
    assert (len(training), len(validation)) == (8, 2)
    assert not {*training.names} & {*validation.names}
    assert config.describe_validation() == "held out 20%"


def test_a_named_list_to_validate_on_is_used_whole(exported):
    config = DataConfig(dataset="voc", data_dir=str(exported), val_split="default")
    assert len(config.open_training()) == len(config.open_validation()) == 10


def test_an_unknown_list_to_validate_on_is_named(exported):
    config = DataConfig(dataset="voc", data_dir=str(exported), val_split="vla")
    with pytest.raises(ValueError, match="split='vla'"):
        config.open_validation()


def test_every_option_of_voc_reaches_it(exported, tmp_path):
    names = tmp_path / "names.txt"
    names.write_text("ground\ncat\n")
    options = {"labels": str(names), "ignore_class": 1}
    source = DataConfig(dataset="voc", data_dir=str(exported), **options).open_split()
    assert source.class_names == ("ground", "cat")
    assert (source.voc_label(1) == 255).all()
    names = ("a", "b", "c")
    config = DataConfig(dataset="voc", data_dir=str(exported), class_names=names)
    assert config.open_validation().class_names == names


def test_splits_of_shapes_are_named():
    config = DataConfig(split="val", val_split="train")
    assert config.open_training().names == Shapes("val").names
    assert config.open_validation().names == Shapes("train").names
    assert config.splits() == ["train", "val"]


# Validating on something else later


def test_another_split_keeps_everything_else(tiny_voc):
    run = DataConfig(dataset="voc", data_dir=str(tiny_voc), ignore_class=4, seed=5)
    config = run.with_validation({"val_split": "train"})
    assert config == dataclasses.replace(run, val_split="train")
    assert config.open_validation().names == ("2007_000000", "2007_000001")


def test_nothing_changed_validates_on_the_same(own):
    run = DataConfig(**own, val_share=0.4, seed=2)
    assert run.with_validation({}) == run
    assert run.with_validation({"dataset": "folder"}) == run


def test_another_folder_is_validated_on_with_the_same_classes(own, other):
    run = DataConfig(**own, class_names=("ground", "cat"), ignore_class=9)
    changes = {f"val_{name}": folder for name, folder in other.items()}
    config = run.with_validation(changes)
    assert config.open_validation().names == ("x", "y", "z")
    assert config.open_validation().class_names == ("ground", "cat")
    assert config.ignore_class == 9


def test_with_another_data_set_only_the_classes_are_kept(tiny_voc, other):
    names = ("background", "aeroplane", "bicycle", "bird", "boat")
    run = DataConfig(
        dataset="voc", data_dir=str(tiny_voc), class_names=names, ignore_class=7, seed=3
    )
    folders = {f"val_{name}": folder for name, folder in other.items()}
    config = run.with_validation({"dataset": "folder", **folders})
    source = config.open_validation()
    assert source.names == ("x", "y", "z")
    assert (source.class_names, source.ignore_class) == (names, 255)
    assert (config.data_dir, config.seed) == (None, 3)
    back = config.with_validation({"dataset": "voc", "data_dir": str(tiny_voc)})
    assert back.open_validation().names == ("2007_000002", "2007_000003")
    assert back.open_validation().class_names == names


def test_an_option_of_another_data_set_is_refused_then_too(tiny_voc, other):
    run = DataConfig(dataset="voc", data_dir=str(tiny_voc))
    with pytest.raises(ValueError, match=r"val_images=.* with dataset='voc'"):
        run.with_validation({"val_images": other["images"]})


def test_both_sides_number_the_classes_as_training_does(tmp_path):
    for folder, names in {"train": ["ape", "bee"], "val": ["bee"]}.items():
        (tmp_path / folder).mkdir()
        Image.new("RGB", (6, 4)).save(tmp_path / folder / "a.png")
        box = {"shape_type": "rectangle", "points": [[0, 0], [5, 3]]}
        shapes = [{**box, "label": name} for name in names]
        content = {"imageHeight": 4, "imageWidth": 6, "shapes": shapes}
        (tmp_path / folder / "a.json").write_text(json.dumps(content))
    train, val = str(tmp_path / "train"), str(tmp_path / "val")
    folders = {"images": train, "masks": train, "val_images": val, "val_masks": val}
    config = DataConfig(dataset="folder", **folders)
    training, validation = config.open_both()
    assert validation.class_names == training.class_names
    assert training.class_names == ("_background_", "ape", "bee")
    assert set(validation.label(0).ravel()) == {2}

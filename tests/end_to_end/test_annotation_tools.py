"""Data sets as labelme and CVAT write them: one command trains on each."""

import json
from types import SimpleNamespace
from unittest import mock

import keras
import numpy as np
import pytest
import yaml
from PIL import Image

from keras_fcn.datasets import DataConfig, voc_palette
from keras_fcn.images import read_label

from .test_command_line import THIN, run

HEIGHT, WIDTH = 40, 56
TRAIN = [*THIN, "--epochs", 1]

# Rectangles: class, left, top, right, bottom, ends included; later ones lie above.
ANT, DOG, VOID = 1, 2, 255
DRAWN = {
    "frame_000001": [(ANT, 4, 4, 30, 20), (DOG, 20, 10, 50, 35)],
    "frame_000002": [(DOG, 4, 4, 30, 20), (ANT, 20, 10, 50, 35)],
    "frame_000003": [(ANT, 0, 0, 20, 39), (VOID, 10, 10, 14, 20)],
    "frame_000004": [(DOG, 30, 5, 55, 30)],
    "frame_000005": [(ANT, 5, 5, 12, 12), (DOG, 25, 5, 45, 12), (VOID, 0, 0, 55, 1)],
}
LABELME = {0: "_background_", ANT: "ant", DOG: "dog", VOID: "__ignore__"}
# CVAT sorts the classes by their names and gives them colours of its own.
CVAT = {"ant": (250, 50, 83), "background": (0, 0, 0), "dog": (51, 221, 255)}


def truth(name, void=VOID):
    label = np.zeros((HEIGHT, WIDTH), "uint8")
    for value, left, top, right, bottom in DRAWN[name]:
        label[top : bottom + 1, left : right + 1] = void if value == VOID else value
    return label


def photo(name):
    rng = np.random.default_rng(int(name[-1]))
    colours = voc_palette()[truth(name)].astype(int)
    noise = rng.integers(-40, 40, colours.shape)
    return Image.fromarray((colours + noise).clip(0, 255).astype("uint8"))


def write_photos(folder):
    folder.mkdir(parents=True)
    for name in DRAWN:
        photo(name).save(folder / f"{name}.jpg")
    return folder


def palette_png(label, file):
    mask = Image.fromarray(label)
    mask.putpalette(voc_palette().tobytes())
    mask.save(file)


def labelme_json(root):
    """What labelme saves beside the photos."""
    folder = write_photos(root / "annotated")
    for name, drawn in DRAWN.items():
        shapes = [
            {
                "label": LABELME[value],
                "points": [[float(left), float(top)], [float(right), float(bottom)]],
                "group_id": None,
                "description": "",
                "shape_type": "rectangle",
                "flags": {},
                "mask": None,
            }
            for value, left, top, right, bottom in drawn
        ]
        data = {
            "version": "5.5.0",
            "flags": {},
            "shapes": shapes,
            "imagePath": f"{name}.jpg",
            "imageData": None,
            "imageHeight": HEIGHT,
            "imageWidth": WIDTH,
        }
        text = json.dumps(data, ensure_ascii=False, indent=2)
        (folder / f"{name}.json").write_text(text, encoding="utf-8")
    options = {"dataset": "folder", "images": folder, "masks": folder}
    return options, ("_background_", "ant", "dog")


def labelme_voc(root):
    """What labelme's `labelme2voc.py` writes."""
    folder = root / "data_dataset_voc"
    write_photos(folder / "JPEGImages")
    parts = [
        "SegmentationClass",
        "SegmentationClassNpy",
        "SegmentationClassVisualization",
    ]
    masks, arrays, shown = (folder / part for part in parts)
    for part in (masks, arrays, shown):
        part.mkdir()
    for name in DRAWN:
        label = truth(name)
        palette_png(label, masks / f"{name}.png")
        np.save(arrays / f"{name}.npy", np.where(label == VOID, -1, label))
        Image.fromarray(voc_palette()[label]).save(shown / f"{name}.jpg")
    (folder / "class_names.txt").write_text("_background_\nant\ndog")
    return {"dataset": "voc", "data_dir": folder}, ("_background_", "ant", "dog")


def cvat(root):
    """What CVAT exports as "Segmentation mask 1.1"; it has no void."""
    folder = root / "task_1"
    write_photos(folder / "JPEGImages")
    for part in ("SegmentationClass", "SegmentationObject", "ImageSets/Segmentation"):
        (folder / part).mkdir(parents=True)
    order = ["background", "ant", "dog"]
    colours = np.array([CVAT[name] for name in order], "uint8")
    for name in DRAWN:
        label = truth(name, void=0)
        Image.fromarray(colours[label]).save(folder / f"SegmentationClass/{name}.png")
        instances = Image.fromarray(voc_palette()[label])
        instances.save(folder / f"SegmentationObject/{name}.png")
    lines = [f"{name}:{','.join(map(str, rgb))}::\n" for name, rgb in CVAT.items()]
    labelmap = "# label:color_rgb:parts:actions\n" + "".join(lines)
    (folder / "labelmap.txt").write_text(labelmap)
    names = "".join(f"{name}\n" for name in DRAWN)
    (folder / "ImageSets/Segmentation/default.txt").write_text(names)
    return {"dataset": "voc", "data_dir": folder}, tuple(order)


TOOLS = {"labelme json": labelme_json, "labelme voc": labelme_voc, "cvat": cvat}


def flags(options):
    return [
        part
        for name, value in options.items()
        for part in ([f"--{name.replace('_', '-')}"] + [value] * (value is not True))
    ]


def train(options, run_dir):
    return run("train", *flags(options), *TRAIN, "--run-dir", run_dir).stdout


def config_of(run_dir):
    return yaml.safe_load((run_dir / "config.yaml").read_text())


@pytest.fixture(scope="module", autouse=True)
def _untraced():
    """Tracing a network takes longer than five photos; test_command_line.py traces."""
    traced = keras.Model.compile

    def untraced(self, *arguments, **options):
        traced(self, *arguments, **options, run_eagerly=True)

    with mock.patch.object(keras.Model, "compile", untraced):
        yield


@pytest.fixture(scope="module", params=TOOLS)
def exported(request, tmp_path_factory):
    """An export of one of the tools, and a run that was trained on it."""
    root = tmp_path_factory.mktemp("export")
    options, names = TOOLS[request.param](root)
    printed = train(options, root / "run")
    void = 0 if request.param == "cvat" else VOID
    return SimpleNamespace(
        root=root, options=options, names=names, printed=printed, void=void
    )


def opened(options):
    return DataConfig(**{name: str(value) for name, value in options.items()})


def test_labels_are_read_as_they_were_drawn(exported):
    source = opened(exported.options).open_split()
    assert source.names == tuple(DRAWN)
    assert source.class_names == exported.names
    for i, name in enumerate(DRAWN):
        np.testing.assert_array_equal(source.label(i), truth(name, exported.void))


def test_one_command_trains_and_holds_out_a_share(exported):
    assert "train: 4 images" in exported.printed
    assert "held out 10%: 1 image" in exported.printed
    assert "Best validation mean IoU" in exported.printed
    assert config_of(exported.root / "run")["class_names"] == list(exported.names)


def test_the_run_is_scored_on_what_was_held_out(exported):
    file = exported.root / "scores.json"
    run("evaluate", exported.root / "run", "--json", file)
    scores = json.loads(file.read_text())
    assert (scores["split"], scores["images"]) == ("held out 10%", 1)
    assert tuple(scores["per_class_iou"]) == exported.names
    (held,) = opened(exported.options).open_validation().names
    valid = truth(held, exported.void) != VOID
    assert np.sum(scores["confusion_matrix"]) == valid.sum()


def test_the_run_labels_photos(exported, tmp_path):
    photo("frame_000001").save(tmp_path / "new.jpg")
    run("predict", exported.root / "run", tmp_path / "new.jpg", "-o", tmp_path / "out")
    label = read_label(tmp_path / "out" / "new.png")
    assert label.shape == (HEIGHT, WIDTH)
    assert label.max() < 3


def test_the_check_finds_nothing_wrong(exported, tmp_path):
    options = flags(exported.options)
    printed = run("data", "check", *options, "-o", tmp_path / "out").stdout
    assert "Ready for training" in printed
    assert "4 pairs found" in printed


def test_a_conversion_to_voc_holds_the_same_and_can_be_trained_on(exported, tmp_path):
    folder = tmp_path / "voc"
    printed = run("data", "convert", *flags(exported.options), "-o", folder).stdout
    assert "4 samples in train, 1 in val" in printed
    options = {"dataset": "voc", "data_dir": folder}
    before, after = opened(exported.options), opened(options)
    for one, other in [
        (before.open_training(), after.open_training()),
        (before.open_validation(), after.open_validation()),
    ]:
        assert one.names == other.names
        assert one.class_names == other.class_names
        for i in range(len(one)):
            np.testing.assert_array_equal(one.label(i), other.label(i))
            np.testing.assert_array_equal(one.image(i), other.image(i))
    train(options, tmp_path / "run")
    assert config_of(tmp_path / "run")["class_names"] == list(exported.names)


# Masks of one's own


@pytest.fixture
def own(tmp_path):
    """Photos, and a folder of masks that `write` makes of each truth."""

    def written(write, part="own"):
        photos, masks = tmp_path / part / "photos", tmp_path / part / "masks"
        photos.mkdir(parents=True)
        masks.mkdir()
        for name in DRAWN:
            photo(name).save(photos / f"{name}.jpg")
            write(name, masks / f"{name}.png")
        return photos, masks

    return written


def test_black_and_white_masks_are_trained_and_scored_on(own, tmp_path):
    def write(name, file):
        Image.fromarray(np.where(truth(name) == ANT, 255, 0).astype("uint8")).save(file)

    photos, masks = own(write)
    options = {"dataset": "folder", "images": photos, "masks": masks, "binary": True}
    train(options, tmp_path / "run")
    assert config_of(tmp_path / "run")["class_names"] == ["background", "foreground"]
    others = own(lambda name, file: palette_png(truth(name) % 2, file), "other")
    file = tmp_path / "scores.json"
    arguments = ["--images", others[0], "--masks", others[1], "--no-binary"]
    run("evaluate", tmp_path / "run", *arguments, "--json", file)
    scores = json.loads(file.read_text())
    assert (scores["split"], scores["images"]) == ("val", 5)
    ones = sum((truth(name) % 2 == 1).sum() for name in DRAWN)
    assert np.sum(scores["confusion_matrix"], axis=1)[1] == ones


def test_another_void_label_is_neither_trained_nor_scored_on(own, tmp_path):
    photos, masks = own(lambda name, file: Image.fromarray(truth(name, 11)).save(file))
    names = list(DRAWN)[2::2]
    val = tmp_path / "val photos", tmp_path / "val masks"
    for folder in val:
        folder.mkdir()
    for name in names:
        upside_down = photo(name).transpose(Image.Transpose.FLIP_TOP_BOTTOM)
        upside_down.save(val[0] / f"{name}.jpg")
        Image.fromarray(truth(name, 11)[::-1]).save(val[1] / f"{name}.png")
    options = {"dataset": "folder", "images": photos, "masks": masks}
    options |= {"val_images": val[0], "val_masks": val[1]}
    options |= {"num_classes": 3, "ignore_class": 11}
    printed = train(options, tmp_path / "run")
    assert "train: 5 images" in printed
    assert "val: 2 images" in printed
    assert config_of(tmp_path / "run")["ignore_class"] == 11
    file = tmp_path / "scores.json"
    run("evaluate", tmp_path / "run", "--json", file)
    scores = json.loads(file.read_text())
    assert scores["images"] == 2
    valid = sum((truth(name) != VOID).sum() for name in names)
    assert np.sum(scores["confusion_matrix"]) == valid


def test_the_share_that_is_held_out_can_be_chosen(own, tmp_path):
    photos, masks = own(lambda name, file: palette_png(truth(name), file))
    options = {"dataset": "folder", "images": photos, "masks": masks}
    arguments = [*flags(options), "--num-classes", 3, "--val-share", 0.4, "--seed", 7]
    run("data", "convert", *arguments, "-o", tmp_path / "voc")
    lists = tmp_path / "voc" / "ImageSets" / "Segmentation"
    parts = [(lists / f"{s}.txt").read_text().split() for s in ("train", "val")]
    assert [len(part) for part in parts] == [3, 2]
    assert sorted(parts[0] + parts[1]) == list(DRAWN)


def test_the_data_sets_are_listed_and_described(own, tmp_path):
    listed = run("data", "info").stdout
    assert all(name in listed for name in ("shapes", "voc2011_sbd", "folder"))
    photos, masks = own(lambda name, file: palette_png(truth(name), file))
    arguments = ["--images", photos, "--masks", masks, "--num-classes", 3]
    file = tmp_path / "info.json"
    printed = run("data", "info", "folder", *arguments, "--json", file).stdout
    assert "56 x 40 pixels" in printed
    read = json.loads(file.read_text())
    assert read == {
        "dataset": "folder",
        "classes": ["class 0", "class 1", "class 2"],
        "ignore_class": 255,
        "training": 4,
        "validation": 1,
        "splits": [],
    }

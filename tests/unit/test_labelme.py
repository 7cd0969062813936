import base64
import io
import json
import math
import random
import re
import time

import numpy as np
import pytest
from PIL import Image, ImageDraw

from keras_fcn.datasets.readers.labelme import polygon_names, read_polygons

NAMES = ("_background_", "cat", "dog")
HEIGHT, WIDTH = 40, 60


def shape(label, points, kind="polygon", **more):
    """A shape with every key that labelme 5 writes."""
    rest = {"group_id": None, "description": "", "flags": {}, "mask": None}
    return {"label": label, "points": points, "shape_type": kind, **rest, **more}


def annotation(shapes, **changes):
    """A file with every key that labelme 5 writes, the photo beside it."""
    return {
        "version": "5.5.0",
        "flags": {},
        "shapes": shapes,
        "imagePath": "photo.jpg",
        "imageData": None,
        "imageHeight": HEIGHT,
        "imageWidth": WIDTH,
    } | changes


@pytest.fixture
def file(tmp_path):
    return tmp_path / "photo.json"


@pytest.fixture
def read(file):
    """Write shapes as labelme does and read them."""

    def written_and_read(*shapes, names=NAMES, **changes):
        file.write_text(json.dumps(annotation(shapes, **changes), indent=2))
        return read_polygons(file, names)

    return written_and_read


def drawn(kind, points):
    """labelme's `shape_to_mask`, told again: line width 10, points of radius 5."""
    mask = Image.new("1", (WIDTH, HEIGHT))
    draw = ImageDraw.Draw(mask)
    xy = [tuple(point) for point in points]
    if kind == "polygon":
        draw.polygon(xy, outline=1, fill=1)
    elif kind == "rectangle":
        draw.rectangle(xy, outline=1, fill=1)
    elif kind in ("circle", "point"):
        (x, y), *edge = xy
        r = math.hypot(x - edge[0][0], y - edge[0][1]) if edge else 5
        draw.ellipse([x - r, y - r, x + r, y + r], outline=1, fill=1)
    else:
        draw.line(xy, fill=1, width=10)
    return np.array(mask, bool)


SHAPES = {
    "polygon": [[10.2, 5.7], [50.9, 8.1], [44.4, 33.3], [30.0, 15.0], [12.6, 30.2]],
    "rectangle": [[7.4, 3.6], [41.5, 22.2]],
    "circle": [[30.3, 18.9], [36.1, 25.5]],
    "line": [[4.0, 4.0], [50.5, 31.5]],
    "linestrip": [[5.0, 35.0], [20.2, 6.4], [40.7, 33.0], [57.0, 2.0]],
    "point": [[22.7, 19.1]],
}


@pytest.mark.parametrize("kind", SHAPES)
def test_every_kind_is_drawn_as_labelmes_own_export_draws_it(read, kind):
    expected = drawn(kind, SHAPES[kind])
    assert 50 < expected.sum() < expected.size / 2
    label = read(shape("dog", SHAPES[kind], kind))
    assert label.dtype == np.uint8
    np.testing.assert_array_equal(label, 2 * expected)


@pytest.mark.parametrize("kind", SHAPES)
def test_a_shape_that_leaves_the_photo_is_cut_off(read, kind):
    points = [[x + 25, y - 15] for x, y in SHAPES[kind]]
    np.testing.assert_array_equal(read(shape("cat", points, kind)), drawn(kind, points))


def test_the_inside_of_areas_is_that_of_geometry(read):
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    box = read(shape("cat", [[10, 5], [30, 20]], "rectangle"))
    np.testing.assert_array_equal(box, (x >= 10) & (x <= 30) & (y >= 5) & (y <= 20))
    disc = read(shape("cat", [[30, 20], [30, 32]], "circle"))
    distance = np.hypot(x - 30, y - 20)
    assert disc[distance <= 11].all()
    assert not disc[distance >= 13].any()
    triangle = read(shape("cat", [[5, 5], [45, 5], [5, 35]]))
    edge = (x - 5) / 40 + (y - 5) / 30
    inside = (x >= 5) & (y >= 5)
    assert triangle[inside & (edge < 0.95)].all()
    assert not triangle[~inside | (edge > 1.05)].any()


def test_a_rectangle_may_be_drawn_from_any_corner(read):
    corners = [[7, 3], [41, 22]], [[41, 22], [7, 3]], [[7, 22], [41, 3]]
    one, *others = (read(shape("cat", c, "rectangle")) for c in corners)
    assert one.sum() == 35 * 20
    for other in others:
        np.testing.assert_array_equal(other, one)


def test_old_files_name_no_kind_and_mean_a_polygon(read):
    old = {"label": "cat", "points": SHAPES["polygon"]}
    expected = drawn("polygon", SHAPES["polygon"])
    for each in (old, old | {"shape_type": None}):
        np.testing.assert_array_equal(read(each), expected)


def png(array):
    buffer = io.BytesIO()
    Image.fromarray(array).save(buffer, format="PNG")
    return base64.b64encode(buffer.getvalue()).decode()


@pytest.mark.parametrize("kind", ["0 and 1", "0 and 255", "1 bit"])
def test_a_mask_of_the_assistant_is_laid_on_where_it_stands(read, rng, kind):
    inside = rng.random((9, 14)) < 0.5
    array = {"0 and 1": inside * np.uint8(1), "0 and 255": inside * np.uint8(255)}
    stamp = png(array.get(kind, inside))
    label = read(
        shape("dog", [[0, 0], [WIDTH, HEIGHT]], "rectangle"),
        shape("cat", [[20.0, 11.0], [33.0, 19.0]], "mask", mask=stamp),
    )
    expected = np.full((HEIGHT, WIDTH), 2)
    expected[11:20, 20:34][inside] = 1
    np.testing.assert_array_equal(label, expected)


def test_a_mask_that_leaves_the_photo_is_cut_off(read):
    stamp = png(np.ones((9, 9), "uint8"))
    label = read(shape("cat", [[55, 35], [63, 43]], "mask", mask=stamp))
    assert label[35:, 55:].all()
    assert label.sum() == 5 * 5


def test_later_shapes_lie_on_earlier_ones(read):
    low, high = [[5, 5], [30, 30]], [[20, 20], [50, 35]]
    for first, second in ("cat", "dog"), ("dog", "cat"):
        label = read(shape(first, low, "rectangle"), shape(second, high, "rectangle"))
        assert label[25, 25] == NAMES.index(second)
        assert label[10, 10] == NAMES.index(first)


def test_what_is_ignored_is_void_and_what_is_background_is_0(read):
    whole = [[0, 0], [WIDTH, HEIGHT]]
    label = read(
        shape("cat", whole, "rectangle"),
        shape("__ignore__", [[0, 0], [9, 9]], "rectangle"),
        shape("_background_", [[20, 0], [29, 9]], "rectangle"),
    )
    assert np.bincount(label.ravel(), minlength=256).nonzero()[0].tolist() == [
        0,
        1,
        255,
    ]
    assert (label[:10, :10] == 255).all()
    assert (label[:10, 20:30] == 0).all()
    assert (label == 1).sum() == HEIGHT * WIDTH - 200


def test_a_photo_without_shapes_is_background(read):
    assert not read().any()


# Names


def test_the_classes_are_those_named_in_any_file_by_alphabet(tmp_path):
    files = []
    for i, labels in enumerate([["zebra", "__ignore__"], [], ["ant", "_background_"]]):
        files.append(tmp_path / f"{i}.json")
        shapes = [shape(label, [[1, 1]], "point") for label in labels]
        files[-1].write_text(json.dumps(annotation(shapes)))
    assert polygon_names(files) == ("_background_", "ant", "zebra")


# Refusals


@pytest.mark.parametrize(
    "label", ["cow", "Cat", None, 1, ["cat"], {"cat": 1}], ids=repr
)
def test_an_unknown_class_is_named_with_file_and_shape(read, file, label):
    with pytest.raises(ValueError, match="rename the shape in labelme") as error:
        read(shape("cat", [[1, 1]], "point"), shape(label, [[1, 1]], "point"))
    assert f"{str(file)!r}, shape 2: {label!r}" in str(error.value)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (shape("cat", [[1, 1], [2, 2]]), "a polygon of 2 points"),
        (shape("cat", [[1, 1]], "rectangle"), "'rectangle'"),
        (shape("cat", [[1, 1], [2, 2], [3, 3]], "circle"), "'circle'"),
        (shape("cat", [], "point"), "'point'"),
        (shape("cat", [[1, 1], [2, 2]], "blob"), "'blob': an unknown kind"),
        (shape("cat", [[1, math.nan], [2, 2], [3, 3]]), "points must lie within"),
        (shape("cat", [[1, math.inf], [2, 2], [3, 3]]), "points must lie within"),
        (shape("cat", [[1, 1], [1, 1e6]], "circle"), "points must lie within"),
        (shape("cat", [[1, -1e300], [2, 2], [3, 3]]), "points must lie within"),
        (shape("cat", [[1, 10**400], [2, 2], [3, 3]]), "too large"),
        (shape("cat", [[1, "a"], [2, 2], [3, 3]]), "'a'"),
        (shape("cat", [[1], [2, 2], [3, 3]]), "'polygon'"),
        (shape("cat", None), "'polygon'"),
        ({"label": "cat"}, "'points'"),
        (shape("cat", [[1, 1], [9, 9]], "mask"), "'mask'"),
        (shape("cat", [[1, 1], [9, 9]], "mask", mask="????"), "'mask'"),
        (shape("cat", [[1, 1]], "mask", mask="AAAA"), "cannot identify image"),
        (
            shape("cat", [[1, 1]], "mask", mask=png(np.zeros((2, 2, 3), "uint8"))),
            "'mask'",
        ),
    ],
    ids=[
        *("two points", "one corner", "circle of three", "no point", "kind", "NaN"),
        *("infinite", "huge circle", "far", "no float", "letter", "one number"),
        *("no points", "no key", "no mask", "no base64", "no image", "coloured mask"),
    ],
)
def test_an_impossible_shape_is_told_with_file_and_number(read, file, wrong, message):
    with pytest.raises(ValueError, match="must be one that labelme draws") as error:
        read(shape("cat", [[1, 1]], "point"), wrong)
    assert f"{str(file)!r}, shape 2" in str(error.value)
    assert message in str(error.value)


@pytest.mark.parametrize("kind", [k for k in SHAPES if k not in ("point", "rectangle")])
def test_shapes_as_far_as_they_may_be_take_no_time(read, kind):
    points = [[99_999 if x > 25 else -99_999, 7 * y] for x, y in SHAPES[kind]]
    begun = time.process_time()
    read(shape("cat", points, kind))
    assert time.process_time() - begun < 5


@pytest.mark.parametrize(
    "changes",
    [
        {"imageHeight": 2**20, "imageWidth": 2**20},
        {"imageHeight": 0},
        {"imageWidth": -5},
        {"imageHeight": 40.0},
        {"imageHeight": None},
        {"imageHeight": "40"},
        {"shapes": None},
        {"shapes": 5},
        {"shapes": ["cat"]},
        {"shapes": {"cat": 1}},
    ],
    ids=lambda changes: ", ".join(f"{k} {v}" for k, v in changes.items()),
)
def test_a_file_of_another_kind_is_refused(file, changes):
    file.write_text(json.dumps(annotation([]) | changes))
    for read in (lambda: read_polygons(file, NAMES), lambda: polygon_names([file])):
        with pytest.raises(ValueError, match="A labelme file must be JSON") as error:
            read()
        assert repr(str(file)) in str(error.value)


@pytest.mark.parametrize(
    "content",
    [b"", b"no json", b"[1, 2]", b"{}", b"7", b"\xff\xfe{}", b"[" * 100_000],
    ids=["empty", "text", "list", "no keys", "number", "UTF-16", "deep"],
)
def test_a_file_that_is_not_labelmes_is_named(file, content):
    file.write_bytes(content)
    with pytest.raises(ValueError, match=re.escape(repr(str(file)))):
        read_polygons(file, NAMES)


def mutated(content, dice):
    """Change, drop, repeat or exchange a few bytes."""
    content = bytearray(content)
    for _ in range(dice.randint(1, 4)):
        at = dice.randrange(len(content))
        length = dice.randint(1, 8)
        match dice.randrange(4):
            case 0:
                content[at] = dice.randrange(256)
            case 1:
                del content[at : at + length]
            case 2:
                content[at:at] = content[at : at + length] * dice.randint(1, 3)
            case 3:
                content[at : at + 1] = dice.choice(
                    [b"9", b"-", b"null", b'"', b"NaN", b"1e999", b"[", b"}", b"true"]
                )
    return bytes(content)


def test_damaged_files_are_read_or_refused_by_name(file):
    stamp = png(np.ones((5, 5), "uint8"))
    shapes = [shape("cat", points, kind) for kind, points in SHAPES.items()]
    shapes.append(shape("dog", [[3, 3], [7, 7]], "mask", mask=stamp))
    sound = json.dumps(annotation(shapes)).encode()
    told = {"read": [], "names": []}
    for seed in range(500):
        file.write_bytes(mutated(sound, random.Random(seed)))
        for what, call in {
            "read": lambda: read_polygons(file, NAMES),
            "names": lambda: polygon_names([file]),
        }.items():
            try:
                call()
            except ValueError as error:
                told[what].append(str(error))
    assert all(repr(str(file)) in message for message in told["names"] + told["read"])
    assert 200 < len(told["names"]) < len(told["read"]) < 500

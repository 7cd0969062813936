import sys

import numpy as np
import pytest
from PIL import Image

from keras_fcn.datasets import SampleSource, examine, voc_palette
from keras_fcn.images import read_label
from keras_fcn.pictures import (
    contact_sheet,
    overlay,
    palette_image,
    plot_class_frequencies,
    plot_confusion_matrix,
    plot_learning_curves,
    sheet,
)
from keras_fcn.pictures.labels import comparison, stack

NAMES = ["background", "aeroplane", "bicycle", "bird"]
# Of VOC: the colours that a legend may or may not show
AEROPLANE, BICYCLE, BIRD = (128, 0, 0), (0, 128, 0), (128, 128, 0)
VOID = (224, 224, 192)


@pytest.fixture
def photo(rng):
    return rng.integers(0, 256, (60, 240, 3), "uint8")


@pytest.fixture
def label():
    label = np.zeros((60, 240), int)
    label[10:40, 20:80] = 1
    label[20:50, 120:200] = 3
    return label


def interior(label, value):
    """Pixels of one label, two pixels and more from every other one."""
    same = np.pad(label == value, 2, mode="edge")
    return np.lib.stride_tricks.sliding_window_view(same, (5, 5)).all(axis=(2, 3))


def colours(picture):
    return {tuple(c) for c in np.unique(np.array(picture).reshape(-1, 3), axis=0)}


def png(file):
    with Image.open(file) as image:
        assert image.format == "PNG"
        return np.array(image.convert("RGB"))


# Palette images


def test_a_saved_palette_image_reads_as_the_same_labels(tmp_path):
    label = np.arange(256).reshape(8, 32)
    palette_image(label).save(tmp_path / "label.png")
    np.testing.assert_array_equal(read_label(tmp_path / "label.png"), label)
    with Image.open(tmp_path / "label.png") as image:
        assert image.mode == "P"
        shown = np.array(image.convert("RGB"))
    np.testing.assert_array_equal(shown, voc_palette()[label])


@pytest.mark.parametrize("dtype", ["uint8", "int32", "int64"])
def test_labels_of_any_integer_type_can_be_shown(dtype):
    label = np.array([[0, 1], [20, 255]], dtype)
    np.testing.assert_array_equal(np.asarray(palette_image(label)), label)


# Overlays


def test_the_background_is_left_as_it_is(photo, label):
    shown = np.array(overlay(photo, label))
    ground = interior(label, 0)
    np.testing.assert_array_equal(shown[ground], photo[ground])


@pytest.mark.parametrize("opacity", [0.0, 0.3, 1.0])
@pytest.mark.parametrize(("value", "colour"), [(1, AEROPLANE), (3, BIRD)])
def test_a_region_is_tinted_in_its_colour(photo, label, value, colour, opacity):
    inside = interior(label, value)
    shown = np.array(overlay(photo, label, opacity=opacity))[inside]
    expected = (1 - opacity) * photo[inside] + opacity * np.array(colour)
    np.testing.assert_allclose(shown, expected, atol=0.51)


def test_void_is_tinted_too(photo, label):
    label[label == 3] = 255
    shown = np.array(overlay(photo, label, opacity=1.0))
    assert (shown[interior(label, 255)] == VOID).all()


def test_regions_are_outlined_all_around(label):
    shown = np.array(overlay(np.zeros((60, 240, 3), "uint8"), label))
    white = (shown == 255).all(axis=-1)
    for one, other, lines in [
        (label[:-1], label[1:], white[:-1] | white[1:]),
        (label[:, :-1], label[:, 1:], white[:, :-1] | white[:, 1:]),
    ]:
        assert lines[one != other].all()
    assert not white[interior(label, 0) | interior(label, 1)].any()


def test_one_label_everywhere_has_no_outline(photo):
    shown = np.array(overlay(photo, np.zeros((60, 240), int)))
    np.testing.assert_array_equal(shown, photo)


def test_the_photo_is_not_drawn_upon(photo, label):
    before = photo.copy()
    overlay(photo, label, NAMES)
    np.testing.assert_array_equal(photo, before)


# Legends


def legend_of(photo, label, names=NAMES):
    picture = overlay(photo, label, names)
    assert picture.width == photo.shape[1]
    bare = np.array(overlay(photo, label))
    np.testing.assert_array_equal(np.array(picture)[: len(photo)], bare)
    return picture.crop((0, len(photo), picture.width, picture.height))


def test_the_legend_shows_the_classes_seen_and_no_others(photo, label):
    shown = colours(legend_of(photo, label))
    assert {(0, 0, 0), AEROPLANE, BIRD} <= shown
    assert not {BICYCLE, VOID} & shown


def test_the_legend_shows_void_where_there_is_void(photo, label):
    label[0] = 255
    assert VOID in colours(legend_of(photo, label))


def test_the_legend_has_more_lines_where_names_need_them(photo, label):
    short = legend_of(photo, label)
    long = legend_of(photo, label, [name * 3 for name in NAMES])
    assert long.height > short.height
    assert {AEROPLANE, BIRD} <= colours(long)


def test_without_names_there_is_no_legend(photo, label):
    assert overlay(photo, label).size == (240, 60)


# Sheets


def test_a_sheet_holds_its_pictures_in_a_row():
    pictures = [
        Image.new("RGB", size, colour)
        for size, colour in [((50, 30), "red"), ((70, 60), "lime"), ((40, 20), "blue")]
    ]
    page = sheet([(f"title {i}", picture) for i, picture in enumerate(pictures)])
    assert page.width == 50 + 70 + 40 + 4 * 8
    pixels = np.array(page)
    left = 8
    for picture in pictures:
        colour = picture.getpixel((0, 0))
        rows, columns = np.nonzero((pixels == colour).all(axis=-1))
        assert (columns.min(), columns.max() + 1) == (left, left + picture.width)
        assert np.ptp(rows) + 1 == picture.height
        assert len(rows) == picture.width * picture.height  # nothing lies upon it
        left += picture.width + 8


def test_a_sheet_has_its_titles():
    picture = Image.new("RGB", (80, 30), "red")
    blank, titled = (np.array(sheet([(t, picture)])) for t in ("", "photo"))
    assert blank.shape == titled.shape
    assert (blank != titled).any()


def test_a_legend_lies_below_the_row():
    picture = Image.new("RGB", (50, 30), "red")
    legend = Image.new("RGB", (20, 9), "lime")
    row = sheet([("one", picture)])
    page = sheet([("one", picture)], legend)
    assert page.size == (row.width, row.height + 9)
    assert page.getpixel((0, row.height)) == (0, 255, 0)


def test_stacked_pictures_lie_below_each_other_on_white():
    page = stack([Image.new("RGB", (5, 2), "red"), Image.new("RGB", (9, 3), "lime")])
    assert page.size == (9, 5)
    corners = [page.getpixel(xy) for xy in [(0, 0), (8, 0), (8, 4)]]
    assert corners == [(255, 0, 0), (255, 255, 255), (0, 255, 0)]


def contains(page, picture):
    """Whether a picture stands somewhere on a page, pixel by pixel."""
    page, picture = np.array(page), np.array(picture.convert("RGB"))
    height, width, _ = picture.shape
    return any(
        np.array_equal(page[y : y + height, x : x + width], picture)
        for y in range(page.shape[0] - height + 1)
        for x in range(page.shape[1] - width + 1)
    )


def test_a_comparison_shows_photo_prediction_and_overlay(photo, label):
    page = comparison(photo, label, NAMES)
    assert page.width == 3 * 240 + 4 * 8
    assert contains(page, Image.fromarray(photo))
    assert contains(page, palette_image(label))
    assert contains(page, overlay(photo, label))


def test_a_comparison_with_the_truth_shows_that_too(photo, label):
    truth = np.zeros_like(label)
    truth[30:, 100:] = 2
    page = comparison(photo, label, NAMES, truth)
    assert page.width == 4 * 240 + 5 * 8
    assert contains(page, palette_image(truth))
    assert contains(page, palette_image(label))


def test_the_legend_of_a_comparison_names_the_classes_of_the_truth_too(photo, label):
    truth = np.full_like(label, 2)
    pages = comparison(photo, label, NAMES), comparison(photo, label, NAMES, truth)
    legends = [colours(p.crop((0, p.height - 20, p.width, p.height))) for p in pages]
    assert AEROPLANE in legends[0]
    assert BICYCLE not in legends[0]
    assert {AEROPLANE, BICYCLE} <= legends[1]


# Plots


@pytest.fixture
def no_pyplot(monkeypatch):
    """Whoever imports pyplot, which picks a screen, gets an ImportError."""
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)


HISTORY = {
    "loss": [2.0, 1.0, 0.5],
    "val_loss": [2.1, 1.4, 1.3],
    "val_mean_iou": [0.1, 0.4, 0.5],
    "val_pixel_accuracy": [0.6, 0.7, 0.8],
}


def curves(file, history):
    plot_learning_curves(history, file)
    return png(file)


@pytest.mark.usefixtures("no_pyplot")
def test_curves_show_each_loss_and_score_and_nothing_else(tmp_path):
    file = tmp_path / "new" / "curves.png"
    whole = curves(file, HISTORY)
    for name in HISTORY:
        less = {key: values for key, values in HISTORY.items() if key != name}
        assert (curves(file, less) != whole).any()
    more = curves(file, HISTORY | {"learning_rate": [0.1, 0.1, 0.0]})
    np.testing.assert_array_equal(more, whole)


@pytest.mark.parametrize(
    "history",
    [{}, {"loss": [1.0]}, {"loss": [np.nan, np.inf], "val_mean_iou": [np.nan, 0.5]}],
    ids=["empty", "one epoch", "diverged"],
)
def test_curves_of_any_history_can_be_drawn(tmp_path, history):
    assert np.ptp(curves(tmp_path / "curves.png", history)) == 255


def confusion(file, matrix):
    plot_confusion_matrix(np.array(matrix), ["background", "cat"], file)
    return png(file)


@pytest.mark.usefixtures("no_pyplot")
def test_a_confusion_matrix_is_drawn_as_shares_of_the_true_class(tmp_path):
    file = tmp_path / "new" / "confusion.png"
    whole = confusion(file, [[90, 10], [1, 3]])
    np.testing.assert_array_equal(confusion(file, [[9, 1], [250, 750]]), whole)
    assert (confusion(file, [[90, 1], [10, 3]]) != whole).any()  # transposed


@pytest.mark.parametrize("matrix", [[[0, 0], [0, 0]], [[5, 1], [0, 0]]], ids=str)
def test_a_class_without_pixels_can_be_drawn(tmp_path, matrix):
    assert np.ptp(confusion(tmp_path / "confusion.png", matrix)) == 255


def test_the_matrix_of_21_classes_is_larger(tmp_path):
    names = [f"class {i}" for i in range(21)]
    plot_confusion_matrix(np.eye(21), names, tmp_path / "21")
    small = confusion(tmp_path / "2", np.eye(2))
    assert png(tmp_path / "21").shape > small.shape


# Data sets at a glance


class Painted(SampleSource):
    """Photos of one colour each, labelled with one class each."""

    def __init__(self, sizes, colours, labels):
        self.names = tuple(f"folder/sample {i}" for i in range(len(sizes)))
        self.class_names = tuple(NAMES)
        self.samples = [
            (np.full((*size, 3), colour, "uint8"), np.full(size, label, "uint8"))
            for size, colour, label in zip(sizes, colours, labels, strict=True)
        ]

    def __getitem__(self, index):
        return self.samples[index]


RED, GREEN, BLUE = (255, 0, 0), (0, 255, 0), (0, 0, 255)


def test_a_contact_sheet_shows_its_samples_row_by_row():
    source = Painted([(30, 60), (60, 30), (20, 40)], [RED, GREEN, BLUE], [0, 0, 0])
    page = np.array(contact_sheet(source, [2, 0, 1], columns=2, width=80))
    places = [np.argwhere((page == colour).all(-1)) for colour in (BLUE, RED, GREEN)]
    for place, height in zip(places, [40, 40, 160], strict=True):
        assert (np.ptp(place, axis=0) + 1).tolist() == [height, 80]
        assert len(place) == height * 80
    blue, red, green = (place.min(axis=0) for place in places)
    assert blue[0] == red[0] < green[0]
    assert blue[1] == green[1] < red[1]


def test_a_contact_sheet_leaves_out_what_is_not_asked_for():
    source = Painted([(9, 9)] * 3, [RED, GREEN, BLUE], [0, 0, 0])
    shown = colours(contact_sheet(source, [1], width=50))
    assert GREEN in shown
    assert not {RED, BLUE} & shown


def test_a_contact_sheet_has_one_legend_of_all_classes_seen():
    source = Painted([(40, 40)] * 3, [(90, 90, 90)] * 3, [1, 3, 0])
    source.ignore_class = 3
    page = np.array(contact_sheet(source, range(3), columns=1, width=200))
    places = {
        name: np.argwhere((page == colour).all(-1))
        for name, colour in {"aeroplane": AEROPLANE, "void": VOID, "bird": BIRD}.items()
    }
    assert len(places["aeroplane"]) > 20
    assert len(places["void"]) > 20  # labels of void are shown as VOC shows them
    assert len(places["bird"]) == 0
    assert all((place[:, 0] > 3 * 200).all() for place in places.values())


def test_long_names_on_a_contact_sheet_end_as_the_file_does():
    width = 60
    pages = []
    for name in ("x" * 99 + "1", "x" * 99 + "2", "y" * 50 + "x" * 49 + "1"):
        source = Painted([(40, 40)], [RED], [0])
        source.names = (name,)
        pages.append(np.array(contact_sheet(source, [0], width=width)))
    assert pages[0].shape[1] == width + 2 * 8
    assert (pages[0] != pages[1]).any()
    np.testing.assert_array_equal(pages[0], pages[2])


def frequencies(file, labels, splits=("train",), num_classes=4):
    source = Painted([(10, 10)] * len(labels), [RED] * len(labels), labels)
    source.class_names = source.class_names[:num_classes]
    plot_class_frequencies({split: examine(source) for split in splits}, file)
    return png(file)


@pytest.mark.usefixtures("no_pyplot")
def test_class_frequencies_are_shares_of_all_pixels(tmp_path):
    file = tmp_path / "new" / "frequencies.png"
    whole = frequencies(file, [0, 1, 1, 255])
    np.testing.assert_array_equal(frequencies(file, [255, 0, 1, 1] * 2), whole)
    for other in ([0, 0, 1, 255], [0, 1, 1, 2], [0, 1, 1, 1]):
        assert (frequencies(file, other) != whole).any()


def test_class_frequencies_have_bars_for_each_split(tmp_path):
    file = tmp_path / "frequencies.png"
    blue, orange, green = (31, 119, 180), (255, 127, 14), (44, 160, 44)
    one = colours(frequencies(file, [0, 1], ["train"]))
    two = colours(frequencies(file, [0, 1], ["train", "val"]))
    assert {blue, orange, green} & one == {blue}
    assert {blue, orange, green} & two == {blue, orange}


def test_class_frequencies_of_nothing_can_be_drawn(tmp_path):
    assert np.ptp(frequencies(tmp_path / "frequencies.png", [], num_classes=1)) == 255

import base64
import dataclasses
import io
from html.parser import HTMLParser

import keras
import numpy as np
import pytest
import yaml
from PIL import Image

import keras_fcn
from keras_fcn import recipes
from keras_fcn.datasets import Shapes, VOCSegmentation
from keras_fcn.pictures import WRONG
from keras_fcn.report import write_report
from keras_fcn.report.facts import GROUPS, read_environment, recipe_of
from keras_fcn.report.scoring import score
from keras_fcn.report.tables import class_rows, confusions
from keras_fcn.runs import RunConfig, read_log, write_config

from ..end_to_end.test_command_line import run, words
from .report_pages import HISTORY, HOSTILE, TRAINED, Painted, network, page_of, painted


def opened(address):
    """The picture of a `data:` address, and its format."""
    kind, content = address.split(";base64,")
    picture = Image.open(io.BytesIO(base64.b64decode(content)))
    assert kind == f"data:image/{picture.format.lower()}"
    return picture, picture.format


def own_iou(prediction, label, classes):
    """A photo's mean IoU, from sets of pixels."""
    values = []
    for c in range(classes):
        true, said = label == c, (prediction == c) & (label != 255)
        if (true | said).any():
            values.append((true & said).sum() / (true | said).sum())
    return np.mean(values)


# Scoring


def test_every_photo_is_read_once_and_counted_as_evaluate_counts(rng):
    source = painted(rng, 7)
    scored = score(network(), source, samples=2)
    assert source.asked == list(range(7))
    expected = keras_fcn.evaluate(network(), source).confusion_matrix()
    np.testing.assert_array_equal(scored.confusion_matrix, expected)
    assert scored.images == 7


def test_the_extremes_are_those_by_each_photos_own_mean_iou(rng):
    source = painted(rng, 9)
    order = rng.permutation(9)
    images, labels = zip(*(source[i] for i in order), strict=True)
    predictions = [image[..., 0] // 60 for image in images]
    mixed = Painted(predictions, labels)
    own = [own_iou(p, t, 4) for p, t in zip(predictions, labels, strict=True)]
    scored = score(network(), mixed, samples=3)
    ranked = np.argsort(own)
    assert [photo.index for photo in scored.best] == ranked[::-1][:3].tolist()
    assert [photo.index for photo in scored.worst] == ranked[:3].tolist()
    for photo in (*scored.best, *scored.worst):
        assert np.isclose(photo.mean_iou, own[photo.index])
        valid = labels[photo.index] != 255
        wrong = (predictions[photo.index] != labels[photo.index])[valid]
        assert np.isclose(photo.wrong_share, wrong.mean())


@pytest.mark.parametrize(("number", "best", "worst"), [(1, 1, 0), (5, 3, 2), (8, 3, 3)])
def test_no_photo_is_shown_twice(rng, number, best, worst):
    scored = score(network(), painted(rng, number), samples=3)
    shown = [photo.index for photo in (*scored.best, *scored.worst)]
    assert (len(scored.best), len(scored.worst)) == (best, worst)
    assert len(set(shown)) == len(shown)


def test_of_equal_photos_the_first_are_the_best_and_the_last_the_worst():
    equal = [np.ones((4, 5), "uint8")] * 7
    scored = score(network(), Painted(equal, equal), samples=2)
    assert [photo.index for photo in scored.best] == [0, 1]
    assert [photo.index for photo in scored.worst] == [6, 5]


def test_without_samples_nothing_is_drawn(rng):
    scored = score(network(), painted(rng, 3), samples=0)
    assert (scored.best, scored.worst) == ((), ())


def test_a_photo_that_is_void_everywhere_is_neither_best_nor_worst():
    void, sound = np.full((4, 5), 255, "uint8"), np.ones((4, 5), "uint8")
    source = Painted([np.zeros((4, 5)), sound], [void, sound])
    scored = score(network(), source, samples=2)
    assert [photo.name for photo in (*scored.best, *scored.worst)] == ["photo1"]


def test_the_pictures_show_photo_truth_prediction_and_what_differs(rng):
    source = painted(rng, 3)
    image, label = source[1]
    prediction = image[..., 0] // 60
    scored = score(network(), source, samples=3)
    (photo,) = (one for one in (*scored.best, *scored.worst) if one.index == 1)
    shown, format = opened(photo.photo)
    assert format == "PNG"  # a small photo is not blurred
    np.testing.assert_array_equal(np.asarray(shown), image)
    for address, expected in [(photo.truth, label), (photo.prediction, prediction)]:
        np.testing.assert_array_equal(np.asarray(opened(address)[0]), expected)
    marked = (np.asarray(opened(photo.wrong)[0]) == WRONG).all(axis=-1)
    np.testing.assert_array_equal(marked, (prediction != label) & (label != 255))
    assert marked.any()
    assert not marked.all()


def test_a_large_photo_is_shown_at_a_size_for_a_page(rng):
    source = painted(rng, 1, height=900, width=1200)
    (photo,) = score(network(), source, samples=1).best
    assert photo.size == (1200, 900)
    for address in (photo.photo, photo.truth, photo.prediction, photo.wrong):
        assert opened(address)[0].size == photo.shown == (400, 300)
    assert opened(photo.photo)[1] == opened(photo.wrong)[1] == "JPEG"


def test_data_of_other_classes_are_refused(rng):
    with pytest.raises(ValueError, match="Received: 4 and 3 classes"):
        score(network(4), painted(rng, 1, classes=3, class_names="abc"), samples=1)


def test_an_empty_data_set_is_refused():
    with pytest.raises(ValueError, match="at least one sample"):
        score(network(), Painted([], []), samples=1)


# Numbers


def test_the_rows_of_the_classes_hold_what_the_matrix_says():
    matrix = np.array([[6, 2, 0, 0], [1, 3, 0, 0], [0, 0, 0, 0], [0, 0, 0, 0]])
    matrix[3, 0] = 0
    matrix[0, 2] = 2  # predicted, and nowhere true
    rows = class_rows(matrix, HOSTILE)
    assert [row.name for row in rows] == list(HOSTILE)
    assert [row.iou for row in rows] == [6 / 11, 3 / 6, 0.0, None]
    assert [row.accuracy for row in rows] == [6 / 10, 3 / 4, None, None]
    assert [row.pixels for row in rows] == [10, 4, 0, 0]
    assert [row.predicted for row in rows] == [7, 5, 2, 0]
    assert [row.share for row in rows] == [10 / 14, 4 / 14, 0, 0]


def test_the_confusions_are_of_things_and_the_largest_share_first():
    names = ["background", "cat", "dog", "cow"]
    matrix = np.array(
        [[900, 90, 9, 1], [40, 148, 12, 0], [0, 500, 499, 1], [0, 0, 0, 0]]
    )
    things, missed = confusions(matrix, names)
    assert [(c.true, c.predicted, c.share, c.pixels) for c in things] == [
        ("dog", "cat", 0.5, 500),
        ("cat", "dog", 0.06, 12),
    ]
    assert [(c.true, c.share) for c in missed] == [("cat", 0.2)]


# What a run folder tells


def test_every_setting_of_a_run_stands_in_one_group():
    listed = [name for names in GROUPS.values() for name in names]
    fields = {field.name for field in dataclasses.fields(RunConfig)}
    assert sorted(listed) == sorted(fields - {"class_names"})


@pytest.mark.parametrize("name", recipes.names())
def test_a_run_by_a_recipe_is_known_by_it(name):
    config = recipes.load(name).config
    own = {"data_dir": "/elsewhere", "from_run": "runs/before", "seed": 5}
    assert recipe_of(dataclasses.replace(config, **own)) == name
    assert recipe_of(dataclasses.replace(config, lr=config.lr / 2)) is None


@pytest.mark.parametrize("text", ["epoch,loss\n1,many\n", "epoch,loss\n1\n", 'e"\n"'])
def test_a_damaged_log_is_refused_by_name(text, tmp_path):
    (tmp_path / "log.csv").write_text(text)
    with pytest.raises(ValueError, match=r"table of numbers.*log\.csv"):
        read_log(tmp_path)


@pytest.mark.parametrize("noted", [None, "words", ["a"], {"keras": 3, "gpu": None}])
def test_an_environment_of_any_kind_is_read(noted, tmp_path):
    (tmp_path / "config.yaml").write_text(yaml.safe_dump({"environment": noted}))
    expected = {"keras": "3", "gpu": "None"} if isinstance(noted, dict) else {}
    assert read_environment(tmp_path) == expected


# The page


class Read(HTMLParser):
    """The elements of a page, and its text."""

    def __init__(self, text):
        super().__init__()
        self.elements, self.text = [], ""
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))

    def handle_data(self, data):
        self.text += data

    def of(self, tag):
        return [attributes for name, attributes in self.elements if name == tag]


def test_the_page_asks_for_nothing_and_names_everything(rng):
    page = Read(page_of(painted(rng, 6)))
    assert page.of("html") == [{"lang": "en"}]
    assert all(image["alt"] for image in page.of("img"))
    assert len(page.of("img")) == 4 * 4
    for _, attributes in page.elements:
        for name in ("src", "href", "xlink:href"):
            assert attributes.get(name, "#").startswith(("#", "data:image/"))
    assert all(header["scope"] in ("row", "col") for header in page.of("th"))
    ids = [a["id"] for _, a in page.elements if "id" in a]
    assert len(set(ids)) == len(ids)
    assert {a["href"][1:] for a in page.of("a")} <= set(ids)
    assert "url(http" not in page.text


def test_names_of_any_kind_stand_on_the_page_as_text(rng):
    names = ["<script>alert(1)</script>", "b&amp;c"]
    page = Read(page_of(painted(rng, 2, names=names)))
    assert len(page.of("script")) == 1
    assert not page.of("b")
    assert not page.of("i")
    for name in (*HOSTILE, *names, "a <b>run</b>", "a/<i>folder</i>"):
        assert name in page.text
    assert [a for a in page.of("img") if "onerror" in a] == []
    assert any(HOSTILE[1] in image["alt"] for image in page.of("img"))


def test_a_network_that_was_not_trained_here_has_no_curves(rng):
    source = painted(rng, 2)
    trained = TRAINED | {"epochs": 0, "source": "fcn8s-heavy-pascal"}
    page = Read(page_of(source, history={}, trained=trained))
    assert not page.of("svg")
    assert "not trained here" in words(page.text)
    assert "fcn8s-heavy-pascal" in page.text
    assert len(Read(page_of(source)).of("svg")) == 2


def test_the_best_epoch_is_that_of_the_highest_validation(rng):
    text = words(Read(page_of(painted(rng, 2))).text)
    assert HISTORY["val_mean_iou"] == [0.2, 0.1]
    assert "validation was 20.00 %, in epoch 1 of 2" in text


def test_more_classes_than_can_be_read_have_no_matrix(rng):
    names = [f"class {i}" for i in range(65)]
    page = Read(page_of(painted(rng, 1, class_names=names)))
    assert "65 classes are too many" in page.text
    assert "class 64" in page.text


# The door


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A run folder as a training of two epochs leaves it."""
    folder = tmp_path_factory.mktemp("runs") / "tiny"
    names = Shapes().class_names
    config = RunConfig(width=0.02, topology="same", class_names=names, epochs=2)
    write_config(folder, config)
    keras.utils.set_random_seed(0)
    keras_fcn.save_weights(config.build(), folder / "best.safetensors")
    rows = zip(*HISTORY.values(), strict=True)
    lines = [",".join(map(str, (i, *row))) for i, row in enumerate(rows, start=1)]
    header = ",".join(["epoch", *HISTORY])
    (folder / "log.csv").write_text("\n".join([header, *lines]))
    return folder


def test_the_verb_writes_a_page_of_a_run_on_the_data_it_is_told(
    finished, tiny_voc, tmp_path
):
    file = tmp_path / "new" / "page.html"
    data = ["--dataset", "voc", "--data-dir", tiny_voc, "--split", "train"]
    printed = run("report", finished, "--samples", 1, *data, "--output", file).stdout
    assert "Scoring train" in printed
    assert str(file) in printed.replace("\n", "")
    page = Read(file.read_text(encoding="utf-8"))
    assert "Scored on voc (train), 2 photos" in words(page.text)
    model, config = keras_fcn.load_run(finished)
    source = VOCSegmentation(tiny_voc, "train", config.class_names)
    for value in keras_fcn.evaluate(model, source).result().values():
        assert f"{100 * value:.2f} %" in page.text
    assert len(page.of("img")) == 2 * 4
    for told in ("poly", keras.__version__, "tiny", *source.names, *config.class_names):
        assert told in page.text


def test_an_interrupt_leaves_the_page_of_before_and_nothing_new(finished, tmp_path):
    file = tmp_path / "page.html"
    file.write_text("before")

    def interrupted(loop):
        for number, index in enumerate(loop):
            if number == 2:
                raise KeyboardInterrupt
            yield index

    with pytest.raises(KeyboardInterrupt):
        write_report(finished, file, progress=lambda what: interrupted)
    assert [f.name for f in tmp_path.iterdir()] == ["page.html"]
    assert file.read_text() == "before"


@pytest.mark.parametrize(
    ("options", "message"),
    [({"samples": -1}, "at least 0"), ({"file": "."}, "a folder")],
)
def test_what_cannot_be_done_is_refused_before_scoring(options, message, finished):
    with pytest.raises(ValueError, match=message):
        write_report(finished, **options)

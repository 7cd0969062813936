"""A run becomes a folder for others: what is in it, what is not, and that it works."""

import json
import re
import shlex

import numpy as np
import pytest
import yaml
from PIL import Image
from typer.testing import CliRunner

import keras_fcn
from keras_fcn.cli import app
from keras_fcn.datasets.voc_labels import VOC_CLASSES
from keras_fcn.runs import HubError, RunConfig, load_run, read_config, write_config
from keras_fcn.sharing.card import card_of, plain_markdown
from keras_fcn.sharing.thumbnail import LARGEST

from .test_from_pretrained import ADDRESS, NAME, NAMES, contents, hub, make_run, shared

__all__ = ["hub", "shared"]  # fixtures

LOG = (
    "epoch,loss,val_mean_iou,val_pixel_accuracy\n"
    "1,2.0,0.25,0.5\n2,1.5,0.4375,0.625\n3,1.25,0.375,0.75\n"
)
HOSTILE = (
    "background",
    "<script>alert(1)</script>",
    "| a | b |",
    "[x](javascript:alert(1))",
    "![x](https://evil.example/track.png)",
    "---",
    "# Heading\n\n```\nrm -rf /\n```",
    "{{ 7 * 7 }}{% raw %}",
    "https://evil.example",
    "&lt;b&gt; &amp; \\<i>",
    "*bold* _it_ `code` ~x~",
    "\x1b[2Jname",
    "猫",
)


def card_for(config, **options):
    settings = {"name": "pets", "source": None, "preprocessing": None, "parameters": 1}
    return card_of(config, **{**settings, **options})


def front_matter(card):
    return yaml.safe_load(card.split("---\n")[1])


def code_of(card, language):
    return re.findall(rf"^```{language}\n(.*?)^```", card, re.MULTILINE | re.DOTALL)


@pytest.fixture
def run(tmp_path):
    folder = tmp_path / "run"
    make_run(folder)
    return folder


@pytest.mark.parametrize(
    "options",
    [
        {"topology": "paper", "model": "fcn32s"},
        {"topology": "same", "model": "fcn16s", "upsampling": "learned"},
        {"topology": "pointwise", "model": "fcn8s_atonce", "preprocessing": "tf"},
        {"backbone": "vgg19", "preprocessing": "torch"},
        {"backbone": "alexnet", "topology": None, "model": "fcn32s"},
        {"backbone": "googlenet", "topology": None, "preprocessing": "none"},
    ],
    ids=lambda options: "-".join(map(str, options.values())),
)
def test_a_published_network_scores_as_the_run_that_it_was(options, tmp_path, rng):
    trained = make_run(tmp_path / "run", **options)
    keras_fcn.publish(tmp_path / "run", tmp_path / "published")
    model, config = keras_fcn.from_pretrained(tmp_path / "published")
    before = read_config(tmp_path / "run")
    for name in ("model", "backbone", "topology", "upsampling", "width", "dropout"):
        assert getattr(config, name) == getattr(before, name)
    assert (config.preprocessing, config.class_names) == (before.preprocessing, NAMES)
    photo = rng.uniform(0, 255, (1, 32, 40, 3)).astype("float32")
    scores = np.array(model(photo))
    np.testing.assert_array_equal(scores, trained(photo))
    assert scores.std() > 0


@pytest.mark.slow
def test_a_backbone_of_keras_is_rebuilt_too(tmp_path, rng):
    options = {"backbone": "MobileNetV2", "width": 1.0, "topology": "same"}
    trained = make_run(tmp_path / "run", **options)
    keras_fcn.publish(tmp_path / "run", tmp_path / "published")
    model, _ = keras_fcn.from_pretrained(tmp_path / "published")
    photo = rng.uniform(0, 255, (1, 64, 64, 3)).astype("float32")
    np.testing.assert_array_equal(model(photo), trained(photo))


def test_no_path_of_the_authors_machine_is_published(tmp_path):
    run = tmp_path / "run"
    make_run(
        run,
        **{
            "dataset": "folder",
            "images": "/home/mallory/photos",
            "masks": "/srv/masks",
        },
        **{"labels": "/home/mallory/names.txt", "from_run": "/home/mallory/runs/old"},
    )
    (run / "log.csv").write_text(LOG)
    keras_fcn.publish(run, tmp_path / "published")
    for name, data in contents(tmp_path / "published").items():
        for secret in (b"/home", b"/srv", b"mallory", str(tmp_path).encode()):
            assert secret not in data, name


def test_pictures_are_left_out_unless_asked_for(run, tmp_path):
    (run / "pictures").mkdir()
    for epoch, colour in ((9, "red"), (10, "blue")):
        picture = Image.new("RGB", (2400, 900), colour)
        picture.save(run / "pictures" / f"predictions_epoch_{epoch:03}.png")
    keras_fcn.publish(run, tmp_path / "a")
    assert set(contents(tmp_path / "a")) == {
        *("README.md", "config.json", "model.safetensors")
    }
    assert "![" not in (tmp_path / "a" / "README.md").read_text()
    keras_fcn.publish(run, tmp_path / "b", pictures=True)
    assert "](predictions.jpg)" in (tmp_path / "b" / "README.md").read_text()
    with Image.open(tmp_path / "b" / "predictions.jpg") as picture:
        assert picture.size == (LARGEST[0], 450)
        red, _, blue = picture.getpixel((0, 0))
    assert (red < 10, blue > 245) == (True, True)  # the newest


def test_pictures_that_were_never_drawn_are_missed(run, tmp_path):
    with pytest.raises(FileNotFoundError, match="without pictures"):
        keras_fcn.publish(run, tmp_path / "published", pictures=True)
    assert not (tmp_path / "published").exists()


def test_the_hub_reads_the_front_matter(run, tmp_path):
    repocard = pytest.importorskip("huggingface_hub.repocard")
    (run / "log.csv").write_text(LOG)
    keras_fcn.publish(run, tmp_path / "pets", license="apache-2.0")
    data = repocard.ModelCard.load(tmp_path / "pets" / "README.md").data
    assert data.license == "apache-2.0"
    assert (data.library_name, data.pipeline_tag) == ("keras_fcn", "image-segmentation")
    results = {result.metric_type: result for result in data.eval_results}
    assert results["mean_iou"].metric_value == 0.4375  # of the best epoch
    assert results["pixel_accuracy"].metric_value == 0.625
    assert results["mean_iou"].dataset_name == "shapes"
    assert set(results) == {"mean_iou", "pixel_accuracy"}


def test_scores_that_are_not_known_are_not_told():
    config = RunConfig(class_names=NAMES)
    for card in (
        card_for(config),
        # The best weights may be the other run's.
        card_for(
            RunConfig(class_names=NAMES, from_run="old"), log=(2, {"val_mean_iou": 0.5})
        ),
    ):
        assert "model-index" not in front_matter(card)
        assert "Unknown" in card.split("## Scores")[1].split("## ")[0]
    assert "Unknown" in card_for(config).split("## Recipe")[1].split("## ")[0]
    assert "Unknown" in card_for(config).split("## Data")[1].split("## ")[0]


def test_scores_of_evaluate_are_taken_over(run, tmp_path):
    (run / "log.csv").write_text(LOG)
    told = {
        **{"dataset": "voc", "split": "seg11valid", "images": 736},
        **{"mean_iou": 0.5, "pixel_accuracy": 0.75, "mean_accuracy": 0.625},
        "frequency_weighted_iou": 0.25,
        "per_class_iou": {"background": 1.0, "cat": 0.0, "dog": None},
    }
    file = tmp_path / "scores.json"
    file.write_text(json.dumps(told))
    keras_fcn.publish(run, tmp_path / "pets", scores=file)
    card = (tmp_path / "pets" / "README.md").read_text()
    scores = card.split("## Scores")[1].split("## ")[0]
    for row in ("mean IU | 50.00", "cat | 0.00", "dog | not there", "736 images"):
        assert row in scores
    assert "43.75" not in card
    (measured,) = front_matter(card)["model-index"][0]["results"]
    assert measured["dataset"]["split"] == "seg11valid"
    for change in ({"mean_iou": 1.5}, {"mean_iou": True}, {"per_class_iou": {"a": 1}}):
        file.write_text(json.dumps({**told, **change}))
        with pytest.raises(ValueError, match="Scores must be"):
            keras_fcn.publish(run, tmp_path / "pets", scores=file)
    assert (tmp_path / "pets" / "README.md").read_text() == card


@pytest.mark.parametrize(
    "text",
    ["", "epoch\n1\n", "epoch,val_mean_iou\n1,high\n", "epoch,val_mean_iou\n1\n"],
)
def test_a_log_without_scores_is_refused_or_empty(run, tmp_path, text):
    (run / "log.csv").write_text(text)
    if "val_mean_iou" not in text:
        keras_fcn.publish(run, tmp_path / "pets")
        assert "model-index" not in (tmp_path / "pets" / "README.md").read_text()
        return
    with pytest.raises(ValueError, match="table of numbers"):
        keras_fcn.publish(run, tmp_path / "pets")


def test_only_vocs_own_classes_are_called_voc():
    options = {"dataset": "voc", "data_dir": "data"}
    official = card_for(RunConfig(class_names=VOC_CLASSES, **options), log=(1, {}))
    assert front_matter(official)["datasets"] == ["pascal_voc"]
    own = card_for(RunConfig(class_names=NAMES, **options), log=(1, {}))
    assert "datasets" not in front_matter(own)
    assert "author's own" in own


def test_hostile_names_are_shown_as_they_are():
    from markdown_it import MarkdownIt

    config = RunConfig(class_names=HOSTILE)
    card = card_for(config, name=HOSTILE[3], author=HOSTILE[1])
    body = card.split("---\n", 2)[2]
    markdown = MarkdownIt("commonmark").enable("table")
    tokens = markdown.parse(body)
    inner = [child for token in tokens for child in token.children or ()]
    assert not {token.type for token in tokens + inner} & {"html_block", "html_inline"}
    assert not {token.type for token in inner} & {"link_open", "image"}
    rows = re.findall(r"<tr>\s*(.*?)</tr>", markdown.render(body), re.DOTALL)
    labels = [row for row in rows if re.match(r"<td[^>]*>\d+</td>", row)]
    assert len(labels) == len(HOSTILE)
    headings = [t for t in tokens if t.type == "heading_open" and t.tag == "h1"]
    assert len(headings) == 1
    for code in code_of(card, "python"):
        compile(code, "card", "exec")


def test_a_class_that_is_shown_is_the_class_that_was_meant():
    from markdown_it import MarkdownIt

    for name in HOSTILE:
        if not name.isprintable():
            continue
        (paragraph,) = [
            token
            for token in MarkdownIt("commonmark").parse(f"x {plain_markdown(name)}")
            if token.type == "inline"
        ]
        assert "".join(child.content for child in paragraph.children) == f"x {name}"


def test_the_code_on_the_card_works_as_it_stands(run, tmp_path, monkeypatch, rng):
    keras_fcn.publish(run, tmp_path / "published")
    follow_card(tmp_path / "published" / "README.md", monkeypatch, rng)
    assert (tmp_path / "published" / "labelled" / "photo.png").is_file()


def follow_card(card, monkeypatch, rng):
    """Do in the card's folder what it says in Python and, of the shell, first."""
    monkeypatch.chdir(card.parent)
    pixels = rng.integers(0, 256, (32, 40, 3), "uint8")
    Image.fromarray(pixels).save("photo.jpg")
    (code,) = code_of(card.read_text(), "python")
    names = {}
    exec(code, names)
    assert names["labels"].shape == (32, 40)
    assert set(names["names"]) <= set(NAMES)
    shell = code_of(card.read_text(), "console")
    program, *words = shlex.split(shell[0].removeprefix("$ "))
    assert program == "keras-fcn"
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 0, done.output


# Uploads

# Of huggingface_hub, where it uploads without Xet.
without_xet = pytest.mark.filterwarnings(
    "ignore:Use 'content=<...>':DeprecationWarning"
)


@without_xet
def test_a_network_is_uploaded_and_fetched_again(hub, run, tmp_path, monkeypatch, rng):
    hub.token = "secret"
    monkeypatch.setenv("HF_TOKEN", "secret")
    published = keras_fcn.publish(run, tmp_path / "published", to=ADDRESS)
    uploaded = hub.files(NAME)
    uploaded.pop(".gitattributes")
    assert uploaded == contents(tmp_path / "published")
    assert published.url.startswith(f"{hub.url}/{NAME}/commit/")
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "README.md").write_bytes(uploaded["README.md"])
    follow_card(tmp_path / "elsewhere" / "README.md", monkeypatch, rng)
    assert not hub.private


@without_xet
def test_a_new_version_takes_the_place_of_the_old_one(hub, run, tmp_path, monkeypatch):
    hub.token = "secret"
    monkeypatch.setenv("HF_TOKEN", "secret")
    (run / "pictures").mkdir()
    picture = Image.new("RGB", (20, 20))
    picture.save(run / "pictures" / "predictions_epoch_001.png")
    output = tmp_path / "published"
    keras_fcn.publish(run, output, to=ADDRESS, pictures=True, private=True)
    assert "predictions.jpg" in hub.files(NAME)
    assert hub.private == {NAME}
    make_run(run, seed=1)
    keras_fcn.publish(run, output, to=ADDRESS)
    assert "predictions.jpg" not in hub.files(NAME)  # it was private after all
    assert hub.files(NAME)["model.safetensors"] == contents(output)["model.safetensors"]


def test_without_a_token_nothing_is_begun(hub, run, tmp_path):
    with pytest.raises(HubError, match=r"no token.*hf auth login"):
        keras_fcn.publish(run, tmp_path / "published", to=ADDRESS)
    assert not (tmp_path / "published").exists()
    assert hub.requests == []


@pytest.mark.parametrize(("status", "told"), [(None, "401"), (500, "500")])
def test_an_upload_that_is_refused_leaves_the_folder(
    hub, run, tmp_path, monkeypatch, status, told
):
    hub.token, hub.status = "secret", status
    monkeypatch.setenv("HF_TOKEN", "wrong")
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    with pytest.raises(HubError, match=f"answered with {told}"):
        keras_fcn.publish(run, tmp_path / "published", to=ADDRESS)
    load_run(tmp_path / "published")


@pytest.mark.parametrize("to", ["someone/pets", "hf://pets", f"{ADDRESS}@v1"])
def test_the_place_to_upload_to_is_a_user_and_a_name(run, tmp_path, to):
    with pytest.raises(ValueError, match="hf://user/name"):
        keras_fcn.publish(run, tmp_path / "published", to=to)


# The folder


def test_a_folder_that_holds_something_else_is_left_alone(run, tmp_path):
    output = tmp_path / "output"
    output.mkdir()
    keras_fcn.publish(run, output)  # an empty one is fine
    make_run(run, seed=1)
    keras_fcn.publish(run, output)  # and one of an earlier publication
    before = contents(output)
    (output / "notes.txt").write_text("mine")
    with pytest.raises(FileExistsError, match="which is something else"):
        keras_fcn.publish(run, output)
    assert contents(output) == {**before, "notes.txt": b"mine"}
    with pytest.raises(FileExistsError):
        keras_fcn.publish(run, run)
    with pytest.raises(FileExistsError):
        keras_fcn.publish(run, output / "notes.txt")


@pytest.mark.parametrize("step", ["write_atomically", "save_weights", "thumbnail_of"])
def test_an_error_leaves_the_earlier_publication(run, tmp_path, monkeypatch, step):
    keras_fcn.publish(run, tmp_path / "output")
    before = contents(tmp_path / "output")

    def fails(*arguments):
        raise OSError("the disk is full")

    monkeypatch.setattr(f"keras_fcn.sharing.publishing.{step}", fails)
    for name in ("output", "new"):
        with pytest.raises(OSError, match="the disk is full"):
            keras_fcn.publish(run, tmp_path / name, pictures=True)
    assert contents(tmp_path / "output") == before
    assert {file.name for file in tmp_path.iterdir()} == {"run", "output"}


@pytest.mark.parametrize("license", ["", "MIT License", "mit\nx: y", "a" * 65])
def test_a_licence_is_a_name_of_the_hubs(run, tmp_path, license):
    with pytest.raises(ValueError, match="`license` must be"):
        keras_fcn.publish(run, tmp_path / "output", license=license)


def test_what_is_published_is_a_run(run, tmp_path):
    keras_fcn.publish(run, tmp_path / "output")
    with pytest.raises(FileNotFoundError, match="must be a run folder"):
        keras_fcn.publish(tmp_path / "output", tmp_path / "again")
    (run / "best.safetensors").unlink()
    with pytest.raises(FileNotFoundError, match="best"):
        keras_fcn.publish(run, tmp_path / "again")


def test_a_network_that_could_not_be_read_again_is_not_written(tmp_path):
    write_config(tmp_path / "run", RunConfig(class_names=("a", " "), width=0.02))
    model = read_config(tmp_path / "run").build()
    keras_fcn.save_weights(model, tmp_path / "run" / "best.safetensors")
    with pytest.raises(ValueError, match="must have a name"):
        keras_fcn.publish(tmp_path / "run", tmp_path / "output")
    assert not (tmp_path / "output").exists()


def test_publish_prints_how_the_network_is_used(run, tmp_path):
    words = ["publish", str(run), "--output", str(tmp_path / "new"), "--license", "mit"]
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 0, done.output
    assert f"keras-fcn predict {tmp_path / 'new'} PHOTO" in done.output

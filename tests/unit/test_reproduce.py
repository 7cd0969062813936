"""`benchmarks/reproduce.py`: order, resume, failure, and the table."""

import importlib.util
import itertools
import json
import os
import re
import shutil
import sys
from pathlib import Path
from unittest import mock

import keras
import numpy as np
import pytest
import scipy.io
from PIL import Image

import keras_fcn
from keras_fcn.cli import main as keras_fcn_main
from keras_fcn.weights import PUBLISHED

from ..conftest import write_voc

ROOT = Path(__file__).parents[2]
THIN = "--width 0.02 --weights none --backbone alexnet --epochs 1 --steps-per-epoch 1"
PAGE = (
    "# Results\n\n<!-- table: benchmarks/reproduce.py -->\n<!-- end of table -->\nEnd\n"
)


@pytest.fixture(scope="module")
def script():
    name = "reproduce"
    file = ROOT / "benchmarks" / f"{name}.py"
    spec = importlib.util.spec_from_file_location(name, file)
    loaded = importlib.util.module_from_spec(spec)
    with mock.patch.dict(sys.modules, {name: loaded}):  # dataclasses look it up
        spec.loader.exec_module(loaded)
        yield loaded


@pytest.fixture
def page(tmp_path):
    page = tmp_path / "results.md"
    page.write_text(PAGE)
    return page


@pytest.fixture
def without_graphs():
    """Let TensorFlow, if it is there, compute at once: few steps are not worth more."""
    if keras.backend.backend() != "tensorflow":
        yield
        return
    import tensorflow as tf

    tf.config.run_functions_eagerly(True)
    yield
    tf.config.run_functions_eagerly(False)


@pytest.fixture
def data(tmp_path):
    """VOC2011 and SBD as they are published: one photo to train on, one to score."""
    label = np.zeros((33, 40), "uint8")
    label[10:25, 8:30] = 15
    names = ["2007_000033", "2008_000002"]
    voc = tmp_path / "data" / "VOCdevkit" / "VOC2011"
    write_voc(voc, {names[0]: label}, {"train": [], "val": names[:1]})
    sbd = tmp_path / "data" / "benchmark_RELEASE" / "dataset"
    for part in ("img", "cls"):
        (sbd / part).mkdir(parents=True)
    Image.new("RGB", (40, 33)).save(sbd / "img" / f"{names[1]}.jpg")
    content = {"GTcls": {"Segmentation": label}}
    scipy.io.savemat(sbd / "cls" / f"{names[1]}.mat", content)
    (sbd / "train.txt").write_text(f"{names[1]}\n")
    (sbd / "val.txt").write_text("")
    return tmp_path / "data"


class Pretender:
    """In place of `keras-fcn`: keeps what it is told, and makes what it would."""

    def __init__(self, fails_at=None):
        self.commands = []
        self.fails_at = fails_at

    def __call__(self, words):
        command = " ".join(words)
        self.commands.append(command)
        after = dict(itertools.pairwise(words))
        if self.fails_at and self.fails_at in command:
            return 3
        if words[:2] == ["data", "prepare"]:
            for part in ("VOCdevkit/VOC2011", "benchmark_RELEASE/dataset"):
                (Path(after["--data-dir"]) / part).mkdir(parents=True)
        elif words[0] == "evaluate":
            assert Path(words[1], "best.safetensors").is_file()
            scores = dict.fromkeys(keras_fcn.scores.SCORES, 0.12345)
            result = {**scores, "split": "seg11valid", "images": 736}
            Path(after["--json"]).write_text(json.dumps(result))
        else:
            run = Path(after["--run-dir"])
            # Else it fails, as keras-fcn does, if there is one.
            run.mkdir(parents=True, exist_ok="--resume" in words)
            (run / "best.safetensors").touch()
            (run / "config.yaml").write_text("epochs: 2\n")
            (run / "log.csv").write_text("epoch\n1\n2\n")
        return 0


@pytest.fixture
def pretend(script, monkeypatch, page, tmp_path):
    """Run the script, with a pretender instead of `keras-fcn`."""

    def run(*arguments, fails_at=None):
        pretender = Pretender(fails_at)
        monkeypatch.setattr(script, "keras_fcn_command", pretender)
        options = ["--table", page, "--output-dir", tmp_path / "runs"]
        options += ["--data-dir", tmp_path / "data"]
        own, rest = arguments, ()
        if "--" in arguments:
            end = arguments.index("--")
            own, rest = arguments[:end], arguments[end:]
        try:
            script.main(map(str, [*own, *options, *rest]))
        finally:
            run.commands = pretender.commands
        return pretender.commands

    return run


def place(commands, part):
    (found,) = (i for i, command in enumerate(commands) if part in command)
    return found


def cells_of(page, first):
    """The rows of a table that begin with a cell, without it."""
    rows = [line.split("|")[1:-1] for line in page.read_text().splitlines()]
    rows = [[cell.strip() for cell in row] for row in rows]
    return [row[1:] for row in rows if row and row[0] == first]


# Order


def test_a_dry_run_lists_the_commands_in_their_order_and_does_nothing(
    pretend, capsys, page, tmp_path
):
    assert pretend("--dry-run", "--", "--width", "0.5") == []
    printed = capsys.readouterr().out.splitlines()
    assert printed[0].startswith("keras-fcn data prepare --dataset voc2011_sbd")
    stages = ("voc_fcn32s", "voc_fcn16s", "voc_fcn8s")
    begun = [place(printed, f"train --resume --recipe {name} ") for name in stages]
    assert begun == sorted(begun)
    assert f"--from {tmp_path}/runs/voc_fcn16s --run-dir" in printed[begun[2]]
    for name in ("voc_fcn32s", "fcn8s-heavy-pascal"):
        ends = f"--run-dir {tmp_path}/runs/{name}"
        (made,) = (i for i, line in enumerate(printed) if line.endswith(ends))
        assert printed[made + 1].startswith(
            f"keras-fcn evaluate {tmp_path}/runs/{name}"
        )
    trainings = [command for command in printed if " train " in command]
    assert all("--width 0.5" in command for command in trainings)
    assert sum("--width" in command for command in printed) == len(trainings)
    assert page.read_text() == PAGE
    assert not (tmp_path / "runs").exists()


def test_every_recipe_and_every_network_of_berkeley_is_in_the_table(script):
    assert sorted(script.RECIPES) == keras_fcn.recipes.names()
    for weights in PUBLISHED.values():
        of_berkeley = weights.kind == "fcn" and weights.file.endswith(".caffemodel")
        assert (weights.name in script.PUBLISHED) == of_berkeley


def test_the_published_scores_are_those_of_the_catalogue(script):
    for network in script.NETWORKS:
        if network.published:
            known = PUBLISHED[network.published].mean_iu
            assert round(float(network.caffe[2]), 1) == pytest.approx(known, abs=0.051)


def test_the_published_scores_are_those_that_the_lab_notes_expect(script):
    compared = []
    for network in script.NETWORKS:
        note = keras_fcn.recipes.load(network.recipe).note
        expected = re.search(r"^\| expected, the (authors|paper).*\|$", note, re.M)
        if expected is None:
            continue
        cells = [cell.strip() for cell in expected[0].split("|")[2:-1]]
        told = network.caffe if expected[1] == "authors" else network.paper
        told = told if len(cells) == 4 else told[2:3]
        for a, b in zip(cells, told, strict=True):
            assert float(a) == pytest.approx(float(b), abs=0.051), network
        compared.append(network.recipe)
    assert len(compared) == 6


def test_a_stage_comes_after_the_one_that_it_begins_with(script):
    for number, name in enumerate(script.RECIPES):
        start = keras_fcn.recipes.load(name).starts_from
        assert start is None or start in script.RECIPES[:number]


def test_only_some_can_be_asked_for(pretend, capsys):
    commands = pretend("--only", "fcn8s-heavy-pascal", "voc_fcn32s")
    kinds = [command.split()[0] for command in commands]
    assert kinds == ["data", "train", "evaluate", "convert", "evaluate"]
    with pytest.raises(SystemExit):
        pretend("--only", "fcn8s")
    assert "fcn8s-heavy-pascal" in capsys.readouterr().err


# Resume, failure


def test_a_second_run_does_nothing_and_a_removed_score_is_made_again(
    pretend, page, tmp_path
):
    assert len(pretend()) == 1 + 2 * (8 + 5)
    first = page.read_text()
    assert pretend() == []
    assert page.read_text() == first
    (tmp_path / "runs" / "voc_fcn8s" / "scores.json").unlink()
    (command,) = pretend()
    assert command.startswith(f"evaluate {tmp_path}/runs/voc_fcn8s ")


def test_a_failing_step_is_named_and_what_is_done_stays(pretend, page):
    with pytest.raises(
        SystemExit, match=r"3: keras-fcn train --resume --recipe voc_fcn16s "
    ):
        pretend(fails_at="--recipe voc_fcn16s")
    assert len(pretend.commands) == 4
    assert cells_of(page, "FCN-32s")[0][-1] == "12.35"
    assert "train --resume --recipe voc_fcn16s" in pretend()[0]


def test_a_training_that_was_cut_short_goes_on(pretend, tmp_path):
    pretend("--only", "voc_fcn32s")
    run = tmp_path / "runs" / "voc_fcn32s"
    (run / "log.csv").write_text("epoch\n1\n")
    for file in ("scores.json", "reproduced.json"):
        (run / file).unlink()
    (run / "half").touch()
    training, _ = pretend("--only", "voc_fcn32s")
    assert "--resume" in training
    assert (run / "half").exists()


def test_an_interrupt_leaves_a_run_that_is_not_taken_for_a_whole_one(
    script, monkeypatch, tmp_path, page, pretend
):
    def interrupted(words):
        run = Path(words[words.index("--run-dir") + 1])
        run.mkdir(parents=True, exist_ok=True)
        raise KeyboardInterrupt

    (tmp_path / "data" / "VOCdevkit" / "VOC2011").mkdir(parents=True)
    (tmp_path / "data" / "benchmark_RELEASE" / "dataset").mkdir(parents=True)
    monkeypatch.setattr(script, "keras_fcn_command", interrupted)
    options = ["--output-dir", tmp_path / "runs", "--data-dir", tmp_path / "data"]
    with pytest.raises(KeyboardInterrupt):
        script.main(map(str, [*options, "--table", page]))
    assert "train --resume --recipe voc_fcn32s" in pretend()[0]


def test_the_exit_status_of_keras_fcn_is_noticed(script):
    assert script.keras_fcn_command(["--version"]) == 0
    assert script.keras_fcn_command(["no-such-verb"]) != 0


# Table


def test_without_results_our_cells_are_empty(script, page, tmp_path):
    script.write_table(page, tmp_path / "nothing")
    for network in script.NETWORKS:
        (cells,) = cells_of(page, network.title)
        assert len(cells) == 6
        assert cells[-2:] == ["", ""]
    assert cells_of(page, "`voc_fcn32s`") == [["", "", "", ""]]
    assert page.read_text().endswith("<!-- end of table -->\nEnd\n")


def test_a_page_without_marks_is_left_as_it_is(script, tmp_path):
    page = tmp_path / "page.md"
    page.write_text("# Results\n")
    with pytest.raises(SystemExit, match="must hold the lines"):
        script.write_table(page, tmp_path)
    assert page.read_text() == "# Results\n"


def test_the_published_columns_of_the_documentation_are_those_of_the_script(
    script, tmp_path
):
    docs = ROOT / "docs" / "results.md"
    page = tmp_path / "results.md"
    shutil.copy(docs, page)
    script.write_table(page, tmp_path / "nothing")
    here, there = (
        [line.split("|")[:-3] for line in file.read_text().splitlines() if "|" in line]
        for file in (page, docs)
    )
    rows = 2 + len(script.NETWORKS) * 4
    assert here[:rows] == there[:rows]
    assert len(here) == len(there)


@pytest.mark.filterwarnings("ignore:Even though the `tf.config.experimental_run")
@pytest.mark.usefixtures("without_graphs")
def test_the_whole_of_it_runs_on_a_thin_network(
    script, monkeypatch, data, page, tmp_path
):
    def in_this_process(words):
        with mock.patch.object(sys, "argv", ["keras-fcn", *words]):
            try:
                keras_fcn_main()
            except SystemExit as ended:
                return int(ended.code or 0)
        return 0

    monkeypatch.setattr(script, "keras_fcn_command", in_this_process)
    monkeypatch.setattr(script, "machine", lambda: "two cores")
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    monkeypatch.setenv("COLUMNS", "80")
    options = ["--only", "voc_fcn32s", "voc_fcn16s", "--data-dir", data]
    options += ["--output-dir", tmp_path / "runs", "--table", page, "--"]
    script.main([*map(str, options), *THIN.split()])
    for name, title in (("voc_fcn32s", "FCN-32s"), ("voc_fcn16s", "FCN-16s")):
        scores = json.loads((tmp_path / "runs" / name / "scores.json").read_text())
        (cells,) = cells_of(page, title)
        assert cells[-1] == f"{100 * scores['pixel_accuracy']:.2f}"
        (told,) = cells_of(page, f"`{name} {THIN}`")
        assert told[0] == "seg11valid, 1 images"
        assert told[2] == "two cores"
        assert float(told[3]) < 1
    _, config = keras_fcn.load_run(tmp_path / "runs" / "voc_fcn16s")
    assert config.from_run == os.fspath(tmp_path / "runs" / "voc_fcn32s")
    assert (config.lr, config.width) == (1e-12, 0.02)

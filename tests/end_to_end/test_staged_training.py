"""FCN-32s, then 16s, then 8s, each from the one before, as a person types it."""

import csv
import json
import re

import numpy as np
import pytest
import yaml

from ..conftest import write_small_voc
from .test_command_line import THIN, run, words

DATA = ["--dataset", "voc", "--data-dir"]


@pytest.fixture(scope="module")
def voc(tmp_path_factory):
    return write_small_voc(tmp_path_factory.mktemp("data"))


@pytest.fixture(scope="module")
def stages(voc, tmp_path_factory):
    """The three runs, and what the last two printed."""
    folder = tmp_path_factory.mktemp("runs")
    run(
        *("train", "--model", "fcn32s", *THIN, *DATA, voc),
        *("--lr", "1e-2", "--epochs", 2, "--run-dir", folder / "32s"),
    )
    # A recipe, and beside it what a small machine needs. The rates are the paper's.
    thin = ["--epochs", 1, "--steps-per-epoch", 2, "--crop-size", 32, *DATA, voc]
    printed = [
        run(
            *("train", "--recipe", f"voc_fcn{new}s", "--from", folder / f"{old}s"),
            *(*thin, "--run-dir", folder / f"{new}s"),
        ).stdout
        for old, new in ((32, 16), (16, 8))
    ]
    return folder, printed


def scores(run_dir):
    with (run_dir / "log.csv").open() as file:
        return [float(row["val_mean_iou"]) for row in csv.DictReader(file)]


@pytest.mark.slow
def test_each_stage_takes_the_recipe_and_the_earlier_runs_network(stages):
    folder, _ = stages
    for stage, lr in ((16, 1e-12), (8, 1e-14)):
        config = yaml.safe_load((folder / f"{stage}s" / "config.yaml").read_text())
        asked = {
            "model": f"fcn{stage}s",  # the recipe's
            "lr": lr,
            "momentum": 0.99,
            "doubled_biases": "all",
            "loss": "sum",
            "width": 0.02,  # the run's before
            "topology": "same",
            "dataset": "voc",  # the user's
            "steps_per_epoch": 2,
        }
        assert {name: config[name] for name in asked} == asked


def before(printed):
    """The validation mean IoU that was printed before the first step, in percent."""
    found = re.search(r"mean IoU before training: ([\d.]+)%", words(printed))
    return float(found[1])


@pytest.mark.slow
def test_each_stage_tells_what_is_new_and_begins_where_the_last_one_ended(stages):
    folder, printed = stages
    found = zip(printed, ("32s", "16s"), ("score_pool4", "score_pool3"), strict=True)
    for text, earlier, new in found:
        assert f"New: {new}." in text
        # Upsampled in two steps, not in one, scores differ by a pixel here and there.
        best = 100 * max(scores(folder / earlier))
        np.testing.assert_allclose(before(text), best, atol=1.0)


@pytest.mark.slow
def test_the_best_weights_are_those_of_the_start_until_an_epoch_is_better(
    stages, tmp_path
):
    folder, printed = stages
    run("evaluate", folder / "16s", "--json", tmp_path / "16s.json")
    evaluated = json.loads((tmp_path / "16s.json").read_text())
    best = max(before(printed[0]), 100 * max(scores(folder / "16s")))
    np.testing.assert_allclose(100 * evaluated["mean_iou"], best, atol=0.01)
    # And a finished run that is gone on with says what it said at its end.
    again = run("train", "--resume", "--run-dir", folder / "16s").stdout
    for text in (printed[0], again):
        (told,) = re.findall(r"Best validation mean IoU ([\d.]+) %", words(text))
        np.testing.assert_allclose(float(told), best, atol=0.01)


def test_recipes_are_listed_and_shown():
    listed = run("recipes").stdout
    assert "voc_fcn8s_atonce" in listed
    shown = run("recipes", "voc_fcn16s").stdout
    assert "voc-fcn16s/net.py" in shown
    assert "lr: 1.0e-12" in shown

"""The three verbs as a person types them, on small data."""

import contextlib
import csv
import inspect
import io
import json
import re
import shutil
import subprocess
import sys
from types import SimpleNamespace
from unittest import mock

import keras
import numpy as np
import pytest
import yaml
from PIL import Image

import keras_fcn
from keras_fcn import hardware
from keras_fcn.cli import app, main
from keras_fcn.hardware import resolve_precision
from keras_fcn.images import image_size, read_label
from keras_fcn.metrics import SCORES

THIN = [
    *("--weights", "none", "--width", "0.02", "--topology", "same"),
    *("--crop-size", "32", "--batch-size", "2"),
]


def exit_status(arguments, out, err):
    """Run the program in this process, printing to these streams."""
    with (
        mock.patch.object(sys, "argv", ["keras-fcn", *map(str, arguments)]),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
    ):
        try:
            main()
        except SystemExit as ended:
            return ended.code or 0
    return 0


def run(*arguments, check=True):
    """Run the program in this process: TensorFlow takes seconds to load."""
    out, err = io.StringIO(), io.StringIO()
    code = exit_status(arguments, out, err)
    result = SimpleNamespace(
        returncode=code, stdout=out.getvalue(), stderr=err.getvalue()
    )
    if check:
        assert result.returncode == 0, result.stdout + result.stderr
    return result


def words(text):
    return " ".join(text.split())


@pytest.fixture(scope="module")
def voc(tmp_path_factory):
    from ..conftest import write_small_voc

    return write_small_voc(tmp_path_factory.mktemp("data"))


@pytest.fixture(scope="module")
def trained(voc, tmp_path_factory):
    run_dir = tmp_path_factory.mktemp("runs") / "voc"
    options = ["--dataset", "voc", "--data-dir", voc, "--epochs", 2, "--seed", 3]
    result = run("train", *options, *THIN, "--run-dir", run_dir)
    return run_dir, result.stdout


def test_train_fills_the_run_folder(trained):
    run_dir, printed = trained
    config = yaml.safe_load((run_dir / "config.yaml").read_text())
    assert config["epochs"] == 2
    assert config["width"] == 0.02
    assert config["class_names"][15] == "person"
    assert keras.backend.backend() in config["environment"]["backend"]
    with (run_dir / "log.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["epoch"] for row in rows] == ["1", "2"]
    assert {f"val_{name}" for name in SCORES} <= set(rows[0])
    for name in ("best.safetensors", "last.safetensors"):
        assert (run_dir / name).stat().st_size > 0
    for name in ("learning_curves", "predictions_epoch_001", "predictions_epoch_002"):
        assert min(image_size(run_dir / "pictures" / f"{name}.png")) > 100
    assert "aeroplane" in printed  # the first check's table
    assert "Best validation mean IoU" in printed


def test_evaluate_prints_and_writes_the_scores_that_training_logged(trained, tmp_path):
    run_dir, _ = trained
    file = tmp_path / "scores.json"
    printed = run("evaluate", run_dir, "--json", file, "--weights", "last").stdout
    scores = json.loads(file.read_text())
    with (run_dir / "log.csv").open() as log:
        last = list(csv.DictReader(log))[-1]
    for name in SCORES:
        assert np.isclose(scores[name], float(last[f"val_{name}"]), atol=1e-6)
        assert f"{100 * scores[name]:.2f}" in printed
    assert len(scores["per_class_iou"]) == 21
    assert scores["per_class_iou"]["tvmonitor"] is None  # nowhere, so it has no score
    assert np.shape(scores["confusion_matrix"]) == (21, 21)
    assert (run_dir / "pictures" / "confusion_matrix_voc_val.png").is_file()


@pytest.mark.parametrize("precision", ["auto", "float32", "mixed_bfloat16"])
def test_predict_says_what_it_computes_in(precision, trained, tmp_path, rng):
    run_dir, _ = trained
    photo = tmp_path / "photo.png"
    Image.fromarray(rng.integers(0, 256, (21, 30, 3), "uint8")).save(photo)
    options = [] if precision == "auto" else ["--precision", precision]
    printed = run("predict", run_dir, photo, *options, "-o", tmp_path).stdout
    found, reason = resolve_precision(precision)
    assert f"Computing in {found}: {reason}." in words(printed)
    assert read_label(tmp_path / "photo.png").shape == (21, 30)


def test_evaluate_computes_in_what_it_is_told(trained):
    run_dir, _ = trained
    assert "Computing in float32" in run("evaluate", run_dir).stdout
    printed = run("evaluate", run_dir, "--precision", "mixed_bfloat16").stdout
    assert "Computing in mixed_bfloat16: as asked for." in words(printed)


def test_a_training_writes_down_which_precision_and_compiler_it_had(voc, tmp_path):
    run_dir = tmp_path / "run"
    options = ["--dataset", "voc", "--data-dir", voc, "--epochs", 1]
    options += ["--mixed-precision", "--jit", "off", "--run-dir", run_dir]
    fastest = ("mixed_bfloat16", "of the test")
    with mock.patch.object(hardware, "fastest_precision", return_value=fastest):
        printed = run("train", *options, *THIN).stdout
    assert "Computing in mixed_bfloat16." in printed
    config = yaml.safe_load((run_dir / "config.yaml").read_text())
    assert (config["precision"], config["jit"]) == ("mixed_bfloat16", "off")
    # The weights themselves are float32, and any precision reads them.
    model, _ = keras_fcn.load_run(run_dir)
    assert {w.dtype for w in model.weights} == {"float32"}
    assert model.get_layer("fc6").compute_dtype == "float32"
    half, _ = keras_fcn.load_run(run_dir, precision="mixed_bfloat16")
    assert half.get_layer("fc6").compute_dtype == "bfloat16"


def test_predict_labels_files_and_folders(trained, voc, tmp_path, rng):
    run_dir, _ = trained
    photo = tmp_path / "photo of mine.png"
    Image.fromarray(rng.integers(0, 256, (37, 61), "uint8")).save(photo)
    run("predict", run_dir, photo, voc / "JPEGImages", "-o", tmp_path / "out")
    names = {f.name for f in (tmp_path / "out").iterdir()}
    assert len(names) == 3 * 5
    assert read_label(tmp_path / "out" / "photo of mine.png").shape == (37, 61)
    assert {"photo of mine_overlay.png", "2007_000003_sheet.png"} <= names


def test_predict_names_what_it_cannot_read_and_does_the_rest(trained, tmp_path, rng):
    run_dir, _ = trained
    Image.fromarray(rng.integers(0, 256, (9, 9, 3), "uint8")).save(tmp_path / "a.png")
    (tmp_path / "b.png").write_text("no picture")
    result = run("predict", run_dir, tmp_path, "-o", tmp_path / "out", check=False)
    assert result.returncode == 1
    assert "b.png" in result.stderr
    assert (tmp_path / "out" / "a.png").is_file()


def test_photos_of_one_name_do_not_overwrite_each_other(trained, tmp_path, rng):
    run_dir, _ = trained
    for name in ("a.png", "a.bmp"):
        image = rng.integers(0, 256, (9, 9, 3), "uint8")
        Image.fromarray(image).save(tmp_path / name)
    run("predict", run_dir, tmp_path, "-o", tmp_path / "out")
    assert len(list((tmp_path / "out").iterdir())) == 6


def test_impossible_labels_stop_training_before_anything_is_written(tmp_path, voc):
    broken = tmp_path / "broken"
    shutil.copytree(voc, broken)
    file = broken / "SegmentationClass" / "2007_000001.png"
    label = read_label(file).copy()
    label[0, :3] = 77
    Image.fromarray(label).save(file)
    options = ["--dataset", "voc", "--data-dir", broken, *THIN]
    result = run("train", *options, "--run-dir", tmp_path / "run", check=False)
    assert result.returncode == 1
    assert "2007_000001: values [77] in 3 pixels" in words(result.stderr)
    assert "Traceback" not in result.stderr
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("train --dataset voc --weights none --run-dir {tmp}/r", "`data_dir` must"),
        ("train --dataset voc --data-dir {tmp}/no --run-dir {tmp}/r", "no folder"),
        ("train --model fcn4s --run-dir {tmp}/r", "fcn4s"),
        ("train --epochs 0 --run-dir {tmp}/r", "epochs=0"),
        ("train --weights {tmp}/w.safetensors --run-dir {tmp}/r", "w.safetensors"),
        ("train --backbone resnet50 --run-dir {tmp}/r", 'Did you mean "ResNet50"'),
        ("train --recipe voc_fcn1 --run-dir {tmp}/r", 'Did you mean "voc_fcn16s"'),
        ("train --recipe voc_fcn8s --run-dir {tmp}/r", "begins with the weights of"),
        ("train --from {tmp}/no --run-dir {tmp}/r", "config.yaml"),
        ("train --doubled-biases all --run-dir {tmp}/r", 'but "caffe_sgd"'),
        ("evaluate {tmp}", "config.yaml"),
        ("predict {tmp} {tmp}/none.jpg", "none.jpg"),
        ("train", "run-dir"),
    ],
)
def test_mistakes_are_told_in_a_sentence(arguments, message, tmp_path):
    result = run(*arguments.format(tmp=tmp_path).split(), check=False)
    assert result.returncode != 0
    assert message in words(re.sub("[│╭╮╰╯─]", "", result.stderr))
    assert "Traceback" not in result.stderr
    assert not (tmp_path / "r").exists()


def test_a_run_is_not_overwritten(trained, voc):
    run_dir, _ = trained
    options = ["--dataset", "voc", "--data-dir", voc, *THIN, "--run-dir", run_dir]
    before = (run_dir / "best.safetensors").read_bytes()
    result = run("train", *options, check=False)
    assert result.returncode == 1
    assert "holds a run" in words(result.stderr)
    assert (run_dir / "best.safetensors").read_bytes() == before


VERBS = {
    command.callback.__name__: command.callback for command in app.registered_commands
}


@pytest.mark.parametrize("verb", sorted(VERBS.keys() - {"doctor"}))
def test_help_shows_an_example(verb):
    printed = run(verb, "--help").stdout
    assert f"keras-fcn {verb}" in printed
    assert "Example" in printed


@pytest.mark.parametrize("verb", VERBS)
def test_help_has_no_line_that_a_terminal_breaks(verb):
    _, *lines = inspect.cleandoc(VERBS[verb].__doc__).splitlines()  # the first is set
    assert all(len(line.replace("\\[", "[")) <= 78 for line in lines)


def test_the_module_is_the_program():
    command = [sys.executable, "-m", "keras_fcn", "--version"]
    printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert printed.split() == ["keras-fcn", keras_fcn.__version__]

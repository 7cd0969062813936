"""Every block of the README is run, as far as a test machine can."""

import os
import re
import shlex
import subprocess
import tomllib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ..conftest import write_small_voc
from .test_command_line import run

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")

# What cannot be done here: a download of 553 MB, and fifty epochs of the full width.
SMALLER = {
    'weights="imagenet"': "weights=None, width=0.05",
    "epochs=50": "epochs=1",
    "--epochs 50": "--epochs 1 --weights none --width 0.05 --crop-size 64",
    "--run-dir runs/own": "--run-dir runs/own --epochs 1 --weights none --width 0.05 "
    "--topology same --crop-size 32",
}


def blocks(language):
    return re.findall(rf"```{language}\n(.*?)```", README, flags=re.DOTALL)


def smaller(text):
    for written, instead in SMALLER.items():
        text = text.replace(written, instead)
    return text


def commands():
    lines = "".join(blocks("console")).splitlines()
    return [line.removeprefix("$ ").split("  #")[0] for line in lines]


@pytest.fixture
def folder(tmp_path, monkeypatch, rng):
    """A folder with what the README speaks of: VOCdevkit, photos, masks, photo.jpg."""
    write_small_voc(tmp_path)
    for name in ("photos", "masks"):
        (tmp_path / name).mkdir()
    for name in "abc":
        noise = rng.integers(0, 256, (33, 40, 3), "uint8")
        Image.fromarray(noise).save(tmp_path / "photos" / f"{name}.jpg")
        Image.fromarray(noise[..., 0] % 3).save(tmp_path / "masks" / f"{name}.png")
    photo = rng.integers(0, 256, (48, 64, 3), "uint8")
    Image.fromarray(photo).save(tmp_path / "photo.jpg")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def execute(block):
    """Run the one Python block that speaks of `block`; return its names."""
    (code,) = (code for code in blocks("python") if block in code)
    names = {}
    exec(compile(smaller(code), "README.md", "exec"), names)
    return names


def test_the_first_example_labels_a_photo(folder):
    assert np.shape(execute("labels =")["labels"]) == (48, 64)


def test_the_training_script_leaves_its_weights(folder):
    execute("model.fit")
    assert (folder / "fcn8s.safetensors").is_file()


def test_the_transposed_convolution_prints_the_same_array_four_ways(capsys):
    execute("convolution_matrix")
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 4 * 5
    assert lines[:5] == lines[5:10] == lines[10:15] == lines[15:]
    # By hand: rows 7 8 9 of the upper and 1 2 3 of the lower kernels meet here.
    middle = [7 + 3, 8 + 6, 9 + 14 + 9 + 4, 16 + 8, 18 + 12]
    assert lines[2] == " [" + " ".join(f"{value}." for value in middle) + "]"


def test_the_dialects_are_as_the_comments_say(capsys):
    execute("to_onnx")
    (code,) = (code for code in blocks("python") if "to_onnx" in code)
    said = [line.split("# ")[1] for line in code.splitlines() if "# " in line]
    printed = capsys.readouterr().out.splitlines()
    assert len(said) == len(printed) == 2
    for comment, line in zip(said, printed, strict=True):
        assert line.startswith(comment.removesuffix("...}"))


def test_no_python_block_is_left_out():
    assert len(blocks("python")) == 4


def test_scripts_have_at_most_fifteen_lines():
    for name in ("model.fit", "convolution_matrix"):
        (script,) = (b for b in blocks("python") if name in b)
        assert len([line for line in script.splitlines() if line.strip()]) <= 15


def test_commands_run_in_their_order(folder):
    ran = [shlex.split(smaller(c)) for c in commands() if c.startswith("keras-fcn")]
    own, voc = ["data", "train", "predict"], ["train", "evaluate", "predict"]
    assert [words[1] for words in ran] == own + voc
    for words in ran:
        run(*words[1:])
    assert (folder / "labelled" / "photo_overlay.png").is_file()
    assert (folder / "scores.json").is_file()


def test_the_makefile_has_the_commands_that_the_readme_names():
    targets = [c.split()[1] for c in commands() if c.startswith("make")]
    assert {"demo", "test"} <= set(targets)
    for target in targets:
        command = ["make", "--dry-run", target]
        plan = subprocess.run(
            command,
            cwd=ROOT,
            env={**os.environ, "VENV": "new"},
            capture_output=True,
            text=True,
            check=True,
        )
        assert "-m venv new" in plan.stdout


def test_the_extras_that_the_readme_names_exist():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    extras = project["project"]["optional-dependencies"]
    (install,) = (c for c in commands() if c.startswith("pip"))
    section = README.split("## Install")[1].split("\n## ")[0]
    named = re.findall(r"\[([\w-]+)\]", section)
    assert "tensorflow-cpu" in install
    assert {"tensorflow-cpu", "tensorflow", "jax", "torch"} <= set(named)
    assert set(named) <= set(extras)

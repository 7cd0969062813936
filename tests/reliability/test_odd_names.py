"""Files and folders of any name: they work, or an error names them."""

import io
import json
import os
import shutil
import unicodedata
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image
from safetensors.numpy import load_file

import keras_fcn
from keras_fcn.images import read_image, read_label
from keras_fcn.inference.predict import find_images
from keras_fcn.runs import RunConfig, load_run, read_config, write_config

from ..end_to_end.test_command_line import exit_status

pytestmark = [
    pytest.mark.fault(20),
    pytest.mark.skipif(
        os.name != "posix", reason="Windows forbids most of these names"
    ),
]

LONG = 255  # bytes, the most that a file system allows
NAMES = {
    "NFC": unicodedata.normalize("NFC", "café"),
    "NFD": unicodedata.normalize("NFD", "café"),
    "spaces": " two  words ",
    "newline": "line\nbreak",
    "quotes": 'it\'s "quoted" `so` $(x)',
    "dash": "-o",
    "not UTF-8": os.fsdecode(b"\xe9t\xe9 \xff"),
    "emoji": "🐈‍⬛猫",
    "percent": "%s%n{0}%d",
    "markup": "[bold]x[red] [link=y]",
    "backslash": "a\\[red]b\\",
    "terminal": "\x1b[31mred\x07",
    "dots": "a..b.png.",
}
SUFFIX = ".png"
every_name = pytest.mark.parametrize("name", NAMES.values(), ids=NAMES)


def run(*arguments, encoding="utf-8"):
    """Run the program with a terminal that knows one encoding and nothing else."""
    out = io.TextIOWrapper(io.BytesIO(), encoding)
    err = io.TextIOWrapper(io.BytesIO(), "utf-8", "backslashreplace")
    code = exit_status(arguments, out, err)
    told = []
    for stream in (out, err):
        stream.flush()
        told.append(stream.buffer.getvalue().decode())
    return SimpleNamespace(returncode=code, stdout=told[0], stderr=told[1])


@pytest.fixture(scope="module")
def photo():
    return np.random.default_rng(0).integers(0, 256, (20, 30, 3), "uint8")


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A run folder of a network that was never trained."""
    folder = tmp_path_factory.mktemp("run")
    names = ("background", "cat [b]")
    config = RunConfig(width=0.02, topology="same", class_names=names, weights="none")
    write_config(folder, config)
    keras_fcn.save_weights(config.build(), folder / "best.safetensors")
    return folder


@pytest.fixture(scope="module")
def network(trained):
    return load_run(trained)


# In Python


@every_name
def test_a_photo_and_a_mask_are_read(name, photo, tmp_path):
    for file in (tmp_path / (name + SUFFIX), tmp_path / name / (name + SUFFIX)):
        file.parent.mkdir(exist_ok=True)
        Image.fromarray(photo).save(file)
        np.testing.assert_array_equal(read_image(file), photo)
        assert find_images(file) == [file]
        assert file in find_images(file.parent)
        Image.fromarray(photo[..., 0]).save(file)
        np.testing.assert_array_equal(read_label(file), photo[..., 0])


@every_name
def test_what_cannot_be_read_is_named(name, tmp_path):
    file = tmp_path / (name + SUFFIX)
    file.write_bytes(b"no image")
    for read in (read_image, read_label):
        with pytest.raises(ValueError, match="not an image") as error:
            read(file)
        assert repr(str(file)) in str(error.value)
    with pytest.raises(FileNotFoundError) as missing:
        read_image(tmp_path / name / "none.png")
    assert repr(str(tmp_path / name / "none.png")) in str(missing.value)


@every_name
def test_weights_come_back(name, network, tmp_path):
    model, _ = network
    file = tmp_path / name / f"{name}.safetensors"
    keras_fcn.save_weights(model, file)
    before = [np.array(weight) for weight in model.get_weights()]
    model.set_weights([weight + 1 for weight in before])
    keras_fcn.load_weights(model, file)
    for a, b in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    file.write_bytes(b"no weights")
    with pytest.raises(ValueError, match="safetensors") as error:
        keras_fcn.load_weights(model, file)
    assert repr(str(file)) in str(error.value)
    assert [f.name for f in file.parent.iterdir()] == [file.name]


@every_name
def test_a_configuration_comes_back(name, tmp_path):
    folder = tmp_path / name
    told = dict.fromkeys(("images", "masks"), str(folder))
    config = RunConfig(dataset="folder", class_names=("a", name), **told)
    write_config(folder, config)
    assert read_config(folder) == config
    (folder / "config.yaml").write_text("[")
    with pytest.raises(ValueError, match="cannot be used") as error:
        read_config(folder)
    assert repr(str(folder / "config.yaml")) in str(error.value)


def test_links_are_followed(photo, trained, network, tmp_path):
    (tmp_path / "there").mkdir()
    Image.fromarray(photo).save(tmp_path / "there" / "a.png")
    link = tmp_path / "link.png"
    link.symlink_to(tmp_path / "there" / "a.png")
    np.testing.assert_array_equal(read_image(link), photo)
    weights = tmp_path / "link.safetensors"
    weights.symlink_to(trained / "best.safetensors")
    model, _ = network
    keras_fcn.load_weights(model, weights)
    folder = tmp_path / "run"
    folder.symlink_to(trained)
    assert read_config(folder) == read_config(trained)
    for dangling in (tmp_path / "gone.png", tmp_path / "gone.safetensors"):
        dangling.symlink_to(tmp_path / "nowhere")
    with pytest.raises(FileNotFoundError, match=r"gone\.png"):
        read_image(tmp_path / "gone.png")
    with pytest.raises(FileNotFoundError, match=r"gone\.safetensors"):
        keras_fcn.load_weights(model, tmp_path / "gone.safetensors")


def test_the_longest_names_work_where_nothing_is_added_to_them(
    photo, trained, network, tmp_path
):
    file = tmp_path / f"{'ü' * ((LONG - 4) // 2)}.png"
    Image.fromarray(photo).save(file)
    np.testing.assert_array_equal(read_image(file), photo)
    model, config = network
    weights = tmp_path / f"{'w' * (LONG - len('.safetensors'))}.safetensors"
    keras_fcn.save_weights(model, weights)
    assert load_file(weights).keys() == load_file(trained / "best.safetensors").keys()
    write_config(tmp_path / ("r" * LONG), config)
    assert read_config(tmp_path / ("r" * LONG)) == config
    with pytest.raises(OSError, match="too long") as error:
        write_config(tmp_path / ("r" * (LONG + 1)), config)
    assert "r" * (LONG + 1) in str(error.value)


# On the command line


def write_pairs(folder, names, photo):
    """Write a photo and a mask of each name."""
    for part in ("photos", "masks"):
        (folder / part).mkdir(parents=True)
        for name in names:
            image = photo if part == "photos" else photo[..., 0] // 128
            Image.fromarray(image).save(folder / part / (name + SUFFIX))


def flat(text):
    """Without line ends and spaces, which tables and terminals put in."""
    return "".join(text.split())


def shown(path):
    """A path as a terminal can show it."""
    return flat("".join(c if c.isprintable() else ascii(c)[1:-1] for c in str(path)))


def require_predictions(names, run_dir, photo, tmp_path):
    write_pairs(tmp_path / "data", names, photo)
    for name in names:
        (tmp_path / "data" / "photos" / f"broken {name}.png").write_bytes(b"no image")
    out = tmp_path / f"out {TOGETHER}"
    result = run("predict", run_dir, tmp_path / "data" / "photos", "--output-dir", out)
    told = result.stdout + result.stderr
    assert result.returncode == 1, told
    assert f"{len(names)} of {2 * len(names)} photos labelled" in told
    for name in names:
        assert repr(f"broken {name}.png")[1:-1] in told
    assert "Traceback" not in told
    assert shown(out) in flat(result.stdout)
    parts = ("", "_overlay", "_sheet")
    assert {f.name for f in out.iterdir()} == {
        f"{name}{part}.png" for name in names for part in parts
    }


def require_scores(names, run_dir, photo, tmp_path):
    data = tmp_path / f"data {names[0]}"
    write_pairs(data, names, photo)
    file = tmp_path / f"{names[0]}.json"
    options = ["--dataset", "folder", "--images", data / "photos"]
    options += ["--masks", data / "masks", "--json", file]
    result = run("evaluate", run_dir, *options)
    assert result.returncode == 0, result.stdout + result.stderr
    assert "cat [b]" in result.stdout
    assert json.loads(file.read_text())["images"] == len(names)
    assert shown(file) in flat(result.stdout)
    assert shown(run_dir / "pictures") in flat(result.stdout)


ALL = [name for name in NAMES.values() if name.isascii() or name.isprintable()]
TOGETHER = "[red]%s 'é\n\x1b[2J🐈 "


def test_predict_labels_what_has_any_name_and_names_what_is_broken(
    trained, photo, tmp_path, record_property
):
    run_dir = shutil.copytree(trained, tmp_path / TOGETHER)
    require_predictions([*NAMES.values()], run_dir, photo, tmp_path)
    record_property("cases", len(NAMES))


def test_evaluate_scores_what_has_any_name(trained, photo, tmp_path, record_property):
    run_dir = shutil.copytree(trained, tmp_path / TOGETHER)
    require_scores([TOGETHER, *ALL], run_dir, photo, tmp_path)
    record_property("cases", len(ALL) + 1)


@pytest.mark.slow
@every_name
def test_verbs_work_in_a_run_folder_of_any_name(name, trained, photo, tmp_path):
    run_dir = shutil.copytree(trained, tmp_path / name)
    require_predictions([name], run_dir, photo, tmp_path)
    if name in ALL:
        require_scores([name], run_dir, photo, tmp_path)


def test_evaluate_refuses_by_name_what_no_log_can_write(trained, photo, tmp_path):
    name = NAMES["not UTF-8"]
    write_pairs(tmp_path, [name], photo)
    options = ["--dataset", "folder", "--images", tmp_path / "photos"]
    result = run("evaluate", trained, *options, "--masks", tmp_path / "masks")
    assert result.returncode == 1
    assert "must be UTF-8" in result.stderr
    assert repr(os.fsencode(name))[2:-1] in result.stderr


def test_a_folder_that_no_terminal_can_show_is_shown_as_bytes(trained, photo, tmp_path):
    Image.fromarray(photo).save(tmp_path / "a.png")
    out = tmp_path / NAMES["not UTF-8"]
    result = run("predict", trained, tmp_path / "a.png", "--output-dir", out)
    assert result.returncode == 0, result.stderr
    assert shown(out) in flat(result.stdout)
    assert (out / "a.png").is_file()


def test_a_name_is_shown_where_the_terminal_knows_ascii_only(trained, photo, tmp_path):
    run_dir = shutil.copytree(trained, tmp_path / "é 猫")
    write_pairs(tmp_path, ["ü"], photo)
    options = ["--dataset", "folder", "--images", tmp_path / "photos"]
    options += ["--masks", tmp_path / "masks"]
    result = run("evaluate", run_dir, *options, encoding="ascii")
    assert result.returncode == 0, result.stderr
    assert r"\xe9 \u732b" in result.stdout


def test_folders_that_look_like_the_end_of_a_markup_are_told(trained, photo, tmp_path):
    run_dir = tmp_path / "a[" / "red]c"  # "[/red]" is an error in markup
    shutil.copytree(trained, run_dir)
    write_pairs(tmp_path, ["a"], photo)
    options = ["--dataset", "folder", "--images", tmp_path / "photos"]
    result = run("evaluate", run_dir, *options, "--masks", tmp_path / "masks")
    assert result.returncode == 0, result.stderr
    assert shown(run_dir / "pictures") in flat(result.stdout)


def test_a_name_that_looks_like_an_option_follows_two_dashes(
    trained, photo, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    Image.fromarray(photo).save("-o.png")
    result = run("predict", trained, "--output-dir", "out", "--", "-o.png")
    assert result.returncode == 0, result.stderr
    assert (tmp_path / "out" / "-o.png").is_file()


def test_a_name_that_leaves_no_room_for_its_pictures_is_told(trained, photo, tmp_path):
    file = tmp_path / f"{'n' * (LONG - 4)}.png"
    Image.fromarray(photo).save(file)
    result = run("predict", trained, file, "--output-dir", tmp_path / "out")
    assert result.returncode == 1
    assert "too long" in result.stderr
    assert "n" * 100 in "".join(result.stderr.split())

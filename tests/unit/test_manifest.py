import hashlib
import json
import shutil
import subprocess

import numpy as np
import pytest
from PIL import Image

from keras_fcn.datasets import (
    FolderSegmentation,
    SBDSegmentation,
    Shapes,
    compare_manifest,
    hold_out,
    write_manifest,
)
from keras_fcn.datasets.batches.cached import Cached
from keras_fcn.images import read_image

from ..end_to_end.test_command_line import run
from .test_sbd import tiny_sbd  # noqa: F401


def write_own(root, names=("a", "b", "c")):
    for folder in ("photos", "masks"):
        (root / folder).mkdir(parents=True)
    for name in names:
        Image.new("RGB", (8, 6), "red").save(root / "photos" / f"{name}.jpg")
        Image.new("L", (8, 6), 1).save(root / "masks" / f"{name}.png")
    return root


def opened(root):
    return FolderSegmentation(
        root / "photos", root / "masks", num_classes=2, missing_ok=True
    )


@pytest.fixture
def own(tmp_path):
    return write_own(tmp_path / "own")


def told(root, manifest):
    return [(p.sample, str(p)) for p in compare_manifest([opened(root)], manifest)]


def test_every_file_is_listed_once_with_its_sha256(own, tmp_path):
    manifest = tmp_path / "lists" / "own.sha256"
    source = opened(own)
    assert write_manifest([*hold_out(source, 0.4), source], manifest) == 6
    expected = {
        f"../own/{part}/{name}": hashlib.sha256(file.read_bytes()).hexdigest()
        for part in ("photos", "masks")
        for file in (own / part).iterdir()
        for name in [file.name]
    }
    lines = [line.split("  ") for line in manifest.read_text().splitlines()]
    assert {name: digest for digest, name in lines} == expected
    assert len(lines) == 6
    assert told(own, manifest) == []


ODD = ["a b", "back\\slash", "new\nline", "return\rhere", "é 中", " blank"]


@pytest.mark.parametrize("name", ODD)
def test_sha256sum_reads_it_whatever_the_names(tmp_path, name):
    own = write_own(tmp_path / "own", [name])
    manifest = own / "own.sha256"
    write_manifest([opened(own)], manifest)
    assert told(own, manifest) == []
    if shutil.which("sha256sum") is None:
        pytest.skip("sha256sum is not installed")
    words = ["sha256sum", "-c", "--strict", manifest.name]
    assert subprocess.run(words, cwd=own, capture_output=True).returncode == 0
    (own / "photos" / f"{name}.jpg").write_bytes(b"changed")
    assert len(told(own, manifest)) == 1
    assert subprocess.run(words, cwd=own, capture_output=True).returncode == 1


def test_a_link_to_the_folder_of_the_list_leads_to_the_same_files(own, tmp_path):
    (tmp_path / "deep" / "down").mkdir(parents=True)
    (tmp_path / "link").symlink_to(tmp_path / "deep" / "down")
    (tmp_path / "photos of mine").symlink_to(own)
    write_manifest([opened(tmp_path / "photos of mine")], tmp_path / "link" / "list")
    assert told(own, tmp_path / "deep" / "down" / "list") == []
    assert "  ../../own/photos/a.jpg\n" in (tmp_path / "link" / "list").read_text()


def test_what_sha256sum_writes_is_read(own):
    if shutil.which("sha256sum") is None:
        pytest.skip("sha256sum is not installed")
    files = [f"{p}/{n}" for p in ("photos", "masks") for n in sorted(_names(own / p))]
    for mode in ("--text", "--binary"):
        words = ["sha256sum", mode, *files]
        written = subprocess.run(words, cwd=own, capture_output=True, check=True).stdout
        (own / "list").write_bytes(written)
        assert told(own, own / "list") == []


def _names(folder):
    return [file.name for file in folder.iterdir()]


def test_what_changed_vanished_and_is_new_is_named(own):
    manifest = own / "own.sha256"
    write_manifest([opened(own)], manifest)
    mask = own / "masks" / "a.png"
    mask.write_bytes(mask.read_bytes() + b"\0")
    (own / "photos" / "b.jpg").unlink()
    shutil.copy(own / "photos" / "c.jpg", own / "photos" / "d.jpg")
    shutil.copy(own / "masks" / "c.png", own / "masks" / "d.png")
    where = f", says {str(manifest)!r}"
    assert told(own, manifest) == [
        ("masks/a.png", f"masks/a.png: is not what it was{where}"),
        ("photos/b.jpg", f"photos/b.jpg: is gone{where}"),
        ("photos/d.jpg", f"photos/d.jpg: is new{where}"),
        ("masks/d.png", f"masks/d.png: is new{where}"),
    ]
    kinds = {p.kind for p in compare_manifest([opened(own)], manifest)}
    assert kinds == {"changed"}


@pytest.mark.parametrize(
    "text",
    ["", "abc\n", f"{'0' * 64}  a\n{'0' * 63}  b\n", f"{'0' * 64}\n"],
    ids=["empty", "no digits", "second line", "no name"],
)
def test_a_list_that_is_none_is_refused_with_the_line(own, text):
    manifest = own / "own.sha256"
    manifest.write_text(text)
    number = 2 if text.count("\n") == 2 else 1
    with pytest.raises(ValueError, match=rf"own\.sha256', whose line {number} is"):
        told(own, manifest)


def test_a_data_set_without_files_has_no_manifest(tmp_path):
    with pytest.raises(ValueError, match="Received: Shapes, whose sample 'shapes_"):
        write_manifest([Shapes("val")], tmp_path / "list")
    assert list(tmp_path.iterdir()) == []


def test_of_a_mask_that_was_converted_the_original_is_listed(tiny_sbd, tmp_path):  # noqa: F811
    sbd = SBDSegmentation(tiny_sbd, "train", cache_dir=tmp_path / "cache")
    assert [sbd.label_file(i).name for i in range(len(sbd))] == [
        f"{name}.mat" for name in sbd.names
    ]


def test_the_files_of_a_part_and_of_a_cached_data_set_are_the_same(own):
    source = opened(own)
    _, part = hold_out(source)
    assert part.label_file(0) == own / "masks" / f"{part.names[0]}.png"
    assert Cached(source).label_file(1) == source.labels[1] == source.label_file(1)
    assert Shapes("val").label_file(0) is None
    np.testing.assert_array_equal(source.label(1), 1)


@pytest.mark.fault(11)
def test_the_check_of_a_data_set_writes_a_list_and_then_compares(own, tmp_path):
    manifest, report = tmp_path / "own.sha256", tmp_path / "report.json"
    words = ["data", "check", "--images", own / "photos", "--masks", own / "masks"]
    words += ["--num-classes", 2, "--output-dir", tmp_path / "pictures"]
    words += ["--json", report, "--manifest", manifest]
    assert "Checksums of 6 files" in run(*words, check=False).stdout
    photo = own / "photos" / "b.jpg"
    before = read_image(photo)
    photo.write_bytes(photo.read_bytes() + b"\0")
    np.testing.assert_array_equal(read_image(photo), before)
    result = run(*words, check=False)
    assert result.returncode == 1
    assert "changed: own/photos/b.jpg: is not what it was" in result.stdout
    together = json.loads(report.read_text())["together"]
    changed = [problem for problem in together if problem["kind"] == "changed"]
    assert [problem["sample"] for problem in changed] == ["own/photos/b.jpg"]


def test_the_check_of_generated_photos_has_no_list_to_write(tmp_path):
    words = ["data", "check", "--manifest", tmp_path / "list"]
    result = run(*words, "--output-dir", tmp_path / "pictures", check=False)
    assert result.returncode == 1
    assert "Received: Shapes" in result.stdout + result.stderr
    assert list(tmp_path.iterdir()) == []

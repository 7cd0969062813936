"""Published data sets from small archives in place of the published ones."""

import hashlib
import subprocess
import sys

import pytest

from keras_fcn.datasets import load, official, prepare
from keras_fcn.datasets.prepare import require_paper_split

from ..conftest import write_voc
from .test_official import FOLDERS, files, small  # noqa: F401  (a fixture)
from .test_sbd import LABELS, write_sbd

pytestmark = pytest.mark.usefixtures("small")


@pytest.mark.parametrize(
    ("dataset", "names"),
    [
        ("voc2007", ["VOC2007"]),
        ("voc2011", ["VOC2011"]),
        ("voc2012", ["VOC2012"]),
        ("sbd", ["SBD"]),
    ],
)
def test_archives_that_are_here_are_unpacked_and_not_downloaded(
    small,  # noqa: F811
    tmp_path,
    dataset,
    names,
):
    archives = [small / a.file for name in names for a in official.ARCHIVES[name]]
    told = []
    folders = prepare(
        dataset, tmp_path, archives=archives, progress=lambda *step: told.append(step)
    )
    assert folders == [tmp_path / FOLDERS[name] for name in names]
    assert all(files(folder) for folder in folders)
    assert any("Unpacking" in what for what, _, _ in told)
    before = files(tmp_path)
    assert prepare(dataset, tmp_path) == folders  # once more: nothing to do
    assert files(tmp_path) == before


def test_an_archive_of_another_data_set_is_named(small, tmp_path):  # noqa: F811
    archive = small / official.ARCHIVES["VOC2011"][0].file
    with pytest.raises(ValueError, match=r"VOCtrainval_11-May-2012.*25-May-2011"):
        prepare("voc2012", tmp_path, archives=[archive])
    assert not (tmp_path / "VOCdevkit").exists()


def test_the_papers_set_is_refused_if_its_lists_are_not_the_published_ones(
    small,  # noqa: F811
    tmp_path,
):
    archives = [small / official.ARCHIVES[n][0].file for n in ("VOC2011", "SBD")]
    with pytest.raises(ValueError, match="736"):
        prepare("voc2011_sbd", tmp_path, archives=archives)


def test_the_papers_set_is_accepted_if_its_lists_are_the_published_ones(
    tmp_path, monkeypatch
):
    names = list(LABELS)
    sbd = write_sbd(tmp_path, LABELS, {"train": names[:4], "val": names[4:]})
    voc = tmp_path / "VOCdevkit" / "VOC2011"
    write_voc(voc, {n: LABELS[n] for n in names[2:]}, {"val": names[2:]})
    published = "".join(f"{name}\n" for name in names[4:])
    digest = hashlib.sha256(published.encode()).hexdigest()
    monkeypatch.setattr(official, "SEG11VALID_SHA256", digest)
    require_paper_split(voc, sbd)
    assert prepare("voc2011_sbd", tmp_path) == [voc, sbd]
    assert load("voc2011_sbd", "seg11valid", tmp_path).names == tuple(names[4:])
    (sbd / "train.txt").write_text("\n".join(names[:3]))
    with pytest.raises(ValueError, match="736"):
        require_paper_split(voc, sbd)


def test_a_ready_folder_without_tfds_leaves_nothing_to_do(tmp_path):
    with pytest.raises(ValueError, match="nothing to do"):
        prepare("voc2012", tmp_path, voc_root=tmp_path)


def test_an_unknown_data_set_gets_a_suggestion(tmp_path):
    with pytest.raises(ValueError, match='Did you mean "voc2012"'):
        prepare("voc2021", tmp_path)


def test_a_ready_folder_is_built_for_tfds(tmp_path, tiny_voc):
    pytest.importorskip("tensorflow_datasets")
    (folder,) = prepare(
        "voc2012",
        tmp_path,
        voc_root=tiny_voc.parent,
        tfds=True,
        tfds_dir=tmp_path / "tfds",
    )
    # As a user would read it, in a process of its own.
    code = f"""
import keras_fcn.datasets.voc_segmentation, tensorflow_datasets as tfds
folder = {str(tmp_path / "tfds")!r}
data = tfds.load("voc_segmentation/2012", split="val", data_dir=folder)
print(sorted(e["filename"].numpy().decode() for e in data))
"""
    command = [sys.executable, "-c", code]
    result = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "2007_000002" in result.stdout
    assert folder.is_relative_to(tmp_path / "tfds")

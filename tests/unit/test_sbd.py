import hashlib
import os
from pathlib import Path

import numpy as np
import pytest
import scipy.io
from PIL import Image

from keras_fcn.datasets import (
    VOC_CLASSES,
    SBDSegmentation,
    VOCSegmentation,
    examine,
    load,
    load_voc2011_sbd,
)
from keras_fcn.datasets.readers.mat_labels import MatFormatError

from ..conftest import REAL_VOC, write_voc

REAL_SBD = REAL_VOC.parents[1] / "benchmark_RELEASE"


@pytest.fixture(autouse=True)
def _own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))


@pytest.fixture
def real_sbd():
    if not REAL_SBD.is_dir():
        pytest.skip("the real SBD samples are not on this machine (../shared/data)")
    return REAL_SBD / "dataset"


def write_sbd(folder, labels, splits):
    """Write label maps as `.mat` files with noise photos in SBD's layout."""
    rng = np.random.default_rng(0)
    root = folder / "benchmark_RELEASE" / "dataset"
    for name in ("img", "cls"):
        (root / name).mkdir(parents=True)
    for name, label in labels.items():
        photo = rng.integers(0, 256, (*label.shape, 3), "uint8")
        Image.fromarray(photo).save(root / "img" / f"{name}.jpg")
        scipy.io.savemat(
            root / "cls" / f"{name}.mat", {"GTcls": {"Segmentation": label}}
        )
    for split, names in splits.items():
        (root / f"{split}.txt").write_text("\n".join(names) + "\n")
    return root


LABELS = {f"2008_{i:06d}": np.full((8 + i, 11), i % 21, "uint8") for i in range(18, 24)}


@pytest.fixture
def tiny_sbd(tmp_path):
    names = list(LABELS)
    return write_sbd(tmp_path, LABELS, {"train": names[:4], "val": names[4:]})


def contents(folder):
    return {
        file: hashlib.sha256(file.read_bytes()).hexdigest()
        for file in folder.rglob("*")
        if file.is_file()
    }


# Reading


def test_samples_are_the_photo_and_the_labels_of_the_mat_file(tiny_sbd):
    sbd = SBDSegmentation(tiny_sbd, "train")
    assert sbd.class_names == VOC_CLASSES
    assert sbd.names == tuple(LABELS)[:4]
    for i, name in enumerate(sbd.names):
        image, label = sbd[i]
        np.testing.assert_array_equal(label, LABELS[name])
        with Image.open(tiny_sbd / "img" / f"{name}.jpg") as photo:
            np.testing.assert_array_equal(image, np.array(photo))


@pytest.mark.parametrize("levels", [0, 1, 2])
def test_the_folder_may_be_given_from_three_levels(tiny_sbd, levels):
    folder = [tiny_sbd, *tiny_sbd.parents][levels]
    assert SBDSegmentation(folder).root == tiny_sbd
    assert load("sbd", "val", folder).names == tuple(LABELS)[4:]


def test_the_data_set_itself_is_not_touched(tiny_sbd):
    before = contents(tiny_sbd)
    SBDSegmentation(tiny_sbd)
    assert contents(tiny_sbd) == before


def test_a_file_is_converted_once_and_again_when_it_was_replaced(tiny_sbd):
    done = []

    def progress(jobs):
        for job in jobs:
            done.append(Path(job[0]).stem)
            yield job

    SBDSegmentation(tiny_sbd, progress=progress)
    assert done == list(LABELS)[:4]
    done.clear()
    SBDSegmentation(tiny_sbd, progress=progress)
    assert done == []
    name = next(iter(LABELS))
    mat = tiny_sbd / "cls" / f"{name}.mat"
    new = np.full(LABELS[name].shape, 7, "uint8")
    scipy.io.savemat(mat, {"GTcls": {"Segmentation": new}})
    os.utime(mat, ns=(1, 1))
    label = SBDSegmentation(tiny_sbd, progress=progress).label(0)
    assert done == [mat.stem]
    np.testing.assert_array_equal(label, new)


def test_pngs_are_kept_where_the_user_says(tiny_sbd, tmp_path):
    SBDSegmentation(tiny_sbd, cache_dir=tmp_path / "kept")
    assert len(list((tmp_path / "kept").glob("*.png"))) == 4
    assert not (tmp_path / "keras").exists()


# What may be wrong


def test_a_damaged_label_file_is_named(tiny_sbd):
    mat = tiny_sbd / "cls" / f"{next(iter(LABELS))}.mat"
    mat.write_bytes(mat.read_bytes()[:150])
    with pytest.raises(MatFormatError, match=f"1 that do not:\n.*{mat.name}"):
        SBDSegmentation(tiny_sbd)
    sbd = SBDSegmentation(tiny_sbd, missing_ok=True)
    assert sbd.names == tuple(LABELS)[1:4]
    assert len(examine(sbd).errors) == 1


def test_a_label_map_of_another_size_than_its_photo_is_refused(tiny_sbd):
    Image.new("RGB", (5, 5)).save(tiny_sbd / "img" / f"{next(iter(LABELS))}.jpg")
    with pytest.raises(MatFormatError, match="1 that do not"):
        SBDSegmentation(tiny_sbd)


@pytest.mark.parametrize("part", ["img", "cls"])
def test_a_missing_file_is_named(tiny_sbd, part):
    name = next(iter(LABELS))
    next((tiny_sbd / part).glob(f"{name}.*")).unlink()
    with pytest.raises(FileNotFoundError, match=f"1 files.*{part}/{name}"):
        SBDSegmentation(tiny_sbd)


def test_a_folder_of_another_layout_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="benchmark_RELEASE/dataset"):
        SBDSegmentation(tmp_path)


# The paper's training and validation sets


@pytest.fixture
def paper_data(tmp_path):
    """VOC2011's val and SBD's train share an image, as the real ones do."""
    names = list(LABELS)
    write_sbd(tmp_path, LABELS, {"train": names[:4], "val": names[4:]})
    voc = {name: LABELS[name] for name in names[2:]}
    folder = tmp_path / "VOCdevkit" / "VOC2011"
    write_voc(folder, voc, {"val": names[3:], "train": names[2:3]})
    return tmp_path


def test_seg11valid_is_voc2011_without_what_sbd_trains_on(paper_data):
    names = tuple(LABELS)
    assert load_voc2011_sbd(paper_data, "train").names == names[:4]
    assert load_voc2011_sbd(paper_data, "seg11valid").names == names[4:]
    assert load("voc2011_sbd", "seg11valid", paper_data).names == names[4:]


def test_no_image_is_both_trained_and_validated_on(paper_data):
    voc_val = VOCSegmentation(paper_data / "VOCdevkit" / "VOC2011", "val").names
    train = load_voc2011_sbd(paper_data, "train").names
    assert set(voc_val) & set(train)  # VOC's own list would leak
    assert not set(load_voc2011_sbd(paper_data, "seg11valid").names) & set(train)


def test_voc2012_with_a_list_of_seg11valid_will_do(paper_data):
    devkit = paper_data / "VOCdevkit"
    (devkit / "VOC2011").rename(devkit / "VOC2012")
    with pytest.raises(FileNotFoundError, match="VOC2011"):
        load_voc2011_sbd(paper_data, "seg11valid")
    names = list(LABELS)
    file = devkit / "VOC2012" / "ImageSets" / "Segmentation" / "seg11valid.txt"
    file.write_text("\n".join(names[4:]))
    assert load_voc2011_sbd(paper_data, "seg11valid").names == tuple(names[4:])
    file.write_text("\n".join(names[3:]))
    with pytest.raises(ValueError, match=f"1 that are, the first .*{names[3]}"):
        load_voc2011_sbd(paper_data, "seg11valid")


def test_the_papers_set_has_no_other_split(paper_data):
    with pytest.raises(ValueError, match="split='val'"):
        load_voc2011_sbd(paper_data, "val")


# The real files


def test_every_real_sbd_label_is_what_scipy_reads(real_sbd):
    read = 0
    for split in ("train", "val"):
        sbd = SBDSegmentation(real_sbd, split)
        for i, name in enumerate(sbd.names):
            truth = scipy.io.loadmat(real_sbd / "cls" / f"{name}.mat")
            truth = truth["GTcls"][0]["Segmentation"][0]
            np.testing.assert_array_equal(sbd.label(i), truth)
            assert sbd.image_size(i) == truth.shape
            read += 1
    assert read == len(list((real_sbd / "cls").glob("*.mat"))) == 40


def test_every_real_voc_label_is_what_pillow_reads(real_voc):
    read = 0
    for split in ("train", "val"):
        voc = VOCSegmentation(real_voc, split)
        for i, name in enumerate(voc.names):
            with Image.open(real_voc / "SegmentationClass" / f"{name}.png") as file:
                assert file.mode == "P"
                np.testing.assert_array_equal(voc.label(i), np.array(file))
            read += 1
    assert read == 676


def test_the_real_seg11valid_shares_no_image_with_the_sbd_training_set(real_sbd):
    train = (real_sbd / "train.txt").read_text().split()
    valid = VOCSegmentation(REAL_VOC, "seg11valid").names
    assert not set(train) & set(valid)
    assert len(valid) == 342

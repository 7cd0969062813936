"""`voc_segmentation` of TFDS, from made-up archives and from real files."""

import hashlib
import shutil
import subprocess
import sys
import tarfile
from dataclasses import replace
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
import scipy.io
from PIL import Image

from keras_fcn.datasets import VOC_CLASSES, official

from ..conftest import REAL_VOC, write_voc

pytest.importorskip("tensorflow")
tfds = pytest.importorskip("tensorflow_datasets")

from keras_fcn.datasets.voc_segmentation import Builder  # noqa: E402
from keras_fcn.datasets.voc_segmentation.origins import (  # noqa: E402
    CONFIGS,
    OFFICIAL,
    find_part,
    obtain_splits,
)

REAL_SBD = REAL_VOC.parents[1] / "benchmark_RELEASE" / "dataset"
SPLITS = {
    "2007": {"train": 2, "val": 1, "test": 2},
    "2011": {"train": 2, "val": 4},
    "2012": {"train": 3, "val": 2},
    "sbd": {"train": 4, "val": 2},
    "voc2011_sbd": {"train": 4, "seg11valid": 3},
}
SBD_LISTS = {"train": ["11_tr0", "11_va0", "s0", "s1"], "val": ["11_tr1", "s2"]}
VALID = ["11_va1", "11_va2", "11_va3"]  # VOC2011's val without SBD's train


def make_label(name, void=True):
    """Return a label map of its own for each name."""
    rng = np.random.default_rng(list(name.encode()))
    label = np.zeros(rng.integers(20, 40, 2), "uint8")
    label[4:12, 4:12] = rng.integers(1, 21)
    if void:
        label[3, 4:12] = 255
    return label


def make_photo(name):
    size = (*make_label(name).shape, 3)
    photo = np.random.default_rng(list(name.encode())).integers(0, 256, size, "uint8")
    return Image.fromarray(photo)


def write_year(root, year, splits):
    """Write a year of VOC; return its folder."""
    names = [name for split in splits.values() for name in split]
    folder = root / f"VOC{year}"
    write_voc(folder, {name: make_label(name) for name in names}, splits)
    for name in names:
        make_photo(name).save(folder / "JPEGImages" / f"{name}.jpg")
    return folder


def write_sbd(folder, lists=SBD_LISTS):
    (folder / "img").mkdir(parents=True)
    (folder / "cls").mkdir()
    for split, names in lists.items():
        (folder / f"{split}.txt").write_text("".join(f"{name}\n" for name in names))
        for name in names:
            make_photo(name).save(folder / "img" / f"{name}.jpg")
            label = {"Segmentation": make_label(name, void=False)}
            scipy.io.savemat(folder / "cls" / f"{name}.mat", {"GTcls": label})
    return folder


def lists_of(year):
    return {
        split: [f"{year[2:]}_{split[:2]}{i}" for i in range(n)]
        for split, n in SPLITS[year].items()
    }


@pytest.fixture(scope="module", autouse=True)
def patched(tmp_path_factory):
    """Changes for this module: PNGs of SBD elsewhere than in the home folder."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KERAS_HOME", str(tmp_path_factory.mktemp("keras_home")))
        yield patch


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """All data sets, made up and unpacked."""
    folder = tmp_path_factory.mktemp("unpacked")
    for year in ("2007", "2011", "2012"):
        write_year(folder / "VOCdevkit", year, lists_of(year))
    write_sbd(folder / "benchmark_RELEASE" / "dataset")
    return folder


@pytest.fixture(scope="module")
def archives(folder, patched, tmp_path_factory):
    """All archives, made up, and official for this module."""
    made = tmp_path_factory.mktemp("archives")
    official_here = {
        name: tuple(write_archive(archive, folder, made) for archive in published)
        for name, published in official.ARCHIVES.items()
    }
    patched.setattr(official, "ARCHIVES", official_here)
    valid = sha256("".join(f"{name}\n" for name in VALID).encode())
    patched.setattr(official, "SEG11VALID_SHA256", valid)
    return made


def write_archive(archive, folder, made):
    """Write a made-up archive; return what `official.ARCHIVES` has to say of it."""
    source = folder / archive.root.removeprefix("TrainVal/")
    kind = archive.file.rpartition(".")[2]
    with tarfile.open(made / archive.file, "w:gz" if kind == "tgz" else "w") as tar:
        for file in sorted(source.rglob("*")):
            # VOC2007's photos and lists for the test come in an archive of their own.
            for_test = file.stem.startswith(("test", "07_te"))
            if file.is_file() and for_test == archive.file.startswith("VOCtest"):
                tar.add(file, f"{archive.root}/{file.relative_to(source).as_posix()}")
    data = (made / archive.file).read_bytes()
    return replace(archive, urls=(), size=len(data), checksum=f"sha256:{sha256(data)}")


def sha256(data):
    return hashlib.sha256(data).hexdigest()


# TFDS' own tests, for each configuration


@pytest.fixture(scope="class")
def as_dummy_data(request, archives, tmp_path_factory):
    # TFDS lets this folder be the manual one and the one for downloads.
    request.cls.EXAMPLE_DIR = shutil.copytree(
        archives, tmp_path_factory.mktemp("dummy") / "data"
    )


class OfEveryDataSet(tfds.testing.DatasetBuilderTestCase):
    """What TFDS tests of each of its data sets."""

    DATASET_CLASS = Builder
    __test__ = False

    def test_session(self, *args, **options):  # TensorFlow's, and not a test
        return super().test_session(*args, **options)

    test_session.__test__ = False


@pytest.mark.usefixtures("as_dummy_data")
class TestVOC2007(OfEveryDataSet):
    BUILDER_CONFIG_NAMES_TO_TEST = ("2007",)
    SPLITS = SPLITS["2007"]
    __test__ = True


@pytest.mark.usefixtures("as_dummy_data")
class TestVOC2011(OfEveryDataSet):
    BUILDER_CONFIG_NAMES_TO_TEST = ("2011",)
    SPLITS = SPLITS["2011"]
    __test__ = True


@pytest.mark.usefixtures("as_dummy_data")
class TestVOC2012(OfEveryDataSet):
    BUILDER_CONFIG_NAMES_TO_TEST = ("2012",)
    SPLITS = SPLITS["2012"]
    __test__ = True


@pytest.mark.usefixtures("as_dummy_data")
class TestSBD(OfEveryDataSet):
    BUILDER_CONFIG_NAMES_TO_TEST = ("sbd",)
    SPLITS = SPLITS["sbd"]
    __test__ = True


@pytest.mark.usefixtures("as_dummy_data")
class TestVOC2011AndSBD(OfEveryDataSet):
    BUILDER_CONFIG_NAMES_TO_TEST = ("voc2011_sbd",)
    SPLITS = SPLITS["voc2011_sbd"]
    __test__ = True


# Where the data come from


def prepare(config, data_dir, file_format=None, **options):
    """Prepare a configuration and return its builder."""
    builder = tfds.builder(f"voc_segmentation/{config}", data_dir=data_dir, **options)
    builder.download_and_prepare(file_format=file_format)
    return builder


def samples(builder, split, **decoders):
    found = builder.as_data_source(split, decoders=decoders)
    return {sample["filename"].decode(): sample for sample in found}


def put_into_manual_folder(archives, data_dir):
    return shutil.copytree(archives, data_dir / "downloads" / "manual")


@pytest.fixture(scope="module")
def from_archives(archives, tmp_path_factory):
    """A builder of each configuration, prepared from archives in the manual folder."""
    data_dir = tmp_path_factory.mktemp("tfds")
    put_into_manual_folder(archives, data_dir)
    return {config: prepare(config, data_dir, "array_record") for config in CONFIGS}


@pytest.mark.parametrize("config", CONFIGS)
def test_archives_in_the_manual_folder_give_all_samples(from_archives, config):
    builder = from_archives[config]
    assert builder.info.metadata["built_from"] == OFFICIAL
    for split, n in SPLITS[config].items():
        found = samples(builder, split)
        assert len(found) == n
        for file, sample in found.items():
            name = file.removesuffix(".jpg")
            of_sbd = config == "sbd" or (config == "voc2011_sbd" and split == "train")
            label = make_label(name, void=not of_sbd)
            np.testing.assert_array_equal(sample["label"][..., 0], label, strict=True)


@pytest.mark.parametrize("config", CONFIGS)
def test_no_split_leaks_into_one_offered_with_it(from_archives, config):
    builder = from_archives[config]
    skip = tfds.decode.SkipDecoding()
    photos = [
        {sha256(s["image"]) for s in samples(builder, split, image=skip).values()}
        for split in SPLITS[config]
    ]
    assert all(photos)
    assert not any(one & other for one, other in combinations(photos, 2))


def test_the_papers_validation_set_is_what_sbd_does_not_train_on(from_archives):
    found = samples(from_archives["voc2011_sbd"], "seg11valid")
    assert sorted(found) == [f"{name}.jpg" for name in VALID]
    others = samples(from_archives["2011"], "val")
    assert sorted(others) == ["11_va0.jpg", *sorted(found)]


def test_without_a_manual_folder_archives_are_downloaded(
    archives, tmp_path, monkeypatch
):
    asked = []

    def download(urls, path, **options):
        asked.append(path.relative_to(tmp_path).as_posix())
        path.parent.mkdir(parents=True)
        return Path(shutil.copy(archives / path.name, path))

    monkeypatch.setattr(official, "download", download)
    builder = prepare("2012", tmp_path)
    (file,) = asked
    assert file == "downloads/voc_segmentation/downloads/VOCtrainval_11-May-2012.tar"
    assert builder.info.splits["train"].num_examples == SPLITS["2012"]["train"]
    assert builder.info.metadata["built_from"] == OFFICIAL


def test_an_archive_with_a_wrong_checksum_is_refused(archives, tmp_path):
    manual = put_into_manual_folder(archives, tmp_path)
    with (manual / "VOCtrainval_11-May-2012.tar").open("ab") as file:
        file.write(b"\0")
    with pytest.raises(ValueError, match=r"VOCtrainval_11-May-2012\.tar"):
        prepare("2012", tmp_path)


def test_data_unpacked_in_the_manual_folder_are_used(folder, tmp_path):
    put_into_manual_folder(folder, tmp_path)
    builder = prepare("voc2011_sbd", tmp_path)
    assert builder.info.splits["seg11valid"].num_examples == len(VALID)
    origin = builder.info.metadata["built_from"]
    assert "benchmark_RELEASE" in origin
    assert "VOC2011" in origin


@pytest.mark.parametrize("config", CONFIGS)
def test_a_folder_of_ones_own_is_enough(folder, tmp_path, config):
    (tmp_path / "downloads" / "manual").mkdir(parents=True)
    builder = prepare(config, tmp_path, source_dir=folder)
    found = {s: info.num_examples for s, info in builder.info.splits.items()}
    assert found == SPLITS[config]
    assert builder.info.metadata["built_from"] == str(folder)


def test_progress_of_unpacking_is_shown(archives, tmp_path, capsys):
    obtain_splits("2012", tmp_path, archives)
    assert "Unpacking VOC2012" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("part", "below", "found"),
    [
        ("VOC2012", "", "VOCdevkit/VOC2012"),
        ("VOC2012", "VOCdevkit", "VOCdevkit/VOC2012"),
        ("VOC2012", "VOCdevkit/VOC2012", "VOCdevkit/VOC2012"),
        ("VOC2011", "VOCdevkit/VOC2012", None),
        ("SBD", "", "benchmark_RELEASE/dataset"),
        ("SBD", "benchmark_RELEASE/dataset", "benchmark_RELEASE/dataset"),
        ("SBD", "VOCdevkit", None),
    ],
)
def test_a_part_is_found_by_its_year(folder, part, below, found):
    expected = None if found is None else folder / found
    assert find_part(part, folder / below) == expected


def test_a_renamed_folder_is_taken_at_its_word(folder, tmp_path):
    mine = tmp_path / "mine"
    shutil.copytree(folder / "VOCdevkit" / "VOC2012", mine)
    assert find_part("VOC2012", mine) == mine


# What is refused


def test_a_folder_without_the_data_set_is_named(folder, tmp_path):
    with pytest.raises(FileNotFoundError, match=r"hold `VOCdevkit/VOC2007`.*nowhere"):
        prepare("2007", tmp_path, source_dir=folder / "nowhere")
    with pytest.raises(FileNotFoundError, match="hold `benchmark_RELEASE/dataset`"):
        prepare("sbd", tmp_path, source_dir=folder / "VOCdevkit")


def test_official_archives_with_another_seg11valid_are_refused(
    archives, tmp_path, monkeypatch
):
    put_into_manual_folder(archives, tmp_path)
    monkeypatch.setattr(official, "SEG11VALID_SHA256", sha256(b"another"))
    with pytest.raises(ValueError, match="seg11valid must be the published list"):
        prepare("voc2011_sbd", tmp_path)


def test_a_subset_of_seg11valid_may_be_ones_own(folder, tmp_path, monkeypatch):
    monkeypatch.setattr(official, "SEG11VALID_SHA256", sha256(b"another"))
    builder = prepare("voc2011_sbd", tmp_path, source_dir=folder)
    assert builder.info.splits["seg11valid"].num_examples == len(VALID)


@pytest.mark.parametrize(
    ("config", "split"),
    [
        *[(config, "val") for config in ("2007", "2011", "2012", "sbd")],
        ("2007", "test"),
    ],
)
def test_a_photo_in_two_splits_is_refused(folder, tmp_path, config, split):
    data = shutil.copytree(folder, tmp_path / "data")
    lists = data / "benchmark_RELEASE" / "dataset"
    if config != "sbd":
        lists = data / "VOCdevkit" / f"VOC{config}" / "ImageSets" / "Segmentation"
    leak = (lists / "train.txt").read_text().split()[-1]
    with (lists / f"{split}.txt").open("a") as file:
        file.write(f"{leak}\n")
    with pytest.raises(ValueError, match=f"trained and validated.*'{leak}'"):
        prepare(config, tmp_path, source_dir=data)


def test_a_leak_in_a_list_of_ones_own_for_the_papers_data_is_refused(folder, tmp_path):
    data = shutil.copytree(folder, tmp_path / "data")
    shutil.rmtree(data / "VOCdevkit")
    ids = [*VALID, SBD_LISTS["train"][2]]
    write_year(data / "VOCdevkit", "2012", {"seg11valid": ids})
    with pytest.raises(ValueError, match=r"trained and validated.*'s0'"):
        prepare("voc2011_sbd", tmp_path, source_dir=data)


@pytest.fixture
def voc2012(folder, tmp_path):
    """A copy of VOC2012, to be broken."""
    return shutil.copytree(folder / "VOCdevkit" / "VOC2012", tmp_path / "VOC2012")


def test_a_missing_mask_is_named(voc2012, tmp_path):
    (voc2012 / "SegmentationClass" / "12_tr1.png").unlink()
    with pytest.raises(FileNotFoundError, match=r"SegmentationClass/12_tr1\.png"):
        prepare("2012", tmp_path, source_dir=voc2012)


@pytest.mark.parametrize(
    ("label", "message"),
    [
        (np.full((9, 9), 1, "uint8"), r"12_tr1\.png' of \(9, 9\), for a photo of"),
        (np.full(make_label("12_tr1").shape, 21, "uint8"), r"12_tr1\.png' with \[21\]"),
        (np.full((9, 9, 3), 1, "uint8"), r"12_tr1\.png' of mode RGB"),
    ],
    ids=["size", "label", "colours"],
)
def test_a_wrong_mask_is_named(voc2012, tmp_path, label, message):
    Image.fromarray(label).save(voc2012 / "SegmentationClass" / "12_tr1.png")
    with pytest.raises(ValueError, match=message):
        prepare("2012", tmp_path, source_dir=voc2012)


def test_a_damaged_mask_is_named(voc2012, tmp_path):
    file = voc2012 / "SegmentationClass" / "12_va1.png"
    file.write_bytes(file.read_bytes()[:60])
    with pytest.raises(ValueError, match=r"12_va1\.png' is not an image"):
        prepare("2012", tmp_path, source_dir=voc2012)


def test_other_classes_are_refused(voc2012, tmp_path):
    (voc2012 / "labelmap.txt").write_text("ground:0,0,0::\ncat:128,0,0::\n")
    with pytest.raises(ValueError, match=r"must be those of PASCAL VOC.*'cat'"):
        prepare("2012", tmp_path, source_dir=voc2012)


def test_data_prepared_from_another_folder_are_refused(folder, voc2012, tmp_path):
    builder = prepare("2012", tmp_path, source_dir=folder)
    prepare("2012", tmp_path, source_dir=folder)
    with pytest.raises(ValueError, match="prepared from") as error:
        prepare("2012", tmp_path, source_dir=voc2012)
    assert builder.data_dir in str(error.value)


def test_nothing_is_left_of_a_data_set_that_was_refused(voc2012, tmp_path):
    (voc2012 / "SegmentationClass" / "12_va1.png").write_bytes(b"")
    with pytest.raises(ValueError, match="12_va1"):
        prepare("2012", tmp_path, source_dir=voc2012)
    assert not [*tmp_path.rglob("*.tfrecord*")]


# What TFDS knows of it


def test_importing_the_package_makes_the_data_set_known():
    code = """
import keras_fcn.datasets, sys
assert "tensorflow_datasets" not in sys.modules
import keras_fcn.datasets.voc_segmentation
import tensorflow_datasets as tfds
print(*tfds.builder_cls("voc_segmentation").builder_configs)
assert "tensorflow" not in sys.modules
"""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == [*CONFIGS]


def test_the_data_set_is_described(from_archives):
    info = from_archives["voc2011_sbd"].info
    assert "seg11valid" in info.description
    assert info.citation.count("@") == 3
    assert info.supervised_keys == ("image", "label")
    assert tuple(info.features["label"].names) == VOC_CLASSES
    assert "ml.task.semantic-segmentation" in Builder.get_metadata().tags
    assert str(Builder.VERSION) in Builder.RELEASE_NOTES


def test_class_names_are_kept_with_the_data(from_archives):
    copied = tfds.builder_from_directory(from_archives["2012"].data_dir)
    assert tuple(copied.info.features["label"].names) == VOC_CLASSES


def test_the_data_set_loads_as_pairs_of_tensors(folder, tmp_path):
    pairs = tfds.load(
        "voc_segmentation/2012",
        split="train",
        data_dir=tmp_path,
        as_supervised=True,
        builder_kwargs={"source_dir": folder},
    )
    expected = {make_label(name).tobytes() for name in lists_of("2012")["train"]}
    found = {label.numpy().tobytes() for _, label in pairs}
    assert found == expected
    for image, label in pairs:
        assert image.shape == (*label.shape[:2], 3)
        assert label.shape[2] == 1


# The real images


@pytest.fixture(scope="module")
def real_2012(tmp_path_factory):
    if not REAL_VOC.is_dir():
        pytest.skip("the real VOC images are not on this machine (../shared/data)")
    data_dir = tmp_path_factory.mktemp("real")
    return prepare("2012", data_dir, "array_record", source_dir=REAL_VOC.parents[1])


@pytest.mark.parametrize(("split", "n"), [("train", 330), ("val", 346)])
def test_all_real_voc_pairs_come_back_exactly(real_2012, split, n):
    raw = tfds.decode.SkipDecoding()
    found = samples(real_2012, split, image=raw, label=raw)
    feature = real_2012.info.features["label"]
    list_file = REAL_VOC / "ImageSets" / "Segmentation" / f"{split}.txt"
    assert sorted(found) == sorted(f"{i}.jpg" for i in list_file.read_text().split())
    assert len(found) == n
    for file, sample in found.items():
        assert sample["image"] == (REAL_VOC / "JPEGImages" / file).read_bytes()
        mask = (REAL_VOC / "SegmentationClass" / file).with_suffix(".png")
        with Image.open(mask) as expected:
            label = np.array(expected)[..., None]
        for decoded in (
            feature.decode_example_np(sample["label"]),
            feature.decode_example(sample["label"]).numpy(),  # by TensorFlow
        ):
            np.testing.assert_array_equal(decoded, label, strict=True)


def test_all_real_sbd_samples_come_back_exactly(tmp_path):
    if not REAL_SBD.is_dir():
        pytest.skip("the real SBD images are not on this machine (../shared/data)")
    builder = prepare("sbd", tmp_path, "array_record", source_dir=REAL_SBD)
    raw = tfds.decode.SkipDecoding()
    for split in ("train", "val"):
        found = samples(builder, split, image=raw)
        ids = (REAL_SBD / f"{split}.txt").read_text().split()
        assert sorted(found) == sorted(f"{i}.jpg" for i in ids)
        for file, sample in found.items():
            assert sample["image"] == (REAL_SBD / "img" / file).read_bytes()
            mat = scipy.io.loadmat(
                (REAL_SBD / "cls" / file).with_suffix(".mat"), simplify_cells=True
            )
            label = mat["GTcls"]["Segmentation"][..., None]
            np.testing.assert_array_equal(sample["label"], label, strict=True)

import os
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec

import numpy as np
import pytest
from PIL import Image

from keras_fcn.datasets import (
    TFDSSegmentation,
    VOCSegmentation,
    check,
    load_oxford_iiit_pet,
    tfds_builder,
    tfds_source,
)
from keras_fcn.datasets.tfds_builder import prepared_builder

from ..conftest import write_small_voc

tfds = pytest.importorskip("tensorflow_datasets")

NAME = "voc_segmentation/2012"


@pytest.fixture(scope="session")
def small_voc(tmp_path_factory):
    """Four small samples in VOC's layout."""
    return write_small_voc(tmp_path_factory.mktemp("small"))


@pytest.fixture(scope="session")
def prepared(small_voc, tmp_path_factory):
    """TFDS' folder with the four samples; to be read only."""
    data_dir = tmp_path_factory.mktemp("tfds")
    prepared_builder(NAME, data_dir, options={"source_dir": small_voc})
    return data_dir


@pytest.fixture
def train(prepared):
    return TFDSSegmentation(NAME, data_dir=prepared, download=False)


# Samples


@pytest.mark.parametrize("split", ["train", "val"])
def test_samples_are_those_of_the_folder_that_they_come_from(
    small_voc, prepared, split
):
    source = TFDSSegmentation(NAME, split, data_dir=prepared, download=False)
    voc = VOCSegmentation(small_voc, split)
    assert sorted(source.names) == sorted(voc.names)
    assert source.class_names == voc.class_names
    assert source.ignore_class == voc.ignore_class == 255
    for i, name in enumerate(source.names):
        expected = voc[voc.names.index(name)]
        for found, of_voc in zip(source[i], expected, strict=True):
            np.testing.assert_array_equal(found, of_voc, strict=True)
        np.testing.assert_array_equal(source.label(i), expected[1], strict=True)
        assert source.image_size(i) == expected[1].shape


def test_a_check_finds_nothing_wrong(train):
    assert check(train).images == 2


def test_batches_are_made_of_the_samples(train):
    batches = [*train.batches(2)]
    assert len(batches) == 1
    images, labels = (np.asarray(array) for array in batches[0])
    assert len(images) == len(labels) == 2
    for i in range(2):
        image, label = train[i]
        height, width = label.shape
        np.testing.assert_array_equal(labels[i, :height, :width], label)
        np.testing.assert_array_equal(images[i, :height, :width], image)


def test_a_loop_over_the_samples_ends(train):
    assert len([*train]) == len(train) == 2


def test_an_index_may_count_from_the_end(train):
    np.testing.assert_array_equal(train[-1][0], train[1][0])
    for index in (2, -3):
        with pytest.raises(IndexError):
            train[index]


def test_many_threads_read_the_same_samples(prepared):
    source = TFDSSegmentation(NAME, data_dir=prepared, download=False)
    indices = np.random.default_rng(0).integers(0, 2, 400).tolist()
    with ThreadPoolExecutor(16) as pool:  # the readers are opened by these threads
        read = [*pool.map(source.__getitem__, indices)]
    for index, (image, label) in zip(indices, read, strict=True):
        np.testing.assert_array_equal(image, source[index][0])
        np.testing.assert_array_equal(label, source[index][1])


def test_a_part_of_a_split_will_do(prepared, train):
    part = TFDSSegmentation(NAME, "train[:50%]", data_dir=prepared)
    assert part.names == train.names[:1]
    both = TFDSSegmentation(NAME, "train+val", data_dir=prepared)
    assert len(both) == 4


def test_samples_of_a_large_split_are_named_by_their_place(prepared, monkeypatch):
    monkeypatch.setattr(tfds_source, "CHEAP_BYTES", 0)
    source = TFDSSegmentation(NAME, "train[:50%]", data_dir=prepared)
    assert source.names == ("voc_segmentation_2012_train_50_000000",)


def test_other_class_names_are_taken(prepared):
    source = TFDSSegmentation(NAME, data_dir=prepared, class_names=["a", "b"])
    assert source.num_classes == 2


@pytest.mark.parametrize("offset", [-2, -1, 1])
def test_an_offset_moves_labels_and_makes_what_falls_below_zero_void(
    prepared, train, offset
):
    source = TFDSSegmentation(NAME, data_dir=prepared, label_offset=offset)
    for i in range(2):
        expected = train.label(i).astype(int) + offset
        expected[(expected < 0) | (expected == 255 + offset)] = 255
        np.testing.assert_array_equal(source.label(i), expected)
        assert source.label(i).dtype == np.uint8


def test_an_offset_that_leaves_no_byte_is_refused_with_the_sample(prepared):
    source = TFDSSegmentation(NAME, data_dir=prepared, label_offset=255)
    with pytest.raises(ValueError, match=r"'label' of '2007_00000\d', with 25\d"):
        source.label(0)


def test_another_void_stays_void(prepared, train):
    source = TFDSSegmentation(NAME, data_dir=prepared, ignore_class=0, label_offset=9)
    label = train.label(0)
    with pytest.raises(ValueError, match="with 264"):
        source.label(0)
    assert label.max() == 255
    source = TFDSSegmentation(NAME, data_dir=prepared, ignore_class=0)
    np.testing.assert_array_equal(source.label(0), label)


# Where the data are


def printed_without_tensorflow(code, *arguments):
    """Return what code prints where TensorFlow is not installed."""
    hide = """
import importlib.machinery, sys
find = importlib.machinery.PathFinder.find_spec
importlib.machinery.PathFinder.find_spec = lambda name, *more: (
    None if name.split(".")[0] == "tensorflow" else find(name, *more)
)
"""
    done = subprocess.run(
        [sys.executable, "-c", hide + code, *map(str, arguments)],
        capture_output=True,
        text=True,
        env={**os.environ, "KERAS_BACKEND": "numpy"},
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_reading_needs_no_tensorflow(prepared):
    code = """
from keras_fcn.datasets import TFDSSegmentation
assert "tensorflow_datasets" not in sys.modules
source = TFDSSegmentation(sys.argv[1], data_dir=sys.argv[2])
print(len(source), source[0][1].max())
"""
    assert printed_without_tensorflow(code, NAME, prepared).split() == ["2", "255"]


def test_preparing_voc_needs_no_tensorflow(small_voc, tmp_path):
    code = """
from keras_fcn.datasets import TFDSSegmentation
options = {"source_dir": sys.argv[2]}
source = TFDSSegmentation(sys.argv[1], data_dir=sys.argv[3], builder_kwargs=options)
print(source[0][1].max())
"""
    out = printed_without_tensorflow(code, NAME, small_voc, tmp_path)
    assert out.endswith("255\n")


def test_where_preparing_needs_tensorflow_what_to_install_is_said(tmp_path):
    code = """
import tensorflow_datasets as tfds

class NeedsTensorFlow(tfds.core.GeneratorBasedBuilder):
    VERSION = tfds.core.Version("1.0.0")
    def _info(self):
        features = tfds.features.FeaturesDict({"image": tfds.features.Image()})
        return tfds.core.DatasetInfo(builder=self, features=features)
    def _split_generators(self, dl_manager):
        import tensorflow
    def _generate_examples(self):
        pass

from keras_fcn.datasets import TFDSSegmentation
try:
    TFDSSegmentation("needs_tensor_flow", data_dir=sys.argv[1])
except ModuleNotFoundError as error:
    print(error)
"""
    told = printed_without_tensorflow(code, tmp_path)
    assert "Preparing 'needs_tensor_flow' needs TensorFlow" in told
    assert "Install tensorflow-cpu" in told


@pytest.mark.parametrize("missing", ["tensorflow_datasets", "importlib_resources"])
def test_without_tensorflow_datasets_the_extra_is_named(monkeypatch, missing):
    monkeypatch.setitem(sys.modules, missing, None)
    with pytest.raises(ModuleNotFoundError, match=r'"keras-fcn\[datasets\]"') as error:
        TFDSSegmentation(NAME)
    assert missing in str(error.value)


def test_without_a_download_the_data_set_must_be_there(tmp_path):
    with pytest.raises(FileNotFoundError, match=NAME) as error:
        TFDSSegmentation(NAME, data_dir=tmp_path, download=False)
    assert f"not in {str(tmp_path)!r}. `download=True`" in str(error.value)
    assert not [*tmp_path.iterdir()]


def test_what_tfds_load_prepared_is_prepared_again_beside_it(small_voc, tmp_path):
    pytest.importorskip("tensorflow")
    options = {"source_dir": small_voc}
    loaded = tfds.load(NAME, split="train", data_dir=tmp_path, builder_kwargs=options)
    with pytest.raises(FileNotFoundError, match="as tfrecord: not readable by index"):
        TFDSSegmentation(NAME, data_dir=tmp_path, download=False)
    source = TFDSSegmentation(NAME, data_dir=tmp_path, builder_kwargs=options)
    again = TFDSSegmentation(NAME, data_dir=tmp_path, download=False)
    assert len(source) == len(again) == len([*loaded]) == 2
    assert not (tmp_path / "by_index" / "downloads").exists()


def test_what_was_prepared_does_not_stop_tfds_load(small_voc, tmp_path):
    pytest.importorskip("tensorflow")
    options = {"source_dir": small_voc}
    TFDSSegmentation(NAME, data_dir=tmp_path, builder_kwargs=options)
    loaded = tfds.load(NAME, split="train", data_dir=tmp_path, builder_kwargs=options)
    assert len([*loaded]) == 2


def test_data_that_tfds_prepared_for_reading_by_index_are_used(small_voc, tmp_path):
    builder = tfds.builder(NAME, data_dir=tmp_path, source_dir=small_voc)
    builder.download_and_prepare(file_format="array_record")
    assert len(TFDSSegmentation(NAME, data_dir=tmp_path, download=False)) == 2
    assert not (tmp_path / "by_index").exists()


@pytest.mark.slow
def test_without_array_record_files_are_parquet(small_voc, tmp_path, monkeypatch):
    def find(name):
        return None if name == "array_record" else find_spec(name)

    monkeypatch.setattr(tfds_builder, "find_spec", find)
    options = {"source_dir": small_voc}
    source = TFDSSegmentation(NAME, data_dir=tmp_path, builder_kwargs=options)
    assert [*tmp_path.rglob("*.parquet*")]
    voc = VOCSegmentation(small_voc, "train")
    for i, name in enumerate(source.names):
        np.testing.assert_array_equal(source.label(i), voc.label(voc.names.index(name)))
    with pytest.raises(ValueError, match=r"ArrayRecord.*split='train\[:50%\]'"):
        TFDSSegmentation(NAME, "train[:50%]", data_dir=tmp_path)


# What is refused


@pytest.mark.parametrize("split", ["test", "test[:2]", "test+train"])
def test_an_unknown_split_is_named_with_those_there_are(prepared, split):
    with pytest.raises(ValueError, match=r"one of \['train', 'val'\]"):
        TFDSSegmentation(NAME, split, data_dir=prepared)


@pytest.mark.parametrize("key", ["image_key", "label_key"])
def test_a_feature_that_is_no_image_is_refused(prepared, key):
    with pytest.raises(ValueError, match=r"\['image', 'label'\].*'filename'"):
        TFDSSegmentation(NAME, data_dir=prepared, **{key: "filename"})


def test_a_photo_is_no_mask(prepared):
    options = {"class_names": ["a"], "label_key": "image"}
    source = TFDSSegmentation(NAME, data_dir=prepared, **options)
    with pytest.raises(ValueError, match=r"'image' of '2007_00000\d', of mode RGB"):
        source.label(0)


# The pets, through TFDS' own builder


BREEDS = {"train": ["Abyssinian_1", "beagle_7", "pug_12"], "test": ["Bengal_3"]}


def trimap(name):
    label = np.full((20 + len(name), 30), 2, "uint8")
    label[5:15, 5:15] = 3
    label[6:14, 6 : 7 + len(name) // 2] = 1
    return label


@pytest.fixture(scope="session")
def pets(tmp_path_factory):
    """TFDS' folder with made-up pets, prepared by TFDS' own builder."""
    root = tmp_path_factory.mktemp("pets")
    (root / "images").mkdir()
    (root / "annotations" / "trimaps").mkdir(parents=True)
    rng = np.random.default_rng(0)
    for split, names in BREEDS.items():
        file = "trainval.txt" if split == "train" else "test.txt"
        lines = "".join(f"{name} 1 1 1\n" for name in names)
        (root / "annotations" / file).write_text(lines)
        for name in names:
            label = trimap(name)
            photo = rng.integers(0, 256, (*label.shape, 3), "uint8")
            Image.fromarray(photo).save(root / "images" / f"{name}.jpg")
            mask = root / "annotations" / "trimaps" / f"{name}.png"
            Image.fromarray(label).save(mask)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            tfds.download.DownloadManager,
            "download_and_extract",
            lambda manager, urls: dict.fromkeys(urls, str(root)),
        )
        prepared_builder("oxford_iiit_pet", root / "tfds")
    shutil.rmtree(root / "images")
    return root / "tfds"


@pytest.mark.parametrize("split", BREEDS)
def test_pets_are_0_the_background_1_and_the_border_2(pets, split):
    source = load_oxford_iiit_pet(split, pets, download=False)
    assert source.class_names == ("pet", "background", "border")
    assert sorted(source.names) == sorted(BREEDS[split])
    for i, name in enumerate(source.names):
        image, label = source[i]
        np.testing.assert_array_equal(label, trimap(name) - 1, strict=True)
        assert set(np.unique(label)) == {0, 1, 2}
        assert image.shape == (*label.shape, 3)
    check(source)


def test_classes_without_names_are_refused(pets):
    with pytest.raises(ValueError, match="'oxford_iiit_pet' does not name its classes"):
        TFDSSegmentation("oxford_iiit_pet", data_dir=pets)


def test_a_data_set_without_masks_is_refused():
    features = {"image": tfds.features.Image(), "label": tfds.features.ClassLabel()}
    with pytest.raises(ValueError, match=r"one of none: .*\['image', 'label'\]"):
        tfds_builder.find_mask(features, "image")


@pytest.mark.parametrize(
    ("masks", "found"),
    [
        (["odd"], "odd"),
        (["depth", "segmentation_label"], "segmentation_label"),
        (["depth", "segmentation_mask"], "segmentation_mask"),
    ],
)
def test_the_masks_are_found_by_their_one_channel_and_by_name(masks, found):
    features = {"image": tfds.features.Image(), "annotation": tfds.features.Image()}
    features |= {name: tfds.features.Image(shape=(None, None, 1)) for name in masks}
    assert tfds_builder.find_mask(features, "image") == found


@pytest.mark.parametrize(
    ("file", "name"),
    [
        (b"2007_000033.jpg", "2007_000033"),
        ("a/b.c/d.PNG", "a/b.c/d"),
        (b"no.suffix", "no.suffix"),
    ],
)
def test_a_sample_is_named_as_its_file_without_the_suffix(file, name):
    assert tfds_source._stem(file) == name

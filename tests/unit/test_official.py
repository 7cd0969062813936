import hashlib
import re
from urllib.parse import urlsplit

import pytest

from keras_fcn.archives import ArchiveError
from keras_fcn.datasets import official
from keras_fcn.datasets.official import (
    ARCHIVES,
    SEG11VALID_SHA256,
    Archive,
    derive_seg11valid,
    obtain,
    require_seg11valid,
)
from keras_fcn.downloads import DownloadError

from ..conftest import REAL_VOC
from .test_archives import files, write_tar

SEG11VALID = REAL_VOC.parents[1] / "official_lists" / "seg11valid.txt"
VOC = {
    "JPEGImages/1.jpg": b"jpeg",
    "SegmentationClass/1.png": b"png",
    "ImageSets/Segmentation/val.txt": b"1\n",
}
UNWANTED = {
    "Annotations/1.xml": b"<xml/>",
    "ImageSets/Main/val.txt": b"1\n",
    "SegmentationObject/1.png": b"png",
}
SBD = {"img/1.jpg": b"jpeg", "cls/1.mat": b"mat", "train.txt": b"1\n", "val.txt": b""}
FOLDERS = {
    "VOC2007": "VOCdevkit/VOC2007",
    "VOC2011": "VOCdevkit/VOC2011",
    "VOC2012": "VOCdevkit/VOC2012",
    "SBD": "benchmark_RELEASE/dataset",
}


@pytest.fixture
def small(tmp_path, monkeypatch):
    """Small archives in place of the published ones, and no web: their folder."""
    folder = tmp_path / "published"
    folder.mkdir()
    for name, archives in ARCHIVES.items():
        replaced = []
        for i, archive in enumerate(archives):
            contents = {**SBD, "inst/1.mat": b"mat"} if name == "SBD" else VOC
            if i:  # the second archive of a set has other images
                contents = {k.replace("1", "2"): v for k, v in contents.items()}
            contents = {**contents, **UNWANTED}
            path = write_tar(
                folder / archive.file,
                {f"{archive.root}/{k}": v for k, v in contents.items()},
                "w:gz" if archive.file.endswith("gz") else "w",
            )
            data = path.read_bytes()
            checksum = f"sha256:{hashlib.sha256(data).hexdigest()}"
            replaced.append(
                Archive(archive.file, archive.urls, checksum, len(data), archive.root)
            )
        monkeypatch.setitem(ARCHIVES, name, tuple(replaced))

    def download(urls, path, **options):
        raise DownloadError(f"no web in this test: {path}")

    monkeypatch.setattr(official, "download", download)
    return folder


def require_unpacked(name, folder, data_dir):
    assert folder == data_dir / FOLDERS[name]
    expected = dict(SBD if name == "SBD" else VOC)
    if name == "VOC2007":
        expected.update({k.replace("1", "2"): v for k, v in VOC.items()})
    assert files(folder) == expected


@pytest.mark.parametrize("archive", sum(ARCHIVES.values(), ()), ids=lambda a: a.file)
def test_the_catalogue_is_well_formed(archive):
    assert re.fullmatch("sha256:[0-9a-f]{64}", archive.checksum)
    assert len(set(archive.urls)) == len(archive.urls) > 0
    for url in archive.urls:
        parts = urlsplit(url)
        assert parts.scheme in ("http", "https")
        assert parts.path.endswith("/" + archive.file)
    publisher = urlsplit(archive.urls[0]).hostname
    assert publisher.endswith((".ox.ac.uk", ".berkeley.edu"))
    # Tar is made of blocks.
    assert archive.size is None or archive.file.endswith("gz") or not archive.size % 512


def test_archives_of_one_set_share_a_root_and_no_name():
    for archives in ARCHIVES.values():
        assert len({archive.root for archive in archives}) == 1
        assert len({archive.file for archive in archives}) == len(archives)


@pytest.mark.parametrize("name", ARCHIVES)
def test_archives_that_the_user_has_are_unpacked(small, tmp_path, name):
    archives = [small / archive.file for archive in ARCHIVES[name]]
    data_dir = tmp_path / "data"
    require_unpacked(name, obtain(name, data_dir, archives=archives), data_dir)
    assert [path.name for path in data_dir.iterdir()] == [FOLDERS[name].split("/")[0]]


@pytest.mark.parametrize("name", ARCHIVES)
def test_archives_in_the_data_folder_are_used(small, tmp_path, name):
    data_dir = tmp_path / "data"
    small.rename(data_dir)
    require_unpacked(name, obtain(name, str(data_dir)), data_dir)


@pytest.mark.parametrize("name", ARCHIVES)
def test_the_other_archives_are_downloaded(small, tmp_path, name, monkeypatch):
    data_dir = tmp_path / "data"
    asked = []

    def download(urls, path, *, checksum, size, progress):
        asked.append(Archive(path.name, urls, checksum, size, ARCHIVES[name][0].root))
        assert path.parent == data_dir / "downloads"
        path.parent.mkdir(parents=True, exist_ok=True)
        progress(size, size)
        return (small / path.name).rename(path)

    monkeypatch.setattr(official, "download", download)
    seen = []
    first, *others = ARCHIVES[name]
    folder = obtain(
        name,
        data_dir,
        archives=[small / archive.file for archive in others],
        progress=lambda *told: seen.append(told),
    )
    require_unpacked(name, folder, data_dir)
    assert asked == [first]
    total = sum(archive.size for archive in ARCHIVES[name])
    assert seen[0] == (f"Downloading {first.file}", first.size, first.size)
    assert seen[-1] == (f"Unpacking {name}", total, total)


def test_a_data_set_that_is_there_is_left_alone(small, tmp_path):
    folder = tmp_path / "VOCdevkit" / "VOC2012"
    folder.mkdir(parents=True)
    (tmp_path / "VOCtrainval_11-May-2012.tar").write_bytes(b"wrong, but unread")
    assert obtain("VOC2012", tmp_path) == folder
    assert list(folder.iterdir()) == []


@pytest.mark.fault(22)
@pytest.mark.parametrize("where", ["given", "in the data folder"])
def test_an_archive_with_another_checksum_is_refused(small, tmp_path, where):
    archive = small / "VOCtrainval_11-May-2012.tar"
    archive.write_bytes(archive.read_bytes()[:-512])
    given = {"archives": [archive]} if where == "given" else {}
    with pytest.raises(ValueError, match=r"11-May-2012\.tar' must have the checksum"):
        obtain("VOC2012", small, **given)
    assert not (small / "VOCdevkit").exists()
    assert archive.exists()


def test_an_archive_of_another_name_is_refused(small, tmp_path):
    archives = [small / "VOCtrainval_25-May-2011.tar"]
    message = r"VOC2012 must have.*\['VOCtrainval_11-May-2012.tar'\].*Received.*2011"
    with pytest.raises(ValueError, match=message):
        obtain("VOC2012", tmp_path, archives=archives)


def test_a_missing_archive_is_told(small, tmp_path):
    with pytest.raises(FileNotFoundError, match=r"nowhere.benchmark\.tgz"):
        obtain("SBD", tmp_path, archives=[tmp_path / "nowhere" / "benchmark.tgz"])


@pytest.mark.fault(22)
def test_after_a_failed_download_no_data_set_is_there(small, tmp_path):
    archives = [small / "VOCtrainval_06-Nov-2007.tar"]
    with pytest.raises(DownloadError, match="VOCtest"):
        obtain("VOC2007", tmp_path, archives=archives)
    assert not (tmp_path / "VOCdevkit" / "VOC2007").exists()


def test_an_archive_that_lacks_a_folder_makes_no_data_set(small, tmp_path, monkeypatch):
    path = write_tar(tmp_path / "benchmark.tgz", {"benchmark_RELEASE/dataset/img": b""})
    checksum = f"sha256:{hashlib.sha256(path.read_bytes()).hexdigest()}"
    archive = Archive(path.name, (), checksum, None, "benchmark_RELEASE/dataset")
    monkeypatch.setitem(ARCHIVES, "SBD", (archive,))
    with pytest.raises(ArchiveError, match="must hold 'benchmark_RELEASE/dataset/cls'"):
        obtain("SBD", tmp_path)
    assert not (tmp_path / "benchmark_RELEASE" / "dataset").exists()


def test_a_wrong_name_is_told_with_the_right_ones(tmp_path):
    with pytest.raises(ValueError, match=r"`name` must be one of.*VOC2012"):
        obtain("voc12", tmp_path)


def test_seg11valid_is_sorted_and_without_the_images_of_sbd():
    val = ["2011_000003", "2007_000033", "2010_000001", "2007_000033"]
    assert derive_seg11valid(iter(val), iter(["2010_000001", "2008_000002"])) == (
        "2007_000033",
        "2011_000003",
    )


@pytest.fixture
def seg11valid():
    if not SEG11VALID.is_file():
        pytest.skip("the published lists are not on this machine (../shared/data)")
    return SEG11VALID.read_text().splitlines()


def test_the_published_seg11valid_is_recognised(seg11valid):
    assert len(seg11valid) == 736
    require_seg11valid(seg11valid)
    require_seg11valid(iter(reversed(seg11valid)))
    assert hashlib.sha256(SEG11VALID.read_bytes()).hexdigest() == SEG11VALID_SHA256


def test_any_other_seg11valid_is_refused(seg11valid):
    for ids in (seg11valid[1:], [*seg11valid, seg11valid[0]], [*seg11valid, "x"]):
        with pytest.raises(
            ValueError, match=rf"736 images\. Received: a list of {len(ids)}\."
        ):
            require_seg11valid(ids)
    with pytest.raises(ValueError, match=r"736 images\. Received: a list of 736\."):
        require_seg11valid([*seg11valid[1:], "2007_000032"])


def test_seg11valid_comes_from_the_lists_it_was_made_of(seg11valid):
    # VOC2011's val is not on this machine; seg11valid and any images of SBD are.
    train = [f"2008_{i:06d}" for i in range(9000)]
    train = sorted(set(train) - set(seg11valid))
    derived = derive_seg11valid([*train[:375], *seg11valid], train)
    require_seg11valid(derived)

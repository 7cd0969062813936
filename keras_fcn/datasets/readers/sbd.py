"""The Semantic Boundaries Dataset, alone and as the paper trains on it."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from ...images import image_size
from ...suggestions import require_choice
from ..official import derive_seg11valid
from ..voc_labels import VOC_CLASSES
from .file_source import FileSource, files_by_stem
from .mat_labels import MatFormatError, convert_mat_labels
from .voc import LISTS, VOCSegmentation, find_voc_year, read_list, split_lists

SEG11VALID = "seg11valid"


class SBDSegmentation(FileSource):
    """The Semantic Boundaries Dataset: VOC's classes on 11,355 photos, without void.

    `img/ID.jpg`, `cls/ID.mat` and the lists `train.txt` and `val.txt`. The `.mat` files
    are turned into PNGs once, in a process of their own, for a damaged one can end the
    process that reads it. The PNGs are kept in `cache_dir`; the data set itself is not
    touched.

    Args:
        data_dir: The folder `benchmark_RELEASE/dataset`, or one or two above.
        split: `"train"`, `"val"` or another list there. Defaults to `"train"`.
        cache_dir: Where the PNGs are kept. Defaults to `None`: a folder in
            `~/.keras/keras_fcn`, or in `$KERAS_HOME/keras_fcn`.
        progress: Wraps the loop over the files to convert, to draw a bar. Defaults to
            nothing.
        missing_ok: As in `FileSource`; files that cannot be converted count as missing.

    Raises:
        FileNotFoundError: If a folder, a photo or a label file is missing.
        ValueError: If there is no such list, or it is empty.
        MatFormatError: If label files are damaged; the message names the first ones.

    Example:
        ```python
        sbd = keras_fcn.datasets.SBDSegmentation("benchmark_RELEASE", split="train")
        image, label = sbd[0]
        ```

    Reference:
        Hariharan et al., Semantic contours from inverse detectors, ICCV 2011.
        http://home.bharathh.info/pubs/codes/SBD/download.html
    """

    def __init__(
        self,
        data_dir: str | os.PathLike[str],
        split: str = "train",
        *,
        cache_dir: str | os.PathLike[str] | None = None,
        progress: Callable[[Iterable], Iterable] = iter,
        missing_ok: bool = False,
    ):
        self.root = find_sbd_root(data_dir)
        self.split = split
        names = read_list(self.root, split)
        photos = files_by_stem(self.root / "img")
        mats = files_by_stem(self.root / "cls", [".mat"])
        missing = [f"img/{name}.jpg" for name in names if name not in photos]
        missing += [f"cls/{name}.mat" for name in names if name not in mats]
        names = [name for name in names if name in photos and name in mats]
        folder = Path(cache_dir) if cache_dir else _cache_of(self.root)
        # A label file that was replaced since is converted anew.
        pngs = {
            name: folder / f"{name}.{mats[name].stat().st_mtime_ns:x}.png"
            for name in names
        }
        failed = convert_mat_labels(
            [
                (mats[name], png, image_size(photos[name]))
                for name, png in pngs.items()
                if not png.exists()
            ],
            progress=progress,
        )
        if failed and not missing_ok:
            raise MatFormatError(
                "Label files must hold one label 0..20 a pixel of their photo. "
                f"Received: {len(failed)} that do not:"
                + "".join(f"\n  - {file}: {why}" for file, why in _first(failed))
            )
        missing += [f"{file}: {why}" for file, why in failed.items()]
        names = [name for name in names if mats[name] not in failed]
        super().__init__(
            names,
            [photos[name] for name in names],
            [pngs[name] for name in names],
            VOC_CLASSES,
            missing=missing,
            missing_ok=missing_ok,
        )
        self._mats = [mats[name] for name in names]

    def label_file(self, index: int) -> Path:
        return self._mats[index]  # of which the PNG was made


def load_voc2011_sbd(
    data_dir: str | os.PathLike[str],
    split: str = "train",
    *,
    progress: Callable[[Iterable], Iterable] = iter,
    missing_ok: bool = False,
) -> FileSource:
    """Open the paper's data: train on SBD's training set, validate on seg11valid.

    `seg11valid` is VOC2011's segmentation validation set without the images that SBD
    trains on, so that no image is on both sides. It is derived here, not shipped.

    Args:
        data_dir: A folder that holds `benchmark_RELEASE` and `VOCdevkit/VOC2011`.
            VOC2012, which has the same images, will do if a list
            `ImageSets/Segmentation/seg11valid.txt` was put there.
        split: `"train"` or `"seg11valid"`. Defaults to `"train"`.
        progress: As in `SBDSegmentation`.
        missing_ok: As in `FileSource`.

    Returns:
        A data set.

    Raises:
        FileNotFoundError: If a folder or a file is missing.
        ValueError: If there is no such split, or an image is on both sides.

    Reference:
        Long, Shelhamer and Darrell, Fully convolutional networks for semantic
        segmentation, CVPR 2015, section 5; `data/pascal/seg11valid.txt` in the authors'
        repository.
    """
    require_choice("split", split, ("train", SEG11VALID))
    if split == "train":
        return SBDSegmentation(
            data_dir, "train", progress=progress, missing_ok=missing_ok
        )
    sbd = find_sbd_root(data_dir)
    voc2011 = find_voc_year(data_dir, "VOC2011")
    if voc2011 is not None:
        ids = read_seg11valid(voc2011, sbd)
        return VOCSegmentation(voc2011, ids=ids, missing_ok=missing_ok)
    voc2012 = find_voc_year(data_dir, "VOC2012")
    if voc2012 is None or SEG11VALID not in split_lists(voc2012):
        raise FileNotFoundError(
            "seg11valid needs the folder `VOCdevkit/VOC2011` beside "
            f"`benchmark_RELEASE`. Received: {str(data_dir)!r}, without it. "
            "`keras-fcn data prepare --dataset voc2011_sbd` gets it."
        )
    require_disjoint(read_list(voc2012 / LISTS, SEG11VALID), read_list(sbd, "train"))
    return VOCSegmentation(voc2012, SEG11VALID, missing_ok=missing_ok)


def read_seg11valid(voc2011: Path, sbd: Path) -> tuple[str, ...]:
    """Return the ids of seg11valid, derived from the lists of two unpacked folders."""
    return derive_seg11valid(read_list(voc2011 / LISTS, "val"), read_list(sbd, "train"))


def require_disjoint(validation: Sequence[str], training: Sequence[str]) -> None:
    """Raise a `ValueError` if an image is both trained and validated on."""
    both = sorted(set(validation) & set(training))
    if both:
        raise ValueError(
            "No image may be both trained and validated on. Received: "
            f"{len(both)} that are, the first {both[:3]}."
        )


def find_sbd_root(folder: str | os.PathLike[str]) -> Path:
    """Return the folder that holds `img` and `cls`, at most two below.

    Raises:
        FileNotFoundError: If there is none.
    """
    folder = Path(folder)
    for below in ("", "dataset", "benchmark_RELEASE/dataset"):
        root = folder / below
        if (root / "img").is_dir() and (root / "cls").is_dir():
            return root
    raise FileNotFoundError(
        "An SBD folder must hold `img`, `cls` and `train.txt`. Received: "
        f"{str(folder)!r}, without them, and without a `benchmark_RELEASE/dataset` "
        "that has them. `keras-fcn data prepare --dataset sbd` gets it."
    )


def _cache_of(root: Path) -> Path:
    """Return a folder for what is derived from the data set in `root`."""
    home = Path(os.environ.get("KERAS_HOME") or Path.home() / ".keras")
    place = hashlib.sha256(os.fsencode(root.resolve())).hexdigest()[:16]
    return home / "keras_fcn" / f"sbd-{place}"


def _first(failed: dict[Path, str]) -> list[tuple[Path, str]]:
    return list(failed.items())[:3]

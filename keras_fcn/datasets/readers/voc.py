"""The folder of PASCAL VOC, as other tools write it too."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path

from ..sample_source import VOID
from ..voc_labels import VOC_CLASSES
from .file_source import FileSource, files_by_stem
from .folder import classes_of
from .label_names import find_label_names
from .masks import mask_reader

LISTS = Path("ImageSets", "Segmentation")
# Where labelme puts PNGs if it fills `SegmentationClass` with NumPy files.
LABELME_MASKS = "SegmentationClassPNG"


class VOCSegmentation(FileSource):
    """A folder of photos and masks in the layout of PASCAL VOC.

    `JPEGImages/ID.jpg`, `SegmentationClass/ID.png` (palette or grey, pixels are
    class indices, 255 void) and lists of ids, one a line, in
    `ImageSets/Segmentation/SPLIT.txt`. Exports of CVAT and labelme are read as they
    are: with a `labelmap.txt` the colours of the masks decide, a `class_names.txt`
    names the classes, photos may have any suffix, and without lists every photo with a
    mask is a sample.

    Args:
        data_dir: The folder `VOCdevkit/VOC2012`, or `VOCdevkit`, or the one above.
        split: Name of the list: `"train"`, `"val"`, `"trainval"`, ... Defaults to
            `None`: `"train"` if there is one, `"trainval"`, or the only one.
        class_names: Names of the classes, the background first. Defaults to `None`:
            those that a file names (see `labels`), or else the 21 of PASCAL VOC.
        ids: The samples, instead of a list. Defaults to `None`.
        labels: A `labelmap.txt` or `class_names.txt`. Defaults to `None`: the one in
            the folder, if there is any.
        ignore_class: The value of void in the masks. Defaults to `255`.
        missing_ok: As in `FileSource`.

    Attributes:
        root: The folder that holds `JPEGImages`.
        split: Name of the list, or `None` where there are no lists.

    Raises:
        FileNotFoundError: If a folder, a photo or a mask is missing; the message lists
            the first ones.
        ValueError: If there is no such list, or it is empty.

    Example:
        ```python
        voc = keras_fcn.datasets.VOCSegmentation("VOCdevkit", split="val")
        image, label = voc[0]
        ```

    Reference:
        Everingham et al., http://host.robots.ox.ac.uk/pascal/VOC/voc2012.
    """

    def __init__(
        self,
        data_dir: str | os.PathLike[str],
        split: str | None = None,
        class_names: Sequence[str] | None = None,
        *,
        ids: Sequence[str] | None = None,
        labels: str | os.PathLike[str] | None = None,
        ignore_class: int = VOID,
        missing_ok: bool = False,
    ):
        self.root = find_voc_root(data_dir)
        self.split = split
        if split is None and ids is None:
            self.split = _first_split(split_lists(self.root))
        if not (self.root / "JPEGImages").is_dir():
            raise FileNotFoundError(
                f"Photos must lie in {str(self.root / 'JPEGImages')!r}, which does not "
                "exist. Export them too, or name their folder: `--dataset folder "
                f"--images PHOTOS --masks {self.root / 'SegmentationClass'}`."
            )
        photos = files_by_stem(self.root / "JPEGImages")
        folder = self.root / "SegmentationClass"
        if (self.root / LABELME_MASKS).is_dir():
            folder = self.root / LABELME_MASKS
        masks = files_by_stem(folder, [".png"])
        if ids is not None:
            names = tuple(ids)
        elif self.split is None:
            names = tuple(name for name in photos if name in masks)
        else:
            names = read_list(self.root / LISTS, self.split)
        missing = [
            f"{part}/{name}{suffix}"
            for part, suffix, found in (
                ("JPEGImages", ".jpg", photos),
                (folder.name, ".png", masks),
            )
            for name in names
            if name not in found
        ]
        names = [name for name in names if name in photos and name in masks]
        labels = labels or find_label_names(self.root)
        if labels is None:
            class_names = class_names or VOC_CLASSES
        found = classes_of(
            [],
            labels=labels,
            ignore_class=ignore_class,
            class_names=class_names or (),
        )
        super().__init__(
            names,
            [photos[name] for name in names],
            [masks[name] for name in names],
            found.class_names,
            ignore_class=ignore_class,
            read_mask=mask_reader([], found.class_names, found.colours),
            missing=missing,
            missing_ok=missing_ok,
        )


def find_voc_root(folder: str | os.PathLike[str]) -> Path:
    """Return the folder that holds `SegmentationClass`, at most two below.

    Raises:
        FileNotFoundError: If there is none.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise FileNotFoundError(f"There is no folder {str(folder)!r}.")
    for above in ("", "VOC*/", "VOCdevkit/VOC*/"):
        inside = folder.glob(f"{above}SegmentationClass")
        found = sorted(path.parent for path in inside if path.is_dir())
        if found:
            return found[-1]  # the newest year
    raise FileNotFoundError(
        "A VOC folder must hold `JPEGImages` and `SegmentationClass`. Received: "
        f"{str(folder)!r}, without them, and without a `VOCdevkit/VOC2012` that has "
        "them."
    )


def find_voc_year(folder: str | os.PathLike[str], year: str) -> Path | None:
    """Find `"VOC2012"`, say, in a folder; or the folder itself, if no other year."""
    folder = Path(folder)
    below = (year, f"VOCdevkit/{year}", f"TrainVal/VOCdevkit/{year}")
    found = [folder / path for path in below]
    if folder.name == year or not re.fullmatch(r"VOC\d{4}", folder.name):
        found.append(folder)
    return next((f for f in found if (f / "SegmentationClass").is_dir()), None)


def split_lists(root: Path) -> list[str]:
    """Return the names of the lists in a VOC folder."""
    return sorted(file.stem for file in (root / LISTS).glob("*.txt"))


def read_list(folder: Path, split: str) -> tuple[str, ...]:
    """Read a list of ids, one a line; blank lines and repetitions are left out.

    Raises:
        ValueError: If there is no such list, or it is empty.
    """
    file = folder / f"{split}.txt"
    if not file.is_file():
        splits = sorted(f.stem for f in folder.glob("*.txt"))
        raise ValueError(
            f"`split` must be one of {splits}, the lists in {str(folder)!r}. "
            f"Received: split={split!r}."
        )
    # Windows' editors begin a file with a mark, which `-sig` drops.
    try:
        lines = file.read_text(encoding="utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        message = f"{str(file)!r} must be UTF-8 text. Received: {error}."
        raise ValueError(message) from None
    # An image listed twice would count twice in the scores.
    ids = dict.fromkeys(line.strip() for line in lines)
    names = tuple(name for name in ids if name)
    if not names:
        raise ValueError(
            f"A split must list at least one image. {str(file)!r} is empty."
        )
    return names


def _first_split(lists: list[str]) -> str | None:
    for name in ("train", "trainval"):
        if name in lists:
            return name
    if len(lists) > 1:
        raise ValueError(
            f"`split` must be one of {lists}, for none is called train. "
            "Received: split=None."
        )
    return lists[0] if lists else None

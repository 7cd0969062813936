"""Photos and masks of one's own: two folders, paired by name."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ...images import read_label
from ..sample_source import VOID
from .file_source import FileSource, files_by_stem
from .label_names import LabelMap, find_label_names, read_label_names
from .labelme import polygon_names
from .masks import mask_reader

MOST_CLASSES = 254  # labels are bytes, and one of them is void


class FolderSegmentation(FileSource):
    """A folder of photos and a folder of masks, paired by the names of the files.

    Masks are class indices (grey or palette PNG), colours (with a `labelmap.txt`),
    black and white (`binary=True`) or labelme's `.json`. `cat_1.jpg` is paired with
    `cat_1.png`; or, if all masks have the same ending, with `cat_1_mask.png`.

    Args:
        images: The folder of photos.
        masks: The folder of masks. For labelme's `.json` it may be the same.
        num_classes: Number of classes, the background included. Defaults to `None`: by
            `labels`; for `binary` masks 2; for `.json` as many as are named there.
        class_names: Their names, the background first, if they are known already.
        labels: A file of class names, or a `labelmap.txt` of names and colours.
            Defaults to `None`: one of `labelmap.txt`, `class_names.txt`, `labels.txt`
            in the folder of masks or the one above, if there is any.
        ignore_class: The value of void in the masks. Defaults to `255`.
        binary: Whether the masks are black and white. Defaults to `False`.
        missing_ok: As in `FileSource`.

    Raises:
        FileNotFoundError: If a folder, or a partner of a file, is missing.
        ValueError: If the classes are not known, or contradict each other.

    Example:
        ```python
        own = keras_fcn.datasets.FolderSegmentation("photos", "masks", num_classes=3)
        model.fit(own.batches(8, crop_size=320, augment=True, shuffle=True))
        ```
    """

    def __init__(
        self,
        images: str | os.PathLike[str],
        masks: str | os.PathLike[str],
        num_classes: int | None = None,
        *,
        class_names: Sequence[str] = (),
        labels: str | os.PathLike[str] | None = None,
        ignore_class: int = VOID,
        binary: bool = False,
        missing_ok: bool = False,
    ):
        photos = files_by_stem(images)
        found = files_by_stem(masks, [".json"])
        # Other tools leave an `info.json` beside their PNGs.
        if not found.keys() & photos.keys():
            if Path(images).resolve() == Path(masks).resolve():
                raise ValueError(
                    "Photos and mask images must lie in two folders. Received: "
                    f"{str(images)!r} twice, without labelme's .json files."
                )
            found = files_by_stem(masks)
        names, missing = _pair(photos, found)
        paths = [found[names[name]] for name in names]
        if labels is None and not binary:
            labels = find_label_names(masks) or find_label_names(Path(masks).parent)
        label_map = classes_of(
            paths,
            num_classes,
            labels=labels,
            binary=binary,
            ignore_class=ignore_class,
            class_names=class_names,
        )
        super().__init__(
            list(names),
            [photos[name] for name in names],
            paths,
            label_map.class_names,
            ignore_class=ignore_class,
            read_mask=mask_reader(
                paths, label_map.class_names, label_map.colours, binary
            ),
            missing=missing,
            missing_ok=missing_ok,
        )


def classes_of(
    masks: Sequence[Path],
    num_classes: int | None = None,
    *,
    labels: str | os.PathLike[str] | None = None,
    binary: bool = False,
    ignore_class: int = VOID,
    class_names: Sequence[str] = (),
) -> LabelMap:
    """Find out the classes of a data set of one's own; arguments as there.

    Raises:
        ValueError: If they are not known, or what is known of them differs.
    """
    if num_classes is not None and not 1 <= num_classes <= MOST_CLASSES:
        raise ValueError(
            f"`num_classes` must be in 1..{MOST_CLASSES}. "
            f"Received: num_classes={num_classes}."
        )
    if not 0 <= ignore_class <= VOID:
        raise ValueError(
            f"`ignore_class` must be in 0..{VOID}. "
            f"Received: ignore_class={ignore_class}."
        )
    found = LabelMap((), {})
    if labels is not None:
        found = read_label_names(labels)
        if class_names:  # the file's order is another's; the names decide
            found = _relabelled(found, class_names, labels)
    elif class_names:
        found = LabelMap(tuple(class_names), {})
    elif binary:
        found = LabelMap(("background", "foreground"), {})
    elif masks and masks[0].suffix.lower() == ".json":
        found = LabelMap(polygon_names(masks), {})
    elif num_classes is not None:
        found = LabelMap(tuple(f"class {i}" for i in range(num_classes)), {})
    if not found.class_names:
        raise ValueError(
            "`num_classes` must be given, or `labels`, a file of class names. "
            f"Received: neither.{_suggestion(masks, ignore_class)}"
        )
    if len(found.class_names) > MOST_CLASSES:
        raise ValueError(
            f"A data set must have at most {MOST_CLASSES} classes. "
            f"Received: {len(found.class_names)}."
        )
    if binary and len(found.class_names) != 2:
        raise ValueError(
            "Black and white masks have 2 classes. Received: binary=True with "
            f"{len(found.class_names)}: {list(found.class_names)}."
        )
    if num_classes not in (None, len(found.class_names)):
        told = "" if labels is None else f" in {str(labels)!r}"
        raise ValueError(
            f"`num_classes` must be the number of classes{told}, "
            f"{len(found.class_names)}: {list(found.class_names)}. "
            f"Received: num_classes={num_classes}."
        )
    return found


def _relabelled(
    found: LabelMap, class_names: Sequence[str], file: str | os.PathLike[str]
) -> LabelMap:
    """Give the classes of a file the labels of `class_names`."""
    unknown = sorted(set(found.class_names) - set(class_names))
    if unknown:
        raise ValueError(
            f"{str(file)!r} must name no other classes than {list(class_names)}. "
            f"Received: {unknown}."
        )
    new = {
        label: class_names.index(name) for label, name in enumerate(found.class_names)
    }
    colours = {colour: new.get(label, VOID) for colour, label in found.colours.items()}
    return LabelMap(tuple(class_names), colours)


def _pair(
    photos: dict[str, Path], masks: dict[str, Path]
) -> tuple[dict[str, str], list[str]]:
    """Return the mask's name for each photo's, and what has no partner."""
    ending = ""
    if not photos.keys() & masks.keys():
        ending = _common_ending(list(photos), list(masks))
    names = {name: name + ending for name in photos if name + ending in masks}
    missing = [f"mask of {photos[n]}" for n in photos if n not in names]
    paired = set(names.values())
    missing += [f"photo of {masks[n]}" for n in masks if n not in paired]
    return names, missing


def _common_ending(photos: list[str], masks: list[str]) -> str:
    """Return what follows a photo's name in the names of most masks: `_mask`, say."""
    endings = Counter(
        mask[len(photo) :]
        for photo in photos[:20]
        for mask in masks
        if mask.startswith(photo)
    )
    return endings.most_common(1)[0][0] if endings else ""


def _suggestion(masks: Sequence[Path], ignore_class: int) -> str:
    """Return what the first masks hold, if they can be read as indices."""
    values: set[int] = set()
    try:
        for mask in masks[:20]:
            values |= set(np.unique(read_label(mask)).tolist())
    except (ValueError, OSError):
        return ""
    classes = values - {ignore_class}
    if not classes:
        return ""
    if values == {0, VOID}:
        return " The first masks hold 0 and 255: black and white (`binary`)?"
    return (
        f" The first {min(20, len(masks))} masks hold {sorted(values)}: "
        f"{max(classes) + 1} classes?"
    )

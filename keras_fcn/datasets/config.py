"""Which data to train and to validate on, in the words of the command line."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from ..suggestions import require_choice
from .catalogue import DATASETS, SPLITS
from .readers.folder import FolderSegmentation
from .readers.sbd import SBDSegmentation, load_voc2011_sbd
from .readers.voc import VOCSegmentation, find_voc_root, split_lists
from .sample_source import VOID, SampleSource
from .shapes import Shapes
from .subset import hold_out


@dataclass(frozen=True, kw_only=True)
class DataConfig:
    """Which data to train and to validate on; its names are the CLI's flags.

    Args:
        dataset: One of `DATASETS`.
        data_dir: Folder of the data set; of `"voc"`, `"sbd"` and `"voc2011_sbd"`.
        split: Split to train on. Defaults to `None`: the data set's own for training.
        val_split: Split to validate on. Defaults to `None`: the data set's own, or
            where it has none a share of what there is to train on.
        images: Folder of photos to train on; of `"folder"`.
        masks: Folder of their masks.
        val_images: Folder of photos to validate on. Defaults to `None`: a share of
            `images`.
        val_masks: Folder of their masks.
        val_share: That share, held out by the names of the files and `seed`. Defaults
            to `0.1`.
        num_classes: Number of classes, the background included; of `"folder"`.
        class_names: Names of the classes, the background first. Defaults to none: those
            of the data set.
        labels: A `labelmap.txt` or a list of class names; of `"folder"` and `"voc"`.
        ignore_class: The value of void in the masks, also of `"folder"` and `"voc"`.
            Defaults to `255`.
        binary: Whether masks are black and white; of `"folder"`.
        seed: Of everything random.

    Raises:
        ValueError: If a value is impossible, or does not belong to this data set.
    """

    dataset: str = "shapes"
    data_dir: str | None = None
    split: str | None = None
    val_split: str | None = None
    images: str | None = None
    masks: str | None = None
    val_images: str | None = None
    val_masks: str | None = None
    val_share: float = 0.1
    num_classes: int | None = None
    class_names: tuple[str, ...] = ()
    labels: str | None = None
    ignore_class: int = VOID
    binary: bool = False
    seed: int = 0

    def __post_init__(self) -> None:
        require_choice("dataset", self.dataset, DATASETS)
        if not 0 < self.val_share < 1:
            raise ValueError(
                "`val_share` must lie between 0 and 1. "
                f"Received: val_share={self.val_share}."
            )
        foreign = {
            "images": ("folder",),
            "masks": ("folder",),
            "val_images": ("folder",),
            "val_masks": ("folder",),
            "num_classes": ("folder",),
            "binary": ("folder",),
            "labels": ("folder", "voc"),
            "ignore_class": ("folder", "voc"),
            "data_dir": ("voc", "sbd", "voc2011_sbd", "oxford_iiit_pet"),
        }
        defaults = {
            field.name: field.default for field in dataclasses.fields(DataConfig)
        }
        for name, datasets in foreign.items():
            value = getattr(self, name)
            if value != defaults[name] and self.dataset not in datasets:
                raise ValueError(
                    f"`{name}` belongs to the data sets {list(datasets)}. "
                    f"Received: {name}={value!r} with dataset={self.dataset!r}."
                )
        if self.dataset == "folder":
            self._require_folders()
        if self.dataset in ("voc", "sbd", "voc2011_sbd") and self.data_dir is None:
            raise ValueError(
                "`data_dir` must be the folder of the data set, `VOCdevkit/VOC2012` "
                f"for example. Received: data_dir=None with dataset={self.dataset!r}."
            )

    def open_both(self, **options: Any) -> tuple[SampleSource, SampleSource]:
        """Open what is trained and what is validated on.

        Both number the classes alike, whatever each folder would say of itself.

        Args:
            options: As in `open_split`.

        Returns:
            Two data sets without a common sample, unless the user asks for one split
            twice.
        """
        training = self.open_split(self.split, **options)
        if self._holds_out():
            return hold_out(training, self.val_share, self.seed)
        alike = dataclasses.replace(self, class_names=training.class_names)
        return training, alike.open_validation(**options)

    def open_training(self, **options: Any) -> SampleSource:
        """Open what is trained on; options as in `open_split`."""
        if self._holds_out():
            return self.open_both(**options)[0]
        return self.open_split(self.split, **options)

    def open_validation(self, **options: Any) -> SampleSource:
        """Open what is validated on; options as in `open_split`."""
        if self._holds_out():
            return self.open_both(**options)[1]
        if self.dataset == "folder":
            return self._open_folder(
                self.val_images, self.val_masks, options.get("missing_ok", False)
            )
        split = self.val_split or SPLITS[self.dataset][1] or "val"
        return self.open_split(split, **options)

    def with_validation(self, changes: Mapping[str, Any]) -> DataConfig:
        """Return a configuration with the same classes that validates on other data.

        Args:
            changes: What differs, by name. With another `dataset` nothing but the
                classes is kept.

        Returns:
            A `DataConfig`.
        """
        names = [field.name for field in dataclasses.fields(DataConfig)]
        if changes.get("dataset", self.dataset) != self.dataset:
            names = ["class_names", "seed"]
        settings = {name: getattr(self, name) for name in names} | {**changes}
        if settings.get("dataset") == "folder":
            settings.setdefault("images", settings.get("val_images"))
            settings.setdefault("masks", settings.get("val_masks"))
        return DataConfig(**settings)

    def describe_validation(self) -> str:
        """Return in a few words what is validated on."""
        if self._holds_out():
            return f"held out {self.val_share:.0%}"
        return self.val_split or SPLITS[self.dataset][1] or "val"

    def describe_training(self) -> str:
        """Return in a few words what is trained on."""
        return self.split or SPLITS[self.dataset][0] or "train"

    def open_split(
        self,
        split: str | None = None,
        *,
        progress: Callable[[Iterable], Iterable] = iter,
        missing_ok: bool = False,
    ) -> SampleSource:
        """Open one split, whole: nothing is held out of it.

        Args:
            split: Its name. Defaults to `None`: the data set's own for training.
            progress: Wraps the loop over files that have to be converted first.
                Defaults to nothing.
            missing_ok: As in `FileSource`.
        """
        split = split or SPLITS[self.dataset][0]
        folder = self.data_dir or ""
        if self.dataset == "shapes":
            return Shapes(split or "train")
        if self.dataset == "voc":
            return VOCSegmentation(
                folder,
                split,
                self.class_names,
                labels=self.labels,
                ignore_class=self.ignore_class,
                missing_ok=missing_ok,
            )
        if self.dataset == "sbd":
            return SBDSegmentation(
                folder, split or "train", progress=progress, missing_ok=missing_ok
            )
        if self.dataset == "voc2011_sbd":
            return load_voc2011_sbd(
                folder, split or "train", progress=progress, missing_ok=missing_ok
            )
        if self.dataset == "oxford_iiit_pet":
            from .tfds_source import load_oxford_iiit_pet

            return load_oxford_iiit_pet(split or "train", self.data_dir)
        return self._open_folder(self.images, self.masks, missing_ok)

    def splits(self) -> list[str]:
        """Return the names of the splits that there are."""
        if self.dataset == "voc":
            return split_lists(find_voc_root(self.data_dir or ""))
        return [split for split in SPLITS[self.dataset] if split]

    def _open_folder(
        self, images: str | None, masks: str | None, missing_ok: bool
    ) -> SampleSource:
        return FolderSegmentation(
            images or "",
            masks or "",
            self.num_classes,
            class_names=self.class_names,
            labels=self.labels,
            ignore_class=self.ignore_class,
            binary=self.binary,
            missing_ok=missing_ok,
        )

    def _holds_out(self) -> bool:
        """Return whether validation is a share of what there is to train on."""
        if self.dataset == "folder":
            return self.val_images is None
        if self.dataset != "voc" or self.val_split:
            return False
        return "val" not in self.splits()

    def _require_folders(self) -> None:
        for one, other in (("images", "masks"), ("val_images", "val_masks")):
            given = getattr(self, one), getattr(self, other)
            if (given[0] is None) != (given[1] is None) or (
                one == "images" and given[0] is None
            ):
                raise ValueError(
                    f"`{one}` and `{other}` must both be folders. "
                    f"Received: {one}={given[0]!r}, {other}={given[1]!r}."
                )
        for name in ("split", "val_split"):
            if getattr(self, name) is not None:
                raise ValueError(
                    f"`{name}` does not belong to folders of images and masks. "
                    f"Received: {name}={getattr(self, name)!r}. Use `val_images` and "
                    "`val_masks`, or `val_share`."
                )

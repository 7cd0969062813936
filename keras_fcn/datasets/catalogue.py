"""The data sets that can be opened by name, in a few words each."""

from __future__ import annotations

from dataclasses import dataclass

from .readers.sbd import SEG11VALID


@dataclass(frozen=True)
class Description:
    """A data set in a few words.

    Attributes:
        what: What it holds.
        source: Where it comes from.
    """

    what: str
    source: str


DESCRIPTIONS = {
    "shapes": Description(
        "500 small pictures of circles, squares, triangles and stars", "generated"
    ),
    "voc": Description(
        "a folder in the layout of PASCAL VOC: VOC2007, 2011, 2012, or an export of "
        "CVAT or labelme",
        "--data-dir; `keras-fcn data prepare --dataset voc2012` downloads 2 GB",
    ),
    "sbd": Description(
        "Semantic Boundaries Dataset: VOC's 21 classes, 8,498 + 2,857 photos, no void",
        "--data-dir; `keras-fcn data prepare --dataset sbd` downloads 1.4 GB",
    ),
    "voc2011_sbd": Description(
        "the paper's: train on SBD's 8,498, validate on the 736 of seg11valid",
        "--data-dir; `keras-fcn data prepare --dataset voc2011_sbd` downloads both",
    ),
    "folder": Description(
        "photos and masks of your own: index, palette or coloured PNGs, black and "
        "white ones, or labelme's .json",
        "--images and --masks",
    ),
    "oxford_iiit_pet": Description(
        "cats and dogs: pet, background, border; 3,680 + 3,669 photos",
        "TensorFlow Datasets, which downloads 0.8 GB",
    ),
}
DATASETS = tuple(DESCRIPTIONS)

# What each data set is trained and validated on unless said otherwise. `None`: by the
# lists in its folder.
SPLITS: dict[str, tuple[str | None, str | None]] = {
    "shapes": ("train", "val"),
    "voc": (None, None),
    "sbd": ("train", "val"),
    "voc2011_sbd": ("train", SEG11VALID),
    "folder": (None, None),
    "oxford_iiit_pet": ("train", "test"),
}

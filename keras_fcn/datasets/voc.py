"""PASCAL VOC: its classes, its colours, and its folder."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from ..images import image_size, read_image, read_label
from .sample_source import SampleSource

VOC_CLASSES = (
    *("background", "aeroplane", "bicycle", "bird", "boat", "bottle", "bus", "car"),
    *("cat", "chair", "cow", "diningtable", "dog", "horse", "motorbike", "person"),
    *("pottedplant", "sheep", "sofa", "train", "tvmonitor"),
)


def voc_palette() -> np.ndarray:
    """The colours that PASCAL VOC gives to the labels 0..255.

    The bits of a label are dealt to red, green and blue in turn, each colour filled
    from its highest bit down, so that near labels get far colours.

    Returns:
        Array `(256, 3)`, uint8 RGB.

    Example:
        >>> palette = voc_palette()
        >>> palette[1].tolist(), palette[15].tolist(), palette[255].tolist()
        ([128, 0, 0], [192, 128, 128], [224, 224, 192])

    Reference:
        `VOClabelcolormap.m` of the VOC2012 development kit.
    """
    labels = np.arange(256)
    colours = np.zeros((256, 3), int)
    for bit in range(8):
        for channel in range(3):
            value = (labels >> (3 * bit + channel)) & 1
            colours[:, channel] |= value << (7 - bit)
    return colours.astype("uint8")


class VOCSegmentation(SampleSource):
    """A folder of images and label PNGs in the layout of PASCAL VOC.

    `JPEGImages/ID.jpg`, `SegmentationClass/ID.png` (palette or grey, pixels are
    class indices, 255 void) and lists of ids, one a line, in
    `ImageSets/Segmentation/SPLIT.txt`.

    Args:
        data_dir: The folder `VOCdevkit/VOC2012`, or `VOCdevkit`, or the one above.
        split: Name of the list: `"train"`, `"val"`, `"trainval"`, ... Defaults to
            `"train"`.
        class_names: Names of the classes, the background first. Defaults to the 21
            of PASCAL VOC.

    Raises:
        FileNotFoundError: If a folder, an image or a label image is missing; the
            message lists the first ones.
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
        split: str = "train",
        class_names: tuple[str, ...] = VOC_CLASSES,
    ):
        self.root = _find_root(Path(data_dir))
        self.split = split
        self.class_names = tuple(class_names)
        self.names = _read_list(self.root / "ImageSets" / "Segmentation", split)
        self.images = [self.root / "JPEGImages" / f"{n}.jpg" for n in self.names]
        self.labels = [self.root / "SegmentationClass" / f"{n}.png" for n in self.names]
        missing = [str(f) for f in (*self.images, *self.labels) if not f.is_file()]
        if missing:
            raise FileNotFoundError(
                f"Every id in {split}.txt must have an image and a label image. "
                f"Missing: {len(missing)} files, the first {missing[:3]}."
            )

    def __getitem__(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        return read_image(self.images[index]), self.label(index)

    def label(self, index: int) -> np.ndarray:
        return read_label(self.labels[index])

    def image_size(self, index: int) -> tuple[int, int]:
        return image_size(self.images[index])


def _find_root(folder: Path) -> Path:
    """Return the folder that holds `ImageSets/Segmentation`, at most two below."""
    if not folder.is_dir():
        raise FileNotFoundError(f"There is no folder {str(folder)!r}.")
    for above in ("", "VOC*/", "VOCdevkit/VOC*/"):
        lists = folder.glob(f"{above}ImageSets/Segmentation")
        found = sorted(path.parents[1] for path in lists)
        if found:
            return found[-1]  # the newest year
    raise FileNotFoundError(
        "A VOC folder must hold `JPEGImages`, `SegmentationClass` and "
        f"`ImageSets/Segmentation`. Received: {str(folder)!r}, without them, and "
        "without a `VOCdevkit/VOC2012` that has them."
    )


def _read_list(folder: Path, split: str) -> tuple[str, ...]:
    file = folder / f"{split}.txt"
    if not file.is_file():
        splits = sorted(f.stem for f in folder.glob("*.txt"))
        raise ValueError(
            f"`split` must be one of {splits}, the lists in {str(folder)!r}. "
            f"Received: split={split!r}."
        )
    # Windows' editors begin a file with a mark, which `-sig` drops.
    lines = file.read_text(encoding="utf-8-sig").splitlines()
    # An image listed twice would count twice in the scores.
    ids = dict.fromkeys(line.strip() for line in lines)
    names = tuple(name for name in ids if name)
    if not names:
        raise ValueError(
            f"A split must list at least one image. {str(file)!r} is empty."
        )
    return names

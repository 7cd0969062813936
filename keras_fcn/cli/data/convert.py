"""`keras-fcn data convert`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .. import options


def convert(
    output: Annotated[
        Path, typer.Option("--output", "-o", help="New folder, in VOC's layout.")
    ],
    dataset: options.Dataset = None,
    data_dir: options.DataDir = None,
    split: options.Split = None,
    val_split: options.ValSplit = None,
    images: options.Images = None,
    masks: options.Masks = None,
    val_images: options.ValImages = None,
    val_masks: options.ValMasks = None,
    val_share: options.ValShare = 0.1,
    num_classes: options.NumClasses = None,
    labels: options.Labels = None,
    ignore_class: options.IgnoreClass = 255,
    binary: options.Binary = False,
    seed: options.Seed = 0,
) -> None:
    """Write a data set in the layout of PASCAL VOC: train, val and palette PNGs.

    Example, labelme's files:
        keras-fcn data convert --images photos --masks photos --output voc_layout
    """
    settings = options.with_dataset(locals())
    from ...datasets import DataConfig, convert_to_voc
    from ..console import bar, print_path

    settings.pop("output")
    config = DataConfig(**settings)
    training, validation = config.open_both(progress=bar("Converting labels"))
    convert_to_voc({"train": training, "val": validation}, output, bar("Writing"))
    print_path(f"{len(training)} samples in train, {len(validation)} in val", output)

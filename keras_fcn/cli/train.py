"""`keras-fcn train`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from . import options


def train(
    run_dir: Annotated[
        Path,
        typer.Option(
            "--run-dir", "--output-dir", help="New folder for everything of this run."
        ),
    ],
    model: Annotated[
        Literal["fcn32s", "fcn16s", "fcn8s"], typer.Option(help="Network.")
    ] = "fcn8s",
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
    epochs: Annotated[int, typer.Option(help="Times each sample is seen.")] = 20,
    batch_size: Annotated[
        int, typer.Option("--batch-size", "-b", help="Samples per step.")
    ] = 8,
    crop_size: Annotated[
        int | None,
        typer.Option(
            help="Pixels a side of training cuts; 0: native sizes. "
            "By default 64 for shapes, else 320.",
            show_default=False,
        ),
    ] = None,
    augment: Annotated[
        bool, typer.Option(help="Scale and flip training samples at random.")
    ] = True,
    scale_range: Annotated[
        tuple[float, float],
        typer.Option(metavar="LOW HIGH", help="Factors of that scaling."),
    ] = (0.5, 2.0),
    cache: Annotated[
        bool,
        typer.Option("--cache", help="Keep decoded samples in memory, up to 4 GiB."),
    ] = False,
    optimizer: Annotated[
        Literal["adam", "adamw", "sgd"], typer.Option(help="Optimiser.")
    ] = "adam",
    lr: Annotated[
        float | None,
        typer.Option(
            help="First learning rate; it falls to 0. By default 1e-4, for sgd "
            "1e-3, and 5 times that from scratch.",
            show_default=False,
        ),
    ] = None,
    momentum: Annotated[float, typer.Option(help="Of sgd.")] = 0.9,
    weight_decay: Annotated[
        float, typer.Option("--weight-decay", "--wd", help="Of sgd and adamw.")
    ] = 0.0,
    loss: Annotated[
        Literal["mean", "sum"],
        typer.Option(help="Over valid pixels; the paper's is the sum."),
    ] = "mean",
    weights: Annotated[
        str,
        typer.Option(
            help="'imagenet' (a download), 'none' (from scratch), or a weights file."
        ),
    ] = "imagenet",
    backbone: Annotated[
        Literal["vgg16", "vgg19"], typer.Option(help="Backbone.")
    ] = "vgg16",
    topology: Annotated[
        Literal["paper", "same", "pointwise"],
        typer.Option(help="'paper' pads the image by 100; 'same' costs about half."),
    ] = "paper",
    upsampling: Annotated[
        Literal["fixed", "learned"], typer.Option(help="Bilinear, or learned from it.")
    ] = "fixed",
    width: Annotated[
        float, typer.Option(help="Factor on all channels, for small machines.")
    ] = 1.0,
    dropout: Annotated[float, typer.Option(help="Rate after fc6 and fc7.")] = 0.5,
    seed: options.Seed = 0,
) -> None:
    """Train a network and keep its weights, scores and pictures in a folder.

    Example, photos and masks of your own, three classes:

        keras-fcn train --images photos --masks masks --num-classes 3
        --run-dir runs/own

    Example, VOC on one GPU:

        keras-fcn train --dataset voc --data-dir VOCdevkit --run-dir runs/voc

    Example, without data, download or GPU:

        keras-fcn train --weights none --width 0.125 --run-dir runs/first
    """
    settings = options.with_dataset(locals())
    from ..runs import LEARNING_RATES, RunConfig
    from ..training import train as fit
    from .console import bar, console, print_data_report

    settings.pop("run_dir")
    if crop_size is None:
        settings["crop_size"] = 64 if settings["dataset"] == "shapes" else 320
    if lr is None:
        settings["lr"] = LEARNING_RATES[optimizer] * (5 if weights == "none" else 1)
    config = RunConfig(**settings)
    try:
        history = fit(
            config,
            run_dir,
            on_checked=print_data_report,
            progress=bar("Reading photos and masks"),
        )
    except KeyboardInterrupt:
        console.print(f"[yellow]Interrupted. Finished epochs are kept in {run_dir}.")
        raise
    best = max(history["val_mean_iou"])
    epoch = history["val_mean_iou"].index(best) + 1
    console.print(f"Best validation mean IoU {100 * best:.2f} % in epoch {epoch}.")
    console.print(f"Weights, log and pictures: [bold]{run_dir}")

"""`keras-fcn train`."""

from __future__ import annotations

import shlex
from functools import partial
from pathlib import Path
from typing import Annotated, Literal

import typer

from . import options

NETWORK, SAMPLES, OPTIMISER = "Network", "Samples and steps", "Optimiser"
RESUMING = "Stopping and going on"


def train(
    context: typer.Context,
    run_dir: Annotated[
        Path,
        typer.Option(
            "--run-dir", "--output-dir", help="Folder for everything of this run."
        ),
    ],
    resume: Annotated[
        bool,
        typer.Option(
            "--resume",
            help="Go on where the run in that folder stopped, with what it was told; "
            "begin it if there is none.",
            rich_help_panel=RESUMING,
        ),
    ] = False,
    allow_config_change: Annotated[
        bool,
        typer.Option(
            "--allow-config-change",
            help="Go on in spite of other settings or other data.",
            rich_help_panel=RESUMING,
        ),
    ] = False,
    checkpoint_minutes: Annotated[
        float,
        typer.Option(
            help="Between checkpoints within an epoch; after each epoch there is one.",
            rich_help_panel=RESUMING,
        ),
    ] = 10.0,
    checkpoint_steps: Annotated[
        int | None,
        typer.Option(
            help="The same, in steps.", show_default=False, rich_help_panel=RESUMING
        ),
    ] = None,
    deterministic: Annotated[
        bool,
        typer.Option(
            "--deterministic",
            help="The same bits each time, resumed or not; some operations are slower.",
            rich_help_panel=RESUMING,
        ),
    ] = False,
    recipe: Annotated[
        str | None,
        typer.Option(
            help="A whole training by name: 'voc_fcn32s', the paper's, and others. "
            "What you say beside it counts more. `keras-fcn recipes` lists them.",
            show_default=False,
        ),
    ] = None,
    from_run: Annotated[
        str | None,
        typer.Option(
            "--from",
            metavar="RUN",
            help="Begin with the weights of this run, published folder or "
            "hf://USER/NAME, layer by layer and class by class; its backbone, "
            "topology, upsampling and width are taken over.",
            show_default=False,
        ),
    ] = None,
    model: Annotated[
        Literal["fcn32s", "fcn16s", "fcn8s", "fcn8s_atonce"],
        typer.Option(help="Network.", rich_help_panel=NETWORK),
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
    epochs: Annotated[
        int, typer.Option(help="Times each sample is seen.", rich_help_panel=SAMPLES)
    ] = 20,
    steps_per_epoch: Annotated[
        int,
        typer.Option(
            help="Steps between two validations; 0: each sample once.",
            rich_help_panel=SAMPLES,
        ),
    ] = 0,
    batch_size: Annotated[
        int,
        typer.Option(
            "--batch-size", "-b", help="Samples per step.", rich_help_panel=SAMPLES
        ),
    ] = 8,
    accumulate: Annotated[
        int,
        typer.Option(
            help="Steps whose gradients are averaged for one update.",
            rich_help_panel=SAMPLES,
        ),
    ] = 1,
    crop_size: Annotated[
        int | None,
        typer.Option(
            help="Pixels a side of training cuts; 0: native sizes. "
            "By default 64 for shapes, else 320.",
            show_default=False,
            rich_help_panel=SAMPLES,
        ),
    ] = None,
    augment: Annotated[
        bool,
        typer.Option(
            help="Scale and flip training samples at random.", rich_help_panel=SAMPLES
        ),
    ] = True,
    scale_range: Annotated[
        tuple[float, float],
        typer.Option(
            metavar="LOW HIGH", help="Factors of that scaling.", rich_help_panel=SAMPLES
        ),
    ] = (0.5, 2.0),
    cache: Annotated[
        bool,
        typer.Option(
            "--cache",
            help="Keep decoded samples in memory, up to 4 GiB.",
            rich_help_panel=SAMPLES,
        ),
    ] = False,
    optimizer: Annotated[
        Literal["adam", "adamw", "sgd", "caffe_sgd"],
        typer.Option(
            help="Optimiser; 'caffe_sgd' is the paper's.", rich_help_panel=OPTIMISER
        ),
    ] = "adam",
    lr: Annotated[
        float | None,
        typer.Option(
            help="First learning rate. By default 1e-4, for both sgd 1e-3, and 5 "
            "times that from scratch.",
            show_default=False,
            rich_help_panel=OPTIMISER,
        ),
    ] = None,
    lr_policy: Annotated[
        Literal["poly", "fixed"],
        typer.Option(help="'poly' lets it fall to 0.", rich_help_panel=OPTIMISER),
    ] = "poly",
    momentum: Annotated[
        float, typer.Option(help="Of both sgd.", rich_help_panel=OPTIMISER)
    ] = 0.9,
    weight_decay: Annotated[
        float,
        typer.Option(
            "--weight-decay", "--wd", help="Of all but adam.", rich_help_panel=OPTIMISER
        ),
    ] = 0.0,
    doubled_biases: Annotated[
        Literal["none", "scores", "all"],
        typer.Option(
            help="Whose biases learn at twice the rate and without decay, with "
            "caffe_sgd; the paper's: all.",
            rich_help_panel=OPTIMISER,
        ),
    ] = "none",
    loss: Annotated[
        Literal["mean", "sum"],
        typer.Option(
            help="Over valid pixels; the paper's is the sum.", rich_help_panel=OPTIMISER
        ),
    ] = "mean",
    precision: Annotated[
        options.PrecisionName,
        typer.Option(
            help="'auto' takes a mixed one where this machine is faster with it.",
            rich_help_panel=OPTIMISER,
        ),
    ] = "float32",
    mixed_precision: Annotated[
        bool,
        typer.Option(
            "--mixed-precision",
            help="The same as --precision auto.",
            rich_help_panel=OPTIMISER,
        ),
    ] = False,
    jit: Annotated[
        Literal["auto", "on", "off"],
        typer.Option(
            help="Compile the network with XLA or torch.compile; again for each size "
            "of image. 'auto' does so with JAX.",
            rich_help_panel=OPTIMISER,
        ),
    ] = "auto",
    weights: Annotated[
        str,
        typer.Option(
            help="'imagenet' (a download), 'none' (from scratch), a weights file, or "
            "published weights by name: `keras-fcn convert --list`.",
            rich_help_panel=NETWORK,
        ),
    ] = "imagenet",
    backbone: Annotated[
        str,
        typer.Option(
            help="vgg16, vgg19, alexnet, googlenet, or one of Keras': ResNet50, "
            "MobileNetV2, ConvNeXtTiny, ...",
            rich_help_panel=NETWORK,
        ),
    ] = "vgg16",
    preprocessing: Annotated[
        Literal["backbone", "caffe", "torch", "tf", "none"],
        typer.Option(
            help="Of images, in the network: by default the backbone's.",
            rich_help_panel=NETWORK,
        ),
    ] = "backbone",
    topology: Annotated[
        Literal["paper", "same", "pointwise"] | None,
        typer.Option(
            help="'paper' pads the image by 100; 'same' costs about half. By default "
            "'paper' where the backbone has it.",
            show_default=False,
            rich_help_panel=NETWORK,
        ),
    ] = None,
    upsampling: Annotated[
        Literal["fixed", "learned"],
        typer.Option(help="Bilinear, or learned from it.", rich_help_panel=NETWORK),
    ] = "fixed",
    width: Annotated[
        float,
        typer.Option(
            help="Factor on all channels, for small machines.", rich_help_panel=NETWORK
        ),
    ] = 1.0,
    dropout: Annotated[
        float, typer.Option(help="Rate after fc6 and fc7.", rich_help_panel=NETWORK)
    ] = 0.5,
    seed: options.Seed = 0,
    distribute: Annotated[
        Literal["none", "data"],
        typer.Option(
            help="'data' shares each batch out among all GPUs of this machine, and "
            "with JAX of several. --batch-size is that of all.",
            rich_help_panel=SAMPLES,
        ),
    ] = "none",
    tensorboard: Annotated[
        bool,
        typer.Option(
            "--tensorboard",
            help="Write RUN/tensorboard too: curves, predictions and confusions of "
            "each epoch. A resumed run goes on with it.",
        ),
    ] = False,
) -> None:
    """Train a network and keep its weights, scores and pictures in a folder.

    Example, photos and masks of your own, three classes:

        keras-fcn train --images photos --masks masks --num-classes 3
        --run-dir runs/own

    Example, VOC on one GPU:

        keras-fcn train --dataset voc --data-dir VOCdevkit --run-dir runs/voc

    Example, the paper's FCN-16s, from an FCN-32s trained before:

        keras-fcn train --recipe voc_fcn16s --from runs/32s --data-dir VOC2011
        --run-dir runs/16s

    Example, without data, download or GPU:

        keras-fcn train --weights none --width 0.125 --run-dir runs/first

    Ctrl-C stops after the step, a second one at once. To go on after either:

        keras-fcn train --run-dir runs/first --resume
    """
    from ..distribution import join_processes
    from ..runs import CONFIG, RunConfig
    from ..training import train as fit
    from .console import (
        bar,
        console,
        print_data_report,
        print_inheritance,
        print_path,
        print_plain,
    )

    join_processes(distribute)  # before a device is asked for
    going_on = resume and (run_dir / CONFIG).exists()
    config = RunConfig(
        **options.with_run(context, run_dir)
        if going_on
        else options.with_recipe(context)
    )
    if config.precision != "float32":
        console.print(f"Computing in {config.precision}.")
    try:
        fit(
            config,
            run_dir,
            resume=resume,
            allow_config_change=allow_config_change,
            checkpoint_steps=checkpoint_steps,
            checkpoint_minutes=checkpoint_minutes,
            tensorboard=tensorboard,
            distribute=distribute,
            on_checked=print_data_report,
            on_inherited=partial(print_inheritance, config.from_run),
            progress=bar("Reading photos and masks"),
            tell=print_plain,
        )
    except (KeyboardInterrupt, SystemExit):
        again = f"keras-fcn train --run-dir {shlex.quote(str(run_dir))} --resume"
        print_plain(f"To go on: {again}")
        raise
    print_path("Weights, log and pictures", run_dir)
    if (run_dir / "tensorboard").is_dir():
        command = shlex.join(["tensorboard", "--logdir", str(run_dir / "tensorboard")])
        print_plain(f"To look at them: {command}")

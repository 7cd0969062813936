"""`keras-fcn convert`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer
from rich.markup import escape

from .options import PANEL, DataDir, DatasetName

if TYPE_CHECKING:
    from ..weights import LoadReport


def convert(
    source: Annotated[
        str | None,
        typer.Argument(
            metavar="SOURCE",
            help="A .caffemodel, .pth, .pt or .safetensors file, or a name in --list.",
            show_default=False,
        ),
    ] = None,
    run_dir: Annotated[
        Path | None,
        typer.Option(
            "--run-dir",
            "--output-dir",
            help="New folder, which predict and evaluate read.",
            show_default=False,
        ),
    ] = None,
    list_all: Annotated[
        bool, typer.Option("--list", help="List the weights that have a name, and end.")
    ] = False,
    model: Annotated[
        Literal["fcn32s", "fcn16s", "fcn8s", "fcn8s_atonce"] | None,
        typer.Option(
            help="Network. By default by the scores in the file.", show_default=False
        ),
    ] = None,
    backbone: Annotated[
        str | None,
        typer.Option(help="Backbone. By default by the tensors.", show_default=False),
    ] = None,
    topology: Annotated[
        Literal["paper", "same", "pointwise"] | None,
        typer.Option(
            help="By default 'pointwise' if fc6 is 1x1, else the backbone's own.",
            show_default=False,
        ),
    ] = None,
    upsampling: Annotated[
        Literal["fixed", "learned"] | None,
        typer.Option(
            help="By default 'fixed' if all kernels are bilinear.", show_default=False
        ),
    ] = None,
    preprocessing: Annotated[
        Literal["caffe", "torch", "tf", "none"] | None,
        typer.Option(
            help="What the network expects of an image: BGR less the mean; RGB "
            "normalized as torchvision does; RGB from -1 to 1; RGB from 0 to 255. By "
            "default what is known of such files.",
            show_default=False,
        ),
    ] = None,
    labels: Annotated[
        Path | None,
        typer.Option(
            help="Names of the classes, one a line. By default VOC's, if there are 21.",
            show_default=False,
        ),
    ] = None,
    dataset: Annotated[
        DatasetName,
        typer.Option(
            help="What evaluate scores the run on unless told otherwise.",
            rich_help_panel=PANEL,
        ),
    ] = "shapes",
    data_dir: DataDir = None,
) -> None:
    """Make a run of a network that others have trained, without Caffe or PyTorch.

    The tensors in the file tell which network it is. Published weights are
    downloaded once and checked. Every tensor is accounted for, or nothing is
    written.

    Example, Berkeley's FCN-8s, on a photo of your own:

        keras-fcn convert fcn8s-heavy-pascal --run-dir runs/berkeley

        keras-fcn predict runs/berkeley photo.jpg

    Example, a network that you have trained with PyTorch:

        keras-fcn convert net.pth --preprocessing torch --labels names.txt
        --run-dir runs/torch

    Example, what there is to download:

        keras-fcn convert --list
    """
    from .console import download_bar, print_path

    if list_all:
        _print_published()
        return
    if source is None or run_dir is None:
        raise typer.BadParameter("SOURCE and --run-dir must both be given, or --list.")
    from ..datasets.readers.label_names import read_label_names
    from ..pretrained import convert as make

    with download_bar() as progress:
        report = make(
            source,
            run_dir,
            model=model,
            backbone=backbone,
            topology=topology,
            upsampling=upsampling,
            preprocessing=preprocessing,
            class_names=read_label_names(labels).class_names if labels else None,
            dataset=dataset,
            data_dir=data_dir,
            progress=progress,
        )
    _print_report(report)
    print_path("Ready for predict and evaluate", run_dir)


def _print_published() -> None:
    from ..weights import PUBLISHED
    from .console import console, print_table

    fcns = [
        [
            *(weights.name, weights.model or "", weights.backbone),
            *(_megabytes(weights.size), f"{weights.mean_iu:.1f}"),
        ]
        for weights in PUBLISHED.values()
        if weights.mean_iu is not None
    ]
    columns = ["name", "network", "backbone", "size", "mean IU"]
    print_table("FCNs, mean IU in percent on seg11valid", columns, fcns)
    classifiers = [
        [weights.name, weights.backbone, _megabytes(weights.size)]
        for weights in PUBLISHED.values()
        if weights.kind == "imagenet"
    ]
    print_table("ImageNet classifiers", ["name", "backbone", "size"], classifiers)
    for weights in PUBLISHED.values():
        by_hand = " (in a browser)" if weights.by_hand else ""
        # Not wrapped: an address is for copying.
        line = f"{weights.name}{by_hand}: {weights.urls[0]}"
        console.print(line, soft_wrap=True, highlight=False)


def _megabytes(size: int | None) -> str:
    return "" if size is None else f"{size / 1e6:.0f} MB"


def _print_report(report: LoadReport) -> None:
    from .console import console, print_table

    rows = [
        [name, _shown(tensor.shape), tensor.name, _shown(tensor.file_shape)]
        for name, tensor in report.matched.items()
    ]
    columns = ["variable", "shape", "tensor of the file", "shape"]
    print_table(Path(report.path).name, columns, rows)
    counts = ", ".join(f"{number} {word}" for word, number in report.counts.items())
    console.print(f"Tensors: {counts}.", highlight=False)
    for title, names in (
        ("Bilinear, computed without weights", report.bilinear),
        ("Left over", report.left_over),
    ):
        if names:
            listed = escape(", ".join(names))
            console.print(f"{title}: {listed}.", highlight=False)


def _shown(shape: tuple[int, ...]) -> str:
    """Return a shape as `7 x 7 x 512`."""
    return " x ".join(map(str, shape))

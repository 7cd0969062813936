"""`keras-fcn report`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from . import options


def report(
    context: typer.Context,
    run: options.RunFolder,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            metavar="FILE.html",
            help="The page to write. By default RUN/report.html.",
            show_default=False,
        ),
    ] = None,
    samples: Annotated[
        int, typer.Option(min=0, help="Best photos to show, and worst ones.")
    ] = 4,
    dataset: options.OwnDataset = None,
    data_dir: options.DataDir = None,
    split: options.RunSplit = None,
    images: options.Images = None,
    masks: options.Masks = None,
    labels: options.Labels = None,
    ignore_class: options.RunIgnoreClass = None,
    binary: options.RunBinary = None,
    weights: options.RunWeights = "best",
    precision: options.Precision = "float32",
) -> None:
    """Show a run on one page: scores, curves, confusions, the best and worst photos.

    The page is one HTML file to open, mail or print; it needs no network. The run
    is scored for it, each photo once.

    Example:
        keras-fcn report runs/voc

    Example, on another split, and more photos:
        keras-fcn report runs/voc --split seg11valid --samples 12 -o voc.html
    """
    from ..report import write_report
    from ..runs import read_config
    from .console import bar, print_path, print_precision

    page = write_report(
        run,
        output,
        data=options.scored_data(read_config(run), context.params),
        weights=weights,
        samples=samples,
        precision=print_precision(precision),
        progress=bar,
    )
    print_path("Report", page)

"""`keras-fcn data prepare`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer


def prepare(
    dataset: Annotated[
        Literal[
            "voc2007", "voc2011", "voc2012", "sbd", "voc2011_sbd", "oxford_iiit_pet"
        ],
        typer.Option(help="Which data set; 'voc2011_sbd' is the paper's."),
    ],
    data_dir: Annotated[
        Path,
        typer.Option(help="Folder that will hold VOCdevkit or benchmark_RELEASE."),
    ],
    archive: Annotated[
        list[Path] | None,
        typer.Option(
            help="An archive that you have already: checked, and not downloaded. Give "
            "the option again for another.",
            show_default=False,
        ),
    ] = None,
    voc_root: Annotated[
        Path | None,
        typer.Option(
            help="A VOCdevkit that you have unpacked already, for --tfds.",
            show_default=False,
        ),
    ] = None,
    tfds: Annotated[
        bool,
        typer.Option(
            "--tfds",
            help="Build the TFDS data set voc_segmentation of it too.",
        ),
    ] = False,
    tfds_dir: Annotated[
        Path | None,
        typer.Option(help="TFDS' folder. By default its own.", show_default=False),
    ] = None,
) -> None:
    """Download, check and unpack a data set; what is there already is kept.

    Mirrors are tried in turn, an interrupted download goes on where it stopped,
    and nothing is unpacked whose checksum is wrong.

    Example:
        keras-fcn data prepare --dataset voc2011_sbd --data-dir data
    """
    from ...datasets import prepare as get
    from ..console import download_bar, print_path

    with download_bar() as progress:
        folders = get(
            dataset,
            data_dir,
            archives=archive or (),
            voc_root=voc_root,
            tfds=tfds,
            tfds_dir=tfds_dir,
            progress=progress,
        )
    for folder in folders:
        print_path("Ready", folder)

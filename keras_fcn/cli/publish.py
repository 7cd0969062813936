"""`keras-fcn publish`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from . import options


def publish(
    run: options.RunFolder,
    output: Annotated[
        Path,
        typer.Option(
            "--output",
            "-o",
            metavar="FOLDER",
            help="Folder to write: new, empty, or an earlier publication.",
        ),
    ],
    to: Annotated[
        str | None,
        typer.Option(
            metavar="hf://USER/NAME",
            help="Upload it to the Hugging Face Hub.",
            show_default=False,
        ),
    ] = None,
    private: Annotated[
        bool, typer.Option("--private", help="Make a new repository private.")
    ] = False,
    license: Annotated[
        str | None,
        typer.Option(
            help="Licence of the weights, as the Hub names it: apache-2.0, mit, "
            "cc-by-4.0, ...",
            show_default=False,
        ),
    ] = None,
    author: Annotated[
        str | None, typer.Option(help="Who made it, for the card.", show_default=False)
    ] = None,
    scores: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Scores for the card, of `keras-fcn evaluate --json`. By default "
            "those in the training's log.",
            show_default=False,
        ),
    ] = None,
    pictures: Annotated[
        bool,
        typer.Option(
            "--pictures/--no-pictures",
            help="Add the newest predictions. They show photos of the validation.",
        ),
    ] = False,
) -> None:
    r"""Write a trained network as a folder that others can use, and upload it.

    The folder holds the best weights (model.safetensors), what the network is
    (config.json) and a model card (README.md): classes, recipe, scores, how to
    use it. No path of this machine is in it, and no photo unless you ask.

    To upload: pip install "keras-fcn\[hub]", then log in with hf auth login, or
    set HF_TOKEN.

    Example:
        keras-fcn publish runs/voc --output published --license apache-2.0

    Example, to the Hub, with scores on other photos than the training's:
        keras-fcn evaluate runs/voc --split seg11valid --json scores.json

        keras-fcn publish runs/voc --output published --scores scores.json
        --to hf://user/fcn8s-voc
    """
    from ..sharing import publish as write
    from .console import print_path, print_plain

    published = write(
        run,
        output,
        to=to,
        private=private,
        license=license,
        author=author,
        scores=scores,
        pictures=pictures,
    )
    print_path(f"Published, {published.size / 1e6:.1f} MB", published.folder)
    if published.url is not None:
        print_path("On the Hub", published.url)
    source = published.address or published.folder
    print_plain(f"To use it: keras-fcn predict {source} PHOTO")

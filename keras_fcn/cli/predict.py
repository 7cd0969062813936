"""`keras-fcn predict`."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Annotated

import typer

from . import options


def predict(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="Folder of a training.")],
    images: Annotated[
        list[Path], typer.Argument(metavar="IMAGE|FOLDER...", help="Photos to label.")
    ],
    output_dir: Annotated[
        Path, typer.Option("--output-dir", "-o", help="Folder for the pictures.")
    ] = Path("predictions"),
    weights: options.RunWeights = "best",
    precision: options.Precision = "auto",
) -> None:
    """Label photos with a trained network, each at its own size.

    For every photo: NAME.png, whose palette indices are the labels; NAME_overlay.png
    with a legend; NAME_sheet.png with all side by side. A file that cannot be read is
    named and the others are still done.

    Example:
        keras-fcn predict runs/voc photo.jpg holiday/ --output-dir labelled
    """
    from ..inference import fold_for_inference
    from ..inference.predict import find_images, write_prediction
    from ..runs import load_run
    from .console import bar, console, print_precision

    photos = [photo for path in images for photo in find_images(path)]
    model, config = load_run(run, weights, print_precision(precision))
    model = fold_for_inference(model)
    same_stem = Counter(photo.stem for photo in photos)
    failed = []
    for photo in bar("Predicting")(photos):
        stem = photo.stem
        if same_stem[stem] > 1:  # a.jpg and a.png, or one name in two folders
            stem = "_".join([photo.parent.name, photo.name]).replace(".", "_")
        try:
            write_prediction(model, photo, output_dir, config.class_names, stem)
        except ValueError as error:
            failed.append(str(error))
    done = len(photos) - len(failed)
    console.print(f"{done} of {len(photos)} photos labelled: [bold]{output_dir}")
    for message in failed:
        typer.secho(f"Error: {message}", fg="red", err=True)
    if failed:
        raise typer.Exit(1)

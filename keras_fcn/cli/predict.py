"""`keras-fcn predict`."""

from __future__ import annotations

import gc
import os
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Annotated

import typer

from . import options


def predict(
    run: options.Network,
    images: Annotated[
        list[Path], typer.Argument(metavar="IMAGE|FOLDER...", help="Photos to label.")
    ],
    output_dir: Annotated[
        Path, typer.Option("--output-dir", "-o", help="Folder for the pictures.")
    ] = Path("predictions"),
    weights: options.RunWeights = "best",
    precision: options.Precision = "auto",
    tile: Annotated[
        int | None,
        typer.Option(
            metavar="PIXELS",
            help="Side of the tiles that a larger photo goes through the network in. "
            "By default 1024, for photos of more than 1.5 megapixels.",
            show_default=False,
        ),
    ] = None,
    overlap: Annotated[
        int | None,
        typer.Option(
            metavar="PIXELS",
            help="What neighbouring tiles share, where their scores are blended; more "
            "is slower and closer to the photo taken whole. By default a quarter of a "
            "tile.",
            show_default=False,
        ),
    ] = None,
    max_megapixels: Annotated[
        float | None,
        typer.Option(
            metavar="N",
            min=1e-6,
            help="Read photos of up to so many million pixels; 4 MB of memory for "
            "each. By default 89.5.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Label photos with a trained network, each at its own size.

    For every photo: NAME.png, whose palette indices are the labels;
    NAME_overlay.png with a legend; NAME_sheet.png with all side by side. Of a
    photo of more than 4 megapixels these two are drawn smaller. A file that
    cannot be read is named and the others are still done.

    Example:
        keras-fcn predict runs/voc photo.jpg holiday/ --output-dir labelled

    Example, with a network that someone has shared:
        keras-fcn predict hf://user/name photo.jpg
    """
    # TensorFlow's own allocator for oneDNN gives nothing back to the system, and takes
    # twice what a huge photo needs; this one costs a tenth of the time of a tile.
    os.environ.setdefault("TF_ONEDNN_USE_SYSTEM_ALLOCATOR", "1")

    from rich.progress import Progress

    from ..images import pixel_limit
    from ..inference import fold_for_inference
    from ..inference.predict import choose_tiles, find_images, write_prediction
    from ..runs import load_run
    from ..storage import is_full
    from .console import console, plain, print_path, print_precision

    tile_or_auto = "auto" if tile is None else tile
    choose_tiles(tile_or_auto, overlap)  # what is wrong is told before work begins
    photos = [photo for path in images for photo in find_images(path)]
    model, config = load_run(run, weights, print_precision(precision))
    model = fold_for_inference(model)
    gc.collect()  # what was loaded refers to itself, and is 0.5 GB
    same_stem = Counter(photo.stem for photo in photos)
    failed = []
    # One display for both bars: photos, and the tiles of a huge one.
    with Progress(console=console) as progress, pixel_limit(max_megapixels):

        def bar_of_tiles(tiles: Iterable) -> Iterator:
            task = progress.add_task(f"Tiles of {plain(photo.name)}")
            yield from progress.track(tiles, task_id=task)
            progress.remove_task(task)

        for photo in progress.track(photos, description="Predicting"):
            stem = photo.stem
            if same_stem[stem] > 1:  # a.jpg and a.png, or one name in two folders
                stem = "_".join([photo.parent.name, photo.name]).replace(".", "_")
            try:
                write_prediction(
                    model,
                    photo,
                    output_dir,
                    config.class_names,
                    stem,
                    tile=tile_or_auto,
                    overlap=overlap,
                    progress=bar_of_tiles,
                )
            except (ValueError, OSError) as error:
                if is_full(error):
                    raise  # as it would be for the next one
                failed.append(str(error))
    done = len(photos) - len(failed)
    print_path(f"{done} of {len(photos)} photos labelled", output_dir)
    for message in failed:
        typer.secho(f"Error: {message}", fg="red", err=True)
    if failed:
        raise typer.Exit(1)

"""`keras-fcn evaluate`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from . import options


def evaluate(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="Folder of a training.")],
    dataset: options.OwnDataset = None,
    data_dir: options.DataDir = None,
    split: Annotated[
        str | None,
        typer.Option(
            help="By default the run's validation.",
            show_default=False,
            rich_help_panel=options.PANEL,
        ),
    ] = None,
    images: options.Images = None,
    masks: options.Masks = None,
    labels: options.Labels = None,
    ignore_class: Annotated[
        int | None,
        typer.Option(
            help="The value of void in the masks. By default the run's.",
            show_default=False,
            rich_help_panel=options.PANEL,
        ),
    ] = None,
    binary: Annotated[
        bool | None,
        typer.Option(
            "--binary/--no-binary",
            help="Masks are black and white. By default as in the run.",
            show_default=False,
            rich_help_panel=options.PANEL,
        ),
    ] = None,
    weights: options.RunWeights = "best",
    precision: options.Precision = "float32",
    json_file: Annotated[
        Path | None, typer.Option("--json", metavar="FILE", help="Write scores here.")
    ] = None,
) -> None:
    """Score a trained network: the paper's four scores and each class's IoU.

    A picture of the confusion matrix goes into RUN/pictures.

    Example:
        keras-fcn evaluate runs/voc --split seg11valid --json scores.json
    """
    from ..inference import evaluate as score
    from ..pictures import plot_confusion_matrix
    from ..runs import load_run
    from ..storage import write_atomically
    from .console import bar, print_path, print_precision, print_scores

    model, config = load_run(run, weights, print_precision(precision))
    changes = {
        "dataset": dataset,
        "data_dir": data_dir,
        "val_split": split,
        "val_images": images,
        "val_masks": masks,
        "labels": labels,
        "ignore_class": ignore_class,
        "binary": binary,
    }
    data = config.with_validation({k: v for k, v in changes.items() if v is not None})
    source = data.open_validation(progress=bar("Converting labels"))
    name, split = data.dataset, data.describe_validation()
    scored = score(model, source, progress=bar(f"Scoring {split}"))
    scores, iou = scored.result(), scored.per_class_iou()
    print_scores(scores, source.class_names, iou)
    picture = run / "pictures" / f"confusion_matrix_{name}_{options.slug(split)}.png"
    plot_confusion_matrix(scored.confusion_matrix(), source.class_names, picture)
    print_path("Confusion matrix", picture)
    if json_file:
        by_class = zip(source.class_names, iou.tolist(), strict=True)
        result = {
            "dataset": name,
            "split": split,
            "images": len(source),
            **scores,
            # JSON has no NaN: an absent class is null.
            "per_class_iou": {k: None if v != v else v for k, v in by_class},
            "confusion_matrix": scored.confusion_matrix().tolist(),
        }
        write_atomically(json_file, json.dumps(result, indent=2).encode())
        print_path("Scores", json_file)

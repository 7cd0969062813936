"""`keras-fcn evaluate`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Literal

import typer


def evaluate(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="Folder of a training.")],
    dataset: Annotated[
        Literal["shapes", "voc"] | None,
        typer.Option(help="By default the run's own.", show_default=False),
    ] = None,
    data_dir: Annotated[
        str | None,
        typer.Option(
            "--data-dir",
            "--data-path",
            help="By default the run's own.",
            show_default=False,
        ),
    ] = None,
    split: Annotated[
        str | None,
        typer.Option(help="By default the run's validation.", show_default=False),
    ] = None,
    weights: Annotated[
        Literal["best", "last"], typer.Option(help="Which weights of the run.")
    ] = "best",
    json_file: Annotated[
        Path | None, typer.Option("--json", metavar="FILE", help="Write scores here.")
    ] = None,
) -> None:
    """Score a trained network: the paper's four scores and each class's IoU.

    A picture of the confusion matrix goes into RUN/pictures.

    Example:
        keras-fcn evaluate runs/voc --split seg11valid --json scores.json
    """
    from ..datasets import load
    from ..inference import evaluate as score
    from ..pictures import plot_confusion_matrix
    from ..runs import load_run
    from ..storage import write_atomically
    from .console import bar, console, print_scores

    model, config = load_run(run, weights)
    name = dataset or config.dataset
    split = split or config.val_split
    source = load(name, split, data_dir or config.data_dir)
    scored = score(model, source, progress=bar(f"Scoring {split}"))
    scores, iou = scored.result(), scored.per_class_iou()
    print_scores(scores, source.class_names, iou)
    picture = run / "pictures" / f"confusion_matrix_{name}_{split}.png"
    plot_confusion_matrix(scored.confusion_matrix(), source.class_names, picture)
    console.print(f"Confusion matrix: [bold]{picture}")
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
        console.print(f"Scores: [bold]{json_file}")

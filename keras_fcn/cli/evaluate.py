"""`keras-fcn evaluate`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from . import options


def evaluate(
    context: typer.Context,
    run: options.Network,
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
    json_file: Annotated[
        Path | None, typer.Option("--json", metavar="FILE", help="Write scores here.")
    ] = None,
) -> None:
    """Score a trained network: the paper's four scores and each class's IoU.

    A picture of the confusion matrix goes into RUN/pictures; of a network that
    someone has published into ./pictures, and it has to be told on what to score.

    Example:
        keras-fcn evaluate runs/voc --split seg11valid --json scores.json

    Example, a network that someone has shared:
        keras-fcn evaluate hf://user/name --dataset voc --data-dir VOCdevkit
    """
    from ..inference import evaluate as score
    from ..pictures import plot_confusion_matrix
    from ..runs import is_published, load_run
    from ..storage import write_atomically
    from .console import bar, print_path, print_precision, print_scores

    model, config = load_run(run, weights, print_precision(precision))
    data = options.scored_data(config, context.params)
    source = data.open_validation(progress=bar("Converting labels"))
    name, split = data.dataset, data.describe_validation()
    scored = score(model, source, progress=bar(f"Scoring {split}"))
    scores, iou = scored.result(), scored.per_class_iou()
    print_scores(scores, source.class_names, iou)
    folder = Path() if is_published(run) else Path(run)
    picture = folder / "pictures" / f"confusion_matrix_{name}_{options.slug(split)}.png"
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

"""`keras-fcn data info`."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from .. import options


def info(
    dataset: Annotated[
        options.DatasetName | None,
        typer.Argument(metavar="DATASET", help="By default all are listed."),
    ] = None,
    data_dir: options.DataDir = None,
    images: options.Images = None,
    masks: options.Masks = None,
    num_classes: options.NumClasses = None,
    labels: options.Labels = None,
    binary: options.Binary = False,
    json_file: options.JsonFile = None,
) -> None:
    """List the data sets, or say what one of them holds, without reading it through.

    Example:
        keras-fcn data info voc --data-dir VOCdevkit
    """
    settings = dict(locals())
    from ...datasets import DESCRIPTIONS, DataConfig
    from ...storage import write_atomically
    from ..console import bar, print_path, print_table

    settings.pop("json_file")
    if dataset is None:
        result = {name: vars(about) for name, about in DESCRIPTIONS.items()}
        rows = [[name, a.what, a.source] for name, a in DESCRIPTIONS.items()]
        print_table("Data sets", ["name", "what", "from where"], rows)
    else:
        config = DataConfig(**settings)
        training, validation = config.open_both(progress=bar("Converting labels"))
        result = {
            "dataset": dataset,
            "classes": list(training.class_names),
            "ignore_class": training.ignore_class,
            "training": len(training),
            "validation": len(validation),
            "splits": config.splits(),
        }
        rows = [
            ["training", f"{len(training)} samples, {config.describe_training()}"],
            [
                "validation",
                f"{len(validation)} samples, {config.describe_validation()}",
            ],
            ["classes", f"{training.num_classes}: {', '.join(training.class_names)}"],
            ["void", str(training.ignore_class)],
            ["first photo", "{} x {} pixels".format(*training.image_size(0)[::-1])],
        ]
        if config.splits():
            rows.append(["splits", ", ".join(config.splits())])
        print_table(dataset, ["", ""], rows)
    if json_file:
        write_atomically(json_file, json.dumps(result, indent=2).encode())
        print_path("Report", json_file)

"""`keras-fcn data`: check, info, prepare and convert."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Literal

import typer

from . import options

app = typer.Typer(
    help="Look at data before training: check, info, prepare, convert.",
    no_args_is_help=True,
    rich_markup_mode="rich",
)

JsonFile = Annotated[
    Path | None, typer.Option("--json", metavar="FILE", help="Write the report here.")
]


@app.command()
def check(
    dataset: options.Dataset = None,
    data_dir: options.DataDir = None,
    split: options.Split = None,
    val_split: options.ValSplit = None,
    images: options.Images = None,
    masks: options.Masks = None,
    val_images: options.ValImages = None,
    val_masks: options.ValMasks = None,
    val_share: options.ValShare = 0.1,
    num_classes: options.NumClasses = None,
    labels: options.Labels = None,
    ignore_class: options.IgnoreClass = 255,
    binary: options.Binary = False,
    seed: options.Seed = 0,
    pictures: Annotated[
        Path, typer.Option("--output-dir", "-o", help="Folder for the pictures.")
    ] = Path("data_check"),
    json_file: JsonFile = None,
) -> None:
    """Read every photo and every mask, and say what would go wrong in training.

    Finds what is missing, unreadable, of another size, labelled beyond the
    classes, turned by EXIF, there twice, or both trained and validated on. Counts
    the classes, and draws them and a sheet of samples. No file of the data set is
    changed. The exit status is 1 if something must be mended.

    Example:
        keras-fcn data check --images photos --masks masks --num-classes 3
    """
    settings = options.with_dataset(locals())
    from ..datasets import DataConfig, examine, find_binary, find_leaks
    from ..pictures import contact_sheet, plot_class_frequencies
    from ..pictures.labels import write_png
    from ..storage import write_atomically
    from .console import bar, console, print_data_report, print_each, print_problems

    config = DataConfig(
        **{k: v for k, v in settings.items() if k not in ("pictures", "json_file")}
    )
    sources = {
        config.describe_training(): config.open_training(missing_ok=True),
        config.describe_validation(): config.open_validation(missing_ok=True),
    }
    reports = {}
    for name, source in sources.items():
        reports[name] = examine(source, bar(f"Reading {name}"))
        print_data_report(name, reports[name])
        print_problems(reports[name])
    together = find_binary(*reports.values())
    if len(reports) == 2:
        together += find_leaks(*reports.values())
    print_each(together)
    errors = [error for report in reports.values() for error in report.errors]
    errors += together
    plot_class_frequencies(reports, pictures / "class_frequencies.png")
    for name, source in sources.items():
        broken = {problem.sample for problem in reports[name].errors}
        sound = [i for i, sample in enumerate(source.names) if sample not in broken]
        if sound:
            step = max(1, len(sound) // 12)
            page = contact_sheet(source, sound[::step][:12])
            write_png(page, pictures / f"samples_{options.slug(name)}.png")
    console.print(f"Pictures: [bold]{pictures}")
    if json_file:
        result = {
            "ready": not errors,
            "splits": {name: report.to_dict() for name, report in reports.items()},
            "together": [vars(problem) for problem in together],
        }
        write_atomically(json_file, json.dumps(result, indent=2).encode())
        console.print(f"Report: [bold]{json_file}")
    if errors:
        number = "1 error" if len(errors) == 1 else f"{len(errors)} errors"
        console.print(f"[red]{number}[/] to mend before training.")
        raise typer.Exit(1)
    console.print("[green]Ready for training.")


@app.command()
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
    json_file: JsonFile = None,
) -> None:
    """List the data sets, or say what one of them holds, without reading it through.

    Example:
        keras-fcn data info voc --data-dir VOCdevkit
    """
    settings = dict(locals())
    from ..datasets import DESCRIPTIONS, DataConfig
    from ..storage import write_atomically
    from .console import console, print_table

    settings.pop("json_file")
    if dataset is None:
        result = {name: vars(about) for name, about in DESCRIPTIONS.items()}
        rows = [[name, a.what, a.source] for name, a in DESCRIPTIONS.items()]
        print_table("Data sets", ["name", "what", "from where"], rows)
    else:
        config = DataConfig(**settings)
        training, validation = config.open_training(), config.open_validation()
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
        console.print(f"Report: [bold]{json_file}")


@app.command()
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
    from ..datasets import prepare as get
    from .console import console, download_bar

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
        console.print(f"Ready: [bold]{folder}")


@app.command()
def convert(
    output: Annotated[
        Path, typer.Option("--output", "-o", help="New folder, in VOC's layout.")
    ],
    dataset: options.Dataset = None,
    data_dir: options.DataDir = None,
    split: options.Split = None,
    val_split: options.ValSplit = None,
    images: options.Images = None,
    masks: options.Masks = None,
    val_images: options.ValImages = None,
    val_masks: options.ValMasks = None,
    val_share: options.ValShare = 0.1,
    num_classes: options.NumClasses = None,
    labels: options.Labels = None,
    ignore_class: options.IgnoreClass = 255,
    binary: options.Binary = False,
    seed: options.Seed = 0,
) -> None:
    """Write a data set in the layout of PASCAL VOC: train, val and palette PNGs.

    Example, labelme's files:
        keras-fcn data convert --images photos --masks photos --output voc_layout
    """
    settings = options.with_dataset(locals())
    import dataclasses

    from ..datasets import DataConfig, convert_to_voc
    from .console import bar, console

    settings.pop("output")
    config = DataConfig(**settings)
    reading = bar("Converting labels")
    training = config.open_training(progress=reading)
    config = dataclasses.replace(config, class_names=training.class_names)
    validation = config.open_validation(progress=reading)
    convert_to_voc({"train": training, "val": validation}, output, bar("Writing"))
    console.print(
        f"{len(training)} samples in train, {len(validation)} in val: [bold]{output}"
    )

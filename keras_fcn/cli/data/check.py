"""`keras-fcn data check`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .. import options

if TYPE_CHECKING:
    from ...datasets import Problem


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
    manifest: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Checksums of all photos and masks, as sha256sum writes them: written "
            "if there is no such file, else compared.",
        ),
    ] = None,
    json_file: options.JsonFile = None,
) -> None:
    """Read every photo and every mask, and say what would go wrong in training.

    Finds what is missing, unreadable, of another size, labelled beyond the
    classes, turned by EXIF, there twice, or both trained and validated on. Counts
    the classes, and draws them and a sheet of samples. No file of the data set is
    changed. The exit status is 1 if something must be mended.

    A JPEG may be damaged and still be read: with --manifest you are told of every
    file that changed, vanished or is new.

    Example:
        keras-fcn data check --images photos --masks masks --num-classes 3
    """
    settings = options.with_dataset(locals())
    from ...datasets import (
        DataConfig,
        compare_manifest,
        examine,
        find_binary,
        find_leaks,
        write_manifest,
    )
    from ...pictures import contact_sheet, plot_class_frequencies
    from ...pictures.labels import write_png
    from ...storage import write_atomically
    from ..console import (
        bar,
        console,
        print_data_report,
        print_each,
        print_path,
        print_problems,
    )

    others = ("pictures", "manifest", "json_file")
    config = DataConfig(**{k: v for k, v in settings.items() if k not in others})
    both = config.open_both(progress=bar("Converting labels"), missing_ok=True)
    names = config.describe_training(), config.describe_validation()
    sources = dict(zip(names, both, strict=True))
    together: tuple[Problem, ...] = ()
    if manifest and manifest.exists():
        together += compare_manifest(both, manifest, bar("Comparing checksums"))
    elif manifest:
        number = write_manifest(both, manifest, bar("Computing checksums"))
        print_path(f"Checksums of {number} files", manifest)
    reports = {}
    for name, source in sources.items():
        reports[name] = examine(source, bar(f"Reading {name}"))
        print_data_report(name, reports[name])
        print_problems(reports[name])
    together += find_binary(*reports.values())
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
    print_path("Pictures", pictures)
    if json_file:
        result = {
            "ready": not errors,
            "splits": {name: report.to_dict() for name, report in reports.items()},
            "together": [vars(problem) for problem in together],
        }
        write_atomically(json_file, json.dumps(result, indent=2).encode())
        print_path("Report", json_file)
    if errors:
        number = "1 error" if len(errors) == 1 else f"{len(errors)} errors"
        console.print(f"[red]{number}[/] to mend before training.")
        raise typer.Exit(1)
    console.print("[green]Ready for training.")

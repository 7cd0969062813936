"""`keras-fcn export`."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer
from rich.markup import escape

from . import options

if TYPE_CHECKING:
    from ..datasets import SampleSource
    from ..export import ExportReport
    from ..runs import RunConfig


def export(
    run: options.Network,
    output: Annotated[
        Path,
        typer.Option(
            "--output",
            "-o",
            metavar="FILE|FOLDER",
            help="File to write; a folder for 'saved_model'.",
        ),
    ],
    format: Annotated[
        Literal["onnx", "litert", "saved_model"] | None,
        typer.Option(
            help="'onnx' for ONNX Runtime and browsers, 'litert' for phones, "
            "'saved_model' for TensorFlow Serving. By default what the file ends in: "
            ".onnx or .tflite.",
            show_default=False,
        ),
    ] = None,
    logits: Annotated[
        bool,
        typer.Option(
            "--logits", help="Give the scores of all classes as well as the labels."
        ),
    ] = False,
    int8: Annotated[
        bool,
        typer.Option(
            "--int8",
            help="Compute in eight bits: a quarter of the size, several times as fast "
            "on processors that have instructions for it. 'onnx' only.",
        ),
    ] = False,
    images: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="FILE|FOLDER",
            help="Photos to calibrate with and to compare on; may be repeated. By "
            "default samples that the run was trained and validated on.",
            show_default=False,
        ),
    ] = None,
    samples: Annotated[
        int, typer.Option(min=1, help="Photos to use, at most, of each.")
    ] = 32,
    weights: options.RunWeights = "best",
) -> None:
    r"""Write a trained network as a file that runs without Keras, and compare both.

    The file takes a photo of any size in RGB and gives labels; preprocessing and
    the names of the classes are inside. For --int8 photos tell which values the
    network meets: take such as it will see. Before the file gets its name its own
    runtime labels photos with it. In float32 it must agree with the network; in
    int8 you are told how far it does.

    It needs Keras on TensorFlow, and pip install "keras-fcn\[export]".

    Example, for ONNX Runtime, and for a phone:
        keras-fcn export runs/voc --output voc.onnx
        keras-fcn export runs/voc --output voc.tflite

    Example, for TensorFlow Serving, with the scores of all classes:
        keras-fcn export runs/voc --format saved_model --logits -o models/voc/1

    Example, in eight bits, calibrated with the run's own samples:
        keras-fcn export runs/voc --int8 --output voc_int8.onnx

    Example, calibrated with photos of where it will be used:
        keras-fcn export runs/voc --int8 --images street/ --output street.onnx
    """
    from ..export import export as write
    from ..inference.predict import find_images
    from ..runs import is_published, load_run
    from .console import bar

    model, config = load_run(run, weights, "float32")
    if images:
        found = [photo for path in images for photo in find_images(path)]
        calibration = photos = _spread(found, samples)
    elif is_published(run):  # which has no samples
        calibration = photos = None
    else:
        calibration, photos = _own_samples(config, samples)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "The file in int8")  # printed below
        report = write(
            model,
            output,
            format=format,
            class_names=config.class_names,
            logits=logits,
            int8=int8,
            calibration=calibration,
            photos=photos,
            progress=bar,
        )
    _print_report(report, _size_of(model))


def _spread(found: list, most: int) -> list:
    """Return so many of a list at most, evenly spread over it."""
    number = min(most, len(found))
    return [found[i * len(found) // number] for i in range(number)]


def _own_samples(config: RunConfig, most: int) -> tuple[SampleSource, SampleSource]:
    """Return samples that a run was trained on, and samples it was validated on."""
    from ..datasets.subset import Subset

    instead = "Name photos instead: `--images`."
    try:
        both = config.open_both()
    except (OSError, ValueError) as error:
        raise ValueError(
            f"The run's own samples are not there. {error} {instead}"
        ) from error
    trained, validated = (
        Subset(source, _spread(list(range(len(source))), most)) for source in both
    )
    if trained.num_classes != len(config.class_names):
        raise ValueError(
            "The run's own samples must have the classes of the network, "
            f"{len(config.class_names)}. Received: {config.dataset!r} with "
            f"{trained.num_classes} classes. {instead}"
        )
    return trained, validated


def _size_of(model) -> int:
    return sum(weight.size for weight in model.get_weights()) * 4


def _print_report(report: ExportReport, size: int) -> None:
    from ..export import FORMATS
    from .console import console, print_path, print_table

    compared = report.comparison
    kind = f"{FORMATS[report.format].title} {'int8' if report.int8 else 'float32'}"
    rows = [
        ["size", *(f"{n / 1e6:.1f} MB" for n in (size, report.size))],
        ["same labels", "", f"{compared.agreement:.2%}"],
        ["median time for a photo", *(f"{1e3 * s:.0f} ms" for s in compared.seconds)],
    ]
    if compared.mean_iou is not None:
        rows.insert(
            2, ["mean IU", *(f"{100 * iou:.2f} %" for iou in compared.mean_iou)]
        )
    title = f"On {compared.photos} photo{'' if compared.photos == 1 else 's'}"
    print_table(title, ["", "Keras float32", kind], rows)
    if report.advice:
        console.print(f"[yellow]Warning:[/] {escape(report.advice)}", highlight=False)
    print_path("Written", report.file)

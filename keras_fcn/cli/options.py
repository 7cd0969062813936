"""The options with which every verb is told of its data."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

if TYPE_CHECKING:
    from ..datasets import DataConfig
    from ..runs import RunConfig

PANEL = "Data"

DatasetName = Literal[
    "shapes", "voc", "sbd", "voc2011_sbd", "folder", "oxford_iiit_pet"
]

Dataset = Annotated[
    DatasetName | None,
    typer.Option(
        help="'shapes' is generated; 'folder' is --images and --masks of your own; "
        "'voc' a folder in VOC's layout, exports of CVAT and labelme too; "
        "'voc2011_sbd' the paper's. By default 'folder' with --images, else 'shapes'.",
        show_default=False,
        rich_help_panel=PANEL,
    ),
]
OwnDataset = Annotated[
    DatasetName | None,
    typer.Option(
        help="By default the run's own, and with it all that follows.",
        show_default=False,
        rich_help_panel=PANEL,
    ),
]
DataDir = Annotated[
    str | None,
    typer.Option(
        "--data-dir",
        "--data-path",
        help="Folder of the data set: VOCdevkit/VOC2012, or one above it.",
        show_default=False,
        rich_help_panel=PANEL,
    ),
]
Split = Annotated[
    str | None,
    typer.Option(
        help="Split to train on. By default the data set's own.",
        show_default=False,
        rich_help_panel=PANEL,
    ),
]
ValSplit = Annotated[
    str | None,
    typer.Option(
        help="Split to validate on. By default the data set's own.",
        show_default=False,
        rich_help_panel=PANEL,
    ),
]
Images = Annotated[
    str | None,
    typer.Option(help="Folder of photos.", show_default=False, rich_help_panel=PANEL),
]
Masks = Annotated[
    str | None,
    typer.Option(
        help="Folder of their masks, of the same names: index, palette or coloured "
        "PNGs, or labelme's .json.",
        show_default=False,
        rich_help_panel=PANEL,
    ),
]
ValImages = Annotated[
    str | None,
    typer.Option(
        help="Folder of photos to validate on. By default a share is held out.",
        show_default=False,
        rich_help_panel=PANEL,
    ),
]
ValMasks = Annotated[
    str | None,
    typer.Option(
        help="Folder of their masks.", show_default=False, rich_help_panel=PANEL
    ),
]
ValShare = Annotated[
    float,
    typer.Option(help="Share that is held out then.", rich_help_panel=PANEL),
]
NumClasses = Annotated[
    int | None,
    typer.Option(
        help="Number of classes, the background included.",
        show_default=False,
        rich_help_panel=PANEL,
    ),
]
Labels = Annotated[
    str | None,
    typer.Option(
        help="Names of the classes, one a line, or a labelmap.txt of lines "
        "name:red,green,blue::. By default the one beside the masks, if there is any.",
        show_default=False,
        rich_help_panel=PANEL,
    ),
]
IgnoreClass = Annotated[
    int,
    typer.Option(help="The value of void in the masks.", rich_help_panel=PANEL),
]
Binary = Annotated[
    bool,
    typer.Option(
        "--binary",
        help="Masks are black and white: 0 and 255.",
        rich_help_panel=PANEL,
    ),
]
# Of a run that is looked at again: what is not told is as it was.
RunFolder = Annotated[Path, typer.Argument(metavar="RUN", help="Folder of a training.")]
# Text, since an address is no path.
Network = Annotated[
    str,
    typer.Argument(
        metavar="RUN",
        help="Folder of a training, a published folder, or hf://USER/NAME.",
    ),
]
RunSplit = Annotated[
    str | None,
    typer.Option(
        help="By default the run's validation.",
        show_default=False,
        rich_help_panel=PANEL,
    ),
]
RunIgnoreClass = Annotated[
    int | None,
    typer.Option(
        help="The value of void in the masks. By default the run's.",
        show_default=False,
        rich_help_panel=PANEL,
    ),
]
RunBinary = Annotated[
    bool | None,
    typer.Option(
        "--binary/--no-binary",
        help="Masks are black and white. By default as in the run.",
        show_default=False,
        rich_help_panel=PANEL,
    ),
]
JsonFile = Annotated[
    Path | None, typer.Option("--json", metavar="FILE", help="Write the report here.")
]
Seed = Annotated[int, typer.Option(help="Seed of everything random.")]

RunWeights = Annotated[
    Literal["best", "last"], typer.Option(help="Which weights of the run.")
]
PrecisionName = Literal["auto", "float32", "mixed_float16", "mixed_bfloat16"]
Precision = Annotated[
    PrecisionName,
    typer.Option(
        help="Numbers to compute with; 'auto' takes 16 bits where this machine is "
        "faster with them."
    ),
]


def scored_data(config: RunConfig, settings: Mapping[str, Any]) -> DataConfig:
    """Return what a run is scored on: its own validation where the user said nothing.

    Args:
        config: The run's configuration.
        settings: A verb's arguments.

    Raises:
        ValueError: If nothing is named and the network is a published one.
    """
    from ..runs import is_published

    if settings["dataset"] is None and is_published(settings["run"]):
        raise ValueError(
            "`--dataset` must be given with a published network, which has no data. "
            f"Received: {str(settings['run'])!r} alone. Name photos with masks, such "
            "as `--dataset folder --images photos --masks masks`."
        )
    names = {name: name for name in ("dataset", "data_dir", "labels")}
    names |= {name: name for name in ("ignore_class", "binary")}
    names |= {f"val_{name}": name for name in ("split", "images", "masks")}
    told = {field: settings[name] for field, name in names.items()}
    return config.with_validation({k: v for k, v in told.items() if v is not None})


def with_dataset(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return a verb's arguments with the data set that they mean."""
    told = settings["dataset"]
    meant = told or ("folder" if settings["images"] else "shapes")
    return {**settings, "dataset": meant}


def with_recipe(context: typer.Context) -> dict[str, Any]:
    """Return the arguments of a training: its recipe's where the user said nothing.

    The network's shape is that of the run it begins with, if there is one.

    Raises:
        ValueError: If there is no such recipe, or it begins with another run's
            weights and is given none.
    """
    from .. import recipes
    from ..datasets import DataConfig
    from ..runs import LEARNING_RATES, NETWORK, RunConfig, read_config

    told = _told(context)
    recipe = recipes.load(name) if (name := context.params["recipe"]) else None
    names = {field.name for field in dataclasses.fields(RunConfig)} - {"class_names"}
    settings = {name: context.params[name] for name in names}
    if recipe is not None:
        if recipe.starts_from and not told & {"from_run", "weights"}:
            raise ValueError(
                f"The recipe {recipe.name} begins with the weights of "
                f"{recipe.starts_from}. Train that first, then add --from RUN."
            )
        planned = dataclasses.asdict(recipe.config)
        if told & {"dataset", "images"}:  # the user's own data, not the recipe's
            data = {field.name for field in dataclasses.fields(DataConfig)}
            planned = {n: v for n, v in planned.items() if n not in data - {"seed"}}
        settings |= {n: v for n, v in planned.items() if n in settings.keys() - told}
    if settings["from_run"] is not None:
        settings["from_run"] = str(settings["from_run"])
        earlier = read_config(settings["from_run"])
        settings |= {n: getattr(earlier, n) for n in NETWORK if n not in told}
        settings["weights"] = "none"  # the run's own
    settings["precision"] = _precision(context, settings["precision"])
    settings = with_dataset(settings)
    if settings["crop_size"] is None:
        settings["crop_size"] = 64 if settings["dataset"] == "shapes" else 320
    if settings["lr"] is None:
        scratch = settings["weights"] == "none" and settings["from_run"] is None
        settings["lr"] = LEARNING_RATES[settings["optimizer"]] * (5 if scratch else 1)
    return settings


def with_run(context: typer.Context, run_dir: Path) -> dict[str, Any]:
    """Return the arguments of a training that goes on: the run's, and what was told.

    With a recipe they are what they would be for a new run. Whether any may differ is
    decided where the run is gone on with.

    Raises:
        ValueError: If the run's configuration cannot be read.
    """
    from ..runs import read_config

    if context.params["recipe"] is not None:
        return with_recipe(context)
    settings = dataclasses.asdict(read_config(run_dir))
    told = _told(context) & settings.keys()
    settings |= {name: context.params[name] for name in told}
    if settings["from_run"] is not None:
        settings["from_run"] = str(settings["from_run"])
    settings["precision"] = _precision(context, settings["precision"])
    return settings


def _told(context: typer.Context) -> set[str]:
    return {name for name in context.params if _is_told(context, name)}


def _precision(context: typer.Context, precision: str) -> str:
    from ..hardware import resolve_precision

    mixed = context.params["mixed_precision"]
    return resolve_precision("auto" if mixed else precision)[0]


def _is_told(context: typer.Context, name: str) -> bool:
    source = context.get_parameter_source(name)
    return source is not None and source.name == "COMMANDLINE"


def slug(text: str) -> str:
    """Return a text as part of a file name: `held out 10%` as `held_out`."""
    return re.sub(r"\d+%|[^\w-]+", "_", text).strip("_")

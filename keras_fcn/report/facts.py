"""What a run folder tells besides its weights: settings, versions, log, recipe."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .. import recipes
from ..runs import CONFIG, RunConfig
from ..runs.plain_yaml import read_yaml

# The settings of a run as people ask for them. Every one stands in one group.
GROUPS = {
    "Network": (
        *("model", "backbone", "topology", "upsampling", "width", "preprocessing"),
        "weights",
    ),
    "Data": (
        *("dataset", "data_dir", "split", "val_split", "images", "masks"),
        *("val_images", "val_masks", "val_share", "num_classes", "labels"),
        *("ignore_class", "binary"),
    ),
    "Samples and steps": (
        *("epochs", "steps_per_epoch", "batch_size", "accumulate", "crop_size"),
        *("augment", "scale_range", "cache", "seed"),
    ),
    "Optimiser": (
        *("optimizer", "lr", "lr_policy", "momentum", "weight_decay"),
        *("doubled_biases", "loss", "dropout", "from_run", "precision", "jit"),
        "deterministic",
    ),
}
OF_TRAINING = ("Samples and steps", "Optimiser")
# What may differ from a recipe without being another training.
OF_A_PLACE = ("data_dir", "from_run", "cache", "jit", "deterministic", "seed")


def settings_of(config: RunConfig, trained: bool) -> dict[str, dict[str, str]]:
    """Return the settings of a run as words, by group.

    Args:
        config: The configuration.
        trained: Whether the run has a log. Without, what belongs to a training is
            left out: a converted network has had another one.

    Example:
        >>> settings_of(RunConfig(width=0.5), trained=False)["Network"]["width"]
        '0.5'
    """
    return {
        group: {
            name: _words(value)
            for name in names
            if (value := getattr(config, name)) is not None
        }
        for group, names in GROUPS.items()
        if trained or group not in OF_TRAINING
    }


def recipe_of(config: RunConfig) -> str | None:
    """Return the name of the recipe that a run has followed, if it is any.

    Example:
        >>> recipe = recipes.load("voc_fcn32s").config
        >>> recipe_of(dataclasses.replace(recipe, data_dir="elsewhere"))
        'voc_fcn32s'
        >>> recipe_of(dataclasses.replace(recipe, epochs=1)) is None
        True
    """
    own = _comparable(config)
    for name in recipes.names():
        if _comparable(recipes.load(name).config) == own:
            return name
    return None


def _comparable(config: RunConfig) -> dict[str, Any]:
    left_out = {*OF_A_PLACE, "class_names"}
    settings = dataclasses.asdict(config)
    return {name: value for name, value in settings.items() if name not in left_out}


def read_environment(run_dir: Path) -> dict[str, str]:
    """Return the versions and the machine that a run was made with, as it noted them.

    Args:
        run_dir: A run folder whose configuration has been read.
    """
    data = read_yaml((run_dir / CONFIG).read_text(encoding="utf-8"))
    noted = data.get("environment")
    if not isinstance(noted, Mapping):
        return {}
    return {str(name): str(value) for name, value in noted.items()}


def _words(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, (tuple, list)):
        return " to ".join(map(str, value))
    return str(value)

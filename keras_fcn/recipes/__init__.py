"""Whole trainings by name, one experiment a file.

The docstring of each file is its lab note: where it comes from, what it needs, how it
is run, and which scores are expected and which were obtained.
"""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from dataclasses import dataclass

from ..runs import RunConfig
from ..suggestions import require_choice

__all__ = ["Recipe", "load", "names"]


@dataclass(frozen=True)
class Recipe:
    """A training that someone has thought out.

    Attributes:
        name: Its name, that of its file.
        note: Its lab note; the first line says what it is.
        config: What to train; `data_dir` is `data`, where `keras-fcn data prepare`
            puts things in the notes.
        starts_from: Name of the recipe whose run it begins with, or `None`.
    """

    name: str
    note: str
    config: RunConfig
    starts_from: str | None = None


def names() -> list[str]:
    """Return the names of all recipes.

    Example:
        >>> names()[:2]
        ['voc_fcn16s', 'voc_fcn32s']
    """
    return sorted(module.name for module in pkgutil.iter_modules(__path__))


def load(name: str) -> Recipe:
    """Return a recipe by its name.

    Args:
        name: One of `names()`.

    Raises:
        ValueError: If there is no such recipe; the nearest name is suggested.

    Example:
        >>> recipe = load("voc_fcn16s")
        >>> recipe.starts_from, recipe.config.lr
        ('voc_fcn32s', 1e-12)
    """
    require_choice("recipe", name, names())
    module = importlib.import_module(f".{name}", __name__)
    return Recipe(
        name=name,
        note=inspect.cleandoc(module.__doc__ or ""),
        config=module.CONFIG,
        starts_from=getattr(module, "STARTS_FROM", None),
    )

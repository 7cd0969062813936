"""`keras-fcn recipes`."""

from __future__ import annotations

from typing import Annotated

import typer


def recipes(
    name: Annotated[
        str | None,
        typer.Argument(
            metavar="[NAME]", help="Show this one's lab note, and its flags."
        ),
    ] = None,
) -> None:
    """List whole trainings by name, or show the lab note of one.

    Example, what there is:

        keras-fcn recipes

    Example, how the paper's FCN-16s is trained:

        keras-fcn recipes voc_fcn16s
    """
    from .. import recipes as all_of_them
    from .console import console, print_table

    if name is None:
        found = [all_of_them.load(each) for each in all_of_them.names()]
        rows = [
            [r.name, r.note.splitlines()[0].removesuffix("."), r.starts_from or "-"]
            for r in found
        ]
        print_table("Recipes", ["name", "what it trains", "begins with"], rows)
        console.print("Then: keras-fcn train --recipe NAME --run-dir RUN")
        return
    recipe = all_of_them.load(name)
    typer.echo(recipe.note)
    typer.echo("\nIts configuration, in the words of train's flags:\n")
    typer.echo(recipe.config.to_yaml())

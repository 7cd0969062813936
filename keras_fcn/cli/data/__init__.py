"""`keras-fcn data`: one verb a file."""

from __future__ import annotations

import typer

from .check import check
from .convert import convert
from .info import info
from .prepare import prepare

app = typer.Typer(
    help="Look at data before training: check, info, prepare, convert.",
    no_args_is_help=True,
    rich_markup_mode="rich",
)
for verb in (check, info, prepare, convert):
    app.command()(verb)

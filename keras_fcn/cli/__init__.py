"""The command line: one verb a file. It parses, calls and prints.

Nothing is done here that Python users could not call. Keras is imported when a verb
begins to work, so that `--help` answers at once.
"""

from __future__ import annotations

import io
import os
import sys
from typing import Annotated

import typer

from .convert import convert
from .data import app as data
from .doctor import doctor
from .evaluate import evaluate
from .export import export
from .predict import predict
from .publish import publish
from .recipes import recipes
from .report import report
from .train import train

app = typer.Typer(
    name="keras-fcn",
    help="Fully Convolutional Networks: train them, score them, label photos.",
    epilog="Begin with: keras-fcn train --help",
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command(epilog="Then: keras-fcn evaluate RUN and keras-fcn predict RUN PHOTO")(
    train
)
app.command()(evaluate)
app.command()(report)
app.command()(predict)
app.command(epilog="Then: keras-fcn predict RUN PHOTO and keras-fcn evaluate RUN")(
    convert
)
app.command()(export)
app.command()(publish)
app.command()(recipes)
app.command()(doctor)
app.add_typer(data, name="data")


def _print_version(asked: bool) -> None:
    if asked:
        from .. import __version__

        typer.echo(f"keras-fcn {__version__}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool,
        typer.Option(
            "--version",
            callback=_print_version,
            is_eager=True,
            help="Show the version and exit.",
        ),
    ] = False,
) -> None:
    """Hold the options of the program itself."""


def main() -> None:
    """Run the command line; what the user can mend is told in one line, not a trace."""
    # TensorFlow's notes about the processor would bury what we print.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # a file's name may be no text at all
            stream.reconfigure(errors="backslashreplace")
    try:
        app()
    except KeyboardInterrupt:
        typer.secho("Interrupted.", fg="yellow", err=True)
        sys.exit(130)
    except Exception as error:
        out_of_memory = _is_out_of_memory(error)
        can_be_mended = out_of_memory or isinstance(error, _MENDABLE)
        if os.environ.get("KERAS_FCN_TRACEBACK") or not can_be_mended:
            raise
        told = str(error)
        if out_of_memory:
            reason = (told.splitlines() or [type(error).__name__])[0]
            told = (
                f"out of memory: {reason}. Lower --batch-size, --crop-size or --tile, "
                "or end other programs."
            )
        typer.secho(f"Error: {told}", fg="red", err=True)
        sys.exit(1)


_MENDABLE = (ValueError, OSError, ImportError, RuntimeError, ArithmeticError)


def _is_out_of_memory(error: Exception) -> bool:
    """Return whether Python, TensorFlow, JAX or PyTorch has run out of memory."""
    names = ("MemoryError", "ResourceExhaustedError", "OutOfMemoryError")
    words = ("RESOURCE_EXHAUSTED", "out of memory", "can't allocate memory")
    return type(error).__name__ in names or any(word in str(error) for word in words)

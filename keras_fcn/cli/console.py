"""What the verbs print with: progress bars and tables."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.markup import escape
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
    track,
)
from rich.table import Table

if TYPE_CHECKING:
    import numpy as np

    from ..datasets import DataReport, Problem
    from ..doctor import Finding
    from ..weights import Inheritance

console = Console()

# How problems that are rare are counted.
PROBLEMS = {
    "size": "of two sizes",
    "values": "with wrong labels",
    "orientation": "turned by EXIF",
    "duplicate": "there twice",
    "void": "all void",
}


def bar(description: str, total: int | None = None) -> Callable[[Iterable], Iterable]:
    """Return a wrapper that draws a progress bar around a loop."""
    return lambda loop: track(loop, plain(description), total=total, console=console)


def print_precision(precision: str) -> str:
    """Print the precision that is meant, and why; return it."""
    from ..hardware import resolve_precision

    precision, reason = resolve_precision(precision)
    console.print(f"Computing in {precision}: {reason}.")
    return precision


@contextmanager
def download_bar() -> Iterator[Callable[[str, int, int | None], None]]:
    """Yield what draws a bar for every step that counts bytes."""
    with Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
        console=console,
    ) as progress:
        tasks: dict[str, Any] = {}

        def show(what: str, done: int, total: int | None) -> None:
            if what not in tasks:
                tasks[what] = progress.add_task(plain(what))
            progress.update(tasks[what], completed=done, total=total)

        yield show


def print_plain(message: str) -> None:
    """Print a sentence as it is: no markup, and a path in it not broken by lines."""
    console.print(plain(message), highlight=False, soft_wrap=True)


def print_path(what: str, path: object) -> None:
    """Print where something is, on one line for people to copy."""
    console.print(f"{what}: [bold]{plain(path)}", highlight=False, soft_wrap=True)


def plain(text: object) -> str:
    """Return a text that is no markup, and holds no commands to the terminal."""
    return escape("".join(c if c.isprintable() else ascii(c)[1:-1] for c in str(text)))


def print_table(title: str, columns: Sequence[str], rows: Sequence[list[str]]) -> None:
    """Print rows of text."""
    table = Table(title=plain(title), show_header=any(columns))
    for number, column in enumerate(columns):
        table.add_column(column, no_wrap=number == 0)  # a name, for people to copy
    for row in rows:
        table.add_row(*map(plain, row))
    console.print(table)


def print_data_report(split: str, report: DataReport) -> None:
    """Print which classes a split holds, and how much of each."""
    table = Table(title=f"{plain(split)}: {_counted(report.images, 'image')}")
    table.add_column("class")
    table.add_column("images", justify="right")
    table.add_column("pixels", justify="right")
    total = max(1, report.pixels.sum() + report.void_pixels)
    rows = zip(report.class_names, report.images_with, report.pixels, strict=True)
    for name, images, pixels in rows:
        style = None if pixels else "dim"
        table.add_row(plain(name), str(images), f"{pixels / total:.1%}", style=style)
    table.add_row("void", "", f"{report.void_pixels / total:.1%}", style="dim")
    console.print(table)


def print_problems(report: DataReport) -> None:
    """Print what is wrong with a data set, and how often."""
    kinds = Counter(problem.kind for problem in report.problems)
    others = "".join(
        f", {kinds[kind]} {words}" for kind, words in PROBLEMS.items() if kinds[kind]
    )
    console.print(
        f"{_counted(report.images, 'pair')} found, {kinds['missing']} missing, "
        f"{kinds['photo'] + kinds['mask']} unreadable, {report.background_only} of "
        f"background only{others}.",
        highlight=False,
    )
    (low, narrow), (high, wide) = report.smallest, report.largest
    console.print(f"Photos of {narrow} x {low} to {wide} x {high} pixels.")
    print_each(report.problems)


def print_each(problems: Sequence[Problem], most: int = 20) -> None:
    """Print problems, the first of each kind: errors red, warnings yellow."""
    from ..datasets.data_report import ERRORS

    for kind, number in Counter(problem.kind for problem in problems).items():
        colour = "red" if kind in ERRORS else "yellow"
        shown = [problem for problem in problems if problem.kind == kind]
        for problem in shown[:most]:
            console.print(f"[{colour}]{kind}[/]: {plain(problem)}", highlight=False)
        if number > most:
            console.print(f"[{colour}]{kind}[/]: and {number - most} more (--json)")


def print_finding(finding: Finding) -> None:
    """Print what is wrong with a machine, why, and what to do."""
    word = "[red]broken[/]" if finding.broken else "[yellow]advice[/]"
    text = plain(f"{finding.what}: {finding.why}. To do: {finding.do}.")
    console.print(f"{word}: {text}", highlight=False, soft_wrap=True)


def print_scores(
    scores: dict[str, float], class_names: tuple[str, ...], iou: np.ndarray
) -> None:
    """Print the four scores and each class's intersection over union, in percent."""
    table = Table(title="Scores")
    table.add_column("score")
    table.add_column("%", justify="right")
    for name, value in scores.items():
        table.add_row(name.replace("_", " "), f"{100 * value:.2f}")
    console.print(table)
    table = Table(title="Intersection over union")
    table.add_column("class")
    table.add_column("%", justify="right")
    for name, value in zip(class_names, iou, strict=True):
        absent = value != value  # NaN: neither true nor predicted anywhere
        table.add_row(plain(name), "absent" if absent else f"{100 * value:.2f}")
    console.print(table)


def print_inheritance(
    run_dir: str | None, inherited: Inheritance, scores: dict[str, float]
) -> None:
    """Print what a run begins with, and how it scores before the first step."""
    parts = [_counted(len(inherited.copied), "tensor")]
    if inherited.by_class:
        layers = sorted({name.split("/")[0] for name in inherited.by_class})
        parts.append(f"of {', '.join(layers)} the classes that both have")
    console.print(f"From {plain(run_dir)}: {'; '.join(parts)}.", highlight=False)
    new = sorted({name.rsplit("/", 1)[0] for name in inherited.new})
    if new:
        console.print(f"New: {', '.join(new)}.", highlight=False)
    console.print(f"Validation mean IoU before training: {scores['mean_iou']:.2%}.")


def _counted(number: int, thing: str) -> str:
    return f"{number} {thing}" if number == 1 else f"{number} {thing}s"

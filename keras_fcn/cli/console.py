"""What the verbs print with: progress bars and tables."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import track
from rich.table import Table

if TYPE_CHECKING:
    import numpy as np

    from ..datasets import DataReport

console = Console()


def bar(description: str, total: int | None = None) -> Callable[[Iterable], Iterable]:
    """Return a wrapper that draws a progress bar around a loop."""
    return lambda loop: track(loop, description, total=total, console=console)


def print_data_report(split: str, report: DataReport) -> None:
    """Print which classes a split holds, and how much of each."""
    table = Table(title=f"{split}: {report.images} images")
    table.add_column("class")
    table.add_column("images", justify="right")
    table.add_column("pixels", justify="right")
    total = report.pixels.sum() + report.void_pixels
    rows = zip(report.class_names, report.images_with, report.pixels, strict=True)
    for name, images, pixels in rows:
        style = None if pixels else "dim"
        table.add_row(name, str(images), f"{pixels / total:.1%}", style=style)
    table.add_row("void", "", f"{report.void_pixels / total:.1%}", style="dim")
    console.print(table)


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
        table.add_row(name, "absent" if absent else f"{100 * value:.2f}")
    console.print(table)

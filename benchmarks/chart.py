"""The ratios that have a target, as a picture for the pages."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path

import matplotlib
from matplotlib.figure import Figure
from races import Row

REACHED, MISSED = "#1b7837", "#b35806"
TICKS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2)


def draw_chart(file: Path, suites: Mapping[str, Sequence[Row]], caption: str) -> None:
    """Draw a line for each ratio: its median, its quartiles, and its target.

    Args:
        file: A `.svg` or `.png` file.
        suites: Rows by the name of their suite; those without a target are left out.
        caption: What stands below: the machine.
    """
    kept = [row for rows in suites.values() for row in rows if row.reached is not None]
    figure = Figure(figsize=(10, 1.3 + 0.24 * max(1, len(kept))), layout="constrained")
    axes = figure.subplots()
    for y, row in enumerate(kept):
        assert row.ratio is not None
        colour = REACHED if row.reached else MISSED
        axes.plot([row.ratio.q1, row.ratio.q3], [y, y], color=colour, linewidth=3)
        axes.plot(row.ratio.median, y, "o", color=colour, markersize=5)
        axes.plot(row.target, y, "|", color="black", markersize=10)
        axes.text(
            1.01,
            y,
            f"{row.ratio.median:.2g}",
            va="center",
            color=colour,
            fontsize=7,
            transform=axes.get_yaxis_transform(),
        )
    names = [f"{row.work}: {row.ours} / {row.peer}" for row in kept]
    axes.set_yticks(range(len(kept)), names, fontsize=7)
    axes.set_ylim(max(1, len(kept)) - 0.5, -0.5)
    axes.set_xscale("log")
    axes.axvline(1, color="grey", linewidth=1)
    axes.set_xticks(TICKS, [f"{tick:g}" for tick in TICKS], fontsize=7)
    axes.set_xticks([], minor=True)
    axes.grid(axis="x", alpha=0.3)
    axes.set_xlabel("ours / peer: median and quartiles; |: the target", fontsize=7)
    lines = [textwrap.fill(line, 150) for line in caption.splitlines()]
    figure.supxlabel("\n".join(lines), fontsize=6, color="grey")
    file.parent.mkdir(parents=True, exist_ok=True)
    # Letters as letters, and the same bytes for the same numbers.
    with matplotlib.rc_context({"svg.fonttype": "none", "svg.hashsalt": "bench"}):
        date = {"Date": None} if file.suffix == ".svg" else None
        figure.savefig(file, metadata=date, dpi=150)

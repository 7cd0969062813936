"""What was measured, as tables to read and as JSON to keep."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from races import Row, Spread
from rich.table import Table


def rows_table(title: str, rows: Sequence[Row]) -> Table:
    """Return the table of a suite.

    A ratio is ours over the peer's, the median of the rounds' ratios with their
    quartiles; "CPU" the median of processor time, which others disturb less.
    """
    table = Table(title=title, title_justify="left")
    for column in ("work", "ours", "peer"):
        table.add_column(column, overflow="fold")
    extras = [name for name in _EXTRAS if any(getattr(row, name) for row in rows)]
    numbers = ("ours", "peer", "ratio [q1, q3]", "CPU", "target", "reached")
    for column in (*numbers, *(_EXTRAS[name] for name in extras)):
        table.add_column(column, justify="right", no_wrap=column != "reached")
    before = None
    for row in rows:
        if before not in (None, row.work):
            table.add_section()
        work, before = "" if row.work == before else row.work, row.work
        table.add_row(
            work,
            row.ours,
            row.peer,
            _amount(row.ours_median, row.unit),
            _amount(row.peer_median, row.unit),
            _ratio(row.ratio),
            f"{row.cpu_ratio.median:.2g}" if row.cpu_ratio else "",
            f"<= {row.target:.2f}" if row.target is not None else "",
            _reached(row),
            *(_extra(row, name) for name in extras),
        )
    return table


def limits_table(limits: Sequence[dict[str, Any]]) -> Table:
    """Return the table of the machine's limits."""
    table = Table(title="limits of this machine", title_justify="left")
    for column in ("limit", "best", "median", "unit"):
        justify = "right" if column in ("best", "median") else "left"
        table.add_column(column, justify=justify)
    for limit in limits:
        best, median = f"{limit['best']:.1f}", f"{limit['median']:.1f}"
        table.add_row(limit["name"], best, median, limit["unit"])
    return table


def notes(rows: Sequence[Row]) -> list[str]:
    """Return what has no number, and why, each once."""
    return list(dict.fromkeys(row.note for row in rows if row.note))


def write_json(file: Path, document: dict[str, Any]) -> None:
    """Write a document; rows and turns may be dataclasses."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(document, indent=1, default=_plain) + "\n")


def _plain(value: Any) -> Any:
    plain = asdict(value)
    if isinstance(value, Row):
        plain["reached"] = value.reached
    return plain


_EXTRAS = {
    "gflops_per_s": "GFLOP/s",
    "share_of_gemm": "of GEMM",
    "images_per_s": "images/s",
}


def _extra(row: Row, name: str) -> str:
    value = getattr(row, name)
    if value is None:
        return ""
    return f"{value:.2f}" if name == "share_of_gemm" else f"{value:.3g}"


def _amount(value: float | None, unit: str) -> str:
    if value is None:
        return ""
    digits = 0 if value >= 100 else 1 if value >= 10 else 2
    return f"{value:.{digits}f} {unit}"


def _ratio(ratio: Spread | None) -> str:
    if ratio is None:
        return ""
    digits = 2 if ratio.q1 >= 0.095 else 3
    median, q1, q3 = (f"{x:.{digits}f}" for x in (ratio.median, ratio.q1, ratio.q3))
    return f"{median} [{q1}, {q3}]"


def _reached(row: Row) -> str:
    if row.broken:
        return "BROKEN"
    if row.ratio is None:
        return "left out"
    return {True: "yes", False: "no", None: ""}[row.reached]

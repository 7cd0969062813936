"""The table of faults that `make reliability` prints: a plugin of pytest.

`pytest -p tests.reliability.table [--write-table FILE]`.
"""

import os
import platform
import time
from collections import defaultdict
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import keras

from .faults import FAULTS

MARK = "<!-- Written by `make reliability`. -->"
BEGUN = time.monotonic()


@dataclass
class Row:
    """What was tried of one fault."""

    tests: int = 0
    cases: int = 0
    failed: int = 0
    skipped: int = 0
    seconds: float = 0.0
    mutants: int = 0
    survived: int = 0

    @property
    def verdict(self):
        """What a reader wants to know."""
        if self.failed or self.survived:
            return "FAILED"
        return "held" if self.tests else "not tried"


ROWS: defaultdict[int, Row] = defaultdict(Row)


def pytest_addoption(parser):
    parser.addoption(
        "--write-table", type=Path, help="write the table of faults to this file"
    )


def pytest_runtest_setup(item):
    for marker in item.iter_markers("fault"):
        item.user_properties += [("fault", number) for number in marker.args]


def pytest_runtest_logreport(report):
    properties = report.user_properties
    for number in (value for name, value in properties if name == "fault"):
        row = ROWS[number]
        row.seconds += report.duration
        row.skipped += report.skipped
        row.failed += report.failed
        if report.when == "call" and report.passed:
            row.tests += 1
            cases = [value for name, value in properties if name == "cases"]
            row.cases += sum(cases) if cases else 1
    for number in (value for name, value in properties if name == "mutant"):
        ROWS[number].survived += report.failed
        ROWS[number].mutants += report.when == "call" and report.passed


def machine():
    """Return what the table was made on, in a sentence."""
    names = ("keras", "tensorflow-cpu", "tensorflow", "jax", "torch")
    packages = {name: version(name) for name in names if has(name)}
    return (
        f"{os.cpu_count()} cores, Python {platform.python_version()}, "
        f"{', '.join(f'{n} {v}' for n, v in packages.items())}, backend "
        f"{keras.backend.backend()}, {time.monotonic() - BEGUN:.0f} s, "
        f"{time.strftime('%Y-%m-%d')}."
    )


def has(name):
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def as_markdown():
    """Return the table as Markdown."""
    lines = [
        "| # | fault | tests | cases | seconds | mutants noticed | |",
        "|" + " --- |" * 7,
    ]
    for number, what in FAULTS.items():
        row = ROWS[number]
        mutants = f"{row.mutants} of {row.mutants + row.survived}"
        lines.append(
            f"| {number} | {what} | {row.tests} | {row.cases:,} | {row.seconds:.0f} | "
            f"{mutants if row.mutants + row.survived else '-'} | {row.verdict} |"
        )
    rows = ROWS.values()
    lines.append(
        f"| | all | {sum(r.tests for r in rows):,} | {sum(r.cases for r in rows):,} | "
        f"{sum(r.seconds for r in rows):,.0f} | {sum(r.mutants for r in rows)} of "
        f"{sum(r.mutants + r.survived for r in rows)} | |"
    )
    return "\n".join(lines) + "\n"


def pytest_terminal_summary(terminalreporter, config):
    if hasattr(config, "workerinput"):
        return
    terminalreporter.section("faults")
    terminalreporter.write(as_markdown())
    if file := config.getoption("--write-table"):
        before, _, _ = file.read_text().partition(MARK)
        file.write_text(f"{before}{MARK}\n\n{as_markdown()}\n{machine()}\n")

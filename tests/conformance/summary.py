"""What a run of `make conformance` has proven, as tables.

    python -m tests.conformance.summary build/conformance/*.json
        [--write docs/conformance_report.md]

Reads what `pytest --report` wrote, a file for each backend of Keras, and puts the
mutants to death once more to count them.
"""

import argparse
import json
import re
from dataclasses import dataclass
from pathlib import Path

import rich.console
import rich.table

from .mutants import killed

BACKENDS = {"tensorflow": "TensorFlow", "jax": "JAX", "torch": "PyTorch"}


@dataclass(frozen=True)
class Table:
    """A title, a sentence that explains it, a header, and rows of text."""

    title: str
    text: str
    header: list[str]
    rows: list[list[str]]


def cases_table(reports):
    """Suites by backends."""
    columns = [report["cases"] for report in reports]
    suites = sorted({suite for cases in columns for suite in cases})
    counts = {s: [cases.get(s, 0) for cases in columns] for s in suites}
    counts["all"] = [sum(cases.values()) for cases in columns]
    rows = [
        [suite, *(f"{n:,}" if n else "" for n in (*row, sum(row)))]
        for suite, row in counts.items()
    ]
    names = [BACKENDS.get(report["backend"], report["backend"]) for report in reports]
    text = (
        "Cases that were compared and agreed, integers exactly. The columns are "
        "backends of Keras; what does not ask Keras runs once."
    )
    return Table("Cases", text, ["Suite", *names, "all"], rows)


def mutants_table(table):
    """Suites by mutants: how many cases noticed, of how many that could have."""
    mutants = list(table)
    suites = list(next(iter(table.values())))
    rows = [
        [suite, *("{} of {}".format(*table[m][suite]) for m in mutants)]
        for suite in suites
    ]
    rows = [["" if cell == "0 of 0" else cell for cell in row] for row in rows]
    text = (
        "Mistakes that were made on purpose: how many cases of a suite notice, of "
        "those in which the mistake can be made. A suite whose kernels are symmetric "
        "or whose channels are alike lets some live; none lives through all suites."
    )
    return Table("Mutants", text, ["Suite", *mutants], rows)


def faults_table(reports):
    """Faults of others, each once."""
    faults = {
        (fault["package"], fault["version"], fault["summary"])
        for report in reports
        for fault in report["faults"]
    }
    text = "Faults of others, each shown by a test on the version that is named."
    header = ["Package", "Version", "Fault"]
    return Table("Faults met upstream", text, header, [list(f) for f in sorted(faults)])


def versions_of(reports):
    """Python and the judges, in a sentence; all versions if they differ."""
    found = {"Python": {report["python"] for report in reports}}
    for report in reports:
        for package, version in report["versions"].items():
            found.setdefault(package, set()).add(version)
    return ", ".join(f"{name} {' and '.join(sorted(v))}" for name, v in found.items())


def markdown(tables, versions):
    """The tables as a page."""
    escape = re.compile(r"([\\`*_{}\[\]<>|])")
    lines = ["# Conformance report", "", f"Written by `make conformance`: {versions}."]
    for table in tables:
        lines += ["", f"## {table.title}", "", table.text, ""]
        for row in (table.header, ["---"] * len(table.header), *table.rows):
            cells = (escape.sub(r"\\\1", cell) for cell in row)
            lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def show(tables, versions):
    """The tables on the screen."""
    console = rich.console.Console(highlight=False, markup=False)
    console.width = max(console.width, 130)
    for table in tables:
        shown = rich.table.Table(title=table.title, title_justify="left")
        for number, name in enumerate(table.header):
            text = number == 0 or name in ("Version", "Fault")
            shown.add_column(name, justify="left" if text else "right")
        for row in table.rows:
            shown.add_row(*row)
        console.print(shown)
    console.print(versions)


def main():
    """Read the reports, print the tables, write the page."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("reports", type=Path, nargs="+", metavar="REPORT")
    parser.add_argument("--write", type=Path, metavar="PAGE", help="a Markdown page")
    options = parser.parse_args()
    reports = [json.loads(file.read_text()) for file in options.reports]
    reports.sort(key=lambda report: [*BACKENDS].index(report["backend"]))
    tables = [cases_table(reports), mutants_table(killed()), faults_table(reports)]
    versions = versions_of(reports)
    show(tables, versions)
    if options.write:
        options.write.write_text(markdown(tables, versions))
        print(f"Written: {options.write}")


if __name__ == "__main__":
    main()

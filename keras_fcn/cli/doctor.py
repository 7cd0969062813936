"""`keras-fcn doctor`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import typer

from . import options

if TYPE_CHECKING:
    from ..doctor import Report


def doctor(json_file: options.JsonFile = None) -> None:
    """Say what is installed, what this machine can do, and what is wrong with it.

    Keras and its backend are tried in a process of their own: a tiny network is
    trained twice from one seed. The exit status is 1 if something is broken.

    Example:
        keras-fcn doctor --json doctor.json
    """
    from ..doctor import examine
    from ..storage import write_atomically
    from .console import console, print_path

    with console.status("Trying Keras and its backend"):
        report = examine()
    _print_report(report)
    if json_file:
        write_atomically(json_file, json.dumps(report.to_dict(), indent=2).encode())
        print_path("Report", json_file)
    if report.broken:
        raise typer.Exit(1)


def _print_report(report: Report) -> None:
    from .console import console, print_finding, print_table

    facts, trial = report.facts, report.trial
    rows = [["python", ".".join(map(str, facts.python))]]
    rows += [list(row) for row in facts.packages.items()]
    print_table("Versions", ["package", "version"], rows)
    total, free = facts.memory
    rows = [
        ["system", facts.system],
        ["processor", f"{facts.processor}, {facts.cores} cores"],
        ["instructions", " ".join(facts.instructions or ()) or "unknown"],
        ["memory", f"{_gigabytes(total)}, {_gigabytes(free)} free"],
        ["NVIDIA GPUs", "; ".join(facts.gpus) or facts.gpu_error or "none"],
    ]
    rows += [[what, f"{_gigabytes(n)} free"] for what, n in facts.disks.items()]
    rows += [list(row) for row in facts.environment.items()]
    print_table("Machine", ["", ""], rows)
    rows = [
        ["backends installed", ", ".join(facts.backends) or "none"],
        ["backend", f"{facts.backend}, {facts.backend_from}"],
    ]
    if trial.error:
        rows.append(["error", trial.error])
    else:
        told = {True: "yes", False: "no", None: f"unknown: {trial.repeatable_error}"}
        compiled = "on" if trial.jit else "off"
        rows += [
            ["computes on", trial.device or ""],
            ["--precision auto", f"{trial.precision}: {trial.precision_reason}"],
            ["--jit auto", f"{compiled}: {trial.jit_reason}"],
            ["the same bits from one seed", told[trial.repeatable]],
        ]
    print_table("Keras", ["", ""], rows)
    for finding in report.findings:
        print_finding(finding)
    if not report.broken:
        console.print("[green]Nothing is broken.")


def _gigabytes(size: int | None) -> str:
    return "unknown" if size is None else f"{size / 1e9:.1f} GB"

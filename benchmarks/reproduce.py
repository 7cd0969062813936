"""The paper's table from nothing: data, every recipe, every published net, scores.

For a machine with internet and a GPU: `make reproduce`, or

    python benchmarks/reproduce.py [options] [-- arguments of every training]

What is there already is not done again, so that it may be interrupted and goes on. Each
run folder holds its scores and what it took; the table stands in `docs/results.md`.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from keras_fcn.scores import SCORES
from keras_fcn.storage import write_atomically

ROOT = Path(__file__).parents[1]
TABLE = ROOT / "docs" / "results.md"
MARKS = ("<!-- table: benchmarks/reproduce.py -->\n", "<!-- end of table -->\n")
DATASET = "voc2011_sbd"
PREPARED = ("VOCdevkit/VOC2011", "benchmark_RELEASE/dataset")
RECORD = "reproduced.json"  # hours, commit and machine of a run
SCORED = "scores.json"
TITLES = ("pixel accuracy", "mean accuracy", "mean IU", "f.w. IU")  # of SCORES

Four = tuple[str, str, str, str]  # scores in percent, as published, in SCORES' order
UNKNOWN: Four = ("", "", "", "")


@dataclass(frozen=True)
class Network:
    """A network of the table: who has published which scores, and how we get ours."""

    title: str
    recipe: str
    published: str | None = None  # in `keras_fcn.weights.PUBLISHED`
    paper: Four = UNKNOWN  # https://arxiv.org/abs/1411.4038, tables 1 and 2
    caffe: Four = UNKNOWN  # the released nets, scored again in wkentaro/fcn's README
    chainer: Four = UNKNOWN  # wkentaro/fcn's own training


PAPER_32S: Four = ("89.1", "73.3", "59.4", "81.4")

# In the order of work: a stage comes after the one that it begins with.
NETWORKS = (
    Network(
        "FCN-32s",
        "voc_fcn32s",
        "fcn32s-heavy-pascal",
        PAPER_32S,
        ("90.48", "76.48", "63.63", "83.46"),
        ("90.57", "76.87", "63.82", "83.51"),
    ),
    Network(
        "FCN-16s",
        "voc_fcn16s",
        "fcn16s-heavy-pascal",
        ("90.0", "75.7", "62.4", "83.0"),
        ("91.00", "78.07", "65.01", "84.26"),
        ("91.10", "77.25", "65.36", "84.37"),
    ),
    Network(
        "FCN-8s",
        "voc_fcn8s",
        "fcn8s-heavy-pascal",
        ("90.3", "75.9", "62.7", "83.2"),
        ("91.22", "77.61", "65.51", "84.54"),
        ("91.26", "78.15", "65.84", "84.64"),
    ),
    Network(
        "FCN-8s at once",
        "voc_fcn8s_atonce",
        "fcn8s-atonce-pascal",
        UNKNOWN,
        ("91.13", "78.50", "65.40", "84.43"),
        ("91.09", "77.35", "65.34", "84.43"),
    ),
    Network(
        "FCN-AlexNet",
        "voc_fcn_alexnet",
        "fcn-alexnet-pascal",
        ("", "", "48.0", ""),
        ("", "", "48.0", ""),
    ),
    Network("FCN-GoogLeNet", "voc_fcn_googlenet", paper=("", "", "(42.5)", "")),
    Network("FCN-32s, minibatches", "voc_fcn32s_cvpr", paper=PAPER_32S),
    Network("FCN-8s, AdamW", "voc_fcn8s_adamw"),
)
RECIPES = [network.recipe for network in NETWORKS]
PUBLISHED = [network.published for network in NETWORKS if network.published]


@dataclass(frozen=True)
class Step:
    """A command of `keras-fcn`, and how to tell that it has been done."""

    words: list[str]
    is_done: Callable[[], bool]
    run: Path | None = None  # the run that it is a part of
    makes: Path | None = None  # the folder that comes of it

    def __str__(self) -> str:
        return shlex.join(["keras-fcn", *self.words])


def steps_of(
    names: Sequence[str], out: Path, data_dir: str, arguments: Sequence[str]
) -> list[Step]:
    """Return the steps that lead to the scores of these recipes and files."""
    from keras_fcn import recipes

    data = ["--dataset", DATASET, "--data-dir", data_dir]
    steps = [
        Step(
            ["data", "prepare", *data],
            lambda: all((Path(data_dir) / part).is_dir() for part in PREPARED),
        )
    ]
    for name in names:
        run = out / name
        if name in RECIPES:
            start = recipes.load(name).starts_from
            words = ["train", "--resume", "--recipe", name, "--data-dir", data_dir]
            words += arguments
            words += ["--from", str(out / start)] if start else []
            # The best one was chosen by the very photos that are scored here.
            scored = ["--weights", "last"]
        else:
            words, scored = ["convert", name, *data], []
        makes = [*words, "--run-dir", str(run)]
        file = run / SCORED
        scores = ["evaluate", str(run), *scored, "--json", str(file)]
        steps += [
            Step(makes, lambda run=run: is_whole(run), run, makes=run),
            Step(scores, lambda file=file: file.is_file(), run),
        ]
    return steps


def is_whole(run: Path) -> bool:
    """Return whether a run has been trained, or converted, to its end."""
    from keras_fcn.runs import CONFIG, read_config

    if not (run / CONFIG).is_file():
        return False
    if run.name not in RECIPES:
        return True  # a converted run gets its configuration last
    log = run / "log.csv"
    lines = log.read_text().splitlines() if log.is_file() else []
    return len(lines) - 1 >= read_config(run).epochs


def perform(step: Step, arguments: Sequence[str]) -> int:
    """Do a step and note in its run what it took; return its exit status."""
    resumed = "--resume" in step.words
    if step.makes is not None and step.makes.exists() and not resumed:
        number = 1  # it was interrupted, and cannot be taken up
        while (old := Path(f"{step.makes}.unfinished_{number}")).exists():
            number += 1
        step.makes.rename(old)
    before = time.monotonic()
    status = keras_fcn_command(step.words)
    if status == 0 and step.run is not None:
        record = read_json(step.run / RECORD)
        hours = (time.monotonic() - before) / 3600
        record["hours"] = record.get("hours", 0.0) + hours
        if step.makes is not None:
            record |= {"commit": commit(), "machine": machine()}
            record["arguments"] = shlex.join(arguments) if resumed else ""
        write_atomically(step.run / RECORD, json.dumps(record, indent=2).encode())
    return status


def keras_fcn_command(words: Sequence[str]) -> int:
    """Run `keras-fcn`; return its exit status."""
    return subprocess.run([sys.executable, "-m", "keras_fcn", *words]).returncode


def commit() -> str:
    """Return the commit of the package, and whether it has been changed since."""
    git = ["git", "-C", str(ROOT)]
    head = subprocess.run(
        [*git, "rev-parse", "--short", "HEAD"], capture_output=True, text=True
    )
    if head.returncode:
        return ""
    changed = subprocess.run([*git, "diff", "--quiet", "HEAD", "--", "keras_fcn"])
    return head.stdout.strip() + (", changed" if changed.returncode else "")


def machine() -> str:
    """Return what the work is done on."""
    import keras

    device = ""
    if shutil.which("nvidia-smi"):
        query = ["nvidia-smi", "--query-gpu=name", "--format=csv,noheader"]
        told = subprocess.run(query, capture_output=True, text=True)
        device = ", ".join(told.stdout.splitlines())
    system = platform.platform(terse=True)
    backend = keras.backend.backend()
    return f"{device or 'no GPU'}, {os.cpu_count()} cores, {system}, {backend}"


def table(out: Path) -> str:
    """Return the table, with the scores that are there; other cells stay empty."""
    sources = ("paper, 2015", "authors' Caffe", "wkentaro/fcn")
    lines = [
        row("", "", *sources, "ours, their weights", "ours, trained"),
        row(*["---"] * 7),
    ]
    for net in NETWORKS:
        ours = [percent(out, net.published), percent(out, net.recipe)]
        columns = zip(TITLES, net.paper, net.caffe, net.chainer, *ours, strict=True)
        for score, *cells in columns:
            lines.append(row(net.title if score == TITLES[0] else "", score, *cells))
    lines += [
        "",
        row("ours", "scored on", "commit", "machine", "hours"),
        row(*["---"] * 5),
    ]
    for name in RECIPES + PUBLISHED:
        scores, record = read_json(out / name / SCORED), read_json(out / name / RECORD)
        told = " ".join([name, record.get("arguments", "")]).strip()
        split = f"{scores['split']}, {scores['images']} images" if scores else ""
        hours = f"{record['hours']:.2f}" if scores and record else ""
        of_run = [record.get(n, "") if scores else "" for n in ("commit", "machine")]
        lines.append(row(f"`{told}`", split, *of_run, hours))
    return "\n".join(lines) + "\n"


def row(*cells: str) -> str:
    """Return a row of a table."""
    return "|" + "".join(f" {cell} |" if cell else " |" for cell in cells)


def percent(out: Path, name: str | None) -> list[str]:
    """Return the four scores of a run in percent, empty where there are none."""
    scores = read_json(out / name / SCORED) if name else {}
    return [f"{100 * scores[n]:.2f}" if scores else "" for n in SCORES]


def read_json(file: Path) -> dict:
    """Return what a file holds; nothing if there is none."""
    return json.loads(file.read_text()) if file.is_file() else {}


def write_table(page: Path, out: Path) -> None:
    """Write the table into a page, between its two marks."""
    before, mark, rest = page.read_text(encoding="utf-8").partition(MARKS[0])
    _, end, after = rest.partition(MARKS[1])
    if not mark or not end:
        raise SystemExit(f"{page} must hold the lines {MARKS[0]!r} and {MARKS[1]!r}.")
    text = f"{before}{mark}\n{table(out)}\n{end}{after}"
    write_atomically(page, text.encode())


def parse(argv: Sequence[str]) -> tuple[argparse.Namespace, list[str]]:
    """Return the options, and what stands after `--`, for every training."""
    end = argv.index("--") if "--" in argv else len(argv)
    parser = argparse.ArgumentParser(
        description="Train and score everything in the table of docs/results.md.",
        epilog="What follows -- is handed to every keras-fcn train.",
    )
    parser.add_argument("--dry-run", action="store_true", help="print the commands")
    parser.add_argument(
        "--only", nargs="+", metavar="NAME", help="recipes and published files"
    )
    parser.add_argument("--output-dir", type=Path, default=Path("runs/reproduce"))
    parser.add_argument(
        "--data-dir", default="data", help="of VOC2011 and SBD; filled if it is not"
    )
    parser.add_argument(
        "--table", type=Path, default=TABLE, help="the page to write the table into"
    )
    options = parser.parse_args(argv[:end])
    unknown = set(options.only or ()) - {*RECIPES, *PUBLISHED}
    if unknown:
        known = ", ".join(RECIPES + PUBLISHED)
        parser.error(f"--only must be of {known}. Received: {', '.join(unknown)}")
    return options, list(argv[end + 1 :])


def main(argv: Iterable[str] | None = None) -> None:
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    options, arguments = parse(list(sys.argv[1:] if argv is None else argv))
    out = options.output_dir
    names = [n for n in RECIPES + PUBLISHED if n in (options.only or [n])]
    steps = steps_of(names, out, options.data_dir, arguments)
    for number, step in enumerate(steps, start=1):
        if step.is_done():
            continue
        spent = sum(read_json(out / n / RECORD).get("hours", 0.0) for n in names)
        so_far = "" if options.dry_run else f"[{number}/{len(steps)}, {spent:.1f} h] "
        print(f"{so_far}{step}", flush=True)
        if options.dry_run:
            continue
        status = perform(step, arguments)
        write_table(options.table, out)
        if status:
            raise SystemExit(f"Failed, with the exit status {status}: {step}")
    if not options.dry_run:
        print(f"All {len(steps)} steps are done. The table: {options.table}")


if __name__ == "__main__":
    main()

"""Everything that is fast here, against what others do in its place: `make bench`.

    python benchmarks/bench.py [--quick] [--only inference,layers] [--device gpu]

Every way of doing a piece of work takes its turn in each round, so that what disturbs
one disturbs all; what is told is the ratio of ours to a peer, round by round. The
results of the two are compared before they are timed.
"""

from __future__ import annotations

import argparse
import importlib.util
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import machine
from races import Race, Row, Settings, rows_of
from report import limits_table, notes, rows_table, write_json
from rich.console import Console
from side_by_side import Outcome, take_turns
from suites import inference, layers, limits, pixels, start, training
from workers import Workers

ROOT = Path(__file__).parents[1]
BACKENDS = ("tensorflow", "jax", "torch")
Suites = Mapping[str, Callable[[Settings], Iterator[Race]]]
SUITES: Suites = {
    "inference": inference.races,
    "training": training.races,
    "layers": layers.races,
    "pixels": pixels.races,
    "start": start.races,
}
WIDTH = 190  # of the tables, where they are not printed on a terminal


def main(arguments: Sequence[str] | None = None, suites: Suites = SUITES) -> int:
    """Measure, print, write; return 1 if something is broken, else 0."""
    told = _read(arguments, suites)
    settings = Settings(told.quick, told.device, told.threads)
    console = Console(width=None if sys.stdout.isatty() else WIDTH)
    document: dict[str, Any] = {
        "begun": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": machine.describe(told.threads, told.device),
        "quick": told.quick,
        "rounds": told.rounds,
        "load_before": machine.load(),
    }
    console.print(headline(document))
    console.print(warning(document["load_before"], told.threads))
    with Workers(told.threads, told.device) as workers:
        absent = left_out_backends(workers)
        for backend, why in absent.items():
            console.print(f"Without {backend}: {why}.")
        measure = Measure(workers, settings, told.rounds, absent)
        race = limits.race(settings)
        found = limits.results(race, measure(race), settings)
        document["limits"], rates = found, limits.rates(found)
        console.print(limits_table(found))
        document["suites"], document["turns"] = {}, {}
        for name in told.only:
            rows: list[Row] = []
            for race in suites[name](settings):
                started = time.perf_counter()
                outcome = measure(race)
                took = time.perf_counter() - started
                print(f"{name}: {race.work} ({took:.0f} s)", file=sys.stderr)
                rows += rows_of(race, outcome, rates)
                document["turns"].setdefault(name, {})[race.work] = outcome.turns
            document["suites"][name] = rows
            console.print(rows_table(name, rows))
            for note in notes(rows):
                console.print(f"  {note}", highlight=False)
    document["load_after"] = machine.load()
    console.print(headline(document))
    file = told.output_dir / f"{told.name}.json"
    write_json(file, document)
    console.print(f"Written: {file}")
    if told.chart:
        from chart import draw_chart

        draw_chart(told.chart, document["suites"], headline(document))
        console.print(f"Drawn: {told.chart}")
    return int(any(row.broken for rows in document["suites"].values() for row in rows))


class Measure:
    """Lets a race be run, without the backends that are not there."""

    def __init__(
        self,
        workers: Workers,
        settings: Settings,
        rounds: int,
        absent: Mapping[str, str],
    ):
        self.workers, self.settings = workers, settings
        self.rounds, self.absent = rounds, absent

    def __call__(self, race: Race) -> Outcome:
        """Return what became of the contenders."""
        there = {
            name: contender
            for name, contender in race.contenders.items()
            if contender.backend not in self.absent
        }
        quick = self.settings.quick
        rounds = min(self.rounds, 1 if quick else 3) if race.memory else self.rounds
        outcome = take_turns(
            there,
            rounds,
            self.workers,
            patience=2.0 if quick else 20.0,
            warm_ups=1 if quick else 2,
            at_least=0.0 if quick else 0.1,
            fresh=race.memory,
        )
        for name, contender in race.contenders.items():
            if contender.backend in self.absent:
                outcome.left_out[name] = self.absent[contender.backend]
        return outcome


def left_out_backends(workers: Workers) -> dict[str, str]:
    """Return the backends that are not installed, or see no GPU where one is asked for.

    Raises:
        SystemExit: If a GPU is asked for and none of them sees one.
    """
    absent = {
        backend: f"{backend} is not installed"
        for backend in BACKENDS
        if importlib.util.find_spec(backend) is None
    }
    if workers.device == "cpu":
        return absent
    for backend in BACKENDS:
        if backend not in absent:
            request = ("prepare", "GPU", machine.looking_for_gpu, 1, 0.0)
            (seen,) = workers.ask(backend, *request)
            if not seen:
                absent[backend] = f"{backend} sees no GPU"
    if len(absent) == len(BACKENDS):
        raise SystemExit(
            "`--device gpu` needs a GPU that TensorFlow, JAX or PyTorch sees. "
            f"Received: {'; '.join(absent.values())}. Install a build for your GPU "
            '(`pip install "jax[cuda12]" torch`), or leave out `--device`.'
        )
    return absent


def headline(document: Mapping[str, Any]) -> str:
    """Return in a line or two what was measured on, and how busy it was."""
    about = document["machine"]
    packages = ", ".join(f"{n} {v}" for n, v in about["packages"].items())
    load = f"load {document['load_before']}"
    if "load_after" in document:
        load += f" before, {document['load_after']} after"
    return (
        f"{about['processor']} ({', '.join(about['flags'])}), {about['cores']} cores, "
        f"{about['threads']} threads, {about['device']}, {load}, {document['begun']}, "
        f"{document['rounds']} rounds\n{packages}"
    )


def warning(load: float | None, threads: int) -> str:
    """Return what a busy machine does to the ratios, or nothing if it is not busy."""
    free = machine.cores() - (load or 0)
    if free > threads - 0.5:
        return ""
    return (
        f"Others are at work here: a load of {load} on {machine.cores()} cores. "
        f"Libraries whose threads wait for each other by spinning (OpenMP, in PyTorch "
        f"and NumPy) lose more by that than others. Measure when nobody else does, or "
        "with fewer `--threads`."
    )


def _read(arguments: Sequence[str] | None, suites: Suites) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--quick", action="store_true", help="tiny sizes, 2 rounds: does it all run?"
    )
    parser.add_argument(
        "--only",
        type=lambda words: _choose(words, suites),
        metavar="SUITES",
        help=f"of {','.join(suites)}; all, but no start on a GPU",
    )
    parser.add_argument("--rounds", type=int, help="turns of each; 7, or 2 if quick")
    parser.add_argument(
        "--threads", type=int, help="of each library; all cores, or 1 if quick"
    )
    parser.add_argument("--device", choices=("cpu", "gpu"), default="cpu")
    parser.add_argument("--name", help="of the JSON file; the device, or quick")
    parser.add_argument("--output-dir", type=Path, default=ROOT / "build" / "bench")
    parser.add_argument("--chart", type=Path, metavar="FILE", help="an .svg or .png")
    told = parser.parse_args(arguments)
    if told.only is None:
        told.only = [s for s in suites if (s, told.device) != ("start", "gpu")]
    told.rounds = told.rounds or (2 if told.quick else 7)
    told.threads = told.threads or (1 if told.quick else machine.cores())
    told.name = told.name or ("quick" if told.quick else told.device)
    return told


def _choose(words: str, suites: Suites) -> list[str]:
    chosen = words.split(",")
    for word in chosen:
        if word not in suites:
            raise argparse.ArgumentTypeError(f"{word!r} is none of {','.join(suites)}")
    return chosen


if __name__ == "__main__":
    sys.exit(main())

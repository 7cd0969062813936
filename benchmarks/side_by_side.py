"""Ways of doing the same work, timed by turns: each in the process of its backend.

A contender is a backend and a function that prepares: it returns a function of no
arguments, the work. Only one process works at a time. Knows nothing of what the work
is, nor of who is compared with whom.
"""

from __future__ import annotations

import functools
import statistics
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from workers import NotHere, Turn, Work, Workers

PATIENCE = 6.0  # seconds of a contender's turns, after which it has no more
REST = 0.02  # seconds until the threads of the process before have gone to sleep


@dataclass(frozen=True)
class Contender:
    """A way of doing a piece of work, in the process of its backend.

    `prepare` must be picklable: a function of a module, or a `partial` of one. `dtype`
    is what most is computed in.
    """

    backend: str
    prepare: Callable[[], Work]
    dtype: str = "float32"


@dataclass
class Outcome:
    """What became of each contender, by its name."""

    turns: dict[str, list[Turn]] = field(default_factory=dict)
    samples: dict[str, np.ndarray] = field(default_factory=dict)
    left_out: dict[str, str] = field(default_factory=dict)  # and why
    failed: dict[str, str] = field(default_factory=dict)  # and how


def take_turns(
    contenders: Mapping[str, Contender],
    rounds: int,
    workers: Workers,
    *,
    patience: float = PATIENCE,
    warm_ups: int = 2,
    at_least: float = 0.0,
    fresh: bool = False,
) -> Outcome:
    """Let every contender do its work once a round, by turns.

    Args:
        contenders: By name.
        rounds: Turns of each.
        workers: The processes.
        patience: Seconds for one contender, after which it has no more turns.
            Defaults to `6.0`.
        warm_ups: Calls before the first turn, which compile. Defaults to `2`.
        at_least: Seconds of a turn, which calls short work as often as that takes.
            Defaults to `0.0`: once.
        fresh: Whether each turn has a process of its own, without warm-ups, for
            `Turn.peak`. Defaults to `False`.

    Returns:
        Turns and results. Who fails has no turns; all others go on.
    """
    outcome = Outcome()

    def attempt(name: str, *request: Any, processes: Workers = workers) -> Any:
        try:
            return processes.ask(contenders[name].backend, *request)
        except NotHere as reason:
            outcome.left_out[name] = str(reason)
        except Exception as error:
            outcome.failed[name] = str(error)
        outcome.turns.pop(name, None)
        outcome.samples.pop(name, None)
        return None

    def prepare(name: str, calls: int, processes: Workers) -> None:
        request = ("prepare", name, contenders[name].prepare, calls, at_least)
        sample = attempt(name, *request, processes=processes)
        if sample is not None:
            outcome.samples[name] = sample
            outcome.turns.setdefault(name, [])

    def turn(name: str, processes: Workers) -> None:
        taken = attempt(name, "turn", name, processes=processes)
        if taken is not None:
            outcome.turns[name].append(taken)

    names = list(contenders)
    if not fresh:
        for name in names:
            prepare(name, warm_ups, workers)
    used: dict[str, float] = dict.fromkeys(names, 0.0)
    for number in range(rounds):
        # Each round begins with another, so that nobody always follows the same one.
        first = number % len(names)
        for name in names[first:] + names[:first]:
            if used[name] >= patience or name in {**outcome.left_out, **outcome.failed}:
                continue
            started = time.perf_counter()
            if fresh:
                with workers.fresh() as processes:
                    prepare(name, 0, processes)
                    if name in outcome.turns:
                        turn(name, processes)
            else:
                turn(name, workers)
            used[name] += time.perf_counter() - started
            time.sleep(REST)
    if not fresh:
        workers.forget()
    return outcome


def median_ms(
    contenders: Mapping[str, tuple[str, Callable[[Any], Work]]],
    cases: Iterable[Any],
    rounds: int,
    threads: int,
) -> Iterable[tuple[Any, dict[str, float]]]:
    """Time contenders by turns, case by case.

    Args:
        contenders: For each name, its Keras backend and a function of a module, which
            takes a case and returns the work.
        cases: What is worked on.
        rounds: Turns of each; the call before them, which compiles, is not counted.
        threads: Threads that each library may use.

    Yields:
        A case, and the median milliseconds of each contender.

    Raises:
        RuntimeError: If one of them fails.
    """
    with Workers(threads) as workers:
        for case in cases:
            named = {
                name: Contender(backend, functools.partial(prepare, case))
                for name, (backend, prepare) in contenders.items()
            }
            outcome = take_turns(named, rounds, workers, warm_ups=1)
            for problems in (outcome.failed, outcome.left_out):
                for name, why in problems.items():
                    raise RuntimeError(f"{name}, {case}: {why}")
            yield (
                case,
                {
                    name: 1e3 * statistics.median(turn.wall for turn in turns)
                    for name, turns in outcome.turns.items()
                },
            )

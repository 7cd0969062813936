"""Ways of doing the same work, timed by turns: each in the process of its backend.

A contender is a function that takes a case and returns a function of no arguments, the
work. Only one process works at a time.
"""

from __future__ import annotations

import multiprocessing
import os
import statistics
import time
from collections.abc import Callable, Iterable, Mapping
from multiprocessing.connection import Connection
from typing import Any

Contender = Callable[[Any], Callable[[], Any]]
PATIENCE = (
    6.0  # seconds for one contender on one case, after which it has no more turns
)


def median_ms(
    contenders: Mapping[str, tuple[str, Contender]],
    cases: Iterable[Any],
    rounds: int,
    threads: int,
) -> Iterable[tuple[Any, dict[str, float]]]:
    """Time contenders by turns, case by case.

    Args:
        contenders: For each name, its Keras backend and a function of a module, which
            the process of that backend imports.
        cases: What is worked on.
        rounds: Turns of each; the first, which compiles, is not counted.
        threads: Threads that each library may use.

    Yields:
        A case, and the median milliseconds of each contender.
    """
    start = multiprocessing.get_context("spawn")
    workers: dict[str, Connection] = {}
    for backend, _ in contenders.values():
        if backend not in workers:
            workers[backend], theirs = start.Pipe()
            arguments = (theirs, backend, threads)
            start.Process(target=_work, args=arguments, daemon=True).start()

    def ask(name: str, case: Any) -> float:
        backend, contender = contenders[name]
        workers[backend].send((contender, case))
        answer = workers[backend].recv()
        if isinstance(answer, Exception):
            raise answer
        return answer

    for case in cases:
        seconds: dict[str, list[float]] = {name: [] for name in contenders}
        for name in contenders:
            ask(name, case)
        for _ in range(rounds):
            for name, taken in seconds.items():
                if sum(taken) < PATIENCE:
                    taken.append(ask(name, case))
        yield case, {n: 1e3 * statistics.median(t) for n, t in seconds.items()}


def _work(requests: Connection, backend: str, threads: int) -> None:
    """Answer requests with the seconds that they took."""
    os.environ.update(
        KERAS_BACKEND=backend,
        OMP_NUM_THREADS=str(threads),
        OPENBLAS_NUM_THREADS=str(threads),
        TF_NUM_INTRAOP_THREADS=str(threads),
        TF_CPP_MIN_LOG_LEVEL="2",
    )
    if threads == 1:
        os.environ["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false"
    ready: dict[Contender, Callable[[], Any]] = {}
    current = None
    while True:
        try:
            contender, case = requests.recv()
        except EOFError:
            return
        try:
            if case != current:
                ready, current = {}, case
            if contender not in ready:
                ready[contender] = contender(case)
            started = time.perf_counter()
            ready[contender]()
            requests.send(time.perf_counter() - started)
        except Exception as error:
            requests.send(RuntimeError(f"{contender.__name__}, {case}: {error!r}"))

"""Processes that do work, one for each backend, and tell what it took.

A process prepares work by a function that it is sent, does it when it is asked, and
answers with the time, the processor time and the memory. Knows nothing of what the work
is, nor of whose turn it is.
"""

from __future__ import annotations

import gc
import logging
import math
import multiprocessing
import os
import resource
import sys
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np

MOST_CALLS = 200  # in one turn
SAMPLED = 1000  # values of a result, by which two results are compared

Work = Callable[[], Any]


class NotHere(Exception):
    """Something that a contender needs is not on this machine."""


@dataclass(frozen=True)
class Turn:
    """What one call took, as the mean of a turn's calls."""

    wall: float  # seconds
    cpu: float  # seconds of all threads, and of child processes that ended
    peak: int  # bytes that the process has held at the most since it began


class Workers:
    """The processes, one for each backend, started when first asked.

    Args:
        threads: Threads that each library may use.
        device: `"cpu"`, which hides every GPU from the libraries, or `"gpu"`.
    """

    def __init__(self, threads: int, device: str = "cpu"):
        self.threads, self.device = threads, device
        self._running: dict[str, tuple[Any, Connection]] = {}

    def __enter__(self) -> Workers:
        return self

    def __exit__(self, *_: Any) -> None:
        for backend in list(self._running):
            self._end(backend)

    def fresh(self) -> Workers:
        """Return others of the same settings, none of them running yet."""
        return Workers(self.threads, self.device)

    def ask(self, backend: str, *request: Any) -> Any:
        """Return the answer of a backend's process, or raise what it raised."""
        if backend not in self._running:
            self._start(backend)
        _, connection = self._running[backend]
        try:
            connection.send(request)
            answer = connection.recv()
        except (EOFError, ConnectionError) as error:
            process = self._end(backend)
            raise RuntimeError(
                f"the process of {backend} ended with status {process.exitcode}; "
                "-9 means that there was no memory left"
            ) from error
        if isinstance(answer, Exception):
            raise answer
        return answer

    def forget(self) -> None:
        """Let every process drop what it has prepared.

        None gives a GPU's memory back but by ending.
        """
        for backend in list(self._running):
            if self.device == "gpu":
                self._end(backend)
            else:
                self.ask(backend, "forget")

    def _start(self, backend: str) -> None:
        start = multiprocessing.get_context("spawn")
        ours, theirs = start.Pipe()
        process = start.Process(target=_serve, args=(theirs,), daemon=True)
        # Libraries read these when they are imported, NumPy before anything else runs.
        settings = _environment(backend, self.threads, self.device)
        with mock.patch.dict(os.environ, settings):
            process.start()
        theirs.close()
        self._running[backend] = process, ours

    def _end(self, backend: str) -> Any:
        process, connection = self._running.pop(backend)
        connection.close()
        process.join(timeout=10)
        if process.is_alive():
            process.kill()
            process.join()
        return process


def peak_memory() -> int:
    """Return the most bytes that this process has held at a time."""
    status = Path("/proc/self/status")
    if status.exists():  # on Linux `ru_maxrss` begins with that of the parent
        for line in status.read_text().splitlines():
            if line.startswith("VmHWM:"):
                return 1024 * int(line.split()[1])
    unit = 1 if sys.platform == "darwin" else 1024
    return unit * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def _environment(backend: str, threads: int, device: str) -> dict[str, str]:
    settings = {
        "KERAS_BACKEND": backend,
        "TF_CPP_MIN_LOG_LEVEL": "2",
        "XLA_FLAGS": os.environ.get("XLA_FLAGS", ""),
    }
    for name in (
        *("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"),
        *("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS", "NPROC"),  # XLA: NPROC
    ):
        settings[name] = str(threads)
    if threads == 1:
        settings["XLA_FLAGS"] += " --xla_cpu_multi_thread_eigen=false"
    if device == "cpu":
        settings |= {"CUDA_VISIBLE_DEVICES": "-1", "JAX_PLATFORMS": "cpu"}
    else:  # else one process takes all of its memory, and leaves the others none
        settings["XLA_PYTHON_CLIENT_PREALLOCATE"] = "false"
        settings["TF_FORCE_GPU_ALLOW_GROWTH"] = "true"
    return settings


def _serve(requests: Connection) -> None:
    """Answer requests, each with a value or with the error that it made."""
    warnings.simplefilter("ignore")  # of frameworks, at each other's arrays
    logging.getLogger("tensorflow").setLevel("ERROR")
    ready: dict[str, tuple[Work, int]] = {}

    def prepare(name: str, make: Callable[[], Work], calls: int, at_least: float):
        work, sample, took = make(), np.zeros(0), math.inf
        for call in range(calls):
            started = time.perf_counter()
            result = work()
            took = time.perf_counter() - started
            if call == 0:
                sample = _sample(result)
            del result
        ready[name] = work, max(1, min(MOST_CALLS, math.ceil(at_least / took)))
        return sample

    def turn(name: str) -> Turn:
        work, calls = ready[name]
        cpu, wall = _cpu_seconds(), time.perf_counter()
        for _ in range(calls):
            work()
        wall, cpu = time.perf_counter() - wall, _cpu_seconds() - cpu
        return Turn(wall / calls, cpu / calls, peak_memory())

    def forget() -> None:
        ready.clear()
        gc.collect()

    kinds = {"prepare": prepare, "turn": turn, "forget": forget}
    while True:
        try:
            kind, *arguments = requests.recv()
        except EOFError:
            return
        try:
            requests.send(kinds[kind](*arguments))
        except (ImportError, NotHere) as error:
            requests.send(NotHere(str(error)))
        except Exception as error:
            requests.send(RuntimeError(f"{type(error).__name__}: {error}"))


def _cpu_seconds() -> float:
    ended = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + ended.ru_utime + ended.ru_stime


def _sample(result: Any) -> np.ndarray:
    """Return evenly spaced values of each array of a result, float32."""
    if result is None:
        return np.zeros(0, "float32")
    if isinstance(result, (tuple, list)):
        return np.concatenate([_sample(part) for part in result])
    if hasattr(result, "detach"):  # of PyTorch, perhaps bfloat16, perhaps on a GPU
        result = result.detach().float().cpu().numpy()
    values = np.asarray(result).astype("float32").reshape(-1)
    return values[:: max(1, values.size // SAMPLED)]

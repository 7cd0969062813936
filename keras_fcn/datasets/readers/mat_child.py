"""The process that reads `.mat` files, seen from outside: asked, watched and ended.

Knows pipes and signals; knows nothing of what the files hold.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
from contextlib import suppress
from pathlib import Path

from .mat_reader import COUNT, LABEL, LONGEST_REASON, QUESTION, READY, REASON

READER = Path(__file__).with_name("mat_reader.py")
MEMORY = 2 * 2**30  # bytes that a file may take to read
SECONDS = 30  # that a file may take to read; those of SBD take 0.003
START_SECONDS = 120  # that SciPy may take to load, from a slow disk


class MatFormatError(ValueError):
    """A `.mat` file that does not hold a label map of the expected size."""


class DiedError(MatFormatError):
    """A `.mat` file on which the process died, or had to be ended."""


class Child:
    """A running process that reads `.mat` files, one after another.

    Raises:
        RuntimeError: If the process does not start.
    """

    def __init__(self):
        self._stderr = tempfile.TemporaryFile()  # noqa: SIM115 - a pipe fills up
        try:
            # Isolated: neither a PYTHON* variable nor a file in the working folder
            # changes what runs. A fork would carry TensorFlow's threads and locks.
            self._process = subprocess.Popen(
                [sys.executable or "", "-I", str(READER)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._stderr,
                env={**os.environ, "OPENBLAS_NUM_THREADS": "1"},
                creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
            )
        except OSError as error:
            self._stderr.close()
            raise _not_started(str(error)) from error
        try:
            self._start()
        except BaseException:
            self.end()
            raise

    def ask(self, content: bytes, height: int, width: int) -> bytes:
        """Return the label map in the content of a `.mat` file, row by row.

        Raises:
            DiedError: If the process died of it; it cannot be asked again.
            MatFormatError: If the file has no label map of that size.
        """
        try:
            with _Deadline(self._process, SECONDS):
                self._send(QUESTION.pack(len(content), height, width) + content)
                return self._answer(height * width)
        except TimeoutError as error:
            reason = f"no answer within {SECONDS:g} s"
            raise DiedError(f"SciPy cannot read it: {reason}.") from error
        except (OSError, EOFError) as error:
            raise DiedError(f"SciPy cannot read it: {self._fate()}.") from error

    def end(self) -> None:
        """Kill the process, whatever it is doing."""
        self._process.kill()
        for pipe in (self._process.stdin, self._process.stdout, self._stderr):
            with suppress(OSError):  # what was never sent
                pipe.close()  # type: ignore[union-attr]
        self._process.wait()

    def _start(self) -> None:
        # An isolated one does not look into PYTHONPATH or a user's own folder.
        path = [folder for folder in sys.path if isinstance(folder, str)]
        limits = {"memory": MEMORY, "seconds": 2 * SECONDS}
        settings = json.dumps({"path": path, **limits}).encode()
        try:
            with _Deadline(self._process, START_SECONDS):
                self._send(COUNT.pack(len(settings)) + settings)
                if self._receive(len(READY)) != READY:
                    raise EOFError
        except (OSError, EOFError) as error:
            late = isinstance(error, TimeoutError)
            fate = f"none within {START_SECONDS} s" if late else self._fate()
            self._stderr.seek(0)
            words = self._stderr.read().decode(errors="replace").splitlines()
            raise _not_started(": ".join([fate, *words[-1:]])) from error

    def _answer(self, pixels: int) -> bytes:
        kind = self._receive(1)
        if kind == LABEL:
            return self._receive(pixels)
        (length,) = COUNT.unpack(self._receive(COUNT.size))
        if kind != REASON or length > LONGEST_REASON:
            raise DiedError("SciPy cannot read it: the answer makes no sense.")
        reason = self._receive(length).decode(errors="replace")
        # Words of a hostile file may hold commands to the terminal.
        raise MatFormatError("".join(c if c.isprintable() else "?" for c in reason))

    def _send(self, data: bytes) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(data)
        self._process.stdin.flush()

    def _receive(self, length: int) -> bytes:
        assert self._process.stdout is not None
        data = self._process.stdout.read(length)
        if len(data) < length:
            raise EOFError
        return data

    def _fate(self) -> str:
        """Say how the process ended, after its last answer broke off."""
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(5)
        code = self._process.returncode
        if code is None:
            return "its process fell silent"
        if code < 0:
            with suppress(ValueError):
                return f"its process died of {signal.Signals(-code).name}"
        return f"its process ended with code {code:#x}"


class _Deadline:
    """Kill a process after some seconds; then, leaving is a `TimeoutError`."""

    def __init__(self, process: subprocess.Popen[bytes], seconds: float):
        self._process = process
        self._late = False
        self._timer = threading.Timer(seconds, self._kill)
        self._timer.daemon = True

    def __enter__(self) -> None:
        self._timer.start()

    def __exit__(self, kind: type[BaseException] | None, *error: object) -> None:
        self._timer.cancel()
        self._timer.join()  # or it would kill the process over the next file
        if self._late and (kind is None or issubclass(kind, OSError | EOFError)):
            raise TimeoutError

    def _kill(self) -> None:
        self._late = True
        self._process.kill()


def _not_started(reason: str) -> RuntimeError:
    return RuntimeError(
        "A process that reads .mat files must start, and load NumPy and SciPy. "
        f"Received: {reason}. Try `{sys.executable} -c 'import scipy.io'`."
    )

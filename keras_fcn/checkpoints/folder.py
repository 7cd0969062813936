"""The checkpoints of one training: which to go on from, and which to keep."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from pathlib import Path

import filelock

from .. import storage
from ..weights import WeightsFormatError
from .file import Checkpoint, find_checkpoints

_LOCK = ".lock"


def newest_valid(
    folder: Path, tell: Callable[[str], None] = lambda message: None
) -> Checkpoint | None:
    """Return the furthest checkpoint that is whole, or `None` if there is none.

    Args:
        folder: The folder.
        tell: Called with a sentence for each one that is passed over.
    """
    for checkpoint in find_checkpoints(folder):
        try:
            checkpoint.verify()
        except WeightsFormatError as error:
            tell(f"Passed over, damaged: {checkpoint.path.name}. {error}")
            continue
        return checkpoint
    return None


def prune(folder: Path, keep: int, best: str | None = None) -> None:
    """Remove all checkpoints but the furthest ones and the best one.

    Args:
        folder: The folder.
        keep: How many of the furthest stay.
        best: Name of the file that stays besides.
    """
    for checkpoint in find_checkpoints(folder)[keep:]:
        if checkpoint.path.name != best:
            checkpoint.path.unlink(missing_ok=True)


def remove_leftovers(
    folder: Path, start: Checkpoint | None, tell: Callable[[str], None]
) -> None:
    """Remove what a killed process had begun to write, and damaged checkpoints.

    Only while holding the lock.

    Args:
        folder: The folder.
        start: The checkpoint that is gone on from: those that are further are
            damaged, and would count as the newest for ever.
        tell: Called with a sentence for each damaged one.

    Raises:
        RuntimeError: If one of those is whole: somebody has trained meanwhile.
    """
    storage.remove_leftovers(folder)
    for checkpoint in find_checkpoints(folder):
        if checkpoint == start:
            break
        try:
            checkpoint.verify()
        except WeightsFormatError:
            tell(f"Removed, damaged: {checkpoint.path.name}.")
            checkpoint.path.unlink(missing_ok=True)
        else:
            raise RuntimeError(
                "A folder must not be trained into between looking for its newest "
                f"checkpoint and `fit`. Received: {str(checkpoint.path)!r}, which is "
                "newer. Begin again."
            )


class RunLock:
    """Keeps other processes from training into a folder.

    A file names the process and its machine. One that was left behind by a process
    that is gone does not count, if that was on this machine.

    Args:
        folder: The folder.

    Example:
        >>> import tempfile
        >>> lock = RunLock(Path(tempfile.mkdtemp()))
        >>> lock.acquire()
        >>> lock.release()
    """

    def __init__(self, folder: Path):
        self._folder = folder
        self._file = folder / _LOCK
        self._lock = filelock.SoftFileLock(self._file, timeout=0)

    def acquire(self) -> None:
        """Take the folder; this very process may have taken it before.

        Raises:
            RuntimeError: If another process has it.
            OSError: If the folder cannot be written to.
        """
        self._folder.mkdir(parents=True, exist_ok=True)
        try:
            self._lock.acquire()
        except filelock.Timeout:
            process, host = _owner(self._file)
            if (process, host) == (str(os.getpid()), socket.gethostname()):
                return
            raise RuntimeError(
                "A folder must be trained into by one process at a time. Received: "
                f"{str(self._folder)!r}, which process {process} on {host} has. Wait "
                "for it, or name another folder; if that process is gone, remove "
                f"{str(self._file)!r}."
            ) from None

    def release(self) -> None:
        """Let others have the folder."""
        self._lock.release()


def _owner(file: Path) -> tuple[str, str]:
    try:
        process, host, *_ = file.read_text(encoding="utf-8").splitlines()
    except (OSError, ValueError):  # gone meanwhile, or not ours
        return "?", "?"
    return process, host

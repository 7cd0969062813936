"""Files that are either whole or not there.

Knows the file system; knows nothing of what is written.
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
import secrets
import shutil
from collections.abc import Generator
from pathlib import Path

_TEMPORARY = re.compile(r"\..*\.[0-9a-f]{16}\.part", re.DOTALL)


@contextlib.contextmanager
def replacing(path: str | os.PathLike[str]) -> Generator[Path]:
    """Yield a temporary file that takes the name `path` once it is written.

    What was written is flushed to the disk before, and the name after. Until then,
    and after an error, `path` holds its old content, and nothing new is left behind.

    Args:
        path: The file. Its folder is made if it is missing.

    Yields:
        A new, empty file beside `path`.

    Raises:
        OSError: If the disk is full or the folder cannot be written to.

    Example:
        >>> import tempfile
        >>> file = Path(tempfile.mkdtemp()) / "hello.txt"
        >>> with replacing(file) as temporary:
        ...     _ = temporary.write_text("hello")
        ...     file.exists()
        False
        >>> file.read_text()
        'hello'
    """
    path = Path(path)
    try:
        with unnamed(path.parent, path.name) as temporary:
            yield temporary
            publish(temporary, path)
    except OSError as error:
        if error.errno and not error.filename:  # a full disk names no file
            error.filename = str(path)
        raise


@contextlib.contextmanager
def unnamed(folder: str | os.PathLike[str], hint: str = "new") -> Generator[Path]:
    """Yield a new, empty file that is removed unless `publish` gives it a name.

    For a file whose name depends on its content.

    Args:
        folder: Where; made if it is missing.
        hint: What the temporary name begins with, for people who meet one.

    Raises:
        OSError: If the folder cannot be written to.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    # Only the beginning of the name: the longest names leave no room for more.
    temporary = folder / f".{hint[:40]}.{secrets.token_hex(8)}.part"
    temporary.touch(exist_ok=False)
    try:
        yield temporary
    finally:
        temporary.unlink(missing_ok=True)


def remove_leftovers(folder: str | os.PathLike[str]) -> None:
    """Remove the temporary files that killed processes have left in a folder.

    Only while no other process writes into it.

    Args:
        folder: The folder; it may be missing.

    Example:
        >>> import tempfile
        >>> (left := Path(tempfile.mkdtemp()) / ".a.0123456789abcdef.part").touch()
        >>> remove_leftovers(left.parent)
        >>> left.exists()
        False
    """
    for file in Path(folder).glob(".*.part"):
        if _TEMPORARY.fullmatch(file.name):
            file.unlink(missing_ok=True)


def publish(temporary: Path, path: Path) -> None:
    """Flush a temporary file to the disk and give it its name, in one step.

    Args:
        temporary: The file, in the same folder.
        path: Its name; what has it now is replaced.

    Raises:
        OSError: If the disk is full or the folder cannot be written to.
    """
    with temporary.open("rb+") as file:
        os.fsync(file.fileno())
    temporary.replace(path)
    if os.name == "posix":  # elsewhere a folder cannot be opened
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)  # else a power loss may take the name back
        finally:
            os.close(folder)


def write_atomically(path: str | os.PathLike[str], data: bytes) -> None:
    """Write `data` so that `path` holds the old content or all of the new one.

    Args:
        path: The file. Its folder is made if it is missing.
        data: The whole content.

    Raises:
        OSError: If the disk is full or the folder cannot be written to.

    Example:
        >>> import tempfile, pathlib
        >>> file = pathlib.Path(tempfile.mkdtemp()) / "new" / "hello.txt"
        >>> write_atomically(file, b"hello")
        >>> file.read_bytes()
        b'hello'
    """
    with replacing(path) as temporary:
        temporary.write_bytes(data)


def is_full(error: BaseException) -> bool:
    """Return whether an error says that a disk, or what one may write to it, is full.

    Example:
        >>> is_full(OSError(errno.ENOSPC, "No space left on device"))
        True
    """
    full = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
    return isinstance(error, OSError) and error.errno in full


def require_writable(folder: str | os.PathLike[str]) -> None:
    """Raise now what writing into a folder would raise hours later.

    Args:
        folder: The folder; made if it is missing.

    Raises:
        OSError: If it is a file, or lies in one, or cannot be written to.

    Example:
        >>> import tempfile
        >>> require_writable(tempfile.mkdtemp())
    """
    with unnamed(folder, "probe") as file:
        file.write_bytes(b"\0")


def require_room(folder: str | os.PathLike[str], needed: int, what: str) -> None:
    """Raise if a disk has fewer bytes free than will be needed.

    Args:
        folder: A folder on that disk.
        needed: Bytes.
        what: What they are for, in words.

    Raises:
        OSError: If there are fewer.

    Example:
        >>> require_room("/", 1, "a letter")
    """
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise OSError(
            f"The disk must have room for {what}, {needed / 1e9:.2f} GB. Received: "
            f"{free / 1e9:.2f} GB free at {os.fspath(folder)!r}. Free some, or name "
            "a folder on another disk."
        )

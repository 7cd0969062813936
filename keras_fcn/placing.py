"""A file or folder that is put in place whole, or is as it was before.

`storage` does so for a file; a folder needs to know whose the old one is. Knows nothing
of what is in them.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
from collections.abc import Callable, Generator
from pathlib import Path

from .storage import replacing


@contextlib.contextmanager
def placing(
    path: Path, is_ours: Callable[[Path], bool] | None = None
) -> Generator[Path]:
    """Yield what takes the name `path` at the end: a new, empty file, or a new folder.

    After an error `path` is as it was before, and so are the folders above it.

    Args:
        path: The file or folder. Missing folders above it are made.
        is_ours: `None` for a file. For a folder, says of one of that name that is not
            empty whether it may be replaced.

    Raises:
        FileExistsError: If a folder may not be replaced.
        OSError: If the disk is full or the folder cannot be written to.

    Example:
        >>> import tempfile
        >>> folder = Path(tempfile.mkdtemp()) / "new" / "net"
        >>> with placing(folder, lambda old: False) as new:
        ...     _ = (new / "a").write_text("hello")
        ...     folder.exists()
        False
        >>> [file.name for file in folder.iterdir()]
        ['a']
    """
    path = path.absolute()
    missing = [folder for folder in path.parents if not folder.exists()]
    try:
        with (
            replacing(path) if is_ours is None else _replacing_folder(path, is_ours)
        ) as new:
            yield new
    except BaseException:
        for folder in missing:  # the innermost first
            with contextlib.suppress(OSError):
                folder.rmdir()
        raise


def require_replaceable(folder: Path, is_ours: Callable[[Path], bool]) -> None:
    """Raise unless a folder is new, empty, or what its function says is ours.

    Raises:
        FileExistsError: If it is a file, or holds something else.
    """
    if folder.is_dir():
        free = not any(folder.iterdir()) or is_ours(folder)
    else:
        free = not (folder.exists() or folder.is_symlink())
    if not free:
        raise FileExistsError(
            "The folder to write must be new, empty, or hold what this wrote before. "
            f"Received: {str(folder)!r}, which is something else. Name another, or "
            "remove this one."
        )


@contextlib.contextmanager
def _replacing_folder(path: Path, is_ours: Callable[[Path], bool]) -> Generator[Path]:
    require_replaceable(path, is_ours)
    new, old = (
        path.with_name(f".{path.name[:40]}.{secrets.token_hex(8)}.part")
        for _ in range(2)
    )
    new.mkdir(parents=True)
    try:
        yield new
        for file in (f for f in new.rglob("*") if f.is_file()):
            with file.open("rb+") as opened:
                os.fsync(opened.fileno())
        if path.exists():
            path.rename(old)  # no system replaces a folder that is not empty
        try:
            new.rename(path)
        except BaseException:
            if old.exists():
                old.rename(path)
            raise
    finally:
        for folder in (new, old):
            shutil.rmtree(folder, ignore_errors=True)

"""Files that are either whole or not there.

Knows the file system; knows nothing of what is written.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path


def write_atomically(path: str | os.PathLike[str], data: bytes) -> None:
    """Write `data` so that `path` holds the old content or all of the new one.

    The bytes go to a temporary file beside `path`, are flushed to the disk, and
    then take the name in one step. After an error nothing new is left behind.

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
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    # Only the beginning of the name: the longest names leave no room for more.
    handle, temporary = tempfile.mkstemp(
        dir=path.parent, prefix=f".{path.name[:40]}.", suffix=".part"
    )
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, 0o666 & ~_umask())  # mkstemp's 0600 would surprise
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def _umask() -> int:
    """Return the process's file mode mask, which can only be read by setting it."""
    mask = os.umask(0)
    os.umask(mask)
    return mask

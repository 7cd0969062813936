"""Files that are either whole or not there.

Knows the file system; knows nothing of what is written.
"""

from __future__ import annotations

import os
import secrets
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
    temporary = path.with_name(f".{path.name[:40]}.{secrets.token_hex(8)}.part")
    try:
        with temporary.open("xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise

"""Checksums of files, as publishers give them.

Knows files; knows nothing of where they come from.
"""

from __future__ import annotations

import hashlib
import os
import re
from pathlib import Path

from .suggestions import require_choice

_DIGITS = {"sha256": 64, "sha1": 40, "md5": 32}
# Some publishers tell the first digits only, in the name of the file.
_PREFIX = "sha256-prefix"
WRONG_FILE = "It is incomplete or another file: remove it and start again."


def verify(path: str | os.PathLike[str], checksum: str) -> None:
    """Raise a `ValueError` if a file has another checksum.

    Args:
        path: The file.
        checksum: `"sha256:..."`, `"sha1:..."` or `"md5:..."` and all hexadecimal
            digits, or `"sha256-prefix:..."` and the first 8 or more.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If the checksum differs or is malformed.

    Example:
        >>> import tempfile
        >>> file = Path(tempfile.mkdtemp()) / "hello.txt"
        >>> file.write_bytes(b"hello")
        5
        >>> verify(file, "md5:5d41402abc4b2a76b9719d911017c592")
        >>> verify(file, "sha256-prefix:2cf24dba")
    """
    received = file_checksum(path, checksum_algorithm(checksum))
    if not checksums_agree(received, checksum):
        raise ValueError(
            f"{os.fspath(path)!r} must have the checksum {checksum}. Received: "
            f"{received}. {WRONG_FILE}"
        )


def file_checksum(path: str | os.PathLike[str], algorithm: str) -> str:
    """Compute the checksum of a file.

    Args:
        path: The file.
        algorithm: `"sha256"`, `"sha1"` or `"md5"`.

    Returns:
        The algorithm, a colon, and the digits: what `verify` and `download` take.

    Raises:
        ValueError: If there is no such algorithm.

    Example:
        >>> import tempfile
        >>> file = Path(tempfile.mkdtemp()) / "hello.txt"
        >>> file.write_bytes(b"hello")
        5
        >>> file_checksum(file, "md5")
        'md5:5d41402abc4b2a76b9719d911017c592'
    """
    require_choice("algorithm", algorithm, _DIGITS)
    with Path(path).open("rb") as file:
        # Some machines forbid MD5 and SHA-1 for secrets; this is no secret.
        digest = hashlib.file_digest(
            file, lambda: hashlib.new(algorithm, usedforsecurity=False)
        )
    return f"{algorithm}:{digest.hexdigest()}"


def checksum_algorithm(checksum: str) -> str:
    """Return the algorithm of a well-formed checksum."""
    form, _, digits = checksum.partition(":")
    algorithm = "sha256" if form == _PREFIX else form
    most = _DIGITS.get(algorithm, 0)
    fewest = 8 if form == _PREFIX else most
    if not most or not re.fullmatch(f"[0-9a-fA-F]{{{fewest},{most}}}", digits):
        raise ValueError(
            '`checksum` must be "sha256:" and 64 hexadecimal digits, "sha1:" and 40, '
            f'"md5:" and 32, or "{_PREFIX}:" and at least 8. '
            f"Received: checksum={checksum!r}."
        )
    return algorithm


def checksums_agree(received: str, checksum: str) -> bool:
    """Return whether a computed checksum is the published one, or begins with it."""
    return received.startswith(checksum.lower().replace(f"{_PREFIX}:", "sha256:"))

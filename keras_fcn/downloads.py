"""Files from the web: fetched from mirrors, resumed, and checked before they count.

Knows HTTP and files; knows nothing of data sets.
"""

from __future__ import annotations

import errno
import http.client
import os
import re
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from urllib import request
from urllib.error import HTTPError
from urllib.parse import urlsplit

from .checksums import (
    WRONG_FILE,
    checksum_algorithm,
    checksums_agree,
    file_checksum,
    verify,
)

try:
    import fcntl
except ImportError:  # Windows, where nobody renames a file that another one has open
    fcntl = None

_CHUNK = 1 << 16
# Not urllib's own opener: a mirror could redirect that one to ftp.
_HANDLERS = (
    *(request.ProxyHandler, request.HTTPHandler, request.HTTPSHandler),
    *(request.HTTPDefaultErrorHandler, request.HTTPRedirectHandler),
    *(request.HTTPErrorProcessor, request.UnknownHandler),
)


class DownloadError(OSError):
    """No mirror gave the file; the message tells why, and how to fetch it by hand."""


def download(
    urls: Sequence[str],
    path: str | os.PathLike[str],
    *,
    checksum: str | None,
    size: int | None = None,
    progress: Callable[[int, int | None], None] = lambda done, total: None,
    timeout: float = 30,
) -> Path:
    """Fetch a file from the first of its mirrors that gives the right one.

    The bytes go to `.NAME.part` beside `path`, which stays after an interrupt and is
    resumed by the next call. The file takes its own name only when it is whole, has
    the right checksum, and is on the disk. If it is there already, nothing is
    fetched.

    Args:
        urls: The same file on several servers, the best first; `http` or `https`.
        path: The file. Its folder is made if it is missing.
        checksum: As `verify` takes it. `None` where nobody has published one: then
            only the length is checked, nothing is resumed by a later call, and
            whether it is the right file is for its reader to find out.
        size: The number of bytes, if it is known.
        progress: Called with the bytes that are here and their total, `None` if
            unknown.
        timeout: Seconds that a server may stay silent. Defaults to 30.

    Returns:
        `path`.

    Raises:
        ValueError: If an argument is malformed, or `path` is another file. That one
            is never overwritten.
        DownloadError: If no mirror gives the file.
        OSError: If the disk is full or cannot be written to.

    Example:
        >>> import tempfile
        >>> file = Path(tempfile.mkdtemp()) / "hello.txt"
        >>> file.write_bytes(b"hello")
        5
        >>> there = file_checksum(file, "md5")
        >>> download(["https://example.org/hello.txt"], file, checksum=there) == file
        True
    """
    path = Path(path)
    if checksum is not None:
        checksum_algorithm(checksum)
    if not urls or any(urlsplit(url).scheme not in ("http", "https") for url in urls):
        raise ValueError(
            "`urls` must list addresses that begin with http:// or https://. "
            f"Received: urls={urls!r}."
        )
    if path.exists():
        if checksum is not None:
            verify(path, checksum)
        elif size not in (None, path.stat().st_size):
            raise ValueError(
                f"{os.fspath(path)!r} must have {size} bytes. Received: "
                f"{path.stat().st_size}. {WRONG_FILE}"
            )
        return path
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.part")
    reasons = []
    with _Part(part, checksum, size, progress, timeout) as unfinished:
        for url in urls:
            try:
                unfinished.fill(url)
                break
            except _NoAnswer as error:
                # A server chose these words, for the user's terminal.
                told = "".join(c if c.isprintable() else " " for c in str(error))
                reasons.append(f"  {url}: {told}")
        else:
            check = f", check it ({checksum})," if checksum else ""
            raise DownloadError(
                f"{path.name} must come from one of these addresses, and none gave "
                "it:\n" + "\n".join(reasons) + "\nTry again later, or download one of "
                f"them in a browser{check} and save it as {path}."
            )
    part.replace(path)
    return path


class _NoAnswer(Exception):
    """A mirror did not give the file.

    `cure` is what may help: the `"next"` mirror, to `"resume"` at this one, or to
    `"restart"` at this one without what is there.
    """

    def __init__(self, reason: str, cure: str = "next"):
        super().__init__(reason)
        self.cure = cure


class _Part:
    """The file as far as it has come, in the hands of one process."""

    def __init__(
        self,
        path: Path,
        checksum: str | None,
        size: int | None,
        progress: Callable[[int, int | None], None],
        timeout: float,
    ):
        self.path, self.checksum, self.size = path, checksum, size
        self.progress, self.timeout = progress, timeout
        # Unbuffered: what has come survives any end of the process.
        self.file = path.open("ab", buffering=0)
        try:
            if fcntl:
                fcntl.flock(self.file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self.file.close()
            raise OSError(
                f"{str(path)!r} must be written by one process at a time, and another "
                "one is downloading it. Wait for that one to finish."
            ) from None

    def __enter__(self) -> _Part:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        done = self.file.tell()
        try:
            if kind is None:
                with self._writing():
                    os.fsync(self.file.fileno())
        finally:
            self.file.close()
            if kind is not None and not done:
                self.path.unlink()

    def fill(self, url: str) -> None:
        """Bring the file to its end, or raise `_NoAnswer`."""
        cures = {"resume", "restart"}
        if self.checksum is None:
            self._empty()  # nothing would tell that another file had been continued
        while True:
            try:
                return self._try(url)
            except _NoAnswer as error:
                if error.cure not in cures:
                    raise
                cures.remove(error.cure)
                if error.cure == "restart":
                    self._empty()

    def _try(self, url: str) -> None:
        start = self.file.tell()
        # The last call may have ended a moment too early.
        known = self.checksum is not None
        if known and start and start >= (self.size or 0) and self._is_right():
            return
        start = self._receive(url, start)
        if not self._is_right():
            self._empty()
            # What stood before `start` may be the fault of another mirror.
            cure = "restart" if start else "next"
            raise _NoAnswer(f"a file without the checksum {self.checksum}", cure)

    def _receive(self, url: str, start: int) -> int:
        """Write the rest of the file; return where the server's answer begins."""
        with _ask(url, start, self.timeout) as answer:
            if answer.status == 200:
                start = 0
            elif answer.status != 206:
                raise _NoAnswer(f"HTTP status {answer.status}")
            elif not self._continues(answer.headers.get("Content-Range", ""), start):
                raise _NoAnswer("another part of the file than asked for", "restart")
            length = answer.headers.get("Content-Length", "")
            total = start + int(length) if length.isdecimal() else self.size
            kind = answer.headers.get_content_type()
            if kind in ("text/html", "application/xhtml+xml"):
                raise _NoAnswer(f"a web page ({kind}) instead of the file")
            if self.size not in (None, total):
                raise _NoAnswer(f"a file of {total} bytes instead of {self.size}")
            if total is None and self.checksum is None:
                raise _NoAnswer("neither a length nor a checksum to know its end by")
            if not start:
                self._empty()
            self._append(answer, start, total)
        return start

    def _continues(self, answered: str, start: int) -> bool:
        match = re.fullmatch(rf"bytes {start}-(\d+)/(\d+|\*)", answered)
        if not match:
            return False
        end = int(match[1]) + 1
        return match[2] in ("*", str(end)) and self.size in (None, end)

    def _append(
        self, answer: http.client.HTTPResponse, done: int, total: int | None
    ) -> None:
        needed = None if total is None else total - done
        if needed and shutil.disk_usage(self.path.parent).free < needed:
            with self._writing(needed):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        self.progress(done, total)
        while total is None or done < total:
            try:
                chunk = answer.read1(_CHUNK)
            except TimeoutError:
                raise _NoAnswer(f"{_silent(self.timeout)}, {done} bytes came") from None
            except (OSError, http.client.HTTPException) as error:
                raise _NoAnswer(f"{error!r}, {done} bytes came", "resume") from None
            if not chunk:
                break
            with self._writing(None if total is None else total - done):
                rest = memoryview(chunk)
                while rest:
                    rest = rest[self.file.write(rest) :]
            done += len(chunk)
            self.progress(done, total)
        if total is not None and done < total:
            raise _NoAnswer(f"only {done} of {total} bytes", "resume")

    @contextmanager
    def _writing(self, needed: int | None = None) -> Iterator[None]:
        """Tell what could not be written, and how much room it needs."""
        try:
            yield
        except OSError as error:
            room = f" ({needed} more bytes are needed)" if needed else ""
            message = f"{error.strerror}{room}; what has come stays for the next try"
            raise OSError(error.errno, message, str(self.path)) from error

    def _is_right(self) -> bool:
        if self.checksum is None:
            return True  # `_append` has counted its bytes
        received = file_checksum(self.path, checksum_algorithm(self.checksum))
        return checksums_agree(received, self.checksum)

    def _empty(self) -> None:
        self.file.truncate(0)
        self.file.seek(0)


def _ask(url: str, start: int, timeout: float) -> http.client.HTTPResponse:
    """Ask a server for the bytes from `start`, or raise `_NoAnswer`."""
    headers = {"User-Agent": "keras-fcn", "Accept-Encoding": "identity"}
    if start:
        headers["Range"] = f"bytes={start}-"
    opener = request.OpenerDirector()
    for handler in _HANDLERS:
        opener.add_handler(handler())
    try:
        return opener.open(request.Request(url, headers=headers), timeout=timeout)
    except HTTPError as error:
        error.close()
        cure = "restart" if error.code == 416 else "next"
        raise _NoAnswer(f"HTTP status {error.code} {error.reason}", cure) from None
    except (OSError, http.client.HTTPException, ValueError) as error:
        reason = getattr(error, "reason", error)
        if isinstance(reason, TimeoutError):
            reason = _silent(timeout)
        raise _NoAnswer(str(reason) or repr(reason)) from None


def _silent(timeout: float) -> str:
    return f"silent for {timeout:g} s"

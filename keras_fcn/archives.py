"""Tar archives of data sets: the wanted files out, and nothing that they should not do.

Knows tar, gzip and the file system; knows nothing of what the files hold.
"""

from __future__ import annotations

import gzip
import io
import os
import re
import secrets
import shutil
import tarfile
import unicodedata
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import IO

_CHUNK = 1 << 20
# What may stand between two files, long names and extended headers: tarfile keeps it
# in memory, and reads headers of headers by recursion.
_HEADERS = 1 << 16
_KINDS = {
    tarfile.SYMTYPE: "a symbolic link",
    tarfile.LNKTYPE: "a hard link",
    tarfile.CHRTYPE: "a device",
    tarfile.BLKTYPE: "a device",
    tarfile.FIFOTYPE: "a pipe",
}

_MALFORMED = (
    *(tarfile.TarError, gzip.BadGzipFile, zlib.error, EOFError),
    *(ValueError, LookupError, ArithmeticError, RecursionError),
)


class ArchiveError(ValueError):
    """An archive is damaged, or holds what no archive of a data set holds."""


def unpack(
    archives: Sequence[str | os.PathLike[str]],
    folder: str | os.PathLike[str],
    *,
    root: str,
    folders: Sequence[str],
    max_files: int = 200_000,
    max_bytes: float = 20e9,
    progress: Callable[[int, int | None], None] = lambda done, total: None,
) -> Path:
    """Unpack the wanted folders of some archives into one new folder.

    `ROOT/FOLDER/...` of each archive becomes `folder/FOLDER/...`. Plain files only,
    with the permissions of any new file. `folder` appears when everything is there;
    after an error or an interrupt it does not.

    Whether these are the right archives is not checked here: `verify` of
    `keras_fcn.downloads` comes first.

    Args:
        archives: Tar files, plain or compressed by gzip. A file that stands in two
            of them must be the same in both.
        folder: The folder to make. Folders above it are made if they are missing.
        root: The folder in the archives that becomes `folder`.
        folders: What is wanted of `root`: folders, or files.
        max_files: How many entries the archives may have, wanted or not. Defaults to
            200 000.
        max_bytes: How many bytes they may unpack to, wanted or not. Defaults to
            20 GB.
        progress: Called with the bytes of the archives that are read and their total.

    Returns:
        `folder`.

    Raises:
        FileExistsError: If `folder` is there already.
        ArchiveError: If an archive is damaged or too large, lacks what is wanted, has
            names that lead elsewhere, or links, devices or two files of one name
            where files are wanted.
        OSError: If an archive cannot be read or a file cannot be written.

    Example:
        >>> import tempfile
        >>> here = Path(tempfile.mkdtemp())
        >>> (here / "kit" / "img").mkdir(parents=True)
        >>> (here / "kit" / "img" / "1.txt").write_text("one")
        3
        >>> with tarfile.open(here / "kit.tar", "w") as archive:
        ...     archive.add(here / "kit", "kit")
        >>> new = unpack([here / "kit.tar"], here / "new", root="kit", folders=["img"])
        >>> (new / "img" / "1.txt").read_text()
        'one'
    """
    folder = Path(folder)
    if os.path.lexists(folder):
        raise FileExistsError(
            f"{str(folder)!r} must be a new folder, and is there already. Remove it or "
            "unpack elsewhere."
        )
    files = [Path(archive) for archive in archives]
    sizes = [file.stat().st_size for file in files]
    folder.parent.mkdir(parents=True, exist_ok=True)
    temporary = folder.with_name(f".{folder.name[:40]}.{secrets.token_hex(8)}.part")
    unpacking = _Unpacking(temporary, root, folders, max_files, max_bytes)
    try:
        temporary.mkdir()
        for i, file in enumerate(files):
            for done in unpacking.unpack(file):
                progress(sum(sizes[:i]) + done, sum(sizes))
        for wanted in folders:
            if not (temporary / wanted).exists():
                raise ArchiveError(
                    f"The archives must hold '{root}/{wanted}'. Received: "
                    f"{[str(file) for file in files]}, without it."
                )
        progress(sum(sizes), sum(sizes))
        temporary.rename(folder)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise
    return folder


class _Unpacking:
    """Archives on their way into a folder, and what they have used up."""

    def __init__(
        self,
        folder: Path,
        root: str,
        wanted: Sequence[str],
        max_files: int,
        max_bytes: float,
    ):
        self.folder, self.root, self.wanted = folder, root, wanted
        self.max_files, self.max_bytes = max_files, max_bytes
        self.entries = self.bytes = 0
        # By their names as a disk knows them that ignores case.
        self.files: dict[str, str] = {}
        self.folders: dict[str, str] = {}
        self.earlier: set[str] = set()  # files of other archives
        self.archive, self.member = Path(), ""  # where we are, for messages

    def unpack(self, path: Path) -> Iterator[int]:
        """Unpack one archive; yield how many of its bytes are read."""
        self.archive, self.member = path, ""
        self.earlier = set(self.files.values())
        with path.open("rb") as file, self._reading():
            reader = _Reader(file)
            # One way through, as from a pipe: no offset can lead back. And never
            # `extract`, whose filters have been passed before (CVE-2025-4517).
            with tarfile.open(
                fileobj=reader, mode="r|", tarinfo=_Header, encoding="utf-8"
            ) as archive:
                while member := archive.next():
                    self._require_room(member)
                    reader.allow(_end(member))
                    name = self._place(member)
                    if name and member.isdir():
                        self._take(name, self.folders, self.files)
                    elif name:
                        self._copy(archive, member, name)
                    # tarfile would remember them all, with what their headers say.
                    archive.members.clear()  # pyright: ignore
                    archive.pax_headers = {}
                    yield file.tell()
            reader.finish()
        self.bytes += reader.count

    def _require_room(self, member: tarfile.TarInfo) -> None:
        self.member = member.name
        self.entries += 1
        if self.entries > self.max_files:
            raise self._refusal(f"hold at most {self.max_files} entries", "one more")
        # A sparse file's map is read without bounds.
        if member.issparse() or member.size < 0:
            raise self._refusal("hold plain files", "a sparse or malformed file")
        if self.bytes + _end(member) > self.max_bytes:
            bound = f"unpack to at most {self.max_bytes:.0f} bytes"
            raise self._refusal(bound, f"of {member.size} bytes")

    def _place(self, member: tarfile.TarInfo) -> PurePosixPath | None:
        """Return the place of a member in the folder, `None` if it is not wanted."""
        name = member.name
        parts = name.split("/")
        lengths = [len(part.encode("utf-8", "surrogatepass")) for part in parts]
        if (
            (not parts[0] and len(parts) > 1)
            or ".." in parts
            or re.match("[A-Za-z]:", name)
            or set(name) & {"\\", "\0"}
            or max(lengths) > 255
            or sum(lengths) > 1024
            or len(parts) > 16
        ):
            raise self._refusal(
                "hold relative names, neither long nor deep, without '..', drive "
                "letters, backslashes and zeros",
                "this name",
            )
        path = PurePosixPath(name)
        if not path.is_relative_to(self.root):
            return None
        path = path.relative_to(self.root)
        if not any(path.is_relative_to(wanted) for wanted in self.wanted):
            return None
        for part in path.parts:
            if not part.isprintable() or ":" in part or part.endswith((".", " ")):
                raise self._refusal(
                    "hold names that any system can write: printable, without colons, "
                    "and without dots or spaces at the end",
                    "this name",
                )
        if not member.isdir() and not member.isreg():
            kind = _KINDS.get(member.type, f"an entry of type {member.type!r}")
            raise self._refusal("hold plain files", kind)
        return path

    def _take(
        self, path: PurePosixPath, own: dict[str, str], others: dict[str, str]
    ) -> str | None:
        """Enter a name as a file's or folder's; return what stood there."""
        if path.parent.parts:
            self._take(path.parent, self.folders, self.files)
        key = unicodedata.normalize("NFC", str(path)).casefold()
        there = own.get(key)
        if key in others:
            must = "hold a file or a folder of a name, not both"
            raise self._refusal(must, f"{others[key]!r} again")
        if there not in (None, str(path)):
            must = "hold names that differ in more than upper and lower case"
            raise self._refusal(must, f"{there!r} again")
        own[key] = str(path)
        return there

    def _copy(
        self, archive: tarfile.TarFile, member: tarfile.TarInfo, path: PurePosixPath
    ) -> None:
        there = self._take(path, self.files, self.folders)
        target = self.folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        source = archive.extractfile(member)
        assert source is not None  # a plain file
        with source:
            if not there:
                with self._writing(target), target.open("xb") as file:
                    shutil.copyfileobj(source, file, _CHUNK)
                    if file.tell() != member.size:
                        raise self._refusal("be whole", "cut short")
            elif there not in self.earlier or not _same(source, target):
                raise self._refusal("hold each name once", "another file of it")

    @contextmanager
    def _writing(self, path: Path) -> Iterator[None]:
        """Tell which file could not be written: a full disk does not say so."""
        try:
            yield
        except _MALFORMED:  # what is read; gzip's error is one of the system too
            raise
        except OSError as error:
            message = f"{error.strerror}; nothing stays of what was unpacked"
            raise OSError(error.errno, message, str(path)) from error

    @contextmanager
    def _reading(self) -> Iterator[None]:
        """Turn what tarfile and gzip raise on malformed archives into one error."""
        try:
            yield
        except ArchiveError:
            raise
        except _MALFORMED as error:
            must = "be a whole tar archive, plain or compressed by gzip"
            raise self._refusal(must, str(error) or repr(error)) from error

    def _refusal(self, must: str, received: str) -> ArchiveError:
        where = f"at {self.member!r}: " if self.member else ""
        return ArchiveError(
            f"{str(self.archive)!r} must {must}. Received: {where}{received}. Get the "
            "archive again from its publisher."
        )


class _Reader(io.RawIOBase):
    """The bytes of an archive, decompressed, as far as they are allowed."""

    def __init__(self, file: IO[bytes]):
        is_gzip = file.read(2) == b"\x1f\x8b"
        file.seek(0)
        self.file = gzip.GzipFile(fileobj=file) if is_gzip else file
        self.count = 0
        self.allow(0)

    def allow(self, end: int) -> None:
        """Allow to read the data that end there, and the headers that follow."""
        self.limit = end + _HEADERS + tarfile.RECORDSIZE

    def read(self, size: int = -1) -> bytes:
        data = self.file.read(size)
        self.count += len(data)
        if self.count > self.limit:
            raise ValueError(f"headers of more than {_HEADERS} bytes")
        return data

    def finish(self) -> None:
        """Read the end of the file, where gzip has its checksum."""
        for _ in range(16):  # of padding; as much as there is would be a bomb's chance
            if not self.file.read(_HEADERS):
                break


class _Header(tarfile.TarInfo):
    """A header that must be one: tarfile takes most that are not for the end."""

    @classmethod
    def frombuf(cls, buf: bytes, encoding: str, errors: str) -> tarfile.TarInfo:
        try:
            return super().frombuf(buf, encoding, errors)
        except tarfile.HeaderError as error:
            if len(buf) == tarfile.BLOCKSIZE and not any(buf):
                raise  # the proper end
            reason = "a malformed header" if buf else "an end without its mark"
            raise ValueError(reason) from error


def _end(member: tarfile.TarInfo) -> int:
    """Where in the archive the data of a member end."""
    if member.isdir() or member.issym() or member.islnk() or member.isdev():
        return member.offset_data
    return member.offset_data + -(-member.size // tarfile.BLOCKSIZE) * tarfile.BLOCKSIZE


def _same(source: IO[bytes], path: Path) -> bool:
    with path.open("rb") as file:
        while chunk := source.read(_CHUNK):
            if file.read(len(chunk)) != chunk:
                return False
        return not file.read(1)

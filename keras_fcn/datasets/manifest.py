"""A list of the checksums of a data set's files, to notice what changes later.

Many a damaged JPEG is decoded without an error. The list is `sha256sum`'s, so that
`sha256sum -c` can read it too. Knows files; does not look into them.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from ..checksums import file_checksum
from ..storage import write_atomically
from .data_report import Problem
from .sample_source import SampleSource

_LINE = re.compile(r"(\\?)([0-9a-f]{64}) [ *](.+)")
_ESCAPED = {"\\": "\\\\", "\n": "\\n", "\r": "\\r"}  # as sha256sum does
_PLAIN = {escaped: plain for plain, escaped in _ESCAPED.items()}


def write_manifest(
    sources: Iterable[SampleSource],
    path: str | os.PathLike[str],
    progress: Callable[[Iterable], Iterable] = iter,
) -> int:
    """Write down the SHA-256 of every photo and mask.

    Names are relative to the folder of the list: `sha256sum -c` is to be run there.

    Args:
        sources: Data sets in files.
        path: The list; one that is there is replaced.
        progress: Wraps the loop over the files, to draw a bar. Defaults to nothing.

    Returns:
        The number of files.

    Raises:
        ValueError: If photos or masks of a data set are no files.
        OSError: If a file cannot be read, or the list not be written.

    Example:
        ```python
        own = keras_fcn.datasets.FolderSegmentation("photos", "masks", num_classes=3)
        keras_fcn.datasets.write_manifest([own], "own.sha256")
        ```
    """
    path = Path(path)
    files = _files(sources, path.parent)
    text = "".join(_line(*entry) for entry in _digests(files, progress))
    write_atomically(path, text.encode(errors="surrogateescape"))
    return len(files)


def compare_manifest(
    sources: Iterable[SampleSource],
    path: str | os.PathLike[str],
    progress: Callable[[Iterable], Iterable] = iter,
) -> tuple[Problem, ...]:
    """Compare the photos and masks with the checksums that were written down.

    Args:
        sources: Data sets in files.
        path: The list, of `write_manifest` or `sha256sum`.
        progress: Wraps the loop over the files, to draw a bar. Defaults to nothing.

    Returns:
        A problem of the kind `"changed"` for each file that is another than it was, is
        gone, or was not there.

    Raises:
        FileNotFoundError: If there is no such list.
        ValueError: If it is malformed, or photos or masks of a data set are no files.

    Example:
        ```python
        for problem in keras_fcn.datasets.compare_manifest([own], "own.sha256"):
            print(problem)
        ```
    """
    path = Path(path)
    files, written = _files(sources, path.parent), _read(path)
    listed = {name: path.parent.resolve() / name for name in written}
    there = {name: file for name, file in listed.items() if file.is_file()}
    now = dict(_digests(there, progress))
    told = {
        name: "is gone" if name not in now else "is not what it was"
        for name, digest in written.items()
        if now.get(name) != digest
    }
    told |= {name: "is new" for name in files if name not in written}
    return tuple(
        Problem("changed", _printable(name), f"{what}, says {str(path)!r}")
        for name, what in told.items()
    )


def _files(sources: Iterable[SampleSource], folder: Path) -> dict[str, Path]:
    """Return all photos and masks by their names as seen from a folder."""
    folder = folder.resolve()
    found = {}
    for source in sources:
        for index in range(len(source)):
            for file in (source.image_file(index), source.label_file(index)):
                if file is None:
                    raise ValueError(
                        "A manifest lists files: the data set must be one of photos "
                        f"and masks on disk. Received: {type(source).__name__}, whose "
                        f"sample {source.names[index]!r} is none."
                    )
                place = os.path.relpath(file.parent.resolve() / file.name, folder)
                found[Path(place).as_posix()] = file
    return found


def _digests(
    files: Mapping[str, Path], progress: Callable[[Iterable], Iterable]
) -> Iterator[tuple[str, str]]:
    with ThreadPoolExecutor() as pool:
        sums = pool.map(lambda file: file_checksum(file, "sha256"), files.values())
        for name, checksum in zip(files, progress(sums), strict=True):
            yield name, checksum.removeprefix("sha256:")


def _printable(name: str) -> str:
    """A list may be someone else's, and name what no terminal can show."""
    return name.encode(errors="backslashreplace").decode()


def _line(name: str, digest: str) -> str:
    escaped = re.sub(r"[\\\n\r]", lambda found: _ESCAPED[found[0]], name)
    return f"{'' if escaped == name else chr(92)}{digest}  {escaped}\n"


def _read(path: Path) -> dict[str, str]:
    """Return the digests in a list by the names of the files."""
    digests = {}
    text = path.read_bytes().decode(errors="surrogateescape")
    for number, line in enumerate(text.removesuffix("\n").split("\n"), start=1):
        found = _LINE.fullmatch(line.removesuffix("\r"))
        if found is None:
            raise ValueError(
                "A manifest must have lines of 64 hexadecimal digits, two spaces and "
                f"a path. Received: {str(path)!r}, whose line {number} is {line!r:.80}."
                " Remove the file to have a new one written."
            )
        escaped, digest, name = found.groups()
        if escaped:
            name = re.sub(r"\\[\\nr]", lambda part: _PLAIN[part[0]], name)
        digests[name] = digest
    return digests

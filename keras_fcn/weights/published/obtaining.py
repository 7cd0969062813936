"""Published weights, by name: found on this machine, or downloaded and checked."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial
from pathlib import Path

from ...checksums import verify
from ...downloads import DownloadError, download
from ...suggestions import require_choice
from ..caffe import read_caffemodel
from ..files import WeightsFormatError
from .catalogue import PUBLISHED, PublishedWeights


def obtain_weights(
    name: str,
    folder: str | os.PathLike[str] | None = None,
    *,
    progress: Callable[[str, int, int | None], None] = lambda what, done, total: None,
) -> Path:
    """Return the file of published weights; download it if it is not there.

    A file that is there is checked and used. Where nobody has published a checksum,
    the length is checked, and that the file can be read.

    Args:
        name: A name in `PUBLISHED`.
        folder: Where such files are kept. Defaults to `None`: `keras_fcn/weights` in
            Keras' own folder, `~/.keras` unless `KERAS_HOME` says otherwise.
        progress: Called with what is going on, and the bytes done and in all.

    Returns:
        The path of the file, under its publisher's name.

    Raises:
        ValueError: If there are no such weights, or a file of that name is another
            one; it is left as it is.
        DownloadError: If the link is dead, or gives the file to browsers only. The
            message says where to put the file, and what else would do.
        OSError: If the disk is full or cannot be written to.

    Example:
        ```python
        path = obtain_weights("fcn8s-heavy-pascal")
        ```
    """
    require_choice("name", name, PUBLISHED)
    published = PUBLISHED[name]
    path = (default_folder() if folder is None else Path(folder)) / published.file
    was_there = path.exists()
    if was_there and published.checksum is not None:
        progress(f"Checking {path.name}", 0, published.size)
        verify(path, published.checksum)
    elif published.by_hand and not was_there:
        raise DownloadError(
            f"{published.file} must be downloaded in a browser: its server asks "
            f"questions. Open {published.urls[0]}, save it as {path}, and try again."
            + _instead(published)
        )
    else:
        try:
            download(
                published.urls,
                path,
                checksum=published.checksum,
                size=published.size,
                progress=partial(progress, f"Downloading {published.file}"),
            )
        except DownloadError as error:
            raise DownloadError(f"{error}{_instead(published)}") from error
    if published.checksum is None:
        _require_readable(path, keep=was_there)
    return path


def find_published(path: str | os.PathLike[str]) -> PublishedWeights | None:
    """Return what is known of a file that has a published file's name, if anything.

    Example:
        >>> find_published("downloads/fcn8s-atonce-pascal.caffemodel").model
        'fcn8s_atonce'
    """
    name = Path(path).name
    return next((p for p in PUBLISHED.values() if p.file == name), None)


def default_folder() -> Path:
    """Return the folder where published weights are kept."""
    home = os.environ.get("KERAS_HOME") or Path.home() / ".keras"
    return Path(home) / "keras_fcn" / "weights"


def _require_readable(path: Path, keep: bool) -> None:
    """Raise unless a file is of its format; remove it then, unless the user's own."""
    try:
        read_caffemodel(path)
    except WeightsFormatError as error:
        if keep:
            raise
        path.unlink()
        raise DownloadError(
            f"The server gave another file than the published one, and it was removed. "
            f"{error}"
        ) from error


def _instead(published: PublishedWeights) -> str:
    """Name the other published weights of the same network."""
    net = published.model, published.backbone
    others = [
        f'"{other.name}"'
        for other in PUBLISHED.values()
        if (other.model, other.backbone) == net and other.name != published.name
    ]
    return f"\nThe same network: {', '.join(others)}." if others else ""

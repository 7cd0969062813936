"""Label maps of the Semantic Boundaries Dataset, from `.mat` files to PNG files.

SciPy can be crashed by a malformed `.mat` file, so that files are read by a process
that may die of them. It hands back plain bytes; what is written is decided here.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import numpy as np

from ...storage import write_atomically
from ..voc_labels import VOC_CLASSES, palette_png
from .mat_child import Child, DiedError, MatFormatError

LARGEST = 64 * 2**20  # bytes of a file; those of SBD have some thousands

Job = tuple[str | os.PathLike[str], str | os.PathLike[str], tuple[int, int]]


def convert_mat_labels(
    jobs: Sequence[Job], *, progress: Callable[[Iterable], Iterable] = iter
) -> dict[Path, str]:
    """Write label maps of `.mat` files as palette PNG files, each once.

    A file is a MATLAB v5 file with a struct `GTcls` whose field `Segmentation` is
    the label map: uint8, as large as the photo, labels 0..20. A malformed one, even
    one that crashes or stalls SciPy, is reported and the others are converted.

    Args:
        jobs: For each file the path of the `.mat`, the path of the PNG and the
            photo's `(height, width)`. A PNG that exists is left as it is.
        progress: Wraps the loop over the files to convert, to draw a bar. Defaults
            to nothing.

    Returns:
        What is wrong with each file that could not be converted; empty if all is
        well.

    Raises:
        OSError: If a PNG cannot be written.
        RuntimeError: If the process that reads the files does not start.

    Example:
        >>> import tempfile, numpy, scipy.io
        >>> from keras_fcn.images import read_label
        >>> folder = Path(tempfile.mkdtemp())
        >>> label = numpy.array([[0, 15], [15, 20]], "uint8")
        >>> scipy.io.savemat(folder / "a.mat", {"GTcls": {"Segmentation": label}})
        >>> convert_mat_labels([(folder / "a.mat", folder / "a.png", (2, 2))])
        {}
        >>> read_label(folder / "a.png").tolist()
        [[0, 15], [15, 20]]
    """
    every = [(Path(mat), Path(png), size) for mat, png, size in jobs]
    pending = [job for job in every if not job[1].exists()]
    failed = {}
    with _Reader() as reader:
        for mat, png, size in progress(pending):
            try:
                label = reader.label(mat, size)
            except MatFormatError as error:
                failed[mat] = str(error)
            else:
                write_atomically(png, palette_png(label))
    return failed


class _Reader:
    """A process that reads `.mat` files; another takes its place when it dies."""

    def __enter__(self) -> _Reader:
        self._child: Child | None = None
        return self

    def __exit__(self, *error: object) -> None:
        self._replace()

    def label(self, mat: Path, size: tuple[int, int]) -> np.ndarray:
        """Return the label map of a file; what is wrong is a `MatFormatError`."""
        content = _content(mat)
        height, width = map(int, size)
        fresh = self._child is None
        try:
            pixels = self._ask(content, height, width)
        except DiedError:
            # Of an earlier file, perhaps: a malformed one has SciPy read, and count
            # references, outside of its own memory.
            if fresh:
                raise
            pixels = self._ask(content, height, width)
        label = np.frombuffer(pixels, "uint8").reshape(height, width)
        if label.max() >= len(VOC_CLASSES):
            raise MatFormatError(
                f"Labels must be 0..{len(VOC_CLASSES) - 1}. Received: {label.max()}."
            )
        return label

    def _ask(self, content: bytes, height: int, width: int) -> bytes:
        self._child = self._child or Child()
        try:
            return self._child.ask(content, height, width)
        except DiedError:
            self._replace()
            raise

    def _replace(self) -> None:
        if self._child is not None:
            self._child.end()
        self._child = None


def _content(mat: Path) -> bytes:
    try:
        size = mat.stat().st_size
        if size > LARGEST:
            raise MatFormatError(
                f"It must have at most {LARGEST:,} bytes. Received: {size:,}."
            )
        return mat.read_bytes()
    except OSError as error:
        raise MatFormatError(f"It cannot be opened: {error.strerror}.") from error


__all__ = ["MatFormatError", "convert_mat_labels"]

"""A program of its own that reads SBD's `.mat` files, for `mat_labels` to start.

Knows SciPy; knows nothing of this package, which it could not import in time. It ends
with whatever a malformed file does to SciPy's C code.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import signal
import struct
import sys
import time
from pathlib import Path

try:
    import resource
except ModuleNotFoundError:  # Windows
    resource = None

# What is said through the pipes. To this process: once the settings, `COUNT` and JSON;
# then for each file `QUESTION` and its bytes, so that no name of a file needs to cross.
# From it: `READY` once; then for each file `LABEL` and the height * width pixels, or
# `REASON`, `COUNT` and the words.
COUNT = struct.Struct("<I")
QUESTION = struct.Struct("<QQQ")  # bytes of the file, height, width
READY, LABEL, REASON = b"H", b"L", b"R"
LONGEST_REASON = 500  # bytes


def main() -> None:
    """Read the settings, then files until there are no more."""
    # Control-C reaches this process too, but what it ends is for the parent to say.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    questions, answers = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what C code prints is no answer
    settings = json.loads(_receive(questions, *_unpack(questions, COUNT)))
    sys.path[:] = settings["path"]
    # Only now, because where SciPy is was the parent's to say; and before the bounds.
    import scipy.io  # noqa: F401

    _confine(settings["memory"])
    answers.write(READY)
    while True:
        answers.flush()
        length, height, width = _unpack(questions, QUESTION)
        content = _receive(questions, length)
        _bound_time(settings["seconds"])
        try:
            answers.write(LABEL + _segmentation(content, (height, width)))
        except Exception as error:  # SciPy raises whatever it likes
            reason = str(error)
            if not isinstance(error, _RefusedError):
                reason = f"SciPy cannot read it: {type(error).__name__}: {error}"
            words = reason.encode("utf-8", "replace")[:LONGEST_REASON]
            answers.write(REASON + COUNT.pack(len(words)) + words)


class _RefusedError(Exception):
    """What is wrong with a file, found before SciPy's code or after it."""


def _segmentation(content: bytes, size: tuple[int, int]) -> bytes:
    """Return the pixels of `GTcls.Segmentation`, row by row."""
    import numpy as np
    from scipy.io import loadmat

    # The version follows 124 bytes of text; the last two bytes tell the byte order.
    version = content[124:128]
    if version in (b"\x00\x02IM", b"\x02\x00MI"):
        raise _RefusedError(
            "It must be a MATLAB v5 file. Received: v7.3 (HDF5). Save it with -v7."
        )
    if version not in (b"\x00\x01IM", b"\x01\x00MI"):
        raise _RefusedError("It must be a MATLAB v5 file. Received: another header.")
    variables = loadmat(
        io.BytesIO(content),
        variable_names=["GTcls"],
        struct_as_record=True,
        verify_compressed_data_integrity=True,
    )
    if "GTcls" not in variables:
        raise _RefusedError("It must hold a variable `GTcls`. Received: none.")
    truth = variables["GTcls"]
    fields = getattr(getattr(truth, "dtype", None), "names", None)
    if not fields or truth.size != 1:
        raise _RefusedError("`GTcls` must be one struct. Received: something else.")
    if "Segmentation" not in fields:
        raise _RefusedError(
            "`GTcls` must have a field `Segmentation`. "
            f"Received: {', '.join(map(repr, fields[:5]))}."
        )
    label = truth["Segmentation"].flat[0]
    if not isinstance(label, np.ndarray) or label.dtype != np.uint8:
        kind = getattr(label, "dtype", type(label).__name__)
        raise _RefusedError(f"`Segmentation` must be uint8. Received: {kind}.")
    if label.shape != size:
        raise _RefusedError(
            "`Segmentation` must have its photo's size, {} x {}. Received: {}.".format(
                *size, " x ".join(map(str, label.shape))
            )
        )
    return label.tobytes()


def _unpack(stream, form: struct.Struct) -> tuple[int, ...]:
    return form.unpack(_receive(stream, form.size))


def _receive(stream, length: int) -> bytes:
    content = stream.read(length)
    if len(content) < length:
        sys.exit()  # the parent has closed the pipe, or died
    return content


def _confine(memory: int) -> None:
    """Bound memory, and die of a crash at once: no core file, no window to click."""
    if sys.platform == "win32":
        import msvcrt

        msvcrt.SetErrorMode(
            msvcrt.SEM_FAILCRITICALERRORS | msvcrt.SEM_NOGPFAULTERRORBOX
        )
    if resource is None:
        return
    _lower(resource.RLIMIT_CORE, 0)
    with contextlib.suppress(OSError):  # only Linux tells how much is reserved
        pages = int(Path("/proc/self/statm").read_text().split()[0])
        _lower(resource.RLIMIT_AS, pages * resource.getpagesize() + memory)


def _bound_time(seconds: int) -> None:
    """Bound the time of the next file, should the parent be gone by then."""
    if resource is not None:
        _lower(resource.RLIMIT_CPU, int(time.process_time()) + seconds)


def _lower(kind: int, limit: int) -> None:
    assert resource is not None
    _, hard = resource.getrlimit(kind)
    if hard != resource.RLIM_INFINITY:
        limit = min(limit, hard)
    with contextlib.suppress(OSError, ValueError):  # macOS refuses some
        resource.setrlimit(kind, (limit, hard))


if __name__ == "__main__":
    main()

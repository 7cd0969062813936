"""One checkpoint, one file: tensors and JSON, its own checksum in its name.

A name like `ckpt-0003-00000375-1f2e3d4c5b6a7988.safetensors` says that 3 epochs are
finished and 375 steps are done, and what the first digits of the file's SHA-256 must
be. A file that was cut, filled with zeros or changed by a single bit does not match its
name, and no second file is needed that could be missing.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import safetensors

from ..checksums import verify
from ..storage import publish, unnamed
from ..weights import WeightsFormatError
from ..weights.writing import Tensor, write_safetensors

_NAME = re.compile(r"ckpt-(\d{4,})-(\d{8,})-([0-9a-f]{16})\.safetensors")
_ENTRY = "keras_fcn_checkpoint"


@dataclass(frozen=True)
class Checkpoint:
    """A file of a training's whole state.

    Attributes:
        path: The file.
        epoch: Epochs that are finished, their validation included.
        step: Steps that are done.
        checksum: First 16 digits of the SHA-256 that the file must have.
    """

    path: Path
    epoch: int
    step: int
    checksum: str

    def verify(self) -> None:
        """Raise a `WeightsFormatError` if the file is not whole, or no checkpoint."""
        try:
            verify(self.path, f"sha256-prefix:{self.checksum}")
        except (ValueError, OSError) as error:
            raise WeightsFormatError(str(error)) from error
        self.notes()

    def notes(self) -> dict[str, Any]:
        """Return what the checkpoint says beside its tensors.

        Raises:
            WeightsFormatError: If it does not say what a checkpoint must say.
        """
        with self._opened() as file:
            try:
                notes = json.loads((file.metadata() or {})[_ENTRY])
                wrong = [n for n, kind in _NOTES.items() if type(notes[n]) is not kind]
            except (KeyError, TypeError, ValueError, RecursionError) as error:
                raise WeightsFormatError(
                    f"A checkpoint must hold notes as JSON in {_ENTRY!r}. Received: "
                    f"{str(self.path)!r}, without all of {list(_NOTES)}."
                ) from error
        if wrong:
            raise WeightsFormatError(
                f"Notes of a checkpoint must be of their types. Received: "
                f"{str(self.path)!r}, in which {', '.join(wrong)} are not."
            )
        return notes

    def kinds(self) -> dict[str, tuple[str, tuple[int, ...]]]:
        """Return type and shape of each tensor; none of them is read."""
        with self._opened() as file:
            slices = {name: file.get_slice(name) for name in list(file.keys())}
            return {
                name: (_DTYPES.get(part.get_dtype(), "?"), tuple(part.get_shape()))
                for name, part in slices.items()
            }

    def read(
        self, beginnings: str | tuple[str, ...]
    ) -> Iterator[tuple[str, np.ndarray]]:
        """Yield the tensors whose names begin like this, one after the other."""
        with self._opened() as file:
            for name in list(file.keys()):  # it is no mapping
                if name.startswith(beginnings):
                    yield name, file.get_tensor(name)

    def _opened(self) -> Any:
        try:
            return safetensors.safe_open(self.path, framework="numpy")
        except (safetensors.SafetensorError, OSError) as error:
            raise WeightsFormatError(
                f"{str(self.path)!r} is not a readable checkpoint: {error}."
            ) from error


_NOTES = {
    "identity": dict,
    "steps_per_epoch": int,
    "repeat": int,
    "finished": bool,
    "history": dict,
    "callbacks": list,
    "best": dict,
}
_DTYPES = {
    "BOOL": "bool",
    "BF16": "bfloat16",
    **{f"F{n}": f"float{n}" for n in (16, 32, 64)},
    **{f"I{n}": f"int{n}" for n in (8, 16, 32, 64)},
    **{f"U{n}": f"uint{n}" for n in (8, 16, 32, 64)},
}


def write_checkpoint(
    folder: Path,
    epoch: int,
    step: int,
    tensors: Mapping[str, Tensor],
    notes: Mapping[str, Any],
) -> Checkpoint:
    """Write a checkpoint; it has its name when all of it is on the disk.

    Args:
        folder: Where; made if it is missing.
        epoch: Epochs that are finished.
        step: Steps that are done.
        tensors: By name.
        notes: What JSON can hold.

    Raises:
        OSError: If the disk is full or cannot be written to; what was there before
            is as it was.
    """
    with unnamed(folder, "ckpt") as temporary:
        entry = {_ENTRY: json.dumps(notes)}
        checksum = write_safetensors(temporary, tensors, entry, folder)[:16]
        path = folder / f"ckpt-{epoch:04d}-{step:08d}-{checksum}.safetensors"
        publish(temporary, path)
    return Checkpoint(path, epoch, step, checksum)


def find_checkpoints(folder: Path) -> list[Checkpoint]:
    """Return the checkpoints of a folder, the furthest first.

    Numbers count, never the time of a file: clocks jump, and copies are new.
    """
    names = folder.iterdir() if folder.is_dir() else ()
    matches = ((path, _NAME.fullmatch(path.name)) for path in names)
    found = [
        Checkpoint(path, int(match[1]), int(match[2]), match[3])
        for path, match in matches
        if match
    ]
    return sorted(found, key=lambda c: (c.step, c.epoch, c.checksum), reverse=True)

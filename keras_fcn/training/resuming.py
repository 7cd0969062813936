"""Whether a run may be gone on with, and whether it has ended."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import keras

from ..checkpoints import (
    Checkpoint,
    find_checkpoints,
    newest_valid,
    require_same_identity,
)
from ..runs import CONFIG, RunConfig, read_config

CHECKPOINTS = "checkpoints"
# Of more samples than this, a checkpoint keeps one digest for all.
_NAMED = 100_000


def require_same_config(folder: Path, config: RunConfig, allow_change: bool) -> None:
    """Refuse another configuration before hours of reading data; see `identity_of`.

    Args:
        folder: The run folder; one without a run is in order.
        config: What shall be trained. Without `class_names` it has any.
        allow_change: Whether another configuration is in order too.

    Raises:
        ValueError: If a value differs; the message shows each.
    """
    if not (folder / CONFIG).exists():
        return
    before, now = _plain(read_config(folder)), _plain(config)
    if not config.class_names:
        now["class_names"] = before["class_names"]
    require_same_identity(
        {"config": before}, {"config": now}, allow_change, str(folder)
    )


def find_end(folder: Path, config: RunConfig) -> Checkpoint | None:
    """Return the last checkpoint of a run that has all of its epochs, else `None`."""
    names = find_checkpoints(folder / CHECKPOINTS)
    if all(named.epoch < config.epochs for named in names):
        return None  # before any is read whole
    newest = newest_valid(folder / CHECKPOINTS)
    return newest if newest and newest.epoch >= config.epochs else None


def identity_of(
    config: RunConfig, contents: Mapping[str, Mapping[str, str]]
) -> dict[str, Any]:
    """Return what must be the same when a run is gone on with, as JSON holds it.

    Args:
        config: The complete configuration.
        contents: Digests of the samples by name, for each part of the data.
    """
    data = {
        part: dict(names) if len(names) <= _NAMED else _digest(names)
        for part, names in contents.items()
    }
    backend = keras.backend.backend()
    return {"config": _plain(config), "backend": backend, "data": data}


def _plain(config: RunConfig) -> dict[str, Any]:
    return json.loads(json.dumps(dataclasses.asdict(config)))


def _digest(names: Mapping[str, str]) -> str:
    return hashlib.sha256(json.dumps(names, sort_keys=True).encode()).hexdigest()

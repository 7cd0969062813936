"""Whether a training is the one that a checkpoint belongs to."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_SHOWN = 8  # differences in a message


def require_same_identity(
    before: Mapping[str, Any], now: Mapping[str, Any], allow_change: bool, source: str
) -> bool:
    """Return whether something has changed; refuse unless that is allowed.

    Args:
        before: What was trained, as JSON holds it.
        now: What shall be trained.
        allow_change: Whether it may be another.
        source: What `before` was read from, for the message.

    Raises:
        ValueError: If something has changed and may not; the message has a line for
            each difference.

    Example:
        >>> require_same_identity({"lr": 0.1}, {"lr": 0.1}, False, "run")
        False
        >>> require_same_identity({"lr": 0.1}, {"lr": 0.2}, True, "run")
        True
    """
    lines = differences(before, now)
    if lines and not allow_change:
        listed = "\n".join(f"  {line}" for line in lines[:_SHOWN])
        if len(lines) > _SHOWN:
            listed += f"\n  and {len(lines) - _SHOWN} more"
        raise ValueError(
            "A training must be gone on with as it was begun. Received, for "
            f"{source!r}:\n{listed}\nTake these back, begin another run, or allow the "
            "change (`--allow-config-change`, `allow_change=True`): what comes out is "
            "then neither the one training nor the other."
        )
    return bool(lines)


def differences(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """Return a line for each value that differs, by its path.

    Example:
        >>> differences({"a": {"lr": 0.1, "seed": 0}}, {"a": {"lr": 0.2, "seed": 0}})
        ['a.lr: 0.1 before, 0.2 now']
    """
    old, new = _flat(before), _flat(now)
    return [
        f"{name}: {old.get(name, 'nothing')} before, {new.get(name, 'nothing')} now"
        for name in sorted(old.keys() | new.keys())
        if old.get(name, "nothing") != new.get(name, "nothing")
    ]


def _flat(tree: Any, path: str = "") -> dict[str, str]:
    """Return texts by path; a tuple and a list are the same, as JSON has it."""
    if isinstance(tree, Mapping):
        flat: dict[str, str] = {}
        for name, value in tree.items():
            flat |= _flat(value, f"{path}.{name}" if path else str(name))
        return flat
    return {path: repr(list(tree) if isinstance(tree, tuple) else tree)}

"""When a framework has no form for a window: the reason, and what to call instead."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .window import Window


@dataclass(frozen=True)
class Workaround:
    """A call that a framework does have, and the slice of its result to keep.

    Args:
        arguments: Arguments of the call, in the framework's words.
        slices: For each axis, the part of the result that is kept.
        zeros: For each axis, the zeros to put before and after that part. They get
            the bias too, if there is one: add it last.
    """

    arguments: Mapping[str, Any]
    slices: tuple[slice, ...]
    zeros: tuple[tuple[int, int], ...]

    def __str__(self) -> str:
        """Say what to do in a sentence."""
        call = ", ".join(f"{name}={value!r}" for name, value in self.arguments.items())
        kept = ", ".join(f"{s.start}:{s.stop}" for s in self.slices)
        sentence = f"Call it with {call} and keep [{kept}]"
        if any(any(pair) for pair in self.zeros):
            sentence += f", then put zeros {self.zeros} before and after"
        return sentence + "."


class NotRepresentable(ValueError):
    """A window that a framework cannot be asked for.

    Args:
        framework: Its name.
        reason: Why it has no such form.
        workaround: What to call instead; the result is exactly the same.
    """

    def __init__(self, framework: str, reason: str, workaround: Workaround) -> None:
        super().__init__(f"{framework} has no such form: {reason} {workaround}")
        self.framework = framework
        self.reason = reason
        self.workaround = workaround

    def __reduce__(self):
        """Rebuild from the three parts: exceptions travel between processes."""
        return (type(self), (self.framework, self.reason, self.workaround))


def uncropped(windows: Sequence[Window], arguments: Mapping[str, Any]) -> Workaround:
    """The work-around that is always there: paint everything, then slice.

    Args:
        windows: One window an axis.
        arguments: Arguments that make the framework return the full length.

    Returns:
        A `Workaround`.
    """
    slices: list[slice] = []
    zeros: list[tuple[int, int]] = []
    for window in windows:
        full = window.full_length
        start = min(max(window.crop, 0), full)
        stop = max(min(window.crop + window.output_length, full), start)
        before = min(max(-window.crop, 0), window.output_length)
        after = window.output_length - before - (stop - start)
        slices.append(slice(start, stop))
        zeros.append((before, after))
    return Workaround(arguments, tuple(slices), tuple(zeros))


def joined(values: Sequence[Any]) -> Any:
    """A scalar for one axis, a tuple for more."""
    return values[0] if len(values) == 1 else tuple(values)


def require_windows(windows: Sequence[Window]) -> None:
    """Raise if there is no window at all."""
    if not windows:
        raise ValueError("Give one window for each axis. Received: none.")

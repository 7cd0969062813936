"""Pickles read without running anything.

A pickle is a program for a small stack machine. `pickle.Unpickler` runs it whole: even
when every name is refused, ten bytes can claim gigabytes or end the process. This
machine knows the instructions that containers and numbers need, and calls what its
caller hands it.
"""

from __future__ import annotations

import pickletools
import struct
import warnings
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import IO, Any

MAX_PICKLE = 1 << 23  # bytes; a state dict of ten thousand tensors takes a fifth


@dataclass(frozen=True)
class Name:
    """A module's name and a name in it. What it stands for is not imported."""

    full: str


class Unread:
    """A value that does not matter, whatever it was made of."""


def read_pickle(
    stream: IO[bytes],
    calls: Mapping[str, Callable[..., Any]],
    names: Iterable[str] = (),
    persistent: Callable[[Any], Any] | None = None,
) -> Any:
    """Read one pickle of protocol 2 or later.

    Args:
        stream: Positioned at the pickle's first byte; behind its last one afterwards.
        calls: What the pickle may call, by its full name, and our function for it.
        names: What it may name without calling it. Defaults to `()`.
        persistent: Our function for references to what is outside the pickle.
            Defaults to `None`: there are none.

    Returns:
        Dictionaries, lists, tuples, plain values, and what our functions return.

    Raises:
        ValueError: If the pickle is broken, or names anything else; the message has
            the name.

    Example:
        >>> import io, pickle
        >>> read_pickle(io.BytesIO(pickle.dumps({"epoch": [3]}, protocol=2)), {})
        {'epoch': [3]}
        >>> read_pickle(io.BytesIO(pickle.dumps(print, protocol=2)), {})
        Traceback (most recent call last):
        ...
        ValueError: it names '__builtin__.print', which does not belong there
    """
    machine = _Machine(calls, frozenset(names), persistent)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of escapes in texts, which we do not read
        try:
            return machine.run(stream)
        except (LookupError, TypeError, struct.error) as error:
            raise ValueError(f"its pickle is broken: {error!r}") from error


def update(target: dict[Any, Any], pairs: Iterable[Any]) -> dict[Any, Any]:
    """Put pairs of a key and a value into a dictionary, and return it."""
    for key, value in pairs:
        # A tuple's hash calls itself as deep as it is nested: a million deep, here.
        if not isinstance(key, (str, int)):
            raise TypeError(f"a key of type {type(key).__name__}")
        target[key] = value
    return target


class _Machine:
    """Stack, marks and memo of a pickle that is being read."""

    def __init__(
        self,
        calls: Mapping[str, Callable[..., Any]],
        names: frozenset[str],
        persistent: Callable[[Any], Any] | None,
    ) -> None:
        self.calls, self.names, self.outside = calls, names, persistent
        self.stack: list[Any] = []
        self.marked: list[list[Any]] = []
        self.memo: dict[int, Any] = {}

    def run(self, stream: IO[bytes]) -> Any:
        start = stream.tell()
        for opcode, argument, position in pickletools.genops(stream):
            if (position or 0) - start > MAX_PICKLE:
                raise ValueError(f"its pickle has more than {MAX_PICKLE} bytes")
            if opcode.name == "STOP":
                break
            self.step(opcode.name, argument)
        return self.stack.pop()

    def step(self, opcode: str, argument: Any) -> None:
        if opcode in _VALUES:
            self.push(argument)
        elif opcode in _CONSTANTS:
            self.push(_CONSTANTS[opcode]())
        elif opcode in _INSTRUCTIONS:
            _INSTRUCTIONS[opcode](self, argument)
        elif opcode not in _IGNORED:
            raise ValueError(f"its pickle has {opcode}, which does not belong there")

    def push(self, value: Any) -> None:
        self.stack.append(value)

    def pop(self, count: int) -> list[Any]:
        if len(self.stack) < count:
            raise IndexError("too few values")
        items = self.stack[-count:]
        del self.stack[-count:]
        return items

    def mark(self, _: Any) -> None:
        self.marked.append(self.stack)
        self.stack = []

    def pop_mark(self) -> list[Any]:
        items, self.stack = self.stack, self.marked.pop()
        return items

    def put(self, index: int | None) -> None:
        self.memo[len(self.memo) if index is None else index] = self.stack[-1]

    def get(self, index: int) -> None:
        self.push(self.memo[index])

    def extend(self, items: list[Any]) -> None:
        self.top(list).extend(items)

    def set_items(self, items: list[Any]) -> None:
        update(self.top(dict), zip(items[::2], items[1::2], strict=True))

    def name(self, module: Any, name: Any) -> None:
        if not isinstance(module, str) or not isinstance(name, str):
            raise TypeError("a name that is no string")
        full = f"{module}.{name}"
        if full not in self.calls and full not in self.names:
            raise ValueError(f"it names {full[:100]!r}, which does not belong there")
        self.push(Name(full))

    def call(self, _: Any) -> None:
        function, arguments = self.pop(2)
        if not isinstance(function, Name) or not isinstance(arguments, tuple):
            raise TypeError("a call of what is no function")
        self.push(self.calls[function.full](*arguments))

    def build(self, _: Any) -> None:
        self.pop(1)  # attributes, such as `_metadata` of a state dict
        self.top(dict, Unread)

    def refer(self, _: Any) -> None:
        if self.outside is None:
            raise TypeError("a reference to what is outside")
        self.push(self.outside(*self.pop(1)))

    def top(self, *types: type) -> Any:
        """The value on top of the stack, which must be of one of these types."""
        if not isinstance(self.stack[-1], types):
            raise TypeError(f"a {type(self.stack[-1]).__name__} out of place")
        return self.stack[-1]


_IGNORED = {"PROTO", "FRAME"}
_VALUES = {
    *("BININT", "BININT1", "BININT2", "LONG1", "LONG4", "BINFLOAT"),
    *("BINUNICODE", "SHORT_BINUNICODE", "BINUNICODE8", "BINSTRING", "SHORT_BINSTRING"),
    *("BINBYTES", "SHORT_BINBYTES"),
}
_CONSTANTS: dict[str, Callable[[], Any]] = {
    "NONE": lambda: None,
    "NEWTRUE": lambda: True,
    "NEWFALSE": lambda: False,
    "EMPTY_DICT": dict,
    "EMPTY_LIST": list,
    "EMPTY_TUPLE": tuple,
}
_INSTRUCTIONS: dict[str, Callable[[_Machine, Any], None]] = {
    "MARK": _Machine.mark,
    "TUPLE": lambda m, _: m.push(tuple(m.pop_mark())),
    "TUPLE1": lambda m, _: m.push(tuple(m.pop(1))),
    "TUPLE2": lambda m, _: m.push(tuple(m.pop(2))),
    "TUPLE3": lambda m, _: m.push(tuple(m.pop(3))),
    "APPEND": lambda m, _: m.extend(m.pop(1)),
    "APPENDS": lambda m, _: m.extend(m.pop_mark()),
    "SETITEM": lambda m, _: m.set_items(m.pop(2)),
    "SETITEMS": lambda m, _: m.set_items(m.pop_mark()),
    "BINPUT": _Machine.put,
    "LONG_BINPUT": _Machine.put,
    "MEMOIZE": _Machine.put,
    "BINGET": _Machine.get,
    "LONG_BINGET": _Machine.get,
    "GLOBAL": lambda m, name: m.name(*name.split(" ", 1)),
    "STACK_GLOBAL": lambda m, _: m.name(*m.pop(2)),
    "REDUCE": _Machine.call,
    "BUILD": _Machine.build,
    "BINPERSID": _Machine.refer,
}

"""Protobuf messages read from the wire: a row of fields, each a key and a value.

The key holds the field's number and how its value is written. Knows bytes; what a
number means, only the reader of a format knows.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple, NoReturn

from ..files import WeightsFormatError

# How a field is written. 3 and 4, groups, are long out of use.
VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5
FIXED_SIZES = {FIXED64: 8, FIXED32: 4}

# A network of a thousand layers has fewer; time is lost on no other file.
MOST_FIELDS = 100_000
LONGEST_TEXT = 1000


class Field(NamedTuple):
    """One field of a message."""

    number: int
    wire: int
    value: int  # of a varint
    start: int  # of all other kinds, their bytes in the file
    end: int


class WireReader:
    """The messages of one file; all positions count from its start.

    Args:
        path: The file, for the errors.
        data: Its bytes.
        expected: What it should be, for the errors.
        advice: What to do when it is not, for the errors.

    Example:
        Field 1, the text "a", and field 2, the number 300:

        >>> data = bytes([0x0A, 1, 97, 0x10, 0b10101100, 0b10])
        >>> reader = WireReader(Path("file"), memoryview(data), "message", "")
        >>> text, number = reader.fields(0, len(data))
        >>> reader.text(text), number.value
        ('a', 300)

    Reference:
        https://protobuf.dev/programming-guides/encoding.
    """

    def __init__(
        self, path: Path, data: memoryview, expected: str, advice: str
    ) -> None:
        self.path, self.data = path, data
        self.expected, self.advice = expected, advice
        self.fields_read = 0

    def fail(self, reason: str) -> NoReturn:
        """Raise the error that the file is not what it should be."""
        start = bytes(self.data[:24])
        raise WeightsFormatError(
            f"{self.expected} Received: {str(self.path)!r}, {len(self.data)} bytes "
            f"that begin with {start!r}: {reason}. {self.advice}"
        )

    def fields(self, start: int, end: int) -> Iterator[Field]:
        """Walk through the fields of the message between two positions."""
        position = start
        while position < end:
            self.fields_read += 1
            if self.fields_read > MOST_FIELDS:
                self.fail(f"more than {MOST_FIELDS} fields")
            first = position
            key, position = self.varint(position, end)
            number, wire = key >> 3, key & 7
            if number == 0:
                self.fail(f"a field of number 0 at byte {first}")
            if wire == VARINT:
                value, position = self.varint(position, end)
                yield Field(number, wire, value, position, position)
                continue
            if wire == BYTES:
                size, position = self.varint(position, end)
            elif wire in FIXED_SIZES:
                size = FIXED_SIZES[wire]
            else:
                self.fail(f"a field of the unknown kind {wire} at byte {first}")
            if size > end - position:
                self.fail(
                    f"{size} bytes announced at byte {first}, {end - position} left"
                )
            yield Field(number, wire, 0, position, position + size)
            position += size

    def text(self, f: Field) -> str:
        """Return a field's bytes as text."""
        if f.end - f.start > LONGEST_TEXT:
            self.fail(f"a name of {f.end - f.start} bytes at byte {f.start}")
        try:
            return str(self.data[f.start : f.end], "utf-8")
        except UnicodeDecodeError:
            self.fail(f"a name that is no text at byte {f.start}")

    def varint(self, position: int, end: int) -> tuple[int, int]:
        """Read seven bits a byte, lowest first, up to 64; return the next position."""
        value = 0
        for shift in range(0, 70, 7):
            if position >= end:
                self.fail(f"it ends within a number at byte {position}")
            byte = self.data[position]
            position += 1
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                return value & (2**64 - 1), position
        self.fail(f"a number of more than 10 bytes before byte {position}")

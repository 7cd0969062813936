"""The small text files in which annotation tools write down their classes."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from ..sample_source import VOID

BACKGROUND = ("background", "_background_")
VOID_NAMES = ("__ignore__", "ignore", "void")

Colour = tuple[int, int, int]


@dataclass(frozen=True)
class LabelMap:
    """The classes of a data set, and the colours that stand for them.

    Attributes:
        class_names: Names of the classes, the background first.
        colours: The label that each RGB colour stands for; empty where masks hold
            indices.
    """

    class_names: tuple[str, ...]
    colours: dict[Colour, int]


def read_label_names(path: str | os.PathLike[str]) -> LabelMap:
    """Read a `labelmap.txt` of CVAT or a list of class names as labelme writes it.

    CVAT writes `name:red,green,blue:parts:actions`, and lines that begin with `#`. The
    colours decide then: a background (`background` or `_background_`) gets the label 0
    wherever it stands, the others follow in the order of the file, and `__ignore__`,
    `ignore` and `void` are no classes: their pixels are void.

    Labelme writes one name a line, in the order of the labels; a first line
    `__ignore__` stands for void and is left out.

    Args:
        path: The file.

    Returns:
        A `LabelMap`.

    Raises:
        ValueError: If a line is neither, a name or a colour comes twice, or there are
            no classes; the message names the file and the line.

    Example:
        >>> import tempfile
        >>> file = Path(tempfile.mkdtemp()) / "labelmap.txt"
        >>> lines = ["cat:0,128,0::", "background:0,0,0::", "void:9,9,9::"]
        >>> _ = file.write_text(os.linesep.join(lines))
        >>> found = read_label_names(file)
        >>> found.class_names
        ('background', 'cat')
        >>> found.colours
        {(0, 0, 0): 0, (0, 128, 0): 1, (9, 9, 9): 255}
    """
    entries: dict[str, Colour | None] = {}
    try:
        text = Path(path).read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(
            f"{str(path)!r} must be UTF-8 text. Received: {error}."
        ) from None
    for number, line in enumerate(text.splitlines(), start=1):
        line = line.strip()
        if not line or line.startswith("#"):
            continue
        where = f"{str(path)!r}, line {number}"
        name, *fields = (field.strip() for field in line.split(":"))
        colour = _colour(fields[0], where) if any(fields[:1]) else None
        if not name:
            raise ValueError(f"A class must have a name. {where}: {line!r}.")
        if name in entries:
            raise ValueError(f"A class must be named once. {where}: {name!r} again.")
        if colour is not None and colour in entries.values():
            raise ValueError(f"Two classes must differ in colour. {where}: {line!r}.")
        entries[name] = colour
    coloured = [colour is not None for colour in entries.values()]
    if any(coloured) and not all(coloured):
        raise ValueError(
            f"{str(path)!r} must give every class a colour, or none. Received: both."
        )
    classes = list(entries)
    colours: dict[Colour, int] = {}
    if any(coloured):
        classes = [name for name in entries if name not in VOID_NAMES]
        classes.sort(key=lambda name: name not in BACKGROUND)  # stable: the rest stays
        voids = [name for name in entries if name in VOID_NAMES]
        labels = [*enumerate(classes), *((VOID, name) for name in voids)]
        for label, name in labels:
            if (colour := entries[name]) is not None:
                colours[colour] = label
    elif "__ignore__" in classes[:1]:
        classes = classes[1:]
    if not classes:
        raise ValueError(f"{str(path)!r} must name at least one class. Received: none.")
    return LabelMap(tuple(classes), colours)


def find_label_names(folder: str | os.PathLike[str]) -> Path | None:
    """Return the file that names the classes of a data set's folder, if it has one."""
    for name in ("labelmap.txt", "class_names.txt", "labels.txt"):
        file = Path(folder) / name
        if file.is_file():
            return file
    return None


def _colour(text: str, where: str) -> Colour:
    numbers = [number.strip() for number in text.split(",")]
    if len(numbers) == 3 and all(n.isdecimal() and len(n) <= 3 for n in numbers):
        red, green, blue = (int(n) for n in numbers)
        if max(red, green, blue) <= 255:
            return red, green, blue
    raise ValueError(
        "A line must be `name` or `name:red,green,blue::`, colours 0..255. "
        f"{where}: {text!r}."
    )

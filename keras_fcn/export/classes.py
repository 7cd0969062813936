"""What the labels of a file mean: names and colours, as JSON inside the file."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from ..datasets import voc_palette

# The file of that content, in formats that hold files.
CLASSES_FILE = "classes.json"


class Classes(NamedTuple):
    """Names and colours of the labels 0, 1, ....

    Attributes:
        names: One name a label.
        palette: One colour a label, red, green and blue of 0..255.

    Example:
        >>> Classes.of(["background", "cat"], 2).to_json()
        '{"class_names": ["background", "cat"], "palette": [[0, 0, 0], [128, 0, 0]]}'
    """

    names: tuple[str, ...]
    palette: tuple[tuple[int, int, int], ...]

    @classmethod
    def of(cls, names: Sequence[str] | None, number: int) -> Classes:
        """Return so many classes in the colours of PASCAL VOC, which repeat after 256.

        Args:
            names: Their names; `None` calls them `"class 0"` and so on.
            number: How many a network has.

        Raises:
            ValueError: If there are more names or fewer.
        """
        if names is None:
            names = [f"class {i}" for i in range(number)]
        if isinstance(names, str) or len(names) != number:
            raise ValueError(
                f"`class_names` must be the names of the network's {number} classes. "
                f"Received: class_names={names!r}."
            )
        colours = voc_palette()[np.arange(number) % 256].tolist()
        return cls(tuple(map(str, names)), tuple((r, g, b) for r, g, b in colours))

    def to_texts(self) -> dict[str, str]:
        """Return both lists as JSON, by the names that they have in a file."""
        both = {"class_names": self.names, "palette": self.palette}
        return {key: json.dumps(value) for key, value in both.items()}

    def to_json(self) -> str:
        """Return one JSON object of both lists."""
        return json.dumps({"class_names": self.names, "palette": self.palette})

"""`config.json`: what a published network is, and nothing of where it was trained.

Whoever wrote it is not believed: plain JSON, known names, and sizes that a network of
ours can have.
"""

from __future__ import annotations

import importlib.metadata
import json
import re
from pathlib import Path
from typing import Any

from ..backbones import require_backbone, topologies_of
from ..datasets import VOID, voc_palette
from ..suggestions import require_choice
from .config import RunConfig
from .plain_yaml import MOST_CHARACTERS, shown

PUBLISHED_CONFIG = "config.json"
PUBLISHED_WEIGHTS = "model.safetensors"
LIBRARY = "keras_fcn"
FORMAT_VERSION = 1
MOST_CLASSES = 255  # labels are uint8, and one value is void
LONGEST_NAME = 200  # characters
WIDEST = 2.0  # a network of this width has four times VGG16's 134 million weights

# What makes a network; `RunConfig` checks the values.
_NETWORK = (
    *("model", "backbone", "topology", "upsampling", "width", "dropout"),
    *("preprocessing", "class_names"),
)
_COLOUR = re.compile(r"#[0-9a-f]{6}")
_OTHERS = ("library", "format_version", "keras_fcn_version", "void_label", "palette")


def to_json(config: RunConfig) -> str:
    """Return what a published network is, as JSON; `from_json` reads it.

    Raises:
        ValueError: If the network could not be read again: its classes are too many,
            have too long names, or it is too wide.

    Example:
        >>> config = RunConfig(class_names=("background", "cat"), width=0.5)
        >>> from_json(to_json(config)).width
        0.5
    """
    colours = voc_palette()[: len(config.class_names)].tolist()
    data: dict[str, Any] = {
        "library": LIBRARY,
        "format_version": FORMAT_VERSION,
        "keras_fcn_version": importlib.metadata.version("keras-fcn"),
        **{name: getattr(config, name) for name in _NETWORK},
        "void_label": config.ignore_class,
        "palette": [f"#{r:02x}{g:02x}{b:02x}" for r, g, b in colours],
    }
    text = json.dumps(data, ensure_ascii=False, indent=1)
    from_json(text)
    return text + "\n"


def from_json(text: str) -> RunConfig:
    """Read what `to_json` wrote, as the configuration of a run without data.

    Raises:
        ValueError: If it is anything else.
    """
    data = _plain(text)
    if not isinstance(data, dict) or data.get("library") != LIBRARY:
        raise ValueError(
            f'It must be of a network of keras_fcn, with "library": "{LIBRARY}". '
            f"Received: {shown(data)}."
        )
    version = data.get("format_version")
    if type(version) is not int or version < 1:
        raise ValueError(
            f"`format_version` must be a positive integer. Received: {shown(version)}."
        )
    if version > FORMAT_VERSION:
        raise ValueError(
            f"`format_version` must be at most {FORMAT_VERSION}. Received: "
            f"{shown(version)}, written by keras_fcn "
            f"{shown(data.get('keras_fcn_version'))}. Install a newer keras_fcn."
        )
    missing = [name for name in (*_NETWORK, *_OTHERS) if name not in data]
    unknown = [name for name in data if name not in (*_NETWORK, *_OTHERS)]
    if missing or unknown:
        raise ValueError(
            "It must hold what a network is, and nothing else. Received: "
            f"without {shown(missing)}, with {shown(unknown)} besides."
        )
    config = RunConfig.from_plain(
        {**{name: data[name] for name in _NETWORK}, "weights": "none"}
    )
    _require_possible(config)
    _require_labels(data, len(config.class_names))
    return config


def read_published(folder: Path) -> RunConfig:
    """Read the configuration of a published folder.

    Raises:
        ValueError: If it is not what it should be; the message has the file.
    """
    file = folder / PUBLISHED_CONFIG
    try:
        with file.open(encoding="utf-8") as opened:  # no more than can be one
            return from_json(opened.read(MOST_CHARACTERS + 1))
    except ValueError as error:
        raise ValueError(f"{str(file)!r} cannot be used: {error}") from error


def _plain(text: str) -> Any:
    if len(text) > MOST_CHARACTERS:
        raise ValueError(
            f"It must have at most {MOST_CHARACTERS} characters. Received: more."
        )
    try:
        return json.loads(text, object_pairs_hook=_once, parse_constant=_no_constant)
    except RecursionError as error:
        raise ValueError("It must be JSON. Received: lists too deep.") from error
    except ValueError as error:
        raise ValueError(f"It must be JSON. Received: {str(error)[:300]}.") from error


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    names = dict(pairs)
    if len(names) != len(pairs):
        twice = [n for i, (n, _) in enumerate(pairs) if n in dict(pairs[:i])]
        raise ValueError(f"{shown(twice[0])} again")
    return names


def _no_constant(name: str) -> None:
    raise ValueError(f"{name}, which JSON has not")


def _require_possible(config: RunConfig) -> None:
    """Raise if there is no such network, or it takes more memory than any of ours."""
    require_backbone(config.backbone)
    require_choice("topology", config.topology, topologies_of(config.backbone))
    require_choice("upsampling", config.upsampling, ("fixed", "learned"))
    if not 0 < config.width <= WIDEST:
        raise ValueError(
            f"`width` must be above 0 and at most {WIDEST} in a published network. "
            f"Received: width={config.width}."
        )
    names = config.class_names
    if not 1 <= len(names) <= MOST_CLASSES or len(set(names)) != len(names):
        raise ValueError(
            f"`class_names` must be 1 to {MOST_CLASSES} different names. Received: "
            f"{len(names)}, {len(set(names))} of them different."
        )
    for name in names:
        if not name.strip() or len(name) > LONGEST_NAME or not _is_unicode(name):
            raise ValueError(
                f"A class must have a name of 1 to {LONGEST_NAME} characters. "
                f"Received: {shown(name)}."
            )


def _is_unicode(name: str) -> bool:
    return not any("\ud800" <= character <= "\udfff" for character in name)


def _require_labels(data: dict[str, Any], number: int) -> None:
    """Raise if the label of void or the colours are impossible."""
    void = data["void_label"]
    if type(void) is not int or not 0 <= void <= VOID:
        raise ValueError(f"`void_label` must be 0 to 255. Received: {shown(void)}.")
    palette = data["palette"]
    if not (
        isinstance(palette, list)
        and len(palette) == number
        and all(isinstance(c, str) and _COLOUR.fullmatch(c) for c in palette)
    ):
        raise ValueError(
            f"`palette` must be {number} colours such as #80ff00, one a class. "
            f"Received: {shown(palette)}."
        )
    if not isinstance(data["keras_fcn_version"], str):
        raise ValueError(
            "`keras_fcn_version` must be text. Received: "
            f"{shown(data['keras_fcn_version'])}."
        )

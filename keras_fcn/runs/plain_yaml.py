"""YAML of plain values, whoever wrote it: no objects, no aliases, nothing deep.

Knows PyYAML; knows nothing of what the values mean.
"""

from __future__ import annotations

from typing import Any

import yaml
from yaml.composer import ComposerError
from yaml.constructor import ConstructorError

MOST_CHARACTERS = 1 << 17  # a configuration with 254 long names has a third
DEEPEST = 8  # lists of lists; a configuration has two
LONGEST_NUMBER = 64  # characters; an int of many costs the square of their number


class _Loader(yaml.SafeLoader):
    """PyYAML's safe loader, without what makes a small text a large or deep value."""

    deep = 0

    def compose_node(self, parent, index):
        mark = self.peek_event().start_mark
        if self.check_event(yaml.AliasEvent):  # ten of them make a thousand million
            raise ComposerError(None, None, "an alias", mark)
        self.deep += 1
        if self.deep > DEEPEST:
            raise ComposerError(None, None, f"lists more than {DEEPEST} deep", mark)
        node = super().compose_node(parent, index)
        self.deep -= 1
        return node

    def construct_object(self, node, deep=False):
        problem = f"no value of the type {node.tag}"
        is_text = node.tag == "tag:yaml.org,2002:str"
        if not isinstance(node, yaml.ScalarNode):
            problem = "a value that is no key"
        elif not is_text and len(node.value) > LONGEST_NUMBER:
            raise _error(
                f"more than {LONGEST_NUMBER} characters that are no text", node
            )
        try:
            return super().construct_object(node, deep)
        except (ValueError, LookupError, AttributeError, TypeError) as error:
            # PyYAML takes an explicit type, `!!bool x`, at its word.
            raise _error(problem, node) from error

    def construct_mapping(self, node, deep=False):
        seen = set()
        for key, _ in node.value if isinstance(node, yaml.MappingNode) else ():
            text = (key.tag, key.value) if isinstance(key, yaml.ScalarNode) else None
            if text in seen:
                raise _error(f"{shown(key.value)} again", key)
            seen.add(text or id(key))
        return super().construct_mapping(node, deep)


def read_yaml(text: str) -> Any:
    """Read one YAML document of plain values.

    Args:
        text: The document.

    Returns:
        Dictionaries, lists, texts, numbers, dates, `None`.

    Raises:
        ValueError: If it is too long or too deep, is no YAML, has aliases, a key twice
            or objects; the message has the line.

    Example:
        >>> read_yaml("lr: 1.0e-4")
        {'lr': 0.0001}
        >>> read_yaml("{lr: 1, lr: 2}")
        Traceback (most recent call last):
        ...
        ValueError: It must be YAML of plain values. Received: line 1: 'lr' again.
    """
    if len(text) > MOST_CHARACTERS:
        raise ValueError(
            f"It must have at most {MOST_CHARACTERS} characters. Received: {len(text)}."
        )
    try:
        return _Loader(text).get_single_data()
    except yaml.YAMLError as error:
        raise ValueError(
            "It must be YAML of plain values. Received: "
            f"line {_line(error, text)}: {_problem(error)}."
        ) from error


def shown(value: object) -> str:
    """Return a value for a message, on one line and not too long."""
    text = repr(value)
    return text if len(text) <= 200 else f"{text[:200]}..."


def _error(problem: str, node: yaml.Node) -> yaml.YAMLError:
    return ConstructorError(None, None, problem, node.start_mark)


def _line(error: yaml.YAMLError, text: str) -> int:
    if isinstance(error, yaml.MarkedYAMLError):
        mark = error.problem_mark or error.context_mark
        return mark.line + 1 if mark else 1
    # A character that YAML does not know, by its place.
    return text.count("\n", 0, getattr(error, "position", 0)) + 1


def _problem(error: yaml.YAMLError) -> str:
    if isinstance(error, yaml.MarkedYAMLError):
        return str(error.problem or error.context)
    character = getattr(error, "character", None)
    return (
        f"the character {chr(character)!a}" if isinstance(character, int) else "no YAML"
    )

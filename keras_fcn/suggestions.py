"""The nearest right word to a wrong one, for error messages."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


def require_choice(name: str, value: object, choices: Iterable[str]) -> None:
    """Raise a `ValueError` that suggests the nearest of `choices` to `value`.

    Args:
        name: The argument's name, as the user typed it.
        value: What the user gave.
        choices: What is allowed.

    Raises:
        ValueError: If `value` is not one of `choices`.

    Example:
        >>> require_choice("topology", "papre", ["paper", "same", "pointwise"])
        Traceback (most recent call last):
        ...
        ValueError: `topology` must be one of "paper", "same", "pointwise". Received: \
topology='papre'. Did you mean "paper"?
    """
    choices = list(choices)
    if value in choices:
        return
    quoted = ", ".join(f'"{choice}"' for choice in choices)
    message = f"`{name}` must be one of {quoted}. Received: {name}={value!r}."
    near = difflib.get_close_matches(str(value).lower(), choices, n=1)
    if near:
        message += f' Did you mean "{near[0]}"?'
    raise ValueError(message)

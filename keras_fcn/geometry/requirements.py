"""What every number of a convolution must be."""

from __future__ import annotations


def require_positive(**numbers: int) -> None:
    """Raise a `ValueError` unless each of the numbers is at least 1.

    Example:
        >>> require_positive(kernel_size=3, strides=0)
        Traceback (most recent call last):
        ...
        ValueError: `strides` must be at least 1. Received: strides=0.
    """
    for name, value in numbers.items():
        if value < 1:
            raise ValueError(f"`{name}` must be at least 1. Received: {name}={value}.")

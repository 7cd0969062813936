"""A run on one page: what was trained, how well it labels, where it errs.

The page is one HTML file that asks for nothing else. This room scores, picks and
lays out; it knows nothing of how training goes.
"""

from .writing import write_report

__all__ = ["write_report"]

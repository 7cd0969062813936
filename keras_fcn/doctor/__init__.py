"""What is odd about a machine: versions, devices, room, and whether Keras works at all.

For the moment when something does not work, so nothing here imports Keras or a
backend: a process of its own tries them, and may die of it.
"""

from .facts import Facts, gather
from .report import Report, examine
from .rules import Finding, findings
from .trial import Trial, try_keras

__all__ = [
    "Facts",
    "Finding",
    "Report",
    "Trial",
    "examine",
    "findings",
    "gather",
    "try_keras",
]

"""What a run has proven, counted: examples, cases, and faults met upstream.

`pytest --report FILE` writes it; `make conformance` reads the reports of the three
backends and prints them.
"""

from collections import Counter
from dataclasses import asdict, dataclass


@dataclass(frozen=True, order=True)
class Fault:
    """A fault of someone else's code, and where it was met.

    Args:
        package: Whose, as installed by pip.
        version: The version that was met here.
        summary: What is wrong, in a sentence.
    """

    package: str
    version: str
    summary: str


_cases: Counter[str] = Counter()
_faults: set[Fault] = set()


def tally(suite: str, cases: int = 1) -> None:
    """Count cases of a suite that were compared and agreed."""
    _cases[suite] += cases


def fault_met(fault: Fault) -> None:
    """Note a fault that a test has just shown."""
    _faults.add(fault)


def counted() -> dict:
    """Return what was counted in this process, ready for JSON."""
    return {"cases": dict(_cases), "faults": [asdict(f) for f in sorted(_faults)]}


def add(other: dict) -> None:
    """Add what was counted in another process."""
    _cases.update(other["cases"])
    _faults.update(Fault(**fault) for fault in other["faults"])

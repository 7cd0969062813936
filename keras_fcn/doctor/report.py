"""Everything that was found out, in one piece."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

from .facts import Facts, gather
from .rules import Finding, findings
from .trial import Trial, try_keras


@dataclass(frozen=True)
class Report:
    """A machine, what Keras does on it, and what is wrong.

    Attributes:
        facts: What was read without running anything.
        trial: What Keras and its backend did in a process of their own.
        findings: What is broken, then what is merely not advisable.
    """

    facts: Facts
    trial: Trial
    findings: tuple[Finding, ...]

    @property
    def broken(self) -> bool:
        """Whether something must be mended before anything can be expected to work."""
        return any(finding.broken for finding in self.findings)

    def to_dict(self) -> dict[str, Any]:
        """Return all of it, ready for JSON."""
        return {
            "broken": self.broken,
            "facts": dataclasses.asdict(self.facts),
            "trial": dataclasses.asdict(self.trial),
            "findings": [dataclasses.asdict(finding) for finding in self.findings],
        }


def examine() -> Report:
    """Look at this machine and its packages, and try Keras in a process of its own.

    Returns:
        A `Report`. Whatever is broken stands in it; nothing is raised for it.

    Example:
        ```python
        from keras_fcn.doctor import examine

        for finding in examine().findings:
            print(finding.what, finding.do)
        ```
    """
    facts = gather()
    trial = try_keras()
    return Report(facts, trial, findings(facts, trial))

"""A mistake, and the test that notices it.

A mutant is a piece of the package replaced by a wrong one. `test_mutants` runs the test
against a copy of the package with that mistake in it, and the test must fail.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Mutant:
    """A mistake.

    Args:
        fault: Number of the fault that it lets through.
        file: The module, from the root of the repository.
        old: What stands there, once.
        new: What is wrong instead.
        test: The test that must fail, as pytest names it.
    """

    fault: int
    file: str
    old: str
    new: str
    test: str

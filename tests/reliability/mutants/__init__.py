"""At least one mistake for each fault, and the test that notices it."""

from . import data, files, runs, surroundings, tiles
from .mutant import Mutant

MUTANTS: list[Mutant] = [
    *runs.MUTANTS,
    *data.MUTANTS,
    *files.MUTANTS,
    *tiles.MUTANTS,
    *surroundings.MUTANTS,
]

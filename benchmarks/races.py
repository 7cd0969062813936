"""Who is compared with whom, and what the turns say of it.

A race is one piece of work and those who do it; a row is ours against one peer: the
medians, and the ratios of the rounds, which are disturbed least where others use the
machine too. Knows nothing of what the work is.
"""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from side_by_side import Contender, Outcome
from workers import Turn


@dataclass(frozen=True)
class Settings:
    """What the whole run is told."""

    quick: bool = False
    device: str = "cpu"
    threads: int = 1

    @property
    def on_gpu(self) -> bool:
        """Whether the work is done on a GPU."""
        return self.device == "gpu"


@dataclass(frozen=True)
class Pair:
    """Ours against a peer.

    `target` is the ratio aimed at, `tolerance` how far the results may be apart as a
    share of the peer's largest value: `None` where the two functions are not the same.
    """

    ours: str
    peer: str
    target: float | None = None
    tolerance: float | None = 1e-3


@dataclass(frozen=True)
class Race:
    """One piece of work.

    `flops` are those of one call, two for each multiplication, `images` those that one
    call works on. With `memory` it is the peak of a fresh process that counts.
    """

    work: str
    contenders: Mapping[str, Contender]
    pairs: Sequence[Pair]
    flops: float | None = None
    images: int | None = None
    memory: bool = False


@dataclass(frozen=True)
class Spread:
    """Median and quartiles."""

    median: float
    q1: float
    q3: float


@dataclass(frozen=True)
class Row:
    """Ours against one peer, in numbers; `note` says why there are none."""

    work: str
    ours: str
    peer: str
    target: float | None
    unit: str
    ours_median: float | None = None
    peer_median: float | None = None
    ratio: Spread | None = None
    cpu_ratio: Spread | None = None
    rounds: int = 0
    gflops_per_s: float | None = None  # ours
    share_of_gemm: float | None = None  # of the same library's matrix product
    images_per_s: float | None = None  # ours
    note: str = ""
    broken: bool = False  # ours or the peer failed, or their results differ

    @property
    def reached(self) -> bool | None:
        """Whether the target is reached, `None` if there is none or no number."""
        if self.target is None or self.ratio is None or self.broken:
            return None
        return self.ratio.median <= self.target


def spread(values: Sequence[float]) -> Spread:
    """Return the median and the quartiles, ends included.

    Example:
        >>> spread([1.0, 2.0, 3.0, 4.0, 9.0])
        Spread(median=3.0, q1=2.0, q3=4.0)
    """
    q1, median, q3 = np.quantile(np.asarray(values, "float64"), [0.25, 0.5, 0.75])
    return Spread(float(median), float(q1), float(q3))


def ratios(ours: Sequence[float], peer: Sequence[float]) -> Spread:
    """Return the spread of the ratios of the rounds that both have.

    Example:
        The machine was half as fast in the second round:

        >>> ratios([1.0, 2.0, 1.0], [2.0, 4.0, 2.0])
        Spread(median=0.5, q1=0.5, q3=0.5)
    """
    return spread([a / b for a, b in zip(ours, peer, strict=False)])


def rows_of(race: Race, outcome: Outcome, rates: Mapping[str, float]) -> list[Row]:
    """Return a row for each pair of a race.

    Args:
        race: The race.
        outcome: Its turns.
        rates: FLOP/s of a large matrix product, by `"backend dtype"`.
    """
    return [_row(race, pair, outcome, rates) for pair in race.pairs]


def _row(race: Race, pair: Pair, outcome: Outcome, rates: Mapping[str, float]) -> Row:
    unit = "MiB" if race.memory else "ms"
    head = (race.work, pair.ours, pair.peer, pair.target, unit)
    for name in (pair.ours, pair.peer):
        for problems in (outcome.failed, outcome.left_out):
            if name in problems:
                broken = problems is outcome.failed
                return Row(*head, note=f"{name}: {problems[name]}", broken=broken)
        if not outcome.turns.get(name):
            return Row(*head, note=f"{name}: not there")
    ours, peer = outcome.turns[pair.ours], outcome.turns[pair.peer]
    mine = _values(ours, race.memory)
    theirs = _values(peer, race.memory)
    speed: dict[str, float] = {}
    if not race.memory:
        seconds = statistics.median(turn.wall for turn in ours)
        contender = race.contenders[pair.ours]
        if race.flops:
            speed["gflops_per_s"] = 1e-9 * race.flops / seconds
            rate = rates.get(f"{contender.backend} {contender.dtype}")
            if rate:
                speed["share_of_gemm"] = race.flops / seconds / rate
        if race.images:
            speed["images_per_s"] = race.images / seconds
    difference = _difference(pair, outcome)
    return Row(
        *head,
        ours_median=statistics.median(mine),
        peer_median=statistics.median(theirs),
        ratio=ratios(mine, theirs),
        cpu_ratio=None if race.memory else _cpu_ratio(ours, peer),
        rounds=min(len(mine), len(theirs)),
        note=difference,
        broken=bool(difference),
        **speed,
    )


def _values(turns: Sequence[Turn], memory: bool) -> list[float]:
    return [turn.peak / 2**20 if memory else 1e3 * turn.wall for turn in turns]


def _cpu_ratio(ours: Sequence[Turn], peer: Sequence[Turn]) -> Spread | None:
    theirs = [turn.cpu for turn in peer]
    return ratios([turn.cpu for turn in ours], theirs) if all(theirs) else None


def _difference(pair: Pair, outcome: Outcome) -> str:
    """Say how far the results are apart, if that is further than they may be."""
    if pair.tolerance is None:
        return ""
    ours, peer = outcome.samples[pair.ours], outcome.samples[pair.peer]
    if ours.shape != peer.shape:
        return f"results differ: {ours.size} and {peer.size} sampled values"
    if not peer.size:
        return ""
    apart = float(np.abs(ours - peer).max() / max(float(np.abs(peer).max()), 1e-30))
    if apart <= pair.tolerance:
        return ""
    return f"results differ by {apart:.1e} of the largest, more than {pair.tolerance}"

"""The fast form: outputs at one place of the stride are a small dense convolution.

Output pixel `o = s*m + r` sees the taps `t` with `(d*t - c) mod s = r`, on the input
pixels `m - q` with `q = (d*t - c) div s`. So the outputs of one phase `r` are a
convolution of stride 1 with some of the taps, and all phases that look at equally many
pixels share one matrix product: patches of the input times taps. No zeros are put
between pixels, no columns are summed, each output is written once.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import gcd, prod

import numpy as np
from numpy.lib.stride_tricks import as_strided

from ..geometry import Window

# Patches and products of a block of rows take at most so many bytes, and at most this
# share of what the call reads and writes. Larger blocks gain nothing.
_BLOCK, _SHARE = 4 * 1024**2, 0.4


@dataclass(frozen=True)
class Phases:
    """Neighbouring phases of one axis whose outputs see the same input pixels.

    The pixels seen are `step` apart. On pixel `i` of them, in memory's order, lies tap
    `tap + j - i*tap_step` for phase `j` of these.

    Args:
        first: The first of the phases.
        count: How many they are.
        pixels: How many input pixels an output sees.
        lowest: The smallest `q`: output `m` sees input pixel `m - lowest` last.
        tap: The tap of the first phase on the first pixel.
        tap_step: Taps from one pixel to the one before it.
    """

    first: int
    count: int
    pixels: int
    lowest: int
    tap: int
    tap_step: int

    @property
    def places(self) -> slice:
        """The phases, as a slice of all `s` of them."""
        return slice(self.first, self.first + self.count)


def phases_of(window: Window) -> list[Phases]:
    """Return the phases of one axis that see any pixel, in runs that see the same."""
    seen: list[list[tuple[int, int]]] = [[] for _ in range(window.strides)]
    for tap in range(window.kernel_size):
        q, r = divmod(tap * window.dilation_rate - window.crop, window.strides)
        seen[r].insert(0, (q, tap))  # the largest q is the first pixel
    tap_step = window.strides // gcd(window.strides, window.dilation_rate)
    runs = []
    for pixels, run in itertools.groupby(
        range(window.strides), key=lambda r: [q for q, _ in seen[r]]
    ):
        run = list(run)
        if pixels:
            tap = seen[run[0]][0][1]
            runs.append(
                Phases(run[0], len(run), len(pixels), pixels[-1], tap, tap_step)
            )
    return runs


def phase(x: np.ndarray, kernel: np.ndarray, windows: Sequence[Window]) -> np.ndarray:
    """`C.T @ x` for `x` of `(batch, *spatial, out)`, phase by phase."""
    inputs = kernel.shape[-2]
    axes = [phases_of(window) for window in windows]
    strides = [window.strides for window in windows]
    lengths = [window.output_length for window in windows]
    counts = [-(-n // s) for n, s in zip(lengths, strides, strict=True)]  # of m

    split = [n for pair in zip(counts, strides, strict=True) for n in pair]
    complete = all(
        sum(run.count for run in runs) == s
        for runs, s in zip(axes, strides, strict=True)
    )
    y = (np.empty if complete else np.zeros)((len(x), *split, inputs), x.dtype)
    block = min(_BLOCK, int(_SHARE * (x.nbytes + y.nbytes) / max(len(x), 1)))

    alike: dict[tuple[int, ...], list[tuple[Phases, ...]]] = {}
    for member in itertools.product(*axes):
        alike.setdefault(tuple(p.pixels for p in member), []).append(member)
    for members in alike.values():
        family = _Family(members, windows, counts, kernel)
        for image, result in zip(x, y, strict=True):
            family.compute(image, result, block)

    padded = (m * s for m, s in zip(counts, strides, strict=True))
    y = y.reshape(len(x), *padded, inputs)
    return y[(slice(None), *(slice(length) for length in lengths))]


class _Family:
    """Phases that see equally many pixels along each axis: one matrix product.

    Patch `l` of an axis begins at input pixel `begin + l`. A member's output `m` needs
    patch `m + skip`.
    """

    def __init__(
        self,
        members: Sequence[tuple[Phases, ...]],
        windows: Sequence[Window],
        counts: Sequence[int],
        kernel: np.ndarray,
    ) -> None:
        self.counts = counts
        self.steps = [
            w.dilation_rate // gcd(w.strides, w.dilation_rate) for w in windows
        ]
        self.pixels = [p.pixels for p in members[0]]
        self.reach = [
            step * (n - 1) for step, n in zip(self.steps, self.pixels, strict=True)
        ]
        lowest = list(zip(*([p.lowest for p in m] for m in members), strict=True))
        self.begin = [-max(q) - r for q, r in zip(lowest, self.reach, strict=True)]
        self.patches = [
            m + max(q) - min(q) for m, q in zip(counts, lowest, strict=True)
        ]
        widths = [prod(p.count for p in m) * kernel.shape[-2] for m in members]
        depth = prod(self.pixels) * kernel.shape[-1]
        self.matrix = np.empty((depth, sum(widths)), kernel.dtype)
        self.members = []
        end = 0
        for member, width in zip(members, widths, strict=True):
            skip = [max(q) - p.lowest for q, p in zip(lowest, member, strict=True)]
            columns = slice(end, end := end + width)
            _lay_out(kernel, member, self.matrix[:, columns])
            self.members.append((member, skip, columns))

    def compute(self, image: np.ndarray, result: np.ndarray, block: int) -> None:
        """Write this family's outputs of one image.

        `image` is `(*spatial, out)`, `result` is `(m, r, m, r, ..., in)`.
        """
        depth, columns = self.matrix.shape
        row = prod(self.patches[1:]) * (depth + columns) * image.itemsize
        blocks = -(-self.patches[0] // max(block // max(row, 1), 1))
        rows = -(-self.patches[0] // blocks)
        product = np.empty((rows, *self.patches[1:], columns), image.dtype)
        targets = [self._target(result, member) for member, _, _ in self.members]
        for start, patches in self._patches(image, rows):
            part = product[: len(patches)]
            np.matmul(
                patches.reshape(-1, depth), self.matrix, out=part.reshape(-1, columns)
            )
            for target, (_, skip, places) in zip(targets, self.members, strict=True):
                low = max(start - skip[0], 0)  # the rows of the target that are ready
                high = min(start + len(part) - skip[0], len(target))
                if low < high:
                    ready = target[low:high]
                    first = [low + skip[0] - start, *skip[1:]]
                    source = [
                        slice(f, f + n)
                        for f, n in zip(first, ready.shape, strict=False)
                    ]
                    ready[...] = part[(*source, places)].reshape(ready.shape)

    def _patches(
        self, image: np.ndarray, rows: int
    ) -> Iterator[tuple[int, np.ndarray]]:
        """Yield patches `(rows, ..., pixels, ..., out)`, and where their rows start."""
        extents = [rows, *self.patches[1:]]
        lengths = [n + r for n, r in zip(extents, self.reach, strict=True)]
        padded = np.zeros((*lengths, image.shape[-1]), image.dtype)
        *strides, channel = padded.strides
        windows = as_strided(
            padded,
            (*extents, *self.pixels, image.shape[-1]),
            (
                *strides,
                *(step * v for step, v in zip(self.steps, strides, strict=True)),
                channel,
            ),
        )
        patches = np.empty(windows.shape, image.dtype)
        for start in range(0, self.patches[0], rows):
            begin = [self.begin[0] + start, *self.begin[1:]]
            into, source = zip(
                *map(meeting, begin, lengths, image.shape[:-1]), strict=True
            )
            padded[: into[0].start] = 0  # what an earlier block left
            padded[into[0].stop :] = 0
            padded[into] = image[source]
            stop = min(rows, self.patches[0] - start)
            patches[:stop] = windows[:stop]
            yield start, patches[:stop]

    @staticmethod
    def _target(result: np.ndarray, member: tuple[Phases, ...]) -> np.ndarray:
        """Return the outputs of a member as `(m, m, ..., r, r, ..., in)`."""
        places = [p for phases in member for p in (slice(None), phases.places)]
        axes = range(2 * len(member))
        return result[tuple(places)].transpose(*axes[::2], *axes[1::2], len(axes))


def _lay_out(
    kernel: np.ndarray, member: tuple[Phases, ...], matrix: np.ndarray
) -> None:
    """Write the taps that phases see: `(pixels ... out, phases ... in)`."""
    *by_tap, by_input, by_output = kernel.strides
    taps = as_strided(
        kernel[tuple(p.tap for p in member)],
        (
            *(p.pixels for p in member),
            kernel.shape[-1],
            *(p.count for p in member),
            kernel.shape[-2],
        ),
        (
            *(-p.tap_step * v for p, v in zip(member, by_tap, strict=True)),
            by_output,
            *by_tap,
            by_input,
        ),
    )
    matrix.reshape(taps.shape)[...] = taps


def meeting(begin: int, length: int, available: int) -> tuple[slice, slice]:
    """Where `length` pixels from pixel `begin` on meet an array of `available`.

    Returns the slice of the window and that of the array.
    """
    start = min(max(begin, 0), available)
    stop = max(min(begin + length, available), start)
    first = min(max(start - begin, 0), length)
    return slice(first, first + stop - start), slice(start, stop)

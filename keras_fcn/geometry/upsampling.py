"""Upsampling by a factor: which transposed convolutions do it, and how well."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from .coordinates import transposed_convolution
from .requirements import require_positive
from .window import Window


@dataclass(frozen=True)
class Upsampling:
    """A transposed convolution that takes `n` pixels to exactly `n * factor`.

    Args:
        factor: `s`, the stride.
        kernel_size: `k`, taps.
        padding: `p`, pixels cropped off both ends, as in PyTorch and Caffe.
        output_padding: Pixels that the end is longer by, as in PyTorch.

    Example:
        The popular 3, 2, 1, 1 is exact, but a quarter of a pixel off:

        >>> popular = Upsampling(2, kernel_size=3, padding=1, output_padding=1)
        >>> popular.shift
        Fraction(-1, 4)
        >>> popular.aligned, popular.even_overlap, popular.keeps_constants
        (False, False, True)
    """

    factor: int
    kernel_size: int
    padding: int
    output_padding: int = 0

    @property
    def shift(self) -> Fraction:
        """How far the picture moves, in input pixels; to the left if negative."""
        here = transposed_convolution(self.kernel_size, self.factor, self.padding)
        centred = Fraction(1 - self.factor, 2 * self.factor)  # half-pixel resizing
        return centred - here(0)

    @property
    def aligned(self) -> bool:
        """Whether the picture stays where half-pixel resizing puts it."""
        return self.shift == 0

    @property
    def even_overlap(self) -> bool:
        """Whether each output pixel is painted equally often: `s` divides `k`."""
        return len(set(overlap_counts(self.kernel_size, self.factor))) == 1

    @property
    def keeps_constants(self) -> bool:
        """Whether the bilinear kernel of this size has equal phase sums."""
        return len(set(phase_sums(_tent(self.kernel_size), self.factor))) == 1

    def window(self, input_length: int) -> Window:
        """Return the window for an input of `input_length` pixels."""
        length = input_length * self.factor
        return Window(
            input_length, self.kernel_size, length, self.factor, crop=self.padding
        )


def upsampling_by(factor: int, max_kernel_size: int | None = None) -> list[Upsampling]:
    """Every transposed convolution that takes `n` pixels to exactly `n * factor`.

    Exactly the sizes with `k - 2p + a = s`, at least one tap for each output pixel
    (`k >= s`) and `a < s`. Those with more good verdicts come first (aligned, keeps
    constants, even overlap, in this order), then wider kernels.

    Args:
        factor: `s`, output pixels per input pixel, at least 1.
        max_kernel_size: Largest `k`. Defaults to `2 * factor`, two taps for each
            output pixel.

    Returns:
        A list of `Upsampling`.

    Raises:
        ValueError: If `factor` is below 1.

    Example:
        For an even factor the best is `k = 2s`, `p = s/2`; for an odd one that
        padding does not exist, and `k = 2s - 1`, `p = (s - 1)/2` takes its place.

        >>> for factor in (2, 3):
        ...     print(upsampling_by(factor)[0])
        Upsampling(factor=2, kernel_size=4, padding=1, output_padding=0)
        Upsampling(factor=3, kernel_size=5, padding=1, output_padding=0)

    Reference:
        Dumoulin & Visin, https://arxiv.org/abs/1603.07285, relationship 14; Odena et
        al., https://distill.pub/2016/deconv-checkerboard, for the overlap.
    """
    require_positive(factor=factor)
    widest = 2 * factor if max_kernel_size is None else max_kernel_size
    found = [
        Upsampling(factor, kernel_size, padding, factor - kernel_size + 2 * padding)
        for kernel_size in range(factor, widest + 1)
        for padding in range(kernel_size)
        if 0 <= factor - kernel_size + 2 * padding < factor
    ]
    return sorted(found, key=_merits, reverse=True)


def phase_sums(taps: Sequence[Any], strides: int) -> list[Any]:
    """The sums of every `s`-th tap: what a constant of one becomes, by phase.

    A transposed convolution keeps constants (draws no checkerboard on flat areas) if
    and only if they are equal.

    Args:
        taps: The kernel's taps along one axis.
        strides: `s`.

    Returns:
        `s` sums; the first is that of taps 0, s, 2s and so on.

    Example:
        Even overlap is neither needed nor enough:

        >>> phase_sums([1, 2, 1], strides=2), overlap_counts(3, strides=2)
        ([2, 2], [2, 1])
        >>> phase_sums([1, 2, 3, 4], strides=2), overlap_counts(4, strides=2)
        ([4, 6], [2, 2])
    """
    return [sum(taps[phase::strides]) for phase in range(strides)]


def overlap_counts(kernel_size: int, strides: int) -> list[int]:
    """How many input pixels paint an output pixel, by phase, away from the borders.

    Args:
        kernel_size: `k`, taps.
        strides: `s`.

    Returns:
        `s` counts.

    Example:
        >>> overlap_counts(5, strides=2)
        [3, 2]
    """
    return phase_sums([1] * kernel_size, strides)


def _tent(kernel_size: int) -> list[Fraction]:
    """The FCN authors' bilinear filter of any size, exact."""
    factor, middle = (kernel_size + 1) // 2, Fraction(kernel_size - 1, 2)
    return [1 - abs(tap - middle) / factor for tap in range(kernel_size)]


def _merits(found: Upsampling) -> tuple[Any, ...]:
    verdicts = (found.aligned, found.keeps_constants, found.even_overlap)
    return (sum(verdicts), verdicts, found.kernel_size, -found.output_padding)

"""Coordinate maps: the affine map from a layer's output pixels to its input pixels.

Notation: `i`, `k`, `s`, `p` as in Dumoulin & Visin, https://arxiv.org/abs/1603.07285;
the algebra is that of Caffe's `coord_map.py`, on one axis.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from .requirements import require_positive


@dataclass(frozen=True)
class CoordinateMap:
    """The map `x -> scale * x + shift` from output to input pixel coordinates.

    Pixel centres are integers. `scale` is the number of input pixels between two
    neighbouring output pixels, `shift` the input coordinate that output pixel 0
    looks at.

    Args:
        scale: Input pixels per output pixel. Defaults to `1`.
        shift: Input coordinate of output pixel 0. Defaults to `0`.

    Example:
        A 2x2 pooling with stride 2 looks half a pixel to the right of its first
        input pixel, and moves on by two:

        >>> pool = convolution(kernel_size=2, stride=2)
        >>> pool.scale, pool.shift
        (Fraction(2, 1), Fraction(1, 2))

        Two of them in a row: stride 4, centre of the first 4 pixels at 1.5.

        >>> pool.then(pool)
        CoordinateMap(scale=Fraction(4, 1), shift=Fraction(3, 2))

    Reference:
        `coord_map.py` of Caffe, https://github.com/BVLC/caffe.
    """

    scale: Fraction = Fraction(1)
    shift: Fraction = Fraction(0)

    def __call__(self, x: Fraction | int) -> Fraction:
        """Return the input coordinate that output coordinate `x` looks at."""
        return self.scale * x + self.shift

    def then(self, following: CoordinateMap) -> CoordinateMap:
        """Return the map of this layer followed by another one."""
        return CoordinateMap(self.scale * following.scale, self(following.shift))

    def inverse(self) -> CoordinateMap:
        """Return the map from input to output pixel coordinates."""
        return CoordinateMap(1 / self.scale, -self.shift / self.scale)


def convolution(
    kernel_size: int, stride: int = 1, padding: int = 0, dilation_rate: int = 1
) -> CoordinateMap:
    """The coordinate map of a convolution or a pooling.

    Output pixel `o` sees input pixels `s*o - p ... s*o - p + d*(k - 1)`; the map
    gives the middle of them.

    Args:
        kernel_size: `k`, in taps.
        stride: `s`, input pixels per output pixel. Defaults to `1`.
        padding: `p`, pixels added in front. Defaults to `0`.
        dilation_rate: `d`, pixels between two taps. Defaults to `1`.

    Returns:
        A `CoordinateMap`.

    Raises:
        ValueError: If `kernel_size`, `stride` or `dilation_rate` is below 1.

    Example:
        A 3x3 convolution with padding 1 keeps pixels where they are:

        >>> convolution(kernel_size=3, padding=1) == CoordinateMap()
        True

    Reference:
        Dumoulin & Visin, chapter 2.
    """
    require_positive(
        kernel_size=kernel_size, stride=stride, dilation_rate=dilation_rate
    )
    centre = Fraction(dilation_rate * (kernel_size - 1), 2)
    return CoordinateMap(Fraction(stride), centre - padding)


def transposed_convolution(
    kernel_size: int, stride: int = 1, padding: int = 0, dilation_rate: int = 1
) -> CoordinateMap:
    """The coordinate map of a transposed convolution.

    It is the inverse of the map of the convolution with the same numbers: what
    that convolution reads from, this one writes to.

    Args:
        kernel_size: `k`, in taps.
        stride: `s`, output pixels per input pixel. Defaults to `1`.
        padding: `p`, pixels cropped off the front. Defaults to `0`.
        dilation_rate: `d`, pixels between two taps. Defaults to `1`.

    Returns:
        A `CoordinateMap`.

    Raises:
        ValueError: If `kernel_size`, `stride` or `dilation_rate` is below 1.

    Example:
        With `k = 2s` and `p = s/2` output pixel 0 lies 1/4 of a pixel before the
        middle of input pixel 0, as in half-pixel resizing by 2:

        >>> transposed_convolution(kernel_size=4, stride=2, padding=1)(0)
        Fraction(-1, 4)

    Reference:
        Dumoulin & Visin, chapter 4.
    """
    return convolution(kernel_size, stride, padding, dilation_rate).inverse()

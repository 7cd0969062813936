from fractions import Fraction
from itertools import pairwise, product

import pytest

from keras_fcn.geometry import (
    Upsampling,
    from_pytorch,
    overlap_counts,
    phase_sums,
    upsampling_by,
)

FACTORS = range(1, 10)


def bilinear(size):
    """The formula of the FCN authors' surgery.py, retyped, in fractions."""
    factor = (size + 1) // 2
    centre = factor - 1 if size % 2 == 1 else factor - Fraction(1, 2)
    return [1 - abs(tap - centre) / Fraction(factor) for tap in range(size)]


def painted(x, taps, s, p):
    """The definition: pixel i paints all taps from s*i - p on; n*s pixels are kept."""
    y = [0] * (len(x) * s)
    for i, value in enumerate(x):
        for t, tap in enumerate(taps):
            if 0 <= s * i + t - p < len(y):
                y[s * i + t - p] += value * tap
    return y


def inner(y, s):
    """Without what four input pixels at each border paint."""
    return y[4 * s : -4 * s]


def numbers_of(found):
    return found.kernel_size, found.padding, found.output_padding


@pytest.mark.parametrize("s", FACTORS)
def test_every_size_that_is_exact_is_found_once(s):
    exact = [
        (k, p, a)
        for k, p, a in product(range(s, 2 * s + 1), range(3 * s), range(s))
        if all((n - 1) * s - 2 * p + k + a == n * s for n in (1, 2, 7))
    ]
    found = upsampling_by(s)
    assert all(one.factor == s for one in found)
    assert sorted(map(numbers_of, found)) == exact


@pytest.mark.parametrize("s", FACTORS)
def test_every_size_that_is_found_is_a_layer_of_pytorch(s):
    for found, n in product(upsampling_by(s), (1, 2, 5)):
        k, p, a = numbers_of(found)
        window = found.window(n)
        assert window.output_length == n * s
        assert window == from_pytorch(n, k, stride=s, padding=p, output_padding=a)


@pytest.mark.parametrize("s", FACTORS)
def test_the_best_of_an_even_and_of_an_odd_factor(s):
    best = (2 * s - 1, (s - 1) // 2, 0) if s % 2 else (2 * s, s // 2, 0)
    assert numbers_of(upsampling_by(s)[0]) == best


@pytest.mark.parametrize("s", FACTORS)
def test_the_shift_is_measured_from_half_pixel_coordinates(s):
    for found in upsampling_by(s):
        # The middle of what pixel 0 paints, and where in the input that lies.
        middle = Fraction(found.kernel_size - 1, 2) - found.padding
        lies = (middle + Fraction(1, 2)) / s - Fraction(1, 2)
        assert found.shift == lies
        assert found.aligned == (lies == 0)


@pytest.mark.parametrize("s", FACTORS)
def test_the_verdict_on_constants_is_that_of_painting_one(s):
    for found in upsampling_by(s):
        y = painted([1] * 12, bilinear(found.kernel_size), s, found.padding)
        assert found.keeps_constants == (len(set(inner(y, s))) == 1)


@pytest.mark.parametrize("s", FACTORS)
def test_the_overlap_is_even_where_the_stride_divides_the_kernel(s):
    for found in upsampling_by(s):
        y = painted([1] * 12, [1] * found.kernel_size, s, found.padding)
        assert found.even_overlap == (len(set(inner(y, s))) == 1)
        assert found.even_overlap == (found.kernel_size % s == 0)


@pytest.mark.parametrize("s", FACTORS)
def test_better_verdicts_come_first_then_wider_kernels(s):
    def merits(found):
        verdicts = (found.aligned, found.keeps_constants, found.even_overlap)
        return sum(verdicts), verdicts, found.kernel_size

    for better, worse in pairwise(upsampling_by(s)):
        assert merits(better) >= merits(worse)


@pytest.mark.parametrize("s", FACTORS)
def test_the_best_size_draws_a_ramp_through_half_pixel_coordinates(s):
    best = upsampling_by(s)[0]
    y = painted(range(12), bilinear(best.kernel_size), s, best.padding)
    ramp = [Fraction(2 * o + 1, 2 * s) - Fraction(1, 2) for o in range(12 * s)]
    assert inner(y, s) == inner(ramp, s)


@pytest.mark.parametrize("s", [3, 5, 7, 9])
def test_the_rule_of_the_double_kernel_has_no_odd_factor(s):
    double = [found for found in upsampling_by(s) if found.kernel_size == 2 * s]
    # s/2 is no whole padding; the next one moves the picture by half an output pixel.
    assert double[0].padding == (s + 1) // 2
    assert double[0].shift == Fraction(-1, 2 * s)
    assert not any(found.aligned for found in double)
    # In its place: uneven overlap, yet constants stay.
    odd = Upsampling(s, kernel_size=2 * s - 1, padding=(s - 1) // 2)
    assert sorted(overlap_counts(2 * s - 1, s)) == [1] + [2] * (s - 1)
    assert not odd.even_overlap
    assert phase_sums(bilinear(2 * s - 1), s) == [1] * s
    assert odd.keeps_constants
    assert odd.aligned


def test_the_popular_three_two_one_one_is_a_quarter_of_a_pixel_off():
    (popular,) = [u for u in upsampling_by(2) if numbers_of(u) == (3, 1, 1)]
    y = painted(range(12), bilinear(3), 2, 1)
    # Output 2i lies on input i, where half-pixel resizing has i - 1/4.
    assert y[8:12] == [4, Fraction(9, 2), 5, Fraction(11, 2)]
    assert popular.shift == Fraction(-1, 4)


@pytest.mark.parametrize(
    ("taps", "s", "sums", "counts"),
    [
        ([1, 2, 1], 2, [2, 2], [2, 1]),  # uneven overlap, no checkerboard
        ([1, 2, 3, 4], 2, [4, 6], [2, 2]),  # even overlap, a checkerboard
        ([5], 3, [5, 0, 0], [1, 0, 0]),
        ([1, 10, 100, 1000, 10000], 3, [1001, 10010, 100], [2, 2, 1]),
        ([7, 8], 1, [15], [2]),
    ],
)
def test_phases_are_every_sth_tap(taps, s, sums, counts):
    assert phase_sums(taps, s) == sums
    assert overlap_counts(len(taps), s) == counts
    assert painted([1] * 12, taps, s, 0)[6 * s : 7 * s] == sums


@pytest.mark.parametrize("factor", [0, -2])
def test_a_factor_below_one_is_refused(factor):
    with pytest.raises(ValueError, match=f"Received: factor={factor}"):
        upsampling_by(factor)


def test_the_largest_kernel_is_twice_the_factor_or_what_is_asked_for():
    usual = upsampling_by(4)
    assert max(found.kernel_size for found in usual) == 8
    assert set(upsampling_by(4, max_kernel_size=8)) == set(usual)
    assert set(map(numbers_of, upsampling_by(4, max_kernel_size=4))) == {
        (4, p, 2 * p) for p in (0, 1)
    }
    wider = upsampling_by(4, max_kernel_size=11)
    assert max(found.kernel_size for found in wider) == 11
    assert {found for found in wider if found.kernel_size <= 8} == set(usual)
    assert upsampling_by(4, max_kernel_size=3) == []

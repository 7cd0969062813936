import re
from dataclasses import FrozenInstanceError
from fractions import Fraction
from itertools import product

import pytest

from keras_fcn.geometry import Window, window_of_convolution

# n, k, O, s, d, c: every small geometry, zeros put in front (c < 0) and crops beyond
# the end among them.
SMALL = list(
    product((1, 2, 3), (1, 2, 3), (1, 2, 5, 8), (1, 2, 3), (1, 2, 3), range(-3, 6))
)


def fits(length, k, s, d):
    """The places of a kernel on `length` pixels, counted one by one."""
    return sum(place + d * (k - 1) < length for place in range(0, length, s))


@pytest.mark.parametrize("value", [0, -1])
@pytest.mark.parametrize(
    "name",
    ["input_length", "kernel_size", "output_length", "strides", "dilation_rate"],
)
def test_a_number_below_one_is_refused_by_its_name(name, value):
    numbers = {"input_length": 4, "kernel_size": 3, "output_length": 7, name: value}
    message = f"`{name}` must be at least 1. Received: {name}={value}."
    with pytest.raises(ValueError, match=re.escape(message)):
        Window(**numbers)


def test_a_window_is_a_value():
    window = Window(4, 3, output_length=9)
    assert {window, Window(4, 3, 9, strides=1, dilation_rate=1, crop=0)} == {window}
    assert window != Window(4, 3, 9, crop=1)
    with pytest.raises(FrozenInstanceError):
        window.crop = 1


def test_extent_full_length_and_tail_crop_are_those_counted_on_paper():
    for n, k, length, s, d, c in SMALL:
        window = Window(n, k, length, s, d, c)
        painted = [s * i + d * t for i in range(n) for t in range(k)]
        taps = [d * t for t in range(k)]
        assert window.extent == max(taps) - min(taps) + 1
        assert window.full_length == max(painted) + 1
        # From the last pixel kept to the last one painted.
        assert window.tail_crop == max(painted) - (c + length - 1)


def test_each_tap_lists_the_inputs_whose_output_is_kept():
    for numbers in SMALL:
        n, k, length, s, d, c = numbers
        window = Window(*numbers)
        for t in range(k):
            falls_on = [s * i + d * t - c for i in range(n)]
            kept = [i for i in range(n) if 0 <= falls_on[i] < length]
            assert list(window.inputs_of_tap(t)) == kept, (window, t)
            assert [window.output_of(i, t) for i in range(n)] == falls_on


def test_the_coordinate_map_leads_the_middle_of_what_a_pixel_paints_back_to_it():
    for n, k, length, s, d, c in SMALL:
        here = Window(n, k, length, s, d, c).coordinate_map
        for i in range(n):
            first, last = s * i - c, s * i + d * (k - 1) - c
            assert here(Fraction(first + last, 2)) == i


@pytest.mark.parametrize(
    ("i", "k", "s", "p", "o"),
    [
        pytest.param(4, 3, 1, 0, 2, id="2.1-no-padding"),
        pytest.param(5, 4, 1, 2, 6, id="2.2-padding"),
        pytest.param(5, 3, 1, 1, 5, id="2.3-half"),
        pytest.param(5, 3, 1, 2, 7, id="2.4-full"),
        pytest.param(5, 3, 2, 0, 2, id="2.5-strides"),
        pytest.param(5, 3, 2, 1, 3, id="2.6-padding-strides"),
        pytest.param(6, 3, 2, 1, 3, id="2.7-one-column-unseen"),
    ],
)
def test_the_figures_of_dumoulin_and_visin_come_out(i, k, s, p, o):
    window = window_of_convolution(i, k, strides=s, padding=(p, p))
    assert (window.input_length, window.output_length, window.crop) == (o, i, p)
    # Relationship 14: i = s(o - 1) + a + k - 2p with a = (i + 2p - k) mod s.
    assert window.tail_crop == p - (i + 2 * p - k) % s


@pytest.mark.parametrize(
    ("numbers", "expected"),
    [
        ({}, Window(3, 2, 4, crop=0)),
        ({"padding": "valid", "strides": 2}, Window(2, 2, 4, 2, crop=0)),
        ({"padding": "same"}, Window(4, 2, 4, crop=0)),
        ({"padding": (2, 0), "dilation_rate": 3}, Window(3, 2, 4, 1, 3, crop=2)),
        ({"padding": (-1, 0)}, Window(2, 2, 4, crop=-1)),
    ],
    ids=str,
)
def test_a_kernel_of_two_on_four_pixels_by_hand(numbers, expected):
    assert window_of_convolution(4, 2, **numbers) == expected


def test_with_pairs_the_result_has_a_pixel_for_each_place_of_the_kernel():
    for length, k, s, d, before, after in product(
        range(1, 7), range(1, 4), range(1, 4), (1, 2), (-1, 0, 2), (-1, 0, 1)
    ):
        places = fits(length + before + after, k, s, d)
        numbers = {"strides": s, "padding": (before, after), "dilation_rate": d}
        if places:
            expected = Window(places, k, length, s, d, before)
            assert window_of_convolution(length, k, **numbers) == expected
        else:
            with pytest.raises(ValueError, match="must fit into the padded input"):
                window_of_convolution(length, k, **numbers)


def test_same_pads_as_little_as_gives_ceil_and_puts_the_odd_zero_at_the_end():
    for length, k, s, d in product(range(1, 9), range(1, 6), range(1, 5), (1, 2, 3)):
        wanted = -(-length // s)
        zeros = 0
        while fits(length + zeros, k, s, d) < wanted:
            zeros += 1
        window = window_of_convolution(
            length, k, strides=s, padding="same", dilation_rate=d
        )
        assert window == Window(wanted, k, length, s, d, crop=zeros // 2)


@pytest.mark.parametrize("name", ["length", "kernel_size", "strides", "dilation_rate"])
def test_a_number_of_a_convolution_below_one_is_refused_by_its_name(name):
    message = f"`{name}` must be at least 1. Received: {name}=0."
    with pytest.raises(ValueError, match=re.escape(message)):
        window_of_convolution(**{"length": 5, "kernel_size": 3, name: 0})


@pytest.mark.parametrize("word", ["full", "SAME", ""])
def test_another_word_for_padding_is_refused(word):
    message = f"the zeros (before, after). Received: padding={word!r}."
    with pytest.raises(ValueError, match=re.escape(message)):
        window_of_convolution(5, 3, padding=word)


def test_a_kernel_that_does_not_fit_is_told_how_far_it_reaches():
    message = "5 pixels, padding=(1, 0) and a kernel that reaches over 9."
    with pytest.raises(ValueError, match=re.escape(message)):
        window_of_convolution(5, 3, dilation_rate=4, padding=(1, 0))

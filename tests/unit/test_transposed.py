import numpy as np
import pytest

from keras_fcn.transposed import bilinear_kernel, bilinear_profile


def upsample_filt(size):
    """The formula of the FCN authors' surgery.py, retyped from its definition."""
    factor = (size + 1) // 2
    centre = factor - 1 if size % 2 == 1 else factor - 0.5
    y, x = np.ogrid[:size, :size]
    return (1 - abs(y - centre) / factor) * (1 - abs(x - centre) / factor)


@pytest.mark.parametrize("factor", [1, 2, 3, 5, 8, 16, 32])
def test_the_kernel_is_the_authors_filter_on_the_diagonal(factor):
    kernel = bilinear_kernel(factor, channels=3)
    size = 2 * factor - factor % 2
    for out in range(3):
        for channel in range(3):
            expected = upsample_filt(size) if out == channel else np.zeros((size, size))
            np.testing.assert_allclose(kernel[:, :, out, channel], expected)


@pytest.mark.parametrize("factor", range(1, 12))
def test_every_phase_sums_to_one_so_constants_stay(factor):
    profile = bilinear_profile(factor)
    for phase in range(factor):
        assert np.isclose(profile[phase::factor].sum(), 1)


@pytest.mark.parametrize("factor", [0, -1])
def test_factors_below_one_are_refused(factor):
    with pytest.raises(ValueError, match=f"Received: factor={factor}"):
        bilinear_profile(factor)


def test_a_kernel_needs_a_channel():
    with pytest.raises(ValueError, match="Received: channels=0"):
        bilinear_kernel(2, 0)

"""Output size equals input size, from one pixel up."""

import keras
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

import keras_fcn

BUILDERS = {
    "fcn32s": keras_fcn.build_fcn32s,
    "fcn16s": keras_fcn.build_fcn16s,
    "fcn8s": keras_fcn.build_fcn8s,
}
CASES = [(name, t) for name in BUILDERS for t in ("paper", "same", "pointwise")]
sides = st.integers(1, 130)

pytestmark = pytest.mark.fault(15)

# JAX compiles each size anew.
EXAMPLES = 2 if keras.backend.backend() == "jax" else 15


@pytest.fixture(scope="module")
def networks():
    options = {"num_classes": 2, "weights": None, "width": 0.01}
    return {(n, t): BUILDERS[n](topology=t, **options) for n, t in CASES}


@pytest.mark.parametrize("case", CASES, ids=lambda case: "-".join(case))
def test_output_size_is_input_size(networks, case, record_property):
    sizes = set()

    @settings(max_examples=EXAMPLES)
    @example(1, 1, 1)
    @example(1, 130, 1)
    @example(31, 33, 1)
    @example(127, 113, 2)
    @given(height=sides, width=sides, batch=st.integers(1, 2))
    def is_the_same(height, width, batch):
        out = networks[case](np.zeros((batch, height, width, 3), "uint8"))
        assert tuple(out.shape) == (batch, height, width, 2)
        sizes.add((height, width, batch))

    is_the_same()
    record_property("cases", len(sizes))


@pytest.mark.slow
@pytest.mark.skipif(
    keras.backend.backend() == "jax", reason="compiles each of 260 sizes anew"
)
@pytest.mark.parametrize("case", CASES, ids=lambda case: "-".join(case))
def test_every_height_and_every_width_once(networks, case, record_property):
    record_property("cases", 130)
    for n in range(1, 131):
        out = networks[case](np.zeros((1, n, 131 - n, 3), "uint8"))
        assert tuple(out.shape) == (1, n, 131 - n, 2)


@pytest.mark.parametrize("size", [(1, 1), (1, 130), (130, 1), (31, 33), (127, 113)])
def test_a_photo_of_any_size_is_labelled_at_its_own(networks, size):
    photo = np.zeros((*size, 3), "uint8")
    assert keras_fcn.predict(networks["fcn8s", "same"], photo).shape == size


@pytest.mark.slow
@pytest.mark.parametrize("size", [(375, 500), (500, 333), (281, 500)])
@pytest.mark.parametrize("build", BUILDERS.values(), ids=BUILDERS)
def test_voc_sizes_at_full_width(build, size):
    model = build(weights=None)
    out = model.predict_on_batch(np.zeros((1, *size, 3), "uint8"))
    assert out.shape == (1, *size, 21)
    assert np.isfinite(out).all()

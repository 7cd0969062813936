import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from keras_fcn.geometry import CoordinateMap, convolution, transposed_convolution

windows = st.tuples(st.integers(1, 9), st.integers(1, 5), st.integers(0, 4))
maps = st.builds(
    CoordinateMap, st.fractions(min_value="1/8", max_value=8), st.fractions()
)


@given(maps)
def test_a_map_and_its_inverse_cancel(f):
    assert f.then(f.inverse()) == CoordinateMap() == f.inverse().then(f)


@given(maps, maps, maps)
def test_composition_is_associative(f, g, h):
    assert f.then(g).then(h) == f.then(g.then(h))


@given(windows, st.integers(0, 20))
def test_the_map_gives_the_middle_of_the_taps(window, output):
    k, s, p = window
    taps = [s * output - p + t for t in range(k)]
    assert convolution(k, s, p)(output) * 2 == taps[0] + taps[-1]


@given(windows, st.integers(0, 20))
def test_a_transposed_convolution_writes_where_its_convolution_reads(window, i):
    k, s, p = window
    written = [s * i - p + t for t in range(k)]  # the outputs that input i reaches
    middle = np.mean([float(transposed_convolution(k, s, p)(o)) for o in written])
    assert np.isclose(middle, i)

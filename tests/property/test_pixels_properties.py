"""Each fast form is Keras' own operation."""

import hypothesis.extra.numpy as hnp
import keras
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from keras_fcn import pixels

from ..gradients import as_array, gradient_of

BACKEND = keras.backend.backend()
VOID = 255
# Both sum at most 6 powers, each right to 2 units in the last place, 2**-23, and take a
# logarithm of order 1 to 10; a gradient is a quotient of such, times a weight below 1.
FLOAT32 = 16 * 2.0**-23

# JAX compiles each shape anew, TensorFlow each number of classes.
if BACKEND == "jax":
    shapes = st.sampled_from([(1, 1, 1, 2), (2, 3, 4, 6)])
else:
    sizes = st.tuples(st.integers(1, 2), st.integers(1, 7), st.integers(1, 9))
    shapes = st.builds(lambda size, n: (*size, n), sizes, st.sampled_from([2, 6]))


@st.composite
def problems(draw, elements):
    """Labels, some of them void, logits and weights."""
    shape = draw(shapes)
    logits = draw(hnp.arrays("float32", shape, elements=elements))
    classes = st.one_of(st.integers(0, shape[-1] - 1), st.just(VOID))
    labels = draw(hnp.arrays("uint8", shape[:-1], elements=classes))
    weights = hnp.arrays("float32", shape[:-1], elements=st.floats(0, 1, width=32))
    return labels, logits, draw(weights)


reals = st.floats(-50, 50, width=32)
with_ties = st.integers(-2, 2).map(float)
few = settings(
    max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch):
    """Several chunks for an image, on TensorFlow."""
    if BACKEND == "tensorflow":
        from keras_fcn.pixels import chunks

        monkeypatch.setattr(chunks, "CHUNK", 64)
        chunks._traced.cache_clear()
        yield
        chunks._traced.cache_clear()
    else:
        yield


def theirs(labels, logits):
    return keras.losses.sparse_categorical_crossentropy(
        keras.ops.cast(labels, "float32"), logits, from_logits=True, ignore_class=VOID
    )


@few
@given(problems(with_ties))
def test_argmax_is_theirs(problem):
    _, logits, _ = problem
    classes = as_array(pixels.argmax(logits))
    np.testing.assert_array_equal(classes, as_array(keras.ops.argmax(logits, axis=-1)))
    np.testing.assert_array_equal(classes, logits.argmax(-1))


@few
@given(problems(reals))
def test_crossentropy_is_theirs(problem):
    labels, logits, _ = problem
    logits = keras.ops.convert_to_tensor(logits)
    expected = as_array(theirs(labels, logits))
    losses = as_array(pixels.crossentropy(labels, logits, VOID))
    np.testing.assert_allclose(losses, expected, atol=FLOAT32, rtol=FLOAT32)
    assert (losses[labels == VOID] == 0).all()


@few
@given(problems(reals))
def test_its_gradient_is_theirs(problem):
    labels, logits, weights = problem
    slopes, expected = (
        gradient_of(
            lambda x, f=function: keras.ops.sum(
                keras.ops.convert_to_tensor(weights) * f(labels, x)
            ),
            logits,
        )
        for function in (pixels.crossentropy, theirs)
    )
    np.testing.assert_allclose(slopes, expected, atol=FLOAT32)
    assert (slopes[labels == VOID] == 0).all()


@few
@given(problems(with_ties))
def test_confusion_is_a_loop_over_pixels(problem):
    labels, logits, _ = problem
    number = logits.shape[-1]
    expected = np.zeros((number + 1, number + 1))
    for label, predicted in zip(labels.flat, logits.argmax(-1).flat, strict=True):
        if label != VOID:
            expected[label, predicted] += 1
    counts, _ = pixels.confusion(labels, logits, number, VOID)
    np.testing.assert_array_equal(as_array(counts), expected)

import keras
import numpy as np
import pytest

from keras_fcn import pixels
from keras_fcn.losses import PixelwiseCrossentropy
from keras_fcn.metrics import SegmentationScores

from ..gradients import as_array, gradient_of

BACKEND = keras.backend.backend()
on_tensorflow = pytest.mark.skipif(BACKEND != "tensorflow", reason="TensorFlow's form")
on_torch = pytest.mark.skipif(BACKEND != "torch", reason="PyTorch's form")

# Two evaluations in float32 of a logarithm of a sum of a few powers, all of order 1.
FLOAT32 = 1e-6


@pytest.fixture(params=["fast"] if BACKEND == "jax" else ["fast", "plain"])
def form(request, monkeypatch):
    """The form for this machine, and the other one: for a CPU, for a GPU."""
    if request.param == "fast":
        return
    if BACKEND == "tensorflow":
        from keras_fcn.pixels import xla

        monkeypatch.setattr(xla, "is_faster", lambda: False)
    else:
        from keras_fcn.pixels import pytorch

        monkeypatch.setattr(pytorch, "crossentropy", pytorch.crossentropy_unasked)


@pytest.fixture
def small_chunks(monkeypatch):
    """TensorFlow's chunks are of eight pixels of five classes."""
    from keras_fcn.pixels import chunks

    monkeypatch.setattr(chunks, "CHUNK", 8 * 5 + 1)
    chunks._traced.cache_clear()
    yield 8
    chunks._traced.cache_clear()


@pytest.mark.usefixtures("form")
@pytest.mark.parametrize(
    "dtype", ["float32", "float16", "bfloat16", "float64", "int32", "uint8"]
)
def test_argmax_is_the_first_of_the_largest(dtype):
    logits = np.array([[[0, 3, 1], [2, 0, 2]], [[1, 1, 1], [0, 1, 1]]])
    classes = pixels.argmax(keras.ops.cast(logits, dtype))
    assert as_array(classes).tolist() == [[1, 0], [0, 1]]
    assert keras.backend.standardize_dtype(classes.dtype) == "int32"


@pytest.mark.usefixtures("form")
def test_zero_and_minus_zero_are_equal():
    assert as_array(pixels.argmax(np.array([-0.0, 0.0, -1.0], "float32"))) == 0


@pytest.mark.usefixtures("form")
@pytest.mark.parametrize("shape", [(4,), (3, 4), (2, 3, 5, 4), (2, 1, 3, 1, 4)])
def test_pixels_may_lie_in_any_number_of_axes(shape, rng):
    logits = rng.normal(size=shape).astype("float32")
    np.testing.assert_array_equal(as_array(pixels.argmax(logits)), logits.argmax(-1))
    labels = rng.integers(0, 4, shape[:-1])
    assert tuple(pixels.crossentropy(labels, logits).shape) == shape[:-1]


def test_channels_may_lie_first_in_memory(rng):
    labels = rng.integers(0, 4, (2, 5, 6))
    logits = rng.normal(size=(2, 4, 5, 6)).astype("float32")
    there = keras.ops.transpose(keras.ops.convert_to_tensor(logits), (0, 2, 3, 1))
    here = as_array(there).copy()
    np.testing.assert_array_equal(as_array(pixels.argmax(there)), here.argmax(-1))
    np.testing.assert_allclose(
        as_array(pixels.crossentropy(labels, there)),
        as_array(pixels.crossentropy(labels, here)),
        rtol=FLOAT32,
    )


@pytest.mark.usefixtures("form")
@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_losses_of_half_precision_are_computed_in_single(dtype, rng):
    labels = rng.integers(0, 4, (1, 5, 6))
    logits = keras.ops.cast(rng.normal(size=(1, 5, 6, 4)), dtype)
    losses = pixels.crossentropy(labels, logits)
    exact = pixels.crossentropy(labels, keras.ops.cast(logits, "float32"))
    assert keras.backend.standardize_dtype(losses.dtype) == "float32"
    np.testing.assert_array_equal(as_array(losses), as_array(exact))


@pytest.mark.usefixtures("form")
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_the_logits_of_void_pixels_do_not_matter(bad, rng):
    labels = rng.integers(0, 3, (1, 4, 5))
    labels[:, 1] = 255
    logits = rng.normal(size=(1, 4, 5, 3)).astype("float32")
    expected = gradient_of(lambda x: PixelwiseCrossentropy()(labels, x), logits)
    assert (expected[:, 1] == 0).all()
    assert (expected[:, 0] != 0).all()
    logits[:, 1, :, 0] = bad
    got = gradient_of(lambda x: PixelwiseCrossentropy()(labels, x), logits)
    np.testing.assert_array_equal(got, expected)


def test_losses_may_be_weighted(rng):
    labels = rng.integers(0, 3, (2, 4, 5))
    labels[0, 0] = 255
    logits = rng.normal(size=(2, 4, 5, 3)).astype("float32")
    weights = rng.random((2, 4, 5)).astype("float32")
    theirs = keras.losses.SparseCategoricalCrossentropy(True, ignore_class=255)
    expected = gradient_of(lambda x: theirs(labels, x, weights), logits)
    got = gradient_of(lambda x: PixelwiseCrossentropy()(labels, x, weights), logits)
    np.testing.assert_allclose(got, expected, atol=FLOAT32)


@pytest.mark.usefixtures("form")
@pytest.mark.parametrize("ignore_class", [255, 0, None])
def test_the_loss_of_a_pixel_is_that_of_its_label(ignore_class, rng):
    labels = rng.integers(0, 4, (2, 3, 5))
    logits = rng.normal(size=(2, 3, 5, 4)).astype("float32")
    powers = np.exp(logits.astype("float64"))
    share = np.take_along_axis(powers, labels[..., None], -1)[..., 0] / powers.sum(-1)
    expected = np.where(labels == ignore_class, 0, -np.log(share))
    losses = as_array(pixels.crossentropy(labels, logits, ignore_class))
    np.testing.assert_allclose(losses, expected, rtol=FLOAT32)


def test_the_gradient_at_an_impossible_label_is_no_number_either(monkeypatch):
    if BACKEND == "tensorflow":
        pytest.skip("it raises")
    if BACKEND == "torch":  # which raises on a CPU
        from keras_fcn.pixels import pytorch

        monkeypatch.setattr(pytorch, "crossentropy", pytorch.crossentropy_unasked)
    labels, logits = np.array([0, 3]), np.zeros((2, 3), "float32")
    got = gradient_of(lambda x: pixels.crossentropy(labels, x).sum(), logits)
    assert np.isnan(got).all(axis=-1).tolist() == [False, True]


@on_torch
def test_pytorch_is_told_of_a_void_label_that_there_is_none():
    import torch

    from keras_fcn.pixels.pytorch import crossentropy_on_cpu, crossentropy_unasked

    problem = torch.tensor([-100]), torch.zeros((1, 3)), None
    with pytest.raises(IndexError, match="-100 is out of bounds"):
        crossentropy_on_cpu(*problem)
    assert crossentropy_unasked(*problem).isnan().all()


@pytest.mark.usefixtures("form")
@pytest.mark.parametrize("ignore_class", [255, 1, None])
def test_confusion_counts_each_pixel_once(ignore_class):
    labels = np.array([[0, 1, 1, 2, 7, -3]])
    predictions = np.array([[0, 1, 0, 9, 1, 8]])
    expected = np.array([[1, 0, 0], [1, 1, 0], [0, 1, 2]])
    if ignore_class == 1:
        expected[1] = 0
    counts, largest = pixels.confusion(labels, predictions, 2, ignore_class)
    np.testing.assert_array_equal(as_array(counts), expected)
    assert as_array(largest).tolist() == [7, 9]
    logits = np.eye(10, dtype="float32")[predictions]
    for of_logits, known in zip(
        pixels.confusion(labels[..., None], logits, 2, ignore_class),
        (expected, [7, 9]),
        strict=True,
    ):
        np.testing.assert_array_equal(as_array(of_logits), known)


@on_tensorflow
@pytest.mark.parametrize("number", [0, 1, 7, 8, 9, 16, 29])
def test_chunks_hold_each_pixel_once(small_chunks, number, rng):
    logits = rng.normal(size=(number, 5)).astype("float32")
    labels = rng.integers(0, 5, number)
    classes = logits.argmax(-1)
    np.testing.assert_array_equal(pixels.argmax(logits), classes)
    counts, _ = pixels.confusion(labels, logits, 5)
    expected = np.zeros((6, 6))
    np.add.at(expected, (labels, classes), 1)
    np.testing.assert_array_equal(counts, expected)
    losses = pixels.crossentropy(labels, logits)
    log_sum = np.log(np.exp(logits).sum(-1))
    own = logits[np.arange(number), labels]
    np.testing.assert_allclose(losses, log_sum - own, atol=FLOAT32)


@on_tensorflow
def test_one_compilation_serves_all_sizes(rng):
    from keras_fcn.pixels import chunks, xla

    pixels.argmax(np.zeros((1, 2, 3, 7), "float32"))
    graphs = chunks._traced.cache_info().currsize
    compilations = xla._argmax_of_chunk.experimental_get_tracing_count()
    for size in [(1, 1), (9, 4), (300, 200)]:
        logits = rng.normal(size=(1, *size, 7)).astype("float32")
        np.testing.assert_array_equal(pixels.argmax(logits), logits.argmax(-1))
    assert chunks._traced.cache_info().currsize == graphs
    assert xla._argmax_of_chunk.experimental_get_tracing_count() == compilations


def in_tensorflow(loss, **options):
    """Return loss and gradient in a graph for images of all sizes."""
    import tensorflow as tf

    @tf.function(
        input_signature=[
            tf.TensorSpec([None, None, None], tf.int32),
            tf.TensorSpec([None, None, None, 5]),
        ],
        **options,
    )
    def step(labels, logits):
        value = loss(labels, logits)
        return value, tf.gradients(value, logits)[0], pixels.argmax(logits)

    return step


@on_tensorflow
@pytest.mark.usefixtures("small_chunks")
@pytest.mark.parametrize("jit_compile", [False, True])
def test_graphs_give_what_calls_give(jit_compile, rng):
    loss = PixelwiseCrossentropy()
    step = in_tensorflow(loss, jit_compile=jit_compile)
    for size in [(1, 2), (7, 5)]:
        labels = rng.integers(0, 5, (2, *size)).astype("int32")
        labels[0] = 255
        logits = rng.normal(size=(2, *size, 5)).astype("float32")
        value, slopes, classes = step(labels, logits)
        np.testing.assert_allclose(value, loss(labels, logits), rtol=FLOAT32)
        expected = gradient_of(lambda x, y=labels: loss(y, x), logits)
        np.testing.assert_allclose(slopes, expected, atol=FLOAT32)
        np.testing.assert_array_equal(classes, logits.argmax(-1))


@on_tensorflow
def test_predicted_labels_are_counted_in_a_graph_too(rng):
    import tensorflow as tf

    labels, predictions = rng.integers(-1, 6, (2, 1, 4, 5))
    counts, largest = pixels.confusion(labels, predictions, 5, 3)
    in_graph = tf.function(lambda y, p: pixels.confusion(y, p, 5, 3))
    for got, expected in zip(
        in_graph(labels, predictions), (counts, largest), strict=True
    ):
        np.testing.assert_array_equal(got, expected)


@on_tensorflow
def test_an_impossible_label_is_named_or_in_xla_not_a_number():
    import tensorflow as tf

    labels, logits = np.full((1, 2, 2), 254, "int32"), np.zeros((1, 2, 2, 5), "float32")
    labels[0, 0, 0] = 255
    message = r"in 0\.\.4 or 255 \(void\)\. Received labels outside .* \[254\]"
    with pytest.raises(tf.errors.InvalidArgumentError, match=message):
        in_tensorflow(PixelwiseCrossentropy())(labels, logits)
    step = in_tensorflow(PixelwiseCrossentropy(), jit_compile=True)
    value, slopes, _ = step(labels, logits)
    assert np.isnan(value)
    assert np.isnan(slopes).all(axis=-1).tolist() == [[[False, True], [True, True]]]


@on_tensorflow
def test_a_second_derivative_is_refused():
    import tensorflow as tf

    logits = tf.ones((1, 3))
    with tf.GradientTape() as outer:
        outer.watch(logits)
        with tf.GradientTape() as inner:
            inner.watch(logits)
            loss = pixels.crossentropy(np.array([1]), logits)
        slopes = inner.gradient(loss, logits)
    with pytest.raises(LookupError, match="no second derivative"):
        outer.gradient(slopes, logits)


@on_tensorflow
def test_training_may_be_compiled(rng):
    images = rng.normal(size=(3, 6, 7, 3)).astype("float32")
    labels = rng.integers(0, 4, (3, 6, 7))
    labels[:, 0] = 255
    histories = []
    for jit_compile in (False, True):
        model = keras.Sequential(
            [
                keras.Input((None, None, 3)),
                keras.layers.Conv2D(4, 1, kernel_initializer="ones"),
            ]
        )
        model.compile(
            "sgd",
            PixelwiseCrossentropy(),
            metrics=[SegmentationScores(4)],
            jit_compile=jit_compile,
        )
        fitted = model.fit(images, labels, batch_size=2, shuffle=False, verbose=0)
        histories.append(fitted.history)
    for name, values in histories[0].items():
        np.testing.assert_allclose(values, histories[1][name], rtol=1e-5, err_msg=name)

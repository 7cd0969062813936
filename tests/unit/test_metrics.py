import keras
import numpy as np
import pytest
import sklearn.metrics

from keras_fcn.metrics import (
    CARRY_BITS,
    SCORES,
    SegmentationScores,
    per_class_iou,
    segmentation_scores,
)


def score_py(hist):
    """The scores of the FCN authors' score.py, from its own expressions."""
    with np.errstate(divide="ignore", invalid="ignore"):
        accuracy = np.diag(hist).sum() / hist.sum()
        class_accuracy = np.diag(hist) / hist.sum(1)
        iu = np.diag(hist) / (hist.sum(1) + hist.sum(0) - np.diag(hist))
        frequency = hist.sum(1) / hist.sum()
        weighted = (frequency[frequency > 0] * iu[frequency > 0]).sum()
    return [accuracy, np.nanmean(class_accuracy), np.nanmean(iu), weighted]


@pytest.mark.fault(14)
def test_scores_equal_the_authors_on_1000_random_matrices(rng, record_property):
    record_property("cases", 1000)
    for _ in range(1000):
        n = rng.integers(2, 24)
        hist = rng.integers(0, 10 ** rng.integers(1, 9), (n, n)).astype("float64")
        absent, unpredicted = rng.random(n) < 0.2, rng.random(n) < 0.2
        absent[0] = unpredicted[0] = False  # at least one pixel, at least one class
        hist[absent] = 0
        hist[:, unpredicted] = 0
        hist[0, 0] += 1
        scores = segmentation_scores(hist)
        assert list(scores) == list(SCORES)
        np.testing.assert_allclose(list(scores.values()), score_py(hist), rtol=1e-12)


def test_the_matrix_equals_that_of_scikit_learn(rng):
    labels = rng.integers(0, 5, (3, 20, 30))
    labels[rng.random(labels.shape) < 0.1] = 255
    logits = rng.normal(size=(3, 20, 30, 5)).astype("float32")
    scores = SegmentationScores(5)
    for label, logit in zip(labels, logits, strict=True):
        scores.update_state(label[None], logit[None])
    valid = labels != 255
    expected = sklearn.metrics.confusion_matrix(
        labels[valid], logits.argmax(-1)[valid], labels=range(5)
    )
    np.testing.assert_array_equal(scores.confusion_matrix(), expected)


def test_predictions_may_be_labels_or_logits_with_any_last_axis(rng):
    labels = rng.integers(0, 3, (2, 4, 5))
    logits = rng.normal(size=(2, 4, 5, 3)).astype("float32")
    matrices = []
    for y_true, y_pred in [
        (labels, logits),
        (labels[..., None], logits),
        (labels, logits.argmax(-1)),
        (labels.astype("uint8")[..., None], logits.argmax(-1)[..., None]),
    ]:
        scores = SegmentationScores(3)
        scores.update_state(y_true, y_pred)
        matrices.append(scores.confusion_matrix())
    for matrix in matrices[1:]:
        np.testing.assert_array_equal(matrix, matrices[0])


@pytest.mark.fault(14)
def test_classes_without_a_pixel_are_left_out():
    # Class 2 is predicted once and never true, class 3 is neither.
    matrix = [[3, 0, 1, 0], [0, 4, 0, 0], [0, 0, 0, 0], [0, 0, 0, 0]]
    scores = segmentation_scores(matrix)
    assert scores["mean_accuracy"] == (3 / 4 + 1) / 2
    assert scores["mean_iou"] == (3 / 4 + 1 + 0) / 3
    np.testing.assert_array_equal(per_class_iou(matrix), [0.75, 1, 0, np.nan])


@pytest.mark.fault(13)
def test_no_pixel_at_all_scores_zero():
    assert set(SegmentationScores(3).result().values()) == {0.0}


@pytest.mark.fault(12)
def test_an_impossible_label_is_an_error_that_names_it():
    scores = SegmentationScores(21)
    scores.update_state(np.array([[0, 21, 200, 255]]), np.zeros((1, 4), int))
    message = r"Labels must be in 0\.\.20 or 255 .* 2 pixels .* the largest 200"
    with pytest.raises(ValueError, match=message):
        scores.result()
    with pytest.raises(ValueError, match=message):
        scores.confusion_matrix()
    scores.reset_state()
    assert scores.confusion_matrix().sum() == 0


@pytest.mark.fault(12)
def test_a_negative_label_is_an_error_too():
    scores = SegmentationScores(2)
    scores.update_state(np.array([[0, -1]]), np.zeros((1, 2), int))
    with pytest.raises(ValueError, match="1 pixels of other values, the largest -1"):
        scores.result()


def test_an_impossible_prediction_is_an_error():
    scores = SegmentationScores(2)
    scores.update_state(np.array([[0, 1, 255]]), np.array([[0, 5, 9]]))
    with pytest.raises(ValueError, match=r"Predictions .* 1 pixels .* the largest 5"):
        scores.result()


@pytest.mark.fault(12)
def test_fit_logs_the_scores_and_raises_for_an_impossible_label():
    model = keras.Sequential([keras.layers.Conv2D(3, 1, data_format="channels_last")])
    # The loss is switched off: only the metric sees the labels.
    model.compile(
        loss=lambda y, p: keras.ops.sum(p * 0), metrics=[SegmentationScores(3)]
    )
    x = np.ones((2, 4, 4, 3), "float32")
    y = np.zeros((2, 4, 4), "int32")
    history = model.fit(x, y, validation_data=(x, y), verbose=0).history
    assert set(SCORES) <= set(history)
    assert {f"val_{name}" for name in SCORES} <= set(history)
    y[0, 0, 0] = 7
    with pytest.raises(ValueError, match="1 pixels of other values, the largest 7"):
        model.fit(x, y, verbose=0)


@pytest.mark.skipif(
    keras.backend.backend() != "tensorflow", reason="asks TensorFlow for a graph"
)
@pytest.mark.parametrize(("label", "prediction"), [(7, 0), (0, 7)])
def test_in_a_graph_the_scores_of_an_impossible_label_are_no_numbers(label, prediction):
    import tensorflow as tf

    scores = SegmentationScores(2)
    in_graph = tf.function(scores.result)
    scores.update_state(np.array([[0, 1]]), np.array([[0, 1]]))
    assert set(map(float, in_graph().values())) == {1.0}
    scores.update_state(np.array([[label]]), np.array([[prediction]]))
    assert np.isnan([float(score) for score in in_graph().values()]).all()


def test_counts_beyond_int32_stay_exact():
    scores = SegmentationScores(2)
    scores.update_state(np.array([[0, 1, 1]]), np.array([[0, 1, 0]]))
    counts = keras.ops.convert_to_numpy(scores._counts).copy()
    counts[:, 0, 0] = 2**CARRY_BITS - 1, 8  # as if billions of pixels had gone before
    scores._counts.assign(counts)
    scores.update_state(np.array([[0, 0]]), np.array([[0, 0]]))
    expected = 8 * 2**CARRY_BITS + 2**CARRY_BITS - 1 + 2
    assert scores.confusion_matrix()[0, 0] == expected > 2**32


def test_no_ignored_class_means_255_is_an_error():
    scores = SegmentationScores(2, ignore_class=None)
    scores.update_state(np.array([[0, 255]]), np.array([[0, 0]]))
    with pytest.raises(ValueError, match=r"in 0\.\.1\. .* the largest 255"):
        scores.result()


def test_scores_need_a_class():
    with pytest.raises(ValueError, match="Received: num_classes=0"):
        SegmentationScores(0)


def test_scores_on_real_masks_equal_the_authors(real_voc, rng):
    """Real label maps against themselves, moved by some pixels."""
    from keras_fcn.datasets import VOCSegmentation

    source = VOCSegmentation(real_voc, "val")
    scores = SegmentationScores(21)
    hist = np.zeros((21, 21))
    for index in range(0, len(source), 10):
        label = source.label(index)
        prediction = np.roll(np.where(label == 255, 0, label), (7, 11), (0, 1))
        scores.update_state(label[None], prediction[None])
        valid = label != 255
        np.add.at(hist, (label[valid], prediction[valid]), 1)
    np.testing.assert_array_equal(scores.confusion_matrix(), hist)
    np.testing.assert_allclose(
        list(scores.result().values()), score_py(hist), rtol=1e-12
    )

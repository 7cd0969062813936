"""Classes that are nowhere to be seen: they have no score, and means leave them out."""

from fractions import Fraction

import numpy as np
import pytest
from sklearn.metrics import jaccard_score

from keras_fcn.cli.console import console, print_scores
from keras_fcn.metrics import SegmentationScores, per_class_iou, segmentation_scores

pytestmark = pytest.mark.fault(14)

MATRICES = 1000
MEAN_OF_DOUBLES = 1e-14


def random_matrix(rng):
    """Return counts of 2 to 23 classes, of which some have no pixel."""
    n = rng.integers(2, 24)
    matrix = rng.integers(0, 10 ** rng.integers(1, 9), (n, n))
    matrix[rng.random((n, n)) < 0.5] = 0
    gone, never_true, never_predicted = rng.random((3, n)) < 0.25
    matrix[gone | never_true] = 0
    matrix[:, gone | never_predicted] = 0
    return matrix


def iou_by_scikit_learn(matrix):
    """Return the score of each class that has one, by its label."""
    true, predicted = np.nonzero(matrix)
    labels = np.union1d(true, predicted)
    counts = matrix[true, predicted]
    options = {"labels": labels, "average": None, "sample_weight": counts}
    return dict(zip(labels, jaccard_score(true, predicted, **options), strict=True))


def test_absent_classes_are_no_numbers_and_left_out_as_scikit_learn_would(
    rng, record_property
):
    absent = 0
    for _ in range(MATRICES):
        matrix = random_matrix(rng)
        iou = iou_by_scikit_learn(matrix) if matrix.any() else {}
        expected = [iou.get(label, np.nan) for label in range(len(matrix))]
        np.testing.assert_array_equal(per_class_iou(matrix), expected)
        pairs = zip(matrix.diagonal().tolist(), matrix.sum(1).tolist(), strict=True)
        recall = [Fraction(right, true) for right, true in pairs if true]
        scores = segmentation_scores(matrix)
        for name, values in ("mean_iou", iou.values()), ("mean_accuracy", recall):
            mean = float(sum(map(Fraction, values)) / max(1, len(values)))
            assert scores[name] == pytest.approx(mean, rel=MEAN_OF_DOUBLES, abs=0)
        absent += len(matrix) - len(iou)
    record_property("cases", MATRICES)
    assert absent > MATRICES


@pytest.mark.parametrize("label", [0, 2])
def test_an_image_of_one_class_is_scored_by_that_class_alone(label):
    right, all_wrong = SegmentationScores(3), SegmentationScores(3)
    image = np.full((1, 4, 5), label)
    right.update_state(image, image)
    all_wrong.update_state(image, np.ones_like(image))
    assert set(right.result().values()) == {1.0}
    assert right.per_class_iou()[label] == 1
    assert np.isnan(np.delete(right.per_class_iou(), label)).all()
    assert all_wrong.per_class_iou().tolist().count(0) == 2
    assert set(all_wrong.result().values()) == {0.0}


def test_an_absent_class_is_called_so_in_the_table():
    scores = segmentation_scores([[3, 0, 0], [0, 0, 0], [1, 0, 0]])
    iou = per_class_iou([[3, 0, 0], [0, 0, 0], [1, 0, 0]])
    with console.capture() as printed:
        print_scores(scores, ("ground", "cat", "ox"), iou)
    rows = [line.split() for line in printed.get().splitlines()]
    shown = {row[1]: row[3] for row in rows if len(row) == 5}
    expected = {"ground": "75.00", "cat": "absent", "ox": "0.00"}
    assert shown.items() >= expected.items()

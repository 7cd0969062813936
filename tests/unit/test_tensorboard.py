import io
from types import SimpleNamespace
from unittest import mock

import keras
import numpy as np
import pytest
from PIL import Image

from keras_fcn.metrics import SegmentationScores
from keras_fcn.pictures import draw_confusion_matrix
from keras_fcn.runs import RunConfig
from keras_fcn.training import tensorboard, train
from keras_fcn.training.tensorboard import WriteEvents, write_history, writes_events

pytest.importorskip("tensorboardX")
accumulator = pytest.importorskip(
    "tensorboard.backend.event_processing.event_accumulator"
)

NAMES = ("background", "<b>$\\frac$</b>", "고양이")
CONFIG = RunConfig(class_names=NAMES, weights="none", width=0.5)
MATRIX = [[5, 1, 0], [0, 2, 0], [1, 0, 3]]


def read(run_dir, part):
    """What TensorBoard reads in a run's folder."""
    events = accumulator.EventAccumulator(
        str(run_dir / "tensorboard" / part), size_guidance={"images": 0}
    )
    return events.Reload()


def curve(run_dir, part, tag):
    return [(e.step, round(e.value, 5)) for e in read(run_dir, part).Scalars(tag)]


def logs(value):
    """What Keras logs of an epoch, every number from this one."""
    names = ("loss", "mean_iou", "val_loss", "val_mean_iou")
    return {name: value + i / 10 for i, name in enumerate(names)}


def scored():
    """The metric as a validation leaves it."""
    metric = SegmentationScores(3)
    pairs = [(i, j) for i in range(3) for j in range(3) for _ in range(MATRIX[i][j])]
    true, predicted = np.array(pairs).T
    metric.update_state(true[None, None], predicted[None, None])
    return metric


@pytest.fixture
def begun(tmp_path):
    """Makes the callback of a training that has the epochs of this history."""
    callbacks = []

    def begin(history=None, config=CONFIG):
        model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
        model.compile(keras.optimizers.SGD(0.25))
        drawn = SimpleNamespace(picture=Image.new("RGB", (40, 30), (10, 200, 30)))
        kept = SimpleNamespace(history=history or {})
        callbacks.append(WriteEvents(tmp_path, config, scored(), drawn, kept))
        callbacks[-1].set_model(model)
        return callbacks[-1]

    yield begin
    for callback in callbacks:  # what is killed closes nothing
        callback.close()


def history_of(*values):
    """What is kept of epochs that logged `logs(value)`."""
    return {name: [logs(value)[name] for value in values] for name in logs(0)}


def passes(callback, *epochs):
    """Let epochs pass: numbers of epochs and what each logs."""
    for epoch, value in epochs:
        callback.on_epoch_begin(epoch)
        callback.on_epoch_end(epoch, logs(value))


def test_training_and_validation_have_their_curves_under_one_name(begun, tmp_path):
    passes(begun(), (0, 1.0), (1, 0.5))
    assert curve(tmp_path, "train", "loss") == [(1, 1.0), (2, 0.5)]
    assert curve(tmp_path, "validation", "loss") == [(1, 1.2), (2, 0.7)]
    assert curve(tmp_path, "train", "scores/mean_iou") == [(1, 1.1), (2, 0.6)]
    assert curve(tmp_path, "validation", "scores/mean_iou") == [(1, 1.3), (2, 0.8)]
    assert curve(tmp_path, "train", "learning_rate") == [(1, 0.25), (2, 0.25)]


def test_an_epoch_is_on_the_disk_before_its_checkpoint(begun, tmp_path):
    passes(begun(), (0, 1.0))  # not closed: a kill would come now
    assert curve(tmp_path, "validation", "scores/mean_iou") == [(1, 1.3)]


def test_each_epoch_has_predictions_and_confusions_and_the_run_settings(
    begun, tmp_path
):
    passes(begun(), (0, 1.0), (1, 0.5))
    events = read(tmp_path, "validation")
    for image in events.Images("predictions"):
        shown = np.asarray(Image.open(io.BytesIO(image.encoded_image_string)))
        assert shown.shape == (30, 40, 3) == (image.height, image.width, 3)
        np.testing.assert_allclose(shown, np.full((30, 40, 3), (10, 200, 30)), atol=4)
    expected = np.asarray(draw_confusion_matrix(np.array(MATRIX), NAMES))
    for image in events.Images("confusion_matrix"):
        shown = Image.open(io.BytesIO(image.encoded_image_string))
        np.testing.assert_array_equal(np.asarray(shown), expected)
    for tag in ("predictions", "confusion_matrix"):
        assert [image.step for image in events.Images(tag)] == [1, 2]
    (told,) = events.Tensors("configuration/text_summary")
    (text,) = told.tensor_proto.string_val
    lines = text.decode().splitlines()
    assert "    width: 0.5" in lines
    assert all(line.startswith("    ") for line in lines)  # code, and no markup


def test_an_epoch_that_is_trained_again_is_there_once(begun, tmp_path):
    # Killed between the events of epoch 2 and its checkpoint.
    passes(begun(), (0, 1.0), (1, 0.5))
    passes(begun(history_of(1.0)), (1, 0.4), (2, 0.3))
    expected = [(1, 1.0), (2, 0.4), (3, 0.3)]
    assert curve(tmp_path, "train", "loss") == expected
    shifted = [(step, round(value + 0.3, 5)) for step, value in expected]
    assert curve(tmp_path, "validation", "scores/mean_iou") == shifted
    events = read(tmp_path, "validation")
    for tag in ("predictions", "confusion_matrix"):
        assert [image.step for image in events.Images(tag)] == [1, 2, 3]


def test_killed_again_and_again_within_an_epoch_nothing_is_lost(begun, tmp_path):
    passes(begun(), (0, 1.0))
    for _ in range(3):
        begun(history_of(1.0)).on_epoch_begin(1)
    passes(begun(history_of(1.0)), (1, 0.5))
    assert curve(tmp_path, "train", "loss") == [(1, 1.0), (2, 0.5)]
    told = read(tmp_path, "validation").Tensors("configuration/text_summary")
    assert [event.step for event in told] == [1, 2]


def test_a_run_that_begins_late_to_write_has_the_epochs_before(begun, tmp_path):
    passes(begun(history_of(1.0, 0.5)), (2, 0.25))
    assert curve(tmp_path, "train", "loss") == [(1, 1.0), (2, 0.5), (3, 0.25)]
    assert curve(tmp_path, "validation", "loss") == [(1, 1.2), (2, 0.7), (3, 0.45)]


def test_a_finished_run_without_events_gets_them_from_its_history(tmp_path):
    for _ in range(2):  # the second time they are there
        write_history(tmp_path, history_of(1.0, 0.5))
        assert curve(tmp_path, "train", "loss") == [(1, 1.0), (2, 0.5)]
        assert len(list(tmp_path.glob("tensorboard/*/*"))) == 2


def test_a_matrix_of_very_many_classes_is_not_drawn(begun, tmp_path):
    many = RunConfig(class_names=tuple(map(str, range(65))))
    passes(begun(config=many), (0, 1.0))
    assert read(tmp_path, "validation").Tags()["images"] == ["predictions"]


def test_a_run_that_has_begun_to_write_events_goes_on(tmp_path):
    assert not writes_events(tmp_path, False)
    assert writes_events(tmp_path, True)
    (tmp_path / "tensorboard").mkdir()
    assert writes_events(tmp_path, False)


def test_without_the_package_it_is_told_how_to_install_it(tmp_path):
    config = RunConfig(weights="none", width=0.01, topology="same")
    with (
        mock.patch.object(tensorboard.importlib.util, "find_spec", return_value=None),
        pytest.raises(ImportError, match=r"pip install .*\[tensorboard\]"),
    ):
        train(config, tmp_path / "run", tensorboard=True, verbose=False)
    assert "config.yaml" not in {file.name for file in tmp_path.rglob("*")}


EPOCHS = [pytest.param(1, id="at once"), pytest.param(2, marks=pytest.mark.slow)]


@pytest.mark.parametrize("epochs", EPOCHS)
def test_a_training_writes_what_its_log_has_resumed_too(epochs, tiny_voc, tmp_path):
    data = {"dataset": "voc", "data_dir": str(tiny_voc), "crop_size": 32}
    thin = {"weights": "none", "width": 0.01, "topology": "same", "batch_size": 2}
    matrices = []

    def spy(matrix, class_names):
        matrices.append(matrix)
        return Image.new("RGB", (8, 8))

    run_dir = tmp_path / "run"
    options = {"resume": True, "allow_config_change": True, "verbose": False}
    with mock.patch.object(tensorboard, "draw_confusion_matrix", spy):
        for epoch in range(1, epochs + 1):  # one more each time
            history = train(
                RunConfig(**data, **thin, epochs=epoch),
                run_dir,
                tensorboard=epoch == 1,
                **options,
            )
    for name, values in history.items():
        part = "validation" if name.startswith("val_") else "train"
        word = name.removeprefix("val_")
        tag = word if word == "loss" else f"scores/{word}"
        expected = [(i, round(v, 5)) for i, v in enumerate(values, start=1)]
        assert len(expected) == epochs
        assert curve(run_dir, part, tag) == expected
    right = [np.trace(matrix) / matrix.sum() for matrix in matrices]
    np.testing.assert_allclose(right, history["val_pixel_accuracy"])
    shown = read(run_dir, "validation").Images("predictions")
    assert [image.step for image in shown] == list(range(1, epochs + 1))

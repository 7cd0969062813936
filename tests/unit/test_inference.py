import keras
import numpy as np
import pytest
from PIL import Image

import keras_fcn
from keras_fcn.datasets import Shapes
from keras_fcn.images import image_size, read_label
from keras_fcn.inference.predict import find_images, write_prediction


@pytest.fixture(scope="module")
def model():
    """A network that labels by brightness: class 0 dark, class 1 light."""
    image = keras.Input((None, None, 3))
    score = keras.layers.Conv2D(2, 1, data_format="channels_last")
    net = keras.Model(image, score(image))
    kernel = np.zeros((1, 1, 3, 2))
    kernel[..., 1] = 1 / 3
    score.set_weights([kernel, np.array([127.5, 0.0])])
    return net


@pytest.fixture
def photo(rng):
    image = np.zeros((20, 31, 3), "uint8")
    image[5:12, 7:20] = rng.integers(200, 256, (7, 13, 3))
    return image


def test_path_image_and_array_give_the_same_labels(model, photo, tmp_path):
    file = tmp_path / "photo.png"
    Image.fromarray(photo).save(file)
    expected = (photo.mean(-1) > 127.5).astype("uint8")
    assert expected.any()
    for image in (photo, Image.fromarray(photo), file, str(file)):
        labels = keras_fcn.predict(model, image)
        assert labels.dtype == "uint8"
        np.testing.assert_array_equal(labels, expected)


def test_a_list_gives_a_list_at_each_photos_own_size(model):
    photos = [np.zeros((9, 5, 3), "uint8"), np.zeros((4, 8, 3), "uint8")]
    assert [p.shape for p in keras_fcn.predict(model, photos)] == [(9, 5), (4, 8)]


def test_a_rotated_photo_is_labelled_upright(model, photo, tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6  # turn by 90 degrees to see it upright
    file = tmp_path / "rotated.png"
    Image.fromarray(np.rot90(photo)).save(file, exif=exif)
    np.testing.assert_array_equal(
        keras_fcn.predict(model, file), keras_fcn.predict(model, photo)
    )


def test_what_is_no_image_is_refused_by_name(model, tmp_path):
    file = tmp_path / "notes.jpg"
    file.write_text("not a photo")
    with pytest.raises(ValueError, match=r"notes\.jpg"):
        keras_fcn.predict(model, file)


def test_three_pictures_are_written_for_a_photo(model, photo, tmp_path):
    file = tmp_path / "photo.png"
    Image.fromarray(photo).save(file)
    names = ("dark", "light")
    written = write_prediction(model, file, tmp_path / "out", names)
    assert [f.name for f in written] == [
        "photo.png",
        "photo_overlay.png",
        "photo_sheet.png",
    ]
    np.testing.assert_array_equal(
        read_label(written[0]), keras_fcn.predict(model, photo)
    )
    assert image_size(written[1])[1] == 31


def test_a_folder_is_its_images_in_order(tmp_path):
    for name in ("b.JPG", "a.png", "notes.txt"):
        (tmp_path / name).touch()
    assert [f.name for f in find_images(tmp_path)] == ["a.png", "b.JPG"]


def test_a_folder_without_images_is_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match=str(tmp_path)):
        find_images(tmp_path)
    with pytest.raises(FileNotFoundError, match="nowhere"):
        find_images(tmp_path / "nowhere")


class Bright(Shapes):
    """Samples whose labels are brightness, one row in three void."""

    def __init__(self):
        super().__init__("val", num_samples=2)
        self.class_names = ("dark", "light")

    def __getitem__(self, index):
        image, _ = super().__getitem__(index)
        label = (image.mean(-1) > 127.5).astype("uint8")
        label[::3] = 255
        return image, label


def test_evaluate_scores_the_labels_that_predict_gives(model):
    scores = keras_fcn.evaluate(model, Bright())
    assert set(scores.result().values()) == {1.0}
    valid = [(Bright().label(index) != 255).sum() for index in range(2)]
    assert scores.confusion_matrix().sum() == sum(valid)


def test_evaluate_refuses_other_classes(model):
    with pytest.raises(ValueError, match="2 and 5 classes"):
        keras_fcn.evaluate(model, Shapes("val", num_samples=1))


def test_evaluate_refuses_a_data_set_without_samples(model):
    none = Bright()
    none.names = ()
    with pytest.raises(ValueError, match="at least one sample"):
        keras_fcn.evaluate(model, none)

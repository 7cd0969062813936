import keras
import numpy as np
import pytest

from keras_fcn.losses import PixelwiseCrossentropy

FLOAT32_SUM_OVER_PIXELS = 1e-5


def reference(labels, logits, ignore_class):
    """-log softmax at the true class, for each valid pixel, in float64."""
    logits = logits.astype("float64")
    shifted = logits - logits.max(axis=-1, keepdims=True)
    log_p = shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))
    valid = labels != ignore_class
    picked = np.take_along_axis(log_p, np.where(valid, labels, 0)[..., None], axis=-1)
    return -picked[..., 0][valid]


@pytest.mark.parametrize("ignore_class", [255, 0, None])
@pytest.mark.parametrize("reduction", ["mean", "sum"])
def test_the_loss_is_cross_entropy_over_valid_pixels(reduction, ignore_class, rng):
    labels = rng.integers(0, 4, (2, 5, 6))
    if ignore_class == 255:
        labels[:, :2] = 255
    logits = rng.normal(size=(2, 5, 6, 4)).astype("float32")
    expected = getattr(reference(labels, logits, ignore_class), reduction)()
    loss = PixelwiseCrossentropy(ignore_class, reduction)(labels, logits)
    np.testing.assert_allclose(float(loss), expected, rtol=FLOAT32_SUM_OVER_PIXELS)


@pytest.mark.fault(13)
@pytest.mark.parametrize("reduction", ["mean", "sum"])
def test_a_batch_of_void_pixels_only_gives_zero(reduction):
    labels, logits = np.full((1, 3, 3), 255), np.ones((1, 3, 3, 2), "float32")
    assert float(PixelwiseCrossentropy(reduction=reduction)(labels, logits)) == 0


def test_labels_may_be_bytes_and_have_a_last_axis(rng):
    labels = rng.integers(0, 3, (1, 4, 4, 1)).astype("uint8")
    logits = rng.normal(size=(1, 4, 4, 3)).astype("float32")
    loss = PixelwiseCrossentropy()
    assert float(loss(labels, logits)) == float(
        loss(labels[..., 0].astype(int), logits)
    )


@pytest.mark.fault(12)
@pytest.mark.parametrize("wrong", [3, 254, -1])
def test_an_impossible_label_is_an_error_or_not_a_number(wrong):
    labels, logits = np.full((1, 2, 2), wrong), np.zeros((1, 2, 2, 3), "float32")
    try:
        loss = float(PixelwiseCrossentropy()(labels, logits))
    except Exception as error:  # TensorFlow's and PyTorch's own, on a CPU
        assert "bound" in str(error) or "outside" in str(error)  # noqa: PT017
    else:
        assert np.isnan(loss)


def test_an_unknown_reduction_is_refused():
    with pytest.raises(ValueError, match="Received: reduction='average'"):
        PixelwiseCrossentropy(reduction="average")


def test_a_loss_can_be_made_again_from_its_configuration():
    loss = PixelwiseCrossentropy(ignore_class=11, reduction="sum")
    again = keras.losses.deserialize(keras.losses.serialize(loss))
    assert again.get_config() == loss.get_config()

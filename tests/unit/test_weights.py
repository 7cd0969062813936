import os
import sys

import keras
import numpy as np
import pytest
import safetensors.numpy

import keras_fcn
from keras_fcn.weights import WeightsFormatError, transplant


def thin(**options):
    options = {"num_classes": 3, "weights": None, "width": 0.02, **options}
    return keras_fcn.build_fcn8s(**options)


@pytest.fixture
def model(rng):
    model = thin(upsampling="learned")
    for variable in model.weights:
        variable.assign(rng.normal(size=variable.shape))
    return model


def assert_same_weights(one, other):
    for a, b in zip(one.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_safetensors_name_tensors_by_layer_and_come_back(model, tmp_path):
    file = tmp_path / "new" / "fcn8s.safetensors"
    keras_fcn.save_weights(model, file)
    tensors = safetensors.numpy.load_file(file)
    np.testing.assert_array_equal(
        tensors["score_fr/bias"], model.get_layer("score_fr").get_weights()[1]
    )
    assert len(tensors) == len(model.weights)
    assert_same_weights(thin(upsampling="learned", weights=file), model)


def test_keras_own_weights_files_load_too(model, tmp_path):
    file = tmp_path / "fcn8s.weights.h5"
    model.save_weights(file)
    assert_same_weights(thin(upsampling="learned", weights=str(file)), model)


def test_a_keras_file_of_a_trained_model_loads_without_its_optimizer(model, tmp_path):
    model.compile("adam", keras_fcn.losses.PixelwiseCrossentropy())
    model.fit(
        np.zeros((1, 9, 9, 3), "float32"), np.zeros((1, 9, 9), "int32"), verbose=0
    )
    file = tmp_path / "fcn8s.weights.h5"
    model.save_weights(file)
    assert_same_weights(thin(upsampling="learned", weights=file), model)


def test_nothing_is_left_behind_when_saving_fails(model, tmp_path, monkeypatch):
    file = tmp_path / "fcn8s.safetensors"
    keras_fcn.save_weights(model, file)
    before = file.read_bytes()

    def full(handle):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="No space left"):
        keras_fcn.save_weights(model, file)
    assert file.read_bytes() == before
    assert [f.name for f in tmp_path.iterdir()] == ["fcn8s.safetensors"]


@pytest.mark.skipif(sys.platform == "win32", reason="has no bound on files")
@pytest.mark.parametrize("share", [0, 0.5, 0.99])
def test_a_full_disk_is_told_with_the_path_and_the_bytes_needed(tmp_path, share):
    import resource

    model, file = dense_net(50), tmp_path / "dense.safetensors"
    keras_fcn.save_weights(model, file)
    before = file.read_bytes()
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (int(share * len(before)), hard))
    try:
        with pytest.raises(OSError, match=f"room for {len(before):,} bytes") as told:
            keras_fcn.save_weights(model, file)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert repr(str(file)) in str(told.value)
    assert file.read_bytes() == before
    assert list(tmp_path.iterdir()) == [file]


@pytest.mark.skipif(sys.platform == "win32", reason="has no such permissions")
@pytest.mark.parametrize(("mask", "expected"), [(0o022, 0o644), (0o077, 0o600)])
def test_a_weights_file_may_be_read_by_whom_any_new_file_may(tmp_path, mask, expected):
    before = os.umask(mask)
    try:
        keras_fcn.save_weights(dense_net(5), tmp_path / "dense.safetensors")
    finally:
        os.umask(before)
    assert (tmp_path / "dense.safetensors").stat().st_mode & 0o777 == expected


def test_the_bytes_are_those_of_the_library(model, tmp_path):
    file = tmp_path / "fcn8s.safetensors"
    keras_fcn.save_weights(model, file)
    tensors = safetensors.numpy.load_file(file)
    metadata = {"keras_fcn": model.name}
    assert file.read_bytes() == safetensors.numpy.save(tensors, metadata)


@pytest.mark.parametrize("suffix", [".safetensors", ".weights.h5"])
def test_another_architecture_is_refused_and_every_difference_named(
    suffix, model, tmp_path
):
    file = tmp_path / f"fcn8s{suffix}"
    if suffix == ".safetensors":
        keras_fcn.save_weights(model, file)
    else:
        model.save_weights(file)
    with pytest.raises(WeightsFormatError) as caught:
        thin(num_classes=5, weights=file, upsampling="learned")
    message = str(caught.value)
    for name in ("score_fr", "score_pool4", "score_pool3"):
        assert f"{name}/kernel: " in message
        assert f"{name}/bias: (3,) in the file, (5,) in the model" in message
    for name in ("upscore2", "upscore_pool4", "upscore8"):
        assert f"{name}/kernel: " in message
    assert "differs in 9 tensors" in message
    assert "fc6" not in message


def test_tensors_too_many_and_too_few_are_named(model, tmp_path):
    file = tmp_path / "fcn8s.safetensors"
    keras_fcn.save_weights(model, file)
    with pytest.raises(WeightsFormatError, match=r"\+ upscore8/kernel .*in the mod"):
        thin(weights=file)
    keras_fcn.save_weights(thin(), file)
    with pytest.raises(WeightsFormatError, match=r"- upscore8/kernel .*in the file"):
        thin(weights=file, upsampling="learned")


def test_a_refused_file_leaves_the_model_as_it_was(model, tmp_path):
    file = tmp_path / "other.safetensors"
    keras_fcn.save_weights(thin(num_classes=4), file)
    before = [w.copy() for w in model.get_weights()]
    with pytest.raises(WeightsFormatError):
        keras_fcn.load_weights(model, file)
    for a, b in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("suffix", [".safetensors", ".weights.h5"])
@pytest.mark.parametrize("content", [b"", b"not weights at all", b"\x89HDF\r\n\x1a\n"])
def test_a_broken_file_is_refused_by_name(suffix, content, model, tmp_path):
    file = tmp_path / f"broken{suffix}"
    file.write_bytes(content)
    with pytest.raises(WeightsFormatError, match=f"broken{suffix}"):
        keras_fcn.load_weights(model, file)


def test_other_endings_are_refused(model, tmp_path):
    with pytest.raises(ValueError, match=r"Received: .*model\.keras"):
        keras_fcn.load_weights(model, tmp_path / "model.keras")
    with pytest.raises(ValueError, match=r"Received: .*model\.h5"):
        keras_fcn.save_weights(model, tmp_path / "model.h5")


def dense_net(units, name="fc1"):
    inputs = keras.Input((2, 3, 4))
    x = keras.layers.Flatten(data_format="channels_last")(inputs)
    return keras.Model(inputs, keras.layers.Dense(units, name=name)(x))


def convolution_net(filters):
    inputs = keras.Input((None, None, 4))
    layer = keras.layers.Conv2D(
        filters, (2, 3), data_format="channels_last", name="fc6"
    )
    return keras.Model(inputs, layer(inputs))


def test_a_dense_layer_becomes_the_convolution_that_sees_the_whole_map(rng):
    dense, convolution = dense_net(5), convolution_net(5)
    assert transplant(dense, convolution, {"fc1": "fc6"}) == ["fc6"]
    x = rng.normal(size=(1, 2, 3, 4)).astype("float32")
    np.testing.assert_allclose(
        keras.ops.convert_to_numpy(convolution(x))[:, 0, 0],
        keras.ops.convert_to_numpy(dense(x)),
        atol=1e-5,
    )


def test_a_layer_of_another_size_is_refused():
    with pytest.raises(ValueError, match=r"fc6: \(24, 5\) to \(2, 3, 4, 6\)"):
        transplant(dense_net(5), convolution_net(6), {"fc1": "fc6"})

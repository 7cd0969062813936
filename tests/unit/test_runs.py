import numpy as np
import pytest

import keras_fcn
from keras_fcn.datasets import DataConfig
from keras_fcn.runs import RunConfig, load_run, write_config

THIN = {"weights": "none", "width": 0.02, "class_names": ("background", "cat")}


def test_a_configuration_comes_back_from_yaml():
    options = {"dataset": "voc", "data_dir": "Ünïcødé 猫", "val_share": 0.3}
    config = RunConfig(model="fcn16s", lr=3e-5, **options, **THIN)
    assert RunConfig.from_yaml(config.to_yaml({"keras": "3"})) == config


def test_an_unknown_name_is_refused_with_the_nearest_one():
    with pytest.raises(ValueError, match=r"batchsize.* Did you mean `batch_size`"):
        RunConfig.from_yaml("batchsize: 4")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("epochs: many", "epochs='many'"),
        ("epochs: 1.5", r"epochs=1\.5"),
        ("augment: 3", "augment=3"),
        ("epochs: true", "epochs=True"),
        ("class_names: cat", "class_names='cat'"),
        ("- a list", "list"),
        ("", "NoneType"),
    ],
)
def test_values_of_another_type_are_refused(text, message):
    with pytest.raises(ValueError, match=message):
        RunConfig.from_yaml(text)


def test_yaml_cannot_make_objects():
    with pytest.raises(Exception, match="python/object"):
        RunConfig.from_yaml("epochs: !!python/object/apply:os.system ['false']")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"model": "fcn4s"}, "model='fcn4s'"),
        ({"dataset": "vocs"}, 'Did you mean "voc"'),
        ({"optimizer": "admw"}, 'Did you mean "adamw"'),
        ({"loss": "total"}, "loss='total'"),
        ({"epochs": 0}, "epochs=0"),
        ({"batch_size": 0}, "batch_size=0"),
        ({"crop_size": -1}, "crop_size=-1"),
        ({"lr": 0.0}, "lr=0.0"),
        ({"momentum": 1.0}, "momentum=1.0"),
        ({"scale_range": (2.0, 0.5)}, r"scale_range=\(2.0, 0.5\)"),
        ({"seed": -1}, "seed=-1"),
        ({"val_share": 1.0}, "val_share=1.0"),
        ({"masks": "masks"}, "masks='masks' with dataset='shapes'"),
    ],
)
def test_impossible_values_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        RunConfig(**options)


def test_settings_are_given_by_name_only():
    with pytest.raises(TypeError, match="positional"):
        RunConfig("shapes")


def test_a_run_knows_what_it_was_trained_and_validated_on():
    options = {"images": "photos", "masks": "masks", "num_classes": 2, "binary": True}
    text = RunConfig(dataset="folder", **options, **THIN).to_yaml()
    read = RunConfig.from_yaml(text)
    assert {name: getattr(read, name) for name in options} == options
    assert isinstance(read, DataConfig)


def test_a_run_folder_gives_its_network_back(tmp_path, rng):
    config = RunConfig(topology="same", **THIN)
    write_config(tmp_path, config)
    model = config.build()
    for variable in model.weights:
        variable.assign(rng.normal(size=variable.shape))
    keras_fcn.save_weights(model, tmp_path / "best.safetensors")
    again, read = load_run(tmp_path)
    assert read == config
    for a, b in zip(model.get_weights(), again.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_a_folder_that_is_no_run_is_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"config\.yaml"):
        load_run(tmp_path)
    write_config(tmp_path, RunConfig(**THIN))
    with pytest.raises(FileNotFoundError, match=r"best\.safetensors"):
        load_run(tmp_path)
    with pytest.raises(ValueError, match="weights='first'"):
        load_run(tmp_path, weights="first")
    (tmp_path / "config.yaml").write_text("epochs: [")
    with pytest.raises(ValueError, match=r"config\.yaml' cannot be used"):
        load_run(tmp_path)

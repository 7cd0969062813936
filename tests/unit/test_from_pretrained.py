"""Networks fetched from a stand-in for the Hugging Face Hub on this machine."""

import json
import os
import shutil
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

import keras_fcn
from keras_fcn.cli import app
from keras_fcn.runs import HubError, RunConfig, from_pretrained, load_run, write_config
from keras_fcn.runs.folder import read_config
from keras_fcn.runs.hub import read_address

from ..reliability.hub import serving_hub

hub_constants = pytest.importorskip(
    "huggingface_hub.constants", reason="huggingface_hub is not installed"
)

NAMES = ("background", "cat", "dog")
NAME, ADDRESS = "someone/pets", "hf://someone/pets"


def make_run(folder, seed=0, **options):
    """Write a run folder with weights of its own; return its network."""
    keras_fcn_options = {"width": 0.02, "topology": "pointwise", **options}
    config = RunConfig(class_names=NAMES, weights="none", **keras_fcn_options)
    write_config(folder, config)
    model = config.build()
    rng = np.random.default_rng(seed)
    model.set_weights([rng.normal(0, 0.3, w.shape) for w in model.get_weights()])
    keras_fcn.save_weights(model, folder / "best.safetensors")
    return model


def use_hub(monkeypatch, hub, cache):
    """Let huggingface_hub know this hub only, as HF_ENDPOINT and the like do at first.

    It reads them when it is imported.
    """
    template = hub.url + "/{repo_id}/resolve/{revision}/{filename}"
    for name, value in {
        "ENDPOINT": hub.url,
        "HUGGINGFACE_CO_URL_TEMPLATE": template,
        "HF_HUB_CACHE": str(cache),
        "HF_HUB_DISABLE_XET": True,
        "HF_HUB_DISABLE_PROGRESS_BARS": True,
        "HF_TOKEN_PATH": str(cache / "no token"),
        "HF_STORED_TOKENS_PATH": str(cache / "no tokens"),
    }.items():
        monkeypatch.setattr(hub_constants, name, value)
    for name in ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN", "HF_OIDC_RESOURCE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("no_proxy", "*")


@pytest.fixture
def hub(monkeypatch, tmp_path):
    with serving_hub() as hub:
        use_hub(monkeypatch, hub, tmp_path / "cache")
        yield hub


@pytest.fixture(scope="session")
def shared(tmp_path_factory):
    """A run folder, and the files of its publication."""
    run = tmp_path_factory.mktemp("run")
    make_run(run)
    keras_fcn.publish(run, run / "published")
    return run, contents(run / "published")


def contents(folder):
    return {file.name: file.read_bytes() for file in folder.iterdir()}


def photo_of(rng):
    return rng.integers(0, 256, (32, 40, 3), "uint8")


def same_weights(model, other):
    both = zip(model.get_weights(), other.get_weights(), strict=True)
    return all(np.array_equal(a, b) for a, b in both)


def test_a_network_on_the_hub_labels_as_the_run_that_it_was(hub, shared, rng):
    run, files = shared
    hub.add(NAME, {**files, "evil.py": b"raise SystemExit", "data.pkl": b"x"})
    model, config = from_pretrained(ADDRESS)
    trained, _ = load_run(run)
    photo = photo_of(rng)[None].astype("float32")
    scores = np.array(model(photo))
    np.testing.assert_array_equal(scores, trained(photo))
    assert scores.std() > 0
    assert config.class_names == NAMES


def test_nothing_but_two_files_is_asked_for(hub, shared):
    hub.add(NAME, {**shared[1], "evil.py": b"raise SystemExit", "data.pkl": b"x"})
    read_config(ADDRESS)
    fetched = {path.split("/")[-1] for path in hub.asked("GET") if "/resolve/" in path}
    assert fetched == {"config.json", "model.safetensors"}


def test_a_network_is_fetched_once_and_then_without_a_network(
    hub, shared, monkeypatch, tmp_path
):
    hub.add(NAME, shared[1])
    first, _ = from_pretrained(ADDRESS)
    fetched = len(hub.asked("GET"))
    again, _ = from_pretrained(ADDRESS)
    assert not any("/resolve/" in path for path in hub.asked("GET")[fetched:])
    hub.requests.clear()
    offline, _ = from_pretrained(ADDRESS, offline=True)
    assert hub.requests == []
    use_hub(monkeypatch, type(hub)("http://127.0.0.1:9"), tmp_path / "cache")
    unreachable, _ = from_pretrained(ADDRESS)
    for model in (again, offline, unreachable):
        assert same_weights(model, first)


def test_a_revision_is_that_version_and_no_other(hub, shared, tmp_path):
    make_run(tmp_path / "new", seed=1)
    keras_fcn.publish(tmp_path / "new", tmp_path / "published")
    old = hub.add(NAME, shared[1], "v1")
    hub.add(NAME, contents(tmp_path / "published"))
    first, _ = load_run(shared[0])
    newest, _ = from_pretrained(ADDRESS)
    assert not same_weights(newest, first)
    for model, _ in (
        from_pretrained(f"{ADDRESS}@v1"),
        from_pretrained(ADDRESS, revision="v1"),
        from_pretrained(ADDRESS, revision=old),
        load_run(f"{ADDRESS}@v1"),
    ):
        assert same_weights(model, first)


def test_a_private_network_needs_a_token(hub, shared, monkeypatch):
    hub.add(NAME, shared[1])
    hub.private.add(NAME)
    hub.token = "secret"
    with pytest.raises(HubError, match=r"answered with 401.*hf auth login"):
        read_config(ADDRESS)
    monkeypatch.setenv("HF_TOKEN", "secret")
    assert read_config(ADDRESS).class_names == NAMES


@pytest.mark.parametrize(
    ("change", "address", "told"),
    [
        ({}, "hf://someone/nothing", "answered with 401"),
        ({"token": "secret"}, "hf://someone/nothing", "answered with 404"),
        ({}, f"{ADDRESS}@v9", "A revision must exist.*v9"),
        ({"status": 500}, ADDRESS, "must be reached once"),
        ({"cut": 1000}, ADDRESS, "must answer, to the end"),
    ],
    ids=["no name", "no such name", "no revision", "broken", "cut off"],
)
def test_what_the_hub_does_not_give_is_told(
    hub, shared, monkeypatch, change, address, told
):
    hub.add(NAME, shared[1])
    monkeypatch.setattr("time.sleep", lambda seconds: None)  # between two attempts
    for name, value in change.items():
        setattr(hub, name, value)
    if hub.token:
        monkeypatch.setenv("HF_TOKEN", hub.token)
    with pytest.raises(HubError, match=told) as error:
        from_pretrained(address)
    assert "\n" not in str(error.value)
    assert repr(address) in str(error.value)


def test_a_download_that_was_cut_off_is_whole_the_next_time(hub, shared, monkeypatch):
    hub.add(NAME, shared[1])
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    hub.cut = 1000
    with pytest.raises(HubError):
        from_pretrained(ADDRESS)
    with pytest.raises(HubError):
        from_pretrained(ADDRESS, offline=True)
    hub.cut = None
    model, _ = from_pretrained(ADDRESS)
    assert same_weights(model, load_run(shared[0])[0])


def test_a_network_that_was_never_fetched_cannot_be_had_offline(hub, shared):
    hub.add(NAME, shared[1])
    with pytest.raises(HubError, match="must be reached once"):
        from_pretrained(ADDRESS, offline=True)
    assert hub.requests == []


@pytest.mark.parametrize("left_out", ["config.json", "model.safetensors"])
def test_a_repository_of_something_else_is_refused(hub, shared, left_out):
    hub.add(NAME, {n: d for n, d in shared[1].items() if n != left_out})
    with pytest.raises(HubError, match=f"without {left_out}"):
        from_pretrained(ADDRESS)


@pytest.mark.parametrize(
    "address",
    [
        *(
            "hf://",
            "hf://pets",
            "hf://a/b/c",
            "hf://a/b@",
            "hf://../etc",
            "hf://a/b@ c",
        ),
        *("hf://a/..%2f", "hf://a/b?x=1", "hf://a/b#c", "hf:// a/b", "hf://a/b\n"),
    ],
)
def test_an_address_is_a_user_and_a_name(address):
    with pytest.raises(ValueError, match="hf://user/name"):
        read_address(address)


def test_two_revisions_are_one_too_many():
    with pytest.raises(ValueError, match="must be that of the address"):
        from_pretrained(f"{ADDRESS}@v1", revision="v2")


def test_a_folder_has_no_revisions(shared):
    with pytest.raises(ValueError, match="Leave it out"):
        from_pretrained(shared[0], revision="v1")


def test_a_run_folder_and_a_published_folder_are_read_alike(shared):
    run, _ = shared
    assert same_weights(from_pretrained(run)[0], from_pretrained(run / "published")[0])


def test_a_published_network_has_its_best_weights_only(shared):
    with pytest.raises(ValueError, match="weights='last'"):
        load_run(shared[0] / "published", "last")


def test_without_the_hubs_package_it_says_how_to_install_it(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(ImportError, match=r'pip install "keras-fcn\[hub\]"'):
        from_pretrained(ADDRESS)


# The verbs take such a network wherever a run stands


@pytest.fixture
def keras_fcn_program(hub, shared, tmp_path, monkeypatch):
    """Run the program as a user does; what HF_ENDPOINT says is read when it starts."""
    hub.add(NAME, shared[1])
    monkeypatch.chdir(tmp_path)

    def called(*words):
        environment = {
            **os.environ,
            "HF_ENDPOINT": hub.url,
            "HF_HOME": str(tmp_path / "home"),
            "HF_HUB_DISABLE_XET": "1",
        }
        return subprocess.run(
            [sys.executable, "-m", "keras_fcn", *words],
            capture_output=True,
            text=True,
            env=environment,
            timeout=300,
        )

    return called


def test_predict_takes_an_address_and_writes_beside_the_photos(
    hub, shared, rng, tmp_path, monkeypatch
):
    hub.add(NAME, shared[1])
    monkeypatch.chdir(tmp_path)
    Image.fromarray(photo_of(rng)).save("photo.png")
    words = ["predict", ADDRESS, "photo.png", "--precision", "float32"]
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 0, done.output
    assert (tmp_path / "predictions" / "photo.png").is_file()


@pytest.mark.slow
def test_predict_finds_the_hub_that_the_environment_names(
    keras_fcn_program, shared, rng, tmp_path
):
    photo = photo_of(rng)
    Image.fromarray(photo).save("photo.png")
    done = keras_fcn_program("predict", ADDRESS, "photo.png", "--precision", "float32")
    assert done.returncode == 0, done.stderr
    labels = np.array(Image.open(tmp_path / "predictions" / "photo.png"))
    trained, _ = load_run(shared[0])
    np.testing.assert_array_equal(labels, keras_fcn.predict(trained, photo))


@pytest.mark.slow
def test_evaluate_and_train_take_an_address(keras_fcn_program, rng, tmp_path):
    for name in ("photos", "masks"):
        (tmp_path / name).mkdir()
    for number in range(4):
        Image.fromarray(photo_of(rng)).save(f"photos/{number}.png")
        mask = rng.integers(0, 3, (32, 40)).astype("uint8")
        Image.fromarray(mask).save(f"masks/{number}.png")
    data = ("--images", "photos", "--masks", "masks")
    alone = keras_fcn_program("evaluate", ADDRESS)
    assert alone.returncode == 1
    assert "`--dataset` must be given" in alone.stderr
    scored = keras_fcn_program(
        "evaluate", ADDRESS, "--dataset", "folder", *data, "--json", "scores.json"
    )
    assert scored.returncode == 0, scored.stderr
    assert json.loads((tmp_path / "scores.json").read_text())["images"] == 4
    assert list((tmp_path / "pictures").glob("confusion_matrix_*.png"))
    words = ("--num-classes", "3", "--epochs", "1", "--run-dir", "own", *data)
    trained = keras_fcn_program("train", "--from", ADDRESS, *words)
    assert trained.returncode == 0, trained.stderr
    assert read_config(tmp_path / "own").from_run == ADDRESS
    assert read_config(tmp_path / "own").topology == "pointwise"
    shutil.rmtree(tmp_path / "own")

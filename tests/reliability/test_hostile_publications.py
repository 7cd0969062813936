"""Published networks made to do harm: refused by name, and nothing of them runs.

Only JSON and safetensors are read of what others share, whatever else lies beside.
"""

import json
import os
import pickle
import re
import time
import tracemalloc

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import keras_fcn
from keras_fcn.runs import RunConfig, from_pretrained, read_config, write_config
from keras_fcn.runs.plain_yaml import MOST_CHARACTERS
from keras_fcn.runs.published import MOST_CLASSES, WIDEST, from_json, to_json
from keras_fcn.weights import WeightsFormatError

from .damage import damaged
from .test_hostile_configs import Quiet

pytestmark = pytest.mark.fault(25)

VALID = json.loads(to_json(RunConfig(class_names=("a", "b"), width=0.02)))


def changed(**changes):
    return json.dumps({**VALID, **changes})


def classes(*names):
    return changed(class_names=names, palette=["#000000"] * len(names))


def without(name):
    return json.dumps({n: value for n, value in VALID.items() if n != name})


# Each with what the message must tell, beside the file.
HOSTILE = {
    "nothing": ("", "It must be JSON"),
    "no JSON": ("{'a': 1}", "It must be JSON"),
    "YAML": ("library: keras_fcn", "It must be JSON"),
    "objects of YAML": ("!!python/object/apply:os.system [true]", "It must be JSON"),
    "two documents": (json.dumps(VALID) * 2, "It must be JSON"),
    "a list": ("[]", 'with "library"'),
    "a text": ('"keras_fcn"', 'with "library"'),
    "null": ("null", 'with "library"'),
    "another library": (changed(library="transformers"), 'with "library"'),
    "a configuration of Keras": (
        '{"module": "keras", "class_name": "Lambda", "config": {}}',
        'with "library"',
    ),
    "deep lists": ("[" * 100_000, "too deep"),
    "deep mappings": ('{"a":' * 20_000, "too deep"),
    "huge": (" " * (MOST_CHARACTERS + 1), "at most"),
    "a huge number": (changed(width=0).replace(": 0,", f": {'9' * 9999},"), "JSON"),
    "no number": (changed(width=float("nan")), "NaN, which JSON has not"),
    "no end": (changed(width=float("inf")), "Infinity, which JSON has not"),
    "no end of digits": (changed(width=1).replace('h": 1,', 'h": 1e999,'), "finite"),
    "a key twice": ('{"library": "keras_fcn", "library": "x"}', "'library' again"),
    "a bytes mark": ("\ufeff" + json.dumps(VALID), "It must be JSON"),
    "Latin-1": (b'{"library": "\xe9"}', "utf-8"),
    "a newer format": (changed(format_version=2), "Install a newer keras_fcn"),
    "an older format": (changed(format_version=0), "positive integer"),
    "a format that is true": (changed(format_version=True), "positive integer"),
    "a format in words": (changed(format_version="1"), "positive integer"),
    "an unknown name": (changed(auto_map="evil.py"), "['auto_map'] besides"),
    "a path": (changed(data_dir="/etc"), "['data_dir'] besides"),
    "another run": (changed(from_run="hf://a/b"), "['from_run'] besides"),
    "weights elsewhere": (changed(weights="../../x.pkl"), "['weights'] besides"),
    "a private name": (changed(__class__="str"), "['__class__'] besides"),
    "a terminal's command": (changed(**{"\x1b[2J": 1}), r"'\x1b[2J'"),
    "no model": (without("model"), "without ['model']"),
    "no classes": (without("class_names"), "without ['class_names']"),
    "no palette": (without("palette"), "without ['palette']"),
    "another model": (changed(model="build_fcn8s"), "model='build_fcn8s'"),
    "a model that is a list": (changed(model=["fcn8s"]), "model=['fcn8s']"),
    "a backbone that is a path": (changed(backbone="../../x"), "backbone='../../x'"),
    "a backbone that is none": (changed(backbone="load_model"), "'load_model'"),
    "a dunder backbone": (changed(backbone="__loader__"), "'__loader__'"),
    "another topology": (changed(topology=3), "topology=3"),
    "a topology of no backbone": (changed(topology="deep"), "topology='deep'"),
    "another upsampling": (changed(upsampling="eval"), "upsampling='eval'"),
    "no width": (changed(width=0), "width=0"),
    "a negative width": (changed(width=-1.0), "width=-1.0"),
    "a network of terabytes": (changed(width=1e4), "at most 2.0"),
    "a width that is true": (changed(width=True), "width=True"),
    "classes without a name": (classes("a", " "), "must have a name"),
    "no class": (classes(), "1 to 255"),
    "too many classes": (classes(*map(str, range(MOST_CLASSES + 1))), "1 to 255"),
    "a class twice": (classes("a", "a"), "1 of them different"),
    "a class of no name": (classes("a", None), "class_names=['a', None]"),
    "a class in a list": (classes("a", ["b"]), "class_names=['a', ['b']]"),
    "half a character": (classes("a", "\ud800"), "must have a name"),
    "a long name": (classes("a", "b" * 1000), "must have a name"),
    "void of no label": (changed(void_label=256), "void_label"),
    "void that is true": (changed(void_label=True), "void_label"),
    "one colour": (changed(palette=["#000000"]), "must be 2 colours"),
    "colours in words": (changed(palette=["red", "blue"]), "must be 2 colours"),
    "colours with more": (changed(palette=["#000000;", "#000000"]), "2 colours"),
    "a colour that is a number": (changed(palette=[0, 1]), "must be 2 colours"),
    "a version that is none": (changed(keras_fcn_version=1), "must be text"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_configuration_is_refused_by_name(name, tmp_path):
    content, told = HOSTILE[name]
    file = tmp_path / "config.json"
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    start = time.perf_counter()
    with pytest.raises(ValueError, match=re.escape(told)) as error:
        read_config(tmp_path)
    assert time.perf_counter() - start < 1
    assert repr(str(file)) in str(error.value)
    assert len(str(error.value)) < 1500
    assert str(error.value).isprintable()


def test_what_is_not_hostile_is_read(record_property):
    record_property("cases", len(HOSTILE))
    assert from_json(json.dumps(VALID)).class_names == ("a", "b")
    odd = changed(class_names=["<b>", "../../x"], width=WIDEST)
    assert from_json(odd).class_names == ("<b>", "../../x")


def test_no_file_but_the_configuration_is_opened(tmp_path):
    for content, _ in HOSTILE.values():
        text = content if isinstance(content, str) else content.decode("latin-1")
        with pytest.raises(ValueError), Quiet():  # noqa: PT011
            from_json(text)


def test_a_huge_network_is_not_built_before_its_weights_are_there(tmp_path):
    (tmp_path / "config.json").write_text(changed(width=WIDEST))
    tracemalloc.start()
    try:
        with pytest.raises(FileNotFoundError, match=r"model\.safetensors"):
            from_pretrained(tmp_path)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 50e6


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes")
@pytest.mark.parametrize("name", ["config.json", "model.safetensors"])
def test_what_is_no_file_is_not_waited_for(name, tmp_path):
    (tmp_path / "config.json").write_text(json.dumps(VALID))
    (tmp_path / name).unlink(missing_ok=True)
    os.mkfifo(tmp_path / name)
    with pytest.raises((FileNotFoundError, WeightsFormatError), match=name[:6]):
        from_pretrained(tmp_path)


class Harm:
    def __reduce__(self):
        return os.mkdir, ("harm",)


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    """A publication, whose folder may be spoiled."""
    run = tmp_path_factory.mktemp("run")
    config = RunConfig(
        class_names=("a", "b"), width=0.02, topology="pointwise", weights="none"
    )
    write_config(run, config)
    keras_fcn.save_weights(config.build(), run / "best.safetensors")
    return keras_fcn.publish(run, run / "published").folder


def copied(published, folder):
    for file in published.iterdir():
        (folder / file.name).write_bytes(file.read_bytes())
    return folder


def test_nothing_that_lies_beside_is_looked_at(published, tmp_path, monkeypatch):
    folder = copied(published, tmp_path)
    monkeypatch.chdir(folder)
    harm = pickle.dumps(Harm())
    for name in ("model.pkl", "pytorch_model.bin", "model.keras", "weights.npy"):
        (folder / name).write_bytes(harm)
    for name in ("__init__.py", "keras_fcn.py", "evil.py", "conftest.py"):
        (folder / name).write_text("import os; os.mkdir('harm')")
    from_pretrained(folder)
    assert not (folder / "harm").exists()


@pytest.mark.parametrize(
    "content", [b"", b"\x80\x04", pickle.dumps(Harm()), b"\xff" * 8, b"\0" * 100]
)
def test_weights_of_another_kind_are_refused(published, tmp_path, content, monkeypatch):
    folder = copied(published, tmp_path)
    monkeypatch.chdir(folder)
    (folder / "model.safetensors").write_bytes(content)
    with pytest.raises(WeightsFormatError, match=r"model\.safetensors"):
        from_pretrained(folder)
    assert not (folder / "harm").exists()


@pytest.mark.parametrize(
    "change", [{"width": 0.03}, {"model": "fcn32s"}, {"topology": "paper"}]
)
def test_weights_of_another_network_are_refused(published, tmp_path, change):
    folder = copied(published, tmp_path)
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, **change}))
    with pytest.raises(WeightsFormatError, match="same architecture"):
        from_pretrained(folder)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.randoms(use_true_random=False))
def test_a_damaged_configuration_is_refused_or_valid(random):
    content = damaged(json.dumps(VALID).encode(), random, head=600)
    try:
        config = from_json(content.decode())
    except ValueError:
        return
    assert isinstance(config, RunConfig)
    assert from_json(to_json(config)) == config


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner)
    ),
    max_leaves=8,
)


@given(st.dictionaries(st.sampled_from(sorted(VALID)), JSON, min_size=1, max_size=3))
def test_any_values_are_refused_or_valid(values):
    try:
        config = from_json(changed(**values))
    except ValueError:
        return
    assert from_json(to_json(config)) == config

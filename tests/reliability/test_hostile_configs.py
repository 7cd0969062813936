"""Configurations, lists and label files made to do harm: refused by name, or read.

Whatever stands in them, nothing runs, no other file is opened, and neither time nor
memory goes beyond what their size explains.
"""

import json
import re
import sys
import time
import tracemalloc

import numpy as np
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from keras_fcn.datasets.readers.folder import FolderSegmentation
from keras_fcn.datasets.readers.label_names import LabelMap, read_label_names
from keras_fcn.datasets.readers.labelme import read_polygons
from keras_fcn.datasets.readers.voc import VOCSegmentation, read_list
from keras_fcn.runs import CONFIG, RunConfig, load_run, read_config
from keras_fcn.runs.plain_yaml import DEEPEST, MOST_CHARACTERS

from ..conftest import write_small_voc

pytestmark = pytest.mark.fault(25)

FIELDS = sorted(RunConfig.__dataclass_fields__)

# What would be seen if something ran: Python tells of each before it happens.
RUNNING = {
    *("compile", "exec", "import", "os.exec", "os.fork", "os.posix_spawn", "os.spawn"),
    *("os.system", "os.remove", "os.rename", "shutil.rmtree", "socket.connect"),
    *("subprocess.Popen", "pickle.find_class", "ctypes.dlopen"),
}
watched = None


def watch(event, arguments):
    if watched is None:
        return
    opens = event == "open" and not str(arguments[0]).endswith(CONFIG)
    if opens or event in RUNNING:
        watched.append((event, arguments))


sys.addaudithook(watch)  # for good: there is no way to remove one
RunConfig.from_yaml("lr: 1")  # Python compiles the types of the fields, once


class Quiet:
    """Within it nothing may run, and no file but the configuration be opened."""

    def __enter__(self):
        global watched
        watched = self.seen = []

    def __exit__(self, kind, *_):
        global watched
        watched = None
        assert not self.seen, self.seen


def test_what_runs_is_seen():
    with pytest.raises(AssertionError, match=r"os\.system"), Quiet():
        __import__("os").system("true")
    with pytest.raises(AssertionError, match="'open'"), Quiet():
        open(__file__).close()  # noqa: PTH123


@pytest.fixture
def read(tmp_path):
    """Write a configuration and read it as that of a run folder."""

    def written_and_read(content):
        data = content if isinstance(content, bytes) else content.encode()
        (tmp_path / CONFIG).write_bytes(data)
        with Quiet():
            return read_config(tmp_path)

    return written_and_read


def bomb(levels=12, width=10):
    """Aliases of aliases: a few hundred bytes that are a thousand million names."""
    lines = [f"a0: &a0 [{', '.join(['x'] * width)}]"]
    for level in range(1, levels):
        names = ", ".join([f"*a{level - 1}"] * width)
        lines.append(f"a{level}: &a{level} [{names}]")
    return "\n".join([*lines, f"class_names: *a{levels - 1}"])


# Each with what the message must tell, beside the file.
SYNTAX = {
    "os.system": ("\nlr: !!python/object/apply:os.system ['exit 3']", "line 2: "),
    "eval": ("lr: !!python/object/apply:eval ['1']", "line 1: "),
    "exec": ("lr: !!python/object/apply:builtins.exec ['1']", "line 1: "),
    "subprocess": (
        "a: 1\nb: !!python/object/new:subprocess.Popen [[ls]]",
        "line 2: ",
    ),
    "object": ("!!python/object:keras.Model {}", "line 1: "),
    "name": ("lr: !!python/name:os.system", "line 1: "),
    "module": ("lr: !!python/module:os", "line 1: "),
    "tuple": ("scale_range: !!python/tuple [1, 2]", "line 1: "),
    "local tag": ("lr: !secret 3", "line 1: "),
    "unknown handle": ("lr: !e!x 3", "line 1: "),
    "aliases of aliases": (bomb(), "line 2: an alias"),
    "an alias of itself": ("class_names: &a [*a]", "line 1: an alias"),
    "an alias of nothing": ("lr: *nothing", "line 1: an alias"),
    "a merged alias": ("environment: &a {b: 1}\n<<: *a", "line 2: an alias"),
    "deep lists": ("lr: " + "[" * 100_000, "line 1: lists more than"),
    "deep mappings": ("lr: " + "{a: " * 25_000, "line 1: lists more than"),
    "deep blocks": (
        "\n".join("  " * n + "a:" for n in range(200)),
        f"line {DEEPEST}: lists more than",
    ),
    "nine lists": ("\nlr: " + "[" * 9 + "]" * 9, "line 2: lists more than"),
    "huge": ("#" * (MOST_CHARACTERS + 1), "at most"),
    "huge int": ("epochs: " + "9" * 100_000, "line 1: more than"),
    "huge hexadecimal int": ("epochs: 0x" + "f" * 100_000, "line 1: more than"),
    "huge sexagesimal int": ("epochs: 1" + ":59" * 30_000, "line 1: more than"),
    "huge float": ("lr: ." + "9" * 100_000, "line 1: more than"),
    "huge binary": ("lr: !!binary " + "A" * 100_000, "line 1: more than"),
    "a key twice": ("lr: 0.1\nepochs: 2\nlr: 0.2", "line 3: 'lr' again"),
    "a quoted key twice": ('lr: 0.1\n"lr": 0.2', "line 2: 'lr' again"),
    "tab": ("lr: 1\n\tepochs: 2", "line 2: "),
    "NUL": ("lr: 1\nepochs: \0", "line 2: the character '\\x00'"),
    "escape": ("lr: 1\nepochs: \x1b[2J", "line 2: the character '\\x1b'"),
    "lone surrogate": ('"\\ud800": 1', "Received"),
    "open list": ("epochs: [", "line 1: "),
    "open text": ("epochs: 1\nlr: 'a", "line 2: "),
    "two documents": ("lr: 0.1\n---\nlr: 0.2", "line 2: "),
    "a list as key": ("? [a]\n: 1", "line 1: "),
    "a mapping as key": ("? {a: 1}\n: 1", "line 1: "),
    "bool of no bool": ("augment: !!bool perhaps", "line 1: no value of the type"),
    "int of no int": ("\nepochs: !!int many", "line 2: no value of the type"),
    "float of no float": ("lr: !!float small", "line 1: no value of the type"),
    "time of no time": ("lr: !!timestamp soon", "line 1: no value of the type"),
    "a day that is none": ("lr: 2026-02-31", "line 1: no value of the type"),
    "set of a list": ("lr: !!set [a]", "line 1: "),
    "pairs of a text": ("lr: !!pairs a", "line 1: "),
    "two sentences": ("lr: a: b", "line 1: "),
    "percent": ("%YAML 9.9\n---\nlr: 1", "line 1: "),
    "Latin-1": (b"data_dir: \xe9t\xe9", "utf-8"),
    "UTF-16": ("lr: 0.1".encode("utf-16"), "utf-8"),
    "bytes": (bytes(range(256)), "utf-8"),
}
MEANING = {
    "nothing": ("", "NoneType"),
    "only a comment": ("# lr: 1", "NoneType"),
    "a text": ("lr", "str"),
    "a list": ("- lr: 1", "list"),
    "a number": ("1", "int"),
    "an int as key": ("1: 2", "Received: 1"),
    "no key": ("null: 2", "Received: None"),
    "a day as key": ("2026-01-01: 2", "datetime.date"),
    "an unknown name": ("lear_rate: 1", "'lear_rate'"),
    "a private name": ("__class__: str", "'__class__'"),
    "a method": ("build: 1", "'build'"),
    "a terminal's command": ('"\\e[2J": 1', r"'\x1b[2J'"),
    "a long name": (f"? {'a' * 100_000}\n: 1", "..."),
    "class names that are numbers": ("class_names: [1, 2]", "class_names=[1, 2]"),
    "class names of two kinds": ("class_names: [cat, 2]", "class_names=['cat', 2]"),
    "class names in lists": ("class_names: [[cat]]", "class_names=[['cat']]"),
    "class names that are none": ("class_names: [~]", "class_names=[None]"),
    "class names, bare words": ("class_names: [yes, no]", "class_names=[True, False]"),
    "a class name alone": ("class_names: cat", "class_names='cat'"),
    "class names by number": ("class_names: {0: cat}", "class_names={0: 'cat'}"),
    "one factor": ("scale_range: [1]", "scale_range=[1]"),
    "three factors": ("scale_range: [1, 2, 3]", "scale_range=[1, 2, 3]"),
    "factors in words": ("scale_range: [a, b]", "scale_range=['a', 'b']"),
    "factors that are true": ("scale_range: [true, true]", "scale_range=[True, True]"),
    "falling factors": ("scale_range: [2, 1]", "scale_range=(2, 1)"),
    "factors that are no numbers": ("scale_range: [.nan, 1]", "scale_range=[nan, 1]"),
    "an endless factor": ("scale_range: [1, .inf]", "scale_range=[1, inf]"),
    "no number": ("lr: .nan", "lr=nan"),
    "no end": ("lr: .inf", "lr=inf"),
    "no end of digits": ("lr: 1.0e+400", "lr=inf"),
    "minus no end": ("weight_decay: -.inf", "weight_decay=-inf"),
    "a width of no number": ("width: .nan", "width=nan"),
    "a share that is no number": ("val_share: .nan", "val_share=nan"),
    "YAML 1.2's float, a text in 1.1": ("lr: 1e-4", "lr='1e-4'"),
    "an int that is true": ("epochs: true", "epochs=True"),
    "an int with a fraction": ("epochs: 1.0", "epochs=1.0"),
    "no int": ("epochs: ~", "epochs=None"),
    "a bool that is 1": ("augment: 1", "augment=1"),
    "bytes": ("model: !!binary AAAA", r"model=b'\x00\x00\x00'"),
    "a day": ("from_run: 2026-01-01", "datetime.date"),
    "a set": ("weights: !!set {a}", "weights={'a'}"),
    "a network that is a list": ("model: [fcn8s]", "model=['fcn8s']"),
    "a backbone that is a path": ("backbone: ../../x", "backbone='../../x'"),
    "a backbone that is no network": ("backbone: load_model", "'load_model'"),
    "a negative seed": ("seed: -1", "seed=-1"),
    "a data set without its folder": ("dataset: voc", "data_dir=None"),
    "folders of another data set": ("images: /etc", "images='/etc'"),
}
HAND = SYNTAX | {f"{name} ": case for name, case in MEANING.items()}


@pytest.mark.parametrize("name", HAND)
def test_a_hostile_configuration_is_refused_by_name(name, read, tmp_path):
    content, told = HAND[name]
    start = time.perf_counter()
    with pytest.raises(ValueError, match=re.escape(told)) as error:
        read(content)
    assert time.perf_counter() - start < 1
    assert repr(str(tmp_path / CONFIG)) in str(error.value)
    assert len(str(error.value)) < 1000
    assert str(error.value).isprintable()


def test_there_are_more_than_fifty_of_them(record_property):
    assert len(HAND) >= 50
    record_property("cases", len(HAND))


@pytest.mark.parametrize("name", FIELDS)
def test_a_value_of_another_type_is_refused_in_every_field(name, read):
    for value in ({"a": 1}, [[1]], b"\0", [None], {"a", "b"}):
        with pytest.raises(ValueError, match=name):
            read(yaml.safe_dump({name: value}))


VALID = {
    "a byte order mark": (b"\xef\xbb\xbflr: 0.5", {"lr": 0.5}),
    "lines of Windows": ("lr: 0.5\r\nepochs: 3\r\n", {"lr": 0.5, "epochs": 3}),
    "JSON": ('{"lr": 0.5, "class_names": ["a"]}', {"lr": 0.5, "class_names": ("a",)}),
    "an unused anchor": ("lr: &a 0.5", {"lr": 0.5}),
    "a merged mapping": ("<<: {lr: 0.5}\nepochs: 3", {"lr": 0.5, "epochs": 3}),
    "an int for a float": ("lr: 1", {"lr": 1}),
    "an environment of anything": ("environment: [[1]]\nlr: 1", {"lr": 1}),
    "paths": (
        "weights: /etc/passwd\nfrom_run: ../../../root\nlr: 1",
        {"weights": "/etc/passwd", "from_run": "../../../root"},
    ),
    "a text like a command": ("from_run: $(reboot)", {"from_run": "$(reboot)"}),
}


@pytest.mark.parametrize("name", VALID)
def test_what_is_only_unusual_is_read(name, read):
    content, expected = VALID[name]
    config = read(content)
    assert {name: getattr(config, name) for name in expected} == expected


def test_a_configuration_is_told_where_its_weights_are_by_its_folder(read, tmp_path):
    read(f"weights: {tmp_path / 'other.safetensors'}\nclass_names: [a, b]\nwidth: 0.01")
    (tmp_path / "other.safetensors").touch()
    with pytest.raises(FileNotFoundError, match=r"best\.safetensors"):
        load_run(tmp_path)


def test_a_bomb_costs_no_more_memory_than_its_text(tmp_path):
    (tmp_path / CONFIG).write_text(bomb(levels=60, width=60))
    tracemalloc.start()
    try:
        with pytest.raises(ValueError, match="an alias"):
            read_config(tmp_path)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 3e6


@pytest.mark.parametrize(
    "part",
    [
        "a: ",
        "- ",
        "? ",
        "[a],",
        "'",
        "a\n",
        "#\n",
        "&a ",
        "!a ",
        "|\n",
        "\\",
        "a ",
        "0",
    ],
)
def test_the_longest_text_takes_seconds_at_most(part, read):
    start = time.perf_counter()
    with pytest.raises(ValueError, match=CONFIG):
        read((part * MOST_CHARACTERS)[:MOST_CHARACTERS])
    assert time.perf_counter() - start < 10


@pytest.mark.skipif(not hasattr(os := __import__("os"), "mkfifo"), reason="no pipes")
def test_what_is_no_file_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / CONFIG)
    with pytest.raises(FileNotFoundError, match=CONFIG):
        read_config(tmp_path)


# Whatever comes


@pytest.fixture(autouse=True)
def _count(request, record_property):
    if getattr(request.function, "is_hypothesis_test", False):
        record_property("cases", settings().max_examples)


def require_name(file, error):
    assert repr(str(file)) in str(error)


def refused_or_valid(content):
    try:
        config = RunConfig.from_yaml(content)
    except ValueError:
        return
    assert isinstance(config, RunConfig)
    assert all(isinstance(name, str) for name in config.class_names)
    assert RunConfig.from_yaml(config.to_yaml()) == config


SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
    | st.dates()
    | st.binary(max_size=8)
    | st.sampled_from(["fcn8s", "voc", "shapes", "adam", "sum", "same", "none", "/"])
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(SCALARS, inner, max_size=3)
    ),
    max_leaves=12,
)
PIECES = st.sampled_from(
    [
        *("[", "]", "{", "}", ": ", "- ", "? ", "\n", "  ", "&a ", "*a", "!!int ", "!"),
        *("|", ">", "'", '"', "%", "---", "...", "<<", "#", "@", "`", "\t", "\\", ","),
        *("!!python/object/apply:os.system ", "!!bool ", "!!timestamp ", "!!set "),
        *("lr", "class_names", "scale_range", "1", ".nan", "0x", "2026-01-01", "~"),
    ]
)


@given(st.text() | st.lists(PIECES | st.text(max_size=3), max_size=25).map("".join))
def test_any_text_is_refused_or_a_configuration(text):
    with Quiet():
        refused_or_valid(text)


@given(st.dictionaries(st.sampled_from(FIELDS) | SCALARS, VALUES, max_size=4))
def test_any_structure_is_refused_or_a_configuration(structure):
    text = yaml.safe_dump(structure, allow_unicode=True)
    with Quiet():
        refused_or_valid(text)


@given(st.binary(max_size=200))
def test_any_bytes_are_refused_by_name_or_a_configuration(tmp_path_factory, content):
    folder = tmp_path_factory.getbasetemp()
    (folder / CONFIG).write_bytes(content)
    try:
        with Quiet():
            read_config(folder)
    except ValueError as error:
        require_name(folder / CONFIG, error)


# The other texts that users write: each with the exceptions that its docstring names

TEXTS = (
    st.binary(max_size=60)
    | st.text(max_size=60).map(lambda text: text.encode("utf-8", "surrogatepass"))
    | st.lists(
        st.sampled_from(
            [
                *("a", "cat", "background", "void", "__ignore__", ":", ",", "#", "\n"),
                *(
                    "0,0,0",
                    "255",
                    "256",
                    "-1",
                    "::",
                    "²",
                    "\r",
                    "\x85",
                    "\0",
                    " ",
                    "\t",
                ),
                *("\ufeff", "../../x", "a/b", "/etc/passwd", "9" * 5000),
            ]
        ),
        max_size=20,
    ).map(lambda parts: "".join(parts).encode())
)


@given(TEXTS)
def test_any_label_map_is_refused_by_name_or_read(tmp_path_factory, content):
    file = tmp_path_factory.getbasetemp() / "labelmap.txt"
    file.write_bytes(content)
    try:
        found = read_label_names(file)
    except ValueError as error:
        require_name(file, error)
        return
    assert isinstance(found, LabelMap)
    assert len(set(found.class_names)) == len(found.class_names) > 0
    assert all(name.strip() == name for name in found.class_names)
    labels = {*range(len(found.class_names)), 255}
    assert set(found.colours.values()) <= labels
    assert all(len(c) == 3 and max(c) <= 255 and min(c) >= 0 for c in found.colours)


@given(TEXTS)
def test_any_split_list_is_refused_by_name_or_read(tmp_path_factory, content):
    folder = tmp_path_factory.getbasetemp()
    (folder / "odd.txt").write_bytes(content)
    try:
        names = read_list(folder, "odd")
    except ValueError as error:
        require_name(folder / "odd.txt", error)
        return
    assert names == tuple(dict.fromkeys(name.strip() for name in names if name.strip()))


@pytest.fixture(scope="module")
def listed(tmp_path_factory):
    """A small VOC folder, and beside it a photo and a mask that are none of its own."""
    root = write_small_voc(tmp_path_factory.mktemp("voc"))
    for folder in ("JPEGImages", "SegmentationClass"):
        file = next((root / folder).iterdir())
        (root.parent / f"outside{file.suffix}").write_bytes(file.read_bytes())
    return root


@given(content=TEXTS)
def test_a_split_list_leads_to_no_file_outside(listed, content):
    (listed / "ImageSets" / "Segmentation" / "odd.txt").write_bytes(content)
    try:
        source = VOCSegmentation(listed, "odd")
    except (ValueError, FileNotFoundError):
        return
    for file in source.images + source.labels:
        assert file.resolve().is_relative_to(listed.resolve())


@pytest.mark.parametrize("name", ["../../outside", "/etc/passwd", "../JPEGImages/x"])
def test_a_name_that_leads_elsewhere_is_missing(name, listed):
    file = listed / "ImageSets" / "Segmentation" / "odd.txt"
    file.write_text(f"{name}\n")
    with pytest.raises(FileNotFoundError, match=re.escape(name)):
        VOCSegmentation(listed, "odd")


JSONS = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=5)
    | st.sampled_from(["cat", "polygon", "mask", "AAAA"]),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=8,
)
SHAPES = st.fixed_dictionaries(
    {},
    optional={
        "label": JSONS,
        "shape_type": st.sampled_from(
            ["polygon", "rectangle", "circle", "line", "linestrip", "point", "mask"]
        )
        | JSONS,
        "points": st.lists(st.tuples(st.floats(), st.floats()), max_size=4) | JSONS,
        "mask": JSONS,
    },
)
LABELMES = (
    st.fixed_dictionaries(
        {
            "imageHeight": st.integers(-1, 9) | JSONS,
            "imageWidth": st.integers(-1, 9) | JSONS,
            "shapes": st.lists(SHAPES | JSONS, max_size=3) | JSONS,
        }
    )
    | JSONS
)


@given(LABELMES.map(lambda data: json.dumps(data).encode()) | TEXTS)
def test_any_labelme_file_is_refused_by_name_or_drawn(tmp_path_factory, content):
    file = tmp_path_factory.getbasetemp() / "odd.json"
    file.write_bytes(content)
    try:
        label = read_polygons(file, ["background", "cat"])
    except ValueError as error:
        require_name(file, error)
        return
    assert label.dtype == np.uint8
    assert set(np.unique(label)) <= {0, 1, 255}


@given(LABELMES.map(lambda data: json.dumps(data).encode()) | TEXTS)
def test_a_folder_with_any_labelme_file_is_refused_or_opened(tmp_path_factory, content):
    folder = tmp_path_factory.getbasetemp() / "odd folder"
    folder.mkdir(exist_ok=True)
    (folder / "a.jpg").touch()
    (folder / "a.json").write_bytes(content)
    try:
        source = FolderSegmentation(folder, folder)
    except (ValueError, FileNotFoundError):
        return
    assert all(isinstance(name, str) for name in source.class_names)

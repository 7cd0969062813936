"""Every block of code in the documentation is run, and every file it points to exists.

`python` blocks are executed; `pycon` blocks too, and what they print is compared; so
are the `keras-fcn` commands of `console` blocks. The blocks of one page share their
names and a working folder, from top to bottom.
"""

import doctest
import importlib.util
import re
import shlex
import sys
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
import scipy.io
from PIL import Image

from keras_fcn.geometry import from_pytorch
from keras_fcn.pictures import draw_matrix, draw_overlap, draw_views, draw_windows
from keras_fcn.pictures.cells import Sheet
from keras_fcn.transposed import conv_transpose, convolution_matrix

from ..conftest import write_voc

DOCS = Path(__file__).parents[2] / "docs"
PAGES = sorted(
    page
    for page in DOCS.rglob("*.md")
    if not {"_build", "tables"} & set(page.relative_to(DOCS).parts)
)
FENCED = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
IMAGE = re.compile(r"!\[([^\]]*)\]\(([^)]+)\)")
LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)]+)\)")
INCLUDE = re.compile(r"^```\{include\} (\S+)", re.MULTILINE)


def name_of(page):
    return page.relative_to(DOCS).as_posix()


every_page = pytest.mark.parametrize("page", PAGES, ids=name_of)


def module(name):
    """A module of the folder `docs`, which is no package."""
    spec = importlib.util.spec_from_file_location(name, DOCS / f"{name}.py")
    loaded = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(loaded)
    return loaded


def draw_into(folder):
    """Figures and tables in a folder that stands for `docs`."""
    module("make_tables").generate(folder / "tables")
    return module("make_figures").generate(folder / "figures")


OWN_IMAGES = module("make_own_images")
# What may stand in a `console` block; only the first is run here.
PROGRAMS = ("keras-fcn", "make", "pip", ".ci/run")


class Followed(NamedTuple):
    """What came of following a page: what is wrong with it, and all it printed."""

    failures: list[str]
    printed: str


def follow(text, name):
    """Do what a page says, from top to bottom, in the working folder."""
    names, failures, printed = {}, [], []
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS, verbose=False)
    for block in OWN_IMAGES.blocks_of(text):
        where = f"{name}, line {block.line}"
        if block.mark:
            assert block.reason, f"{where}: `{block.mark}` needs a reason"
        if block.mark == "not run":
            print(f"{where}: not run, for it {block.reason}")
        elif block.mark == "needs" and not importlib.util.find_spec(block.of_mark):
            print(f"{where}: not run without {block.of_mark}")
        elif block.language == "python":
            exec(compile("\n" * block.line + block.code, name, "exec"), names)
        elif block.language == "pycon":
            test = doctest.DocTestParser().get_doctest(
                block.code, names, name, name, block.line
            )
            test.globs = names  # not a copy: later blocks go on with these names
            runner.run(test, out=failures.append, clear_globs=False)
        else:
            expected = int(block.of_mark) if block.mark == "exits" else 0
            for command in OWN_IMAGES.commands_of(block.code):
                assert command.words[0] in PROGRAMS, f"{where}: {command.words[0]}"
                if command.words[0] != "keras-fcn":
                    continue
                status, output = OWN_IMAGES.run(command.words)
                printed.append(output)
                said = f"{where}: {shlex.join(command.words)}\n"
                if status != expected:
                    failures.append(
                        f"{said}exit status {status}, not {expected}\n{output}"
                    )
                failures += [
                    f"{said}was not printed: {line}\n{output}"
                    for line in OWN_IMAGES.missing_lines(command.shown, output)
                ]
    return Followed(failures, "".join(printed))


def failures_of(text, name):
    return follow(text, name).failures


@pytest.fixture(scope="module")
def generated(tmp_path_factory):
    folder = tmp_path_factory.mktemp("docs")
    draw_into(folder)
    return folder


@pytest.fixture(autouse=True)
def without_bytecode(monkeypatch):
    monkeypatch.setattr(sys, "dont_write_bytecode", True)


# Code


@every_page
def test_the_code_of_a_page_runs_and_prints_what_stands_there(
    page, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)  # some blocks write files
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    text = page.read_text(encoding="utf-8")
    if "skimage" in text:
        pytest.importorskip("skimage", reason="the page needs scikit-image")
    if page.name == "data_sets.md":
        write_published(tmp_path / "data")
    followed = follow(text, name_of(page))
    assert not followed.failures, "".join(followed.failures)
    said = words(followed.printed)
    for message in messages_of(text):
        pattern = ".*".join(map(re.escape, words(message).split("...")))
        assert re.search(pattern, said), message
    if page == OWN_IMAGES.PAGE:
        OWN_IMAGES.keep(tmp_path)  # all figures are there, and `make docs` has them


def words(text):
    return " ".join(text.split())


def messages_of(text):
    """What a page says that the program says: the first column under `message`."""
    table = re.search(r"^\| message \|.*\n\|.*\n((?:\|.*\n)+)", text, re.MULTILINE)
    rows = table[1].splitlines() if table else []
    codes = [
        re.fullmatch(r"(`+) ?(.+?) ?\1", row.split("|")[1].strip()) for row in rows
    ]
    assert all(codes), rows
    return [code[2] for code in codes]


def write_published(folder):
    """Write four samples of VOC and of SBD, laid out as they are published."""
    names = ["2007_000033", "2008_000002", "2009_000003", "2010_000004"]
    label = np.zeros((40, 52), "uint8")
    label[10:25, 8:30] = 15
    labels = dict.fromkeys(names, label)
    for year in ("VOC2011", "VOC2012"):
        splits = {"train": names[:2], "val": names[2:]}
        write_voc(folder / "VOCdevkit" / year, labels, splits)
    root = folder / "benchmark_RELEASE" / "dataset"
    for part in ("img", "cls"):
        (root / part).mkdir(parents=True)
    for name in names[:3]:
        Image.new("RGB", (52, 40)).save(root / "img" / f"{name}.jpg")
        content = {"GTcls": {"Segmentation": label}}
        scipy.io.savemat(root / "cls" / f"{name}.mat", content)
    (root / "train.txt").write_text(f"{names[1]}\n{names[2]}\n")
    (root / "val.txt").write_text(f"{names[0]}\n")


def test_the_pages_that_explain_have_code():
    explaining = {
        "why_transposed.md": 20,
        "deconvolution.md": 15,
        "sizes_and_conventions.md": 15,
        "checkerboard.md": 8,
        "ko/why_transposed.md": 20,
        "ko/deconvolution.md": 12,
        "own_images.md": 30,
        "data_sets.md": 5,
    }
    for name, least in explaining.items():
        blocks = OWN_IMAGES.blocks_of((DOCS / name).read_text(encoding="utf-8"))
        assert len(blocks) >= least, name


def test_a_wrong_output_is_noticed():
    page = "```python\na = 1\n```\n\n```pycon\n>>> a\n2\n```\n"
    (failure,) = failures_of(page, "page.md")
    assert "Expected:\n    2\nGot:\n    1" in failure


def test_an_error_in_a_later_block_is_noticed():
    page = "```pycon\n>>> a = 1\n```\n\n```python\nassert a == 2\n```\n"
    with pytest.raises(AssertionError):
        failures_of(page, "page.md")


def console(*lines, mark=""):
    return "\n".join([mark, "```console", *lines, "```", ""]).lstrip("\n")


def test_commands_run_in_the_folder_in_which_python_wrote(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_voc(tmp_path / "voc", {"a": np.ones((9, 8)), "b": np.ones((9, 8))}, {})
    page = "```python\nimport os; os.rename('voc', 'own')\n```\n"
    page += console(
        "$ keras-fcn data info voc \\", "    --data-dir own", "...", "│ void ... │"
    )
    assert failures_of(page, "page.md") == []


def test_a_command_that_fails_is_noticed():
    page = console("$ keras-fcn data info voc --data-dir nowhere")
    (failure,) = failures_of(page, "page.md")
    assert "exit status 1, not 0" in failure
    assert "There is no folder 'nowhere'" in failure


def test_a_command_that_must_fail_and_does_not_is_noticed():
    page = console("$ keras-fcn --version", mark="<!-- exits 1: it should -->")
    (failure,) = failures_of(page, "page.md")
    assert "exit status 0, not 1" in failure


@pytest.mark.parametrize(
    ("shown", "missing"),
    [
        (["one", "three"], []),
        (["two ... words"], []),
        (["two"], ["two"]),  # the whole line
        (["three", "one"], ["one"]),  # in this order
        (["...", "four", "three"], ["four"]),
    ],
)
def test_lines_that_were_not_printed_are_noticed(shown, missing):
    printed = "one\n  two and more words\nthree\n"
    assert OWN_IMAGES.missing_lines(shown, printed) == missing


def test_what_is_not_run_has_a_reason(capsys):
    page = console("$ keras-fcn nonsense", mark="<!-- not run: is nonsense -->")
    assert failures_of(page, "page.md") == []
    assert "not run, for it is nonsense" in capsys.readouterr().out
    with pytest.raises(AssertionError, match="needs a reason"):
        failures_of(page.replace("is nonsense", ""), "page.md")


def test_a_program_that_nobody_runs_is_noticed():
    with pytest.raises(AssertionError, match="line 1: rm"):
        failures_of(console("$ rm -r /"), "page.md")


def test_messages_are_those_of_the_table():
    page = (
        "| message | cause |\n| --- | --- |\n| `one: ...` | a |\n| `` `two` `` | b |\n"
    )
    assert messages_of(page) == ["one: ...", "`two`"]


def test_code_has_no_other_language_tag():
    # `text` is not run; anything else would be forgotten.
    known = {"python", "pycon", "console", "text", "{include}", "{toctree}"}
    for page in PAGES:
        tags = re.findall(r"^```([^\s`]+)", page.read_text(encoding="utf-8"), re.M)
        assert set(tags) <= known, page


# Figures, links


@every_page
def test_every_relative_target_exists(page, generated):
    text = page.read_text(encoding="utf-8")
    included = INCLUDE.findall(text)
    text = FENCED.sub("", text)
    images = [target for _, target in IMAGE.findall(text)]
    for target in included + images + LINK.findall(text):
        if target.startswith(("http", "#")):
            continue
        path = (page.parent / target.split("#")[0]).resolve()
        place = path.relative_to(DOCS.resolve()) if path.is_relative_to(DOCS) else path
        if place.name == "deconvolution.png" and not importlib.util.find_spec(
            "skimage"
        ):
            continue  # drawn where scikit-image is
        if place.name in OWN_IMAGES.FIGURES:
            continue  # the test of its page has seen it
        if place.parts[0] == "gallery":  # made of the tutorials
            script = DOCS / "tutorials" / place.with_suffix(".py").name
            assert script.is_file() or place.stem == "index", target
            continue
        assert path.is_file() or (generated / place).is_file(), target


@every_page
def test_every_picture_is_put_into_words(page):
    text = FENCED.sub("", page.read_text(encoding="utf-8"))
    for words, target in IMAGE.findall(text):
        assert len(words) >= 20, target


def test_every_figure_is_shown_on_a_page(generated):
    shown = {
        Path(target).name
        for page in PAGES
        for _, target in IMAGE.findall(page.read_text(encoding="utf-8"))
    }
    made = {file.name for file in (generated / "figures").iterdir()}
    assert made | OWN_IMAGES.FIGURES.keys() <= shown


def test_the_same_code_draws_the_same_bytes(generated, tmp_path, monkeypatch):
    figures = module("make_figures")
    monkeypatch.setattr(figures, "find_spec", lambda name: None)  # not the slow one
    for file in figures.generate(tmp_path):
        drawn = (generated / "figures" / file.name).read_bytes()
        assert file.read_bytes() == drawn, file.name


def test_korean_pages_show_the_figures_of_the_english_ones():
    for name in ("why_transposed.md", "deconvolution.md"):
        english, korean = (
            [Path(t).name for _, t in IMAGE.findall(page.read_text(encoding="utf-8"))]
            for page in (DOCS / name, DOCS / "ko" / name)
        )
        assert english == korean


# Drawings: the numbers that stand in them are those of the library


@pytest.fixture
def grids(monkeypatch):
    """Everything that is drawn as a grid, by its title."""
    drawn = {}
    draw = Sheet.grid

    def record(self, row, column, texts, colours="#F3F3F3", title=""):
        drawn.setdefault(title.split("   ")[0], []).append((np.array(texts), colours))
        draw(self, row, column, texts, colours, title)

    monkeypatch.setattr(Sheet, "grid", record)
    return drawn


def numbers(texts):
    return np.array([[float(text or 0) for text in line] for line in texts])


@pytest.mark.parametrize(
    ("size", "shape", "arguments"),
    [
        ((3, 2), (4, 5), {}),
        ((2, 3), (5, 4), {"strides": 2, "padding": 1}),
        ((2, 2), (5, 5), {"dilation_rate": 2, "padding": "same"}),
        ((3,), (9,), {"strides": 3, "padding": "same"}),
    ],
)
def test_a_drawn_matrix_holds_the_weights_in_the_colours_of_their_taps(
    size, shape, arguments, grids, tmp_path, rng
):
    kernel = rng.permutation(np.arange(1, 10))[: np.prod(size)].reshape(size)
    draw_matrix(kernel, shape, tmp_path / "matrix.svg", **arguments)
    matrix = convolution_matrix(kernel[..., None, None], (*shape, 1), **arguments)
    ((weights, of_taps),) = grids["$w$"]
    ((drawn, colours),) = grids["$C$"]
    ((turned, _),) = grids["$C^T$"]
    np.testing.assert_array_equal(numbers(drawn), matrix.toarray())
    np.testing.assert_array_equal(turned, drawn.T)
    colour_of = dict(zip(weights.flat, of_taps.flat, strict=True))
    assert len(set(colour_of.values())) == kernel.size
    for weight, colour in zip(drawn.flat, colours.flat, strict=True):
        assert not weight or colour == colour_of[weight]


@pytest.mark.parametrize(
    ("y_shape", "size", "s"),
    [
        ((2, 2), (3, 3), 1),
        ((2, 3), (3, 2), 2),
        ((2, 2), (2, 2), 3),
        ((1, 1), (1, 3), 2),
    ],
)
def test_all_views_show_the_same_result(y_shape, size, s, grids, tmp_path, rng):
    y, kernel = rng.integers(-9, 10, y_shape), rng.integers(-9, 10, size)
    draw_views(y, kernel, tmp_path / "views.svg", strides=s)
    image = conv_transpose(
        y[..., None], kernel[..., None, None], strides=s, padding=0, method="scatter"
    )[..., 0]
    results = [numbers(texts) for texts, _ in grids["$C^T y$"]]
    assert len(results) == 4  # the gradient is that of one pixel
    for result in results:
        np.testing.assert_array_equal(result.reshape(image.shape), image)
    # Everything else without a title: plates that add up, the turned kernel, phases.
    plates = [numbers(t) for t, _ in grids[""] if t.shape == image.shape][: y.size]
    np.testing.assert_array_equal(sum(plates), image)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda p: draw_matrix(np.ones((3, 3, 1, 1)), (4, 4), p), r"\(3, 3, 1, 1\)"),
        (lambda p: draw_matrix(np.ones((3, 3)), (40, 40), p), "1444 x 1600"),
        (lambda p: draw_views([1], [[1]], p), r"`y` .*\(1,\)"),
        (lambda p: draw_views([[1]], [[1]], p, views=["pain"]), 'mean "paint"'),
        (lambda p: draw_views(np.ones((9, 9)), np.ones((3, 3)), p), "81 pixels"),
        (lambda p: draw_windows({}, p), "something to draw"),
        (lambda p: draw_overlap({}, p, strides=2), "something to draw"),
        (
            lambda p: draw_windows({"": from_pytorch(2, 2)}, p.with_suffix(".gif")),
            "drawing.gif",
        ),
    ],
)
def test_what_cannot_be_drawn_is_said(call, message, tmp_path):
    with pytest.raises(ValueError, match=message):
        call(tmp_path / "drawing.svg")
    assert not list(tmp_path.iterdir())

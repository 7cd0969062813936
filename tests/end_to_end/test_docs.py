"""Every block of code in the documentation is run, and every file it points to exists.

`python` blocks are executed; `pycon` blocks too, and what they print is compared. The
blocks of one page share their names, from top to bottom.
"""

import doctest
import importlib.util
import re
import sys
from pathlib import Path

import numpy as np
import pytest

from keras_fcn.geometry import from_pytorch
from keras_fcn.pictures import draw_matrix, draw_overlap, draw_views, draw_windows
from keras_fcn.pictures.cells import Sheet
from keras_fcn.transposed import conv_transpose, convolution_matrix

DOCS = Path(__file__).parents[2] / "docs"
PAGES = sorted(
    page
    for page in DOCS.rglob("*.md")
    if not {"_build", "tables"} & set(page.relative_to(DOCS).parts)
)
BLOCK = re.compile(r"^```(python|pycon)\n(.*?)^```", re.MULTILINE | re.DOTALL)
FENCED = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
IMAGE = re.compile(r"!\[([^\]]*)\]\(([^)]+)\)")
LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)]+)\)")
INCLUDE = re.compile(r"^```\{include\} (\S+)", re.MULTILINE)


def name_of(page):
    return page.relative_to(DOCS).as_posix()


every_page = pytest.mark.parametrize("page", PAGES, ids=name_of)


def failures_of(text, name):
    """Run a page; return what its examples said instead of what stands there."""
    names, failures = {}, []
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS, verbose=False)
    for block in BLOCK.finditer(text):
        language, code = block.groups()
        line = text.count("\n", 0, block.start()) + 1
        if language == "python":
            exec(compile("\n" * line + code, name, "exec"), names)
        else:
            test = doctest.DocTestParser().get_doctest(code, names, name, name, line)
            test.globs = names  # not a copy: later blocks go on with these names
            runner.run(test, out=failures.append, clear_globs=False)
    return failures


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
    text = page.read_text(encoding="utf-8")
    if "skimage" in text:
        pytest.importorskip("skimage", reason="the page needs scikit-image")
    failures = failures_of(text, name_of(page))
    assert not failures, "".join(failures)


def test_the_pages_that_explain_have_code():
    explaining = {
        "why_transposed.md": 20,
        "deconvolution.md": 15,
        "sizes_and_conventions.md": 15,
        "checkerboard.md": 8,
        "ko/why_transposed.md": 20,
        "ko/deconvolution.md": 12,
    }
    for name, least in explaining.items():
        blocks = BLOCK.findall((DOCS / name).read_text(encoding="utf-8"))
        assert len(blocks) >= least, name


def test_a_wrong_output_is_noticed():
    page = "```python\na = 1\n```\n\n```pycon\n>>> a\n2\n```\n"
    (failure,) = failures_of(page, "page.md")
    assert "Expected:\n    2\nGot:\n    1" in failure


def test_an_error_in_a_later_block_is_noticed():
    page = "```pycon\n>>> a = 1\n```\n\n```python\nassert a == 2\n```\n"
    with pytest.raises(AssertionError):
        failures_of(page, "page.md")


def test_code_has_no_other_language_tag():
    # `console` and `text` are not run; anything else would be forgotten.
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
    assert {file.name for file in (generated / "figures").iterdir()} <= shown


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

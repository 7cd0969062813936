"""The tutorials are what the gallery expects; `make docs` runs them, errors fatal."""

import importlib.util
import itertools
import re
import sys
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[2] / "docs"
SCRIPTS = sorted((DOCS / "tutorials").glob("*.py"))
HEADING = re.compile(r"^# (.+)\n# (---+)$", re.MULTILINE)
CELL = re.compile(r"^# %%$", re.MULTILINE)
PAGE = re.compile(r":doc:`[^`<]*</([^>]+)>`")
OFFLINE = re.compile(r"<\.\./((?:play|browser)/[^>]+)>")


def load_gallery():
    spec = importlib.util.spec_from_file_location(
        "make_gallery", DOCS / "make_gallery.py"
    )
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


GALLERY = load_gallery()
every_script = pytest.mark.parametrize(
    "script", SCRIPTS, ids=lambda script: script.stem
)


def words_of(script):
    """All that stands in the cells of words, without the signs of comments."""
    code = script.read_text(encoding="utf-8")
    lines = [line.removeprefix("#").strip() for line in code.splitlines()]
    return " ".join(lines)


def test_every_script_has_its_place_and_its_time():
    assert set(GALLERY.TUTORIALS) == {script.name for script in SCRIPTS}
    places = [GALLERY.place_of(name) for name in GALLERY.TUTORIALS]
    assert places == list(range(5))
    assert sum(GALLERY.TUTORIALS.values()) <= 120  # seconds; CI has no more


@every_script
def test_a_script_has_a_title_and_cells_of_words_and_of_code(script):
    code = script.read_text(encoding="utf-8")
    compile(code, script.name, "exec")
    _, title, line = code.split("\n")[:3]
    assert line == "=" * len(title), "the title of the page"
    _, *cells = CELL.split(code)
    assert len(cells) >= 8
    for cell in cells:
        words, _, rest = cell.strip("\n").partition("\n\n")
        assert words.startswith("# "), cell
        assert all(line.startswith("#") for line in words.splitlines()), cell
        assert rest or "From here" in words, cell
        for heading, underline in HEADING.findall(words):
            assert len(heading) == len(underline), heading
    assert "assert " in code  # what it claims is held by its own code


@every_script
def test_pictures_are_put_into_words(script):
    lines = script.read_text(encoding="utf-8").splitlines()
    shown = re.compile(r"(contact_sheet|comparison|sheet|Image\.open|drawn)\(")
    for above, line in itertools.pairwise(lines):
        if shown.match(line):
            assert len(above.removeprefix("# ")) >= 20, line


@every_script
def test_links_lead_to_pages(script):
    text = words_of(script)
    found = PAGE.findall(text)
    assert found
    for page in found:
        place = page.replace("gallery/", "tutorials/")
        suffix = ".py" if page.startswith("gallery/") else ".md"
        assert (DOCS / f"{place}{suffix}").is_file(), page
    for file in OFFLINE.findall(text):
        assert (DOCS / file).is_file(), file


def test_a_script_whose_package_is_missing_is_shown_and_not_run(monkeypatch):
    pattern = GALLERY.settings()["filename_pattern"]
    monkeypatch.setattr(
        GALLERY, "find_spec", lambda name: None if name == "torch" else name
    )
    without = GALLERY.settings()["filename_pattern"]
    run = [script.name for script in SCRIPTS if re.search(without, str(script))]
    assert set(GALLERY.TUTORIALS) - set(run) == {"plot_from_pytorch_to_keras.py"}
    if importlib.util.find_spec("torch"):
        assert all(re.search(pattern, str(script)) for script in SCRIPTS)


def test_an_image_at_the_end_of_a_cell_is_shown_with_its_words(tmp_path):
    pytest.importorskip("sphinx_gallery")
    from PIL import Image
    from sphinx_gallery.py_source_parser import Block

    code = "a = 1\n# Something red\n# to look at.\npicture\n"
    picture = Image.new("RGB", (3, 2), "red")
    file = tmp_path / "sphx_glr_red_001.png"
    variables = {
        "example_globals": {"___": picture},
        "image_path_iterator": iter([str(file)]),
    }
    conf = {"src_dir": str(tmp_path)}
    shown = GALLERY.show_picture(Block("code", code, 1), variables, conf)
    assert "red_001.png" in shown
    assert ":alt: Something red to look at." in shown
    with Image.open(file) as read:
        assert read.size == (3, 2)
    assert GALLERY.show_picture(Block("code", "a = 1\n", 1), variables, conf) == ""


@pytest.fixture(autouse=True)
def without_bytecode(monkeypatch):
    monkeypatch.setattr(sys, "dont_write_bytecode", True)

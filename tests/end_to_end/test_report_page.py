"""The page of a report in a browser: without a network, narrow, dark, by keyboard."""

import itertools
import re

import pytest

from ..unit.report_pages import HOSTILE, page_of, painted

LONG = "a_class_with_a_very_long_name_and_no_space_" * 3


@pytest.fixture
def write_page(tmp_path, rng):
    """Writes a page of painted photos; some classes are nowhere."""

    def write(class_names=HOSTILE, **options):
        source = painted(rng, 4, classes=4, **options)
        source.class_names = tuple(class_names)
        file = tmp_path / "report.html"
        file.write_text(page_of(source), encoding="utf-8")
        return file

    return write


def column(page, header):
    """What a column of the table of classes shows, from top to bottom."""
    names = [
        name.strip(" ↕↑↓")
        for name in page.locator(".sortable th button").all_inner_texts()
    ]
    cells = page.locator(f".sortable tbody tr > :nth-child({names.index(header) + 1})")
    return [text.strip() for text in cells.all_inner_texts()]


def test_names_are_text_in_a_browser_and_run_nothing(write_page, open_page):
    page = open_page(write_page(names=["<svg onload=window.hacked=4>"] * 4))
    assert page.evaluate("window.hacked") is None
    assert column(page, "class") == list(HOSTILE)
    assert page.locator("h1").inner_text() == "a <b>run</b>"
    assert page.evaluate("[...document.images].every((i) => i.naturalWidth > 0)")


def test_the_classes_are_sorted_by_keyboard(write_page, open_page):
    names = [*"dbca", "nowhere"]
    page = open_page(write_page(names))
    before = column(page, "IU")
    assert before[-1] == "absent"
    header = page.locator(".sortable th", has_text="IU").first
    header.locator("button").focus()
    numbers = sorted(float(text.split()[0]) for text in before[:-1])
    for direction, expected in [("ascending", numbers), ("descending", numbers[::-1])]:
        page.keyboard.press("Enter")
        assert header.get_attribute("aria-sort") == direction
        *shown, last = column(page, "IU")
        assert [float(text.split()[0]) for text in shown] == expected
        assert last == "absent"
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Space")
    assert column(page, "class") == [*"abcd", "nowhere"]
    assert page.locator("[aria-sort]").count() == 1


@pytest.mark.parametrize("classes", [HOSTILE, [LONG + str(i) for i in range(21)]])
def test_a_telephone_shows_the_page_without_scrolling_sideways(
    classes, write_page, open_page
):
    page = open_page(write_page(classes), width=360, height=740)
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    table = page.get_by_role("region", name="Confusion matrix")
    assert table.bounding_box()["width"] <= 360
    table.focus()  # so that it can be scrolled by keyboard
    assert page.evaluate("document.activeElement.scrollWidth > 0")


def luminance(colour):
    """Relative luminance, as WCAG 2 defines it, of `rgb(r, g, b)`."""
    parts = [int(number) / 255 for number in re.findall(r"\d+", colour)[:3]]
    linear = [
        p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts
    ]
    return sum(w * p for w, p in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_words_stand_out_from_the_ground(scheme, write_page, open_page):
    page = open_page(write_page())
    page.emulate_media(color_scheme=scheme)
    style = "(one) => getComputedStyle(document.querySelector(one))"
    ground = luminance(page.evaluate(f"({style})('body').backgroundColor"))
    assert (ground < 0.1) == (scheme == "dark")
    for words in ("body", "a", "th button", "figcaption", ".curves svg text"):
        kind = "fill" if "svg" in words else "color"
        ink = luminance(page.evaluate(f"({style})({words!r}).{kind}"))
        dark, light = sorted([ground, ink])
        assert (light + 0.05) / (dark + 0.05) >= 4.5, words


def test_a_reader_of_screens_finds_its_way(write_page, open_page):
    page = open_page(write_page())
    page.emulate_media(reduced_motion="reduce")
    for role in ("banner", "main", "navigation", "contentinfo"):
        assert page.get_by_role(role).count() == 1
    levels = [
        int(tag[1])
        for tag in page.locator("h1, h2, h3").evaluate_all(
            "(all) => all.map((one) => one.tagName)"
        )
    ]
    assert levels[0] == 1
    assert all(after - before <= 1 for before, after in itertools.pairwise(levels))
    assert page.get_by_role("img", name="Loss of each epoch").count() == 1
    for link in page.locator("nav a").all():
        name = link.inner_text()
        link.click()
        heading = page.get_by_role("heading", name=name, exact=True)
        assert page.evaluate("location.hash") == f"#{heading.get_attribute('id')}"


def test_paper_is_white_and_has_everything(write_page, open_page):
    page = open_page(write_page())
    page.emulate_media(media="print", color_scheme="dark")
    ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert luminance(ground) == 1
    assert not page.locator("nav").is_visible()
    assert page.locator(".matrix").is_visible()

import importlib.util
from pathlib import Path

import pytest

FILE = Path(__file__).parents[2] / "docs" / "check_links.py"
SPEC = importlib.util.spec_from_file_location("check_links", FILE)
check_links = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(check_links)

OTHER = '<h1 id="a">A</h1><a name="b">B</a>'


@pytest.mark.parametrize(
    "link",
    [
        "other.html",
        "other.html#a",
        "ko/other.html#b",
        "#here",
        "#",
        "ko/",
        "a%20picture.png",
        "https://example.org/nowhere",
        "mailto:someone@example.org",
        "data:text/plain,nothing",
    ],
)
def test_what_leads_somewhere_is_no_dead_link(link, site):
    assert site(link) == []


@pytest.mark.parametrize(
    "link",
    ["nowhere.html", "other.html#c", "#nowhere", "ko/a.html", "../outside.html"],
)
@pytest.mark.parametrize("attribute", ["href", "src"])
def test_what_leads_nowhere_is_named_with_its_page(link, attribute, site):
    assert site(link, attribute) == [f"index.html: {link}"]


@pytest.fixture
def site(tmp_path):
    """A site of two pages and a picture, the first with a link; its dead links."""
    folder = tmp_path / "site"
    (folder / "ko").mkdir(parents=True)
    (tmp_path / "outside.html").touch()
    (folder / "a picture.png").touch()
    for name in ("other.html", "ko/other.html", "ko/index.html"):
        (folder / name).write_text(OTHER)

    def dead_links_with(link, attribute="href"):
        page = f'<p id="here"><a {attribute}="{link}">x</a>'
        (folder / "index.html").write_text(page)
        return check_links.dead_links(folder)

    return dead_links_with


def test_dead_links_end_a_build(site, capsys, tmp_path):
    site("nowhere.html")
    assert check_links.main(str(tmp_path / "site")) == 1
    assert "index.html: nowhere.html" in capsys.readouterr().out
    site("other.html")
    assert check_links.main(str(tmp_path / "site")) == 0

"""Every link of the built pages to a file or a place of theirs leads somewhere.

    python docs/check_links.py build/docs

Sphinx looks after links between its sources; this looks at what came of them, pages
that it did not make too. Addresses of other sites are not asked for.
"""

from __future__ import annotations

import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit


class Page(HTMLParser):
    """The links of a page, and the places in it that have a name."""

    def __init__(self, file: Path):
        super().__init__()
        self.links: list[str] = []
        self.places = {"", "top"}
        self.feed(file.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Keep what the tag links to, and its name."""
        for name, value in attrs:
            if name in ("href", "src") and value:
                self.links.append(value)
            elif value and (name == "id" or (tag, name) == ("a", "name")):
                self.places.add(value)


def dead_links(site: Path) -> list[str]:
    """Return a line for each link that leads nowhere."""
    site = site.resolve()
    pages = {file: Page(file) for file in sorted(site.rglob("*.html"))}
    dead = []
    for file, page in pages.items():
        for link in dict.fromkeys(page.links):
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                continue
            target = (file.parent / unquote(parts.path)).resolve()
            target = file if not parts.path else target
            target = target / "index.html" if target.is_dir() else target
            inside = target.is_file() and target.is_relative_to(site)
            place = unquote(parts.fragment)
            if not inside or (target in pages and place not in pages[target].places):
                dead.append(f"{file.relative_to(site)}: {link}")
    return dead


def main(site: str) -> int:
    """Print the dead links; return 1 if there are any, else 0."""
    dead = dead_links(Path(site))
    print("\n".join(dead) if dead else f"All links within {site} lead somewhere.")
    return int(bool(dead))


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))

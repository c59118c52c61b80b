"""The built book asks nothing of anybody: no page, style or script names a foreign resource."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from minidl_book.data import pages
from tools.budget import PAGE_BYTES

SITE = Path(__file__).resolve().parents[2] / "_build" / "html"
BUILT = sorted(SITE.rglob("*.html"))
LOADS = {"script": "src", "img": "src", "iframe": "src", "source": "src", "video": "src"}
LOADS |= {"audio": "src", "embed": "src", "object": "data", "link": "href"}
FOREIGN = re.compile(r"^(https?:)?//", re.I)
QUIET_LINKS = {"canonical", "license", "author", "next", "prev", "search", "index"}

pytestmark = pytest.mark.skipif(not BUILT, reason="the book is not built: run `make book`")


class Loads(HTMLParser):
    """The addresses that a page loads by itself; a plain link loads nothing."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        if tag == "link" and set((values.get("rel") or "").split()) <= QUIET_LINKS:
            return
        self.found += [values.get(LOADS.get(tag, "")) or ""]
        self.found += [part.split()[0] for part in (values.get("srcset") or "").split(",") if part]


def foreign_loads(html: str) -> list[str]:
    """What an HTML text loads from elsewhere."""
    parser = Loads()
    parser.feed(html)
    return [address for address in parser.found if FOREIGN.match(address)]


def foreign_style(css: str) -> list[str]:
    """What a style sheet loads from elsewhere."""
    found = re.findall(r"""(?:url\(|@import)\s*["']?([^"')\s;]+)""", css)
    return [address for address in found if FOREIGN.match(address)]


@pytest.mark.parametrize(
    "html",
    [
        '<script src="https://a.b/c.js"></script>',
        '<link rel="stylesheet" href="//a.b/c.css">',
        '<img src="http://a.b/c.png">',
        '<img srcset="x.png 1x, https://a.b/c.png 2x">',
    ],
)
def test_a_foreign_load_is_found(html):
    assert foreign_loads(html)


def test_links_and_own_files_are_no_foreign_load():
    assert not foreign_loads('<a href="https://a.b">c</a><img src="_images/x.png">')
    assert foreign_style("@import 'https://a.b/c.css'; a{b:url(//c.d)}") != []
    assert foreign_style("a { background: url(data:image/png;base64,AA) url('x.png') }") == []


@pytest.mark.parametrize("path", BUILT, ids=lambda p: p.relative_to(SITE).as_posix())
def test_page_loads_nothing_foreign(path):
    html = path.read_text(encoding="utf-8")
    assert foreign_loads(html) == []
    assert foreign_style("\n".join(re.findall(r"<style.*?</style>", html, re.S))) == []


def test_styles_load_nothing_foreign():
    for path in SITE.rglob("*.css"):
        assert foreign_style(path.read_text(encoding="utf-8")) == [], path


def test_scripts_of_ours_fetch_nothing():
    for path in (SITE / "_static").glob("minidl*.js"):
        text = path.read_text(encoding="utf-8")
        assert not re.search(r"\b(fetch|XMLHttpRequest|importScripts|EventSource)\b", text), path


def test_no_page_names_a_script_host():
    hosts = re.compile(r"unpkg\.com|jsdelivr|cdnjs|googleapis|mybinder", re.I)
    for path in BUILT:
        assert not hosts.search(path.read_text(encoding="utf-8")), path


def test_no_page_loads_a_script_twice():
    for path in BUILT:
        scripts = re.findall(r"<script\b.*?</script>", path.read_text(encoding="utf-8"), re.S)
        loaded = [s for s in scripts if "application/json" not in s and "text/x-" not in s]
        assert len(loaded) == len(set(loaded)), path


@pytest.mark.parametrize("page", pages())
def test_page_is_small(page):
    path = SITE / "book" / f"{page}.html"
    assert path.stat().st_size <= PAGE_BYTES

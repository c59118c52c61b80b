"""Every page of the book, in a real browser: silent, offline, drawn, accessible."""

from __future__ import annotations

import pytest

from minidl_book.data import pages
from tests.browser.conftest import visiting

PAGES = [f"book/{page}.html" for page in pages()]
SCHEMES = ["http", "file"]
UNDRAWN = """() => [...document.querySelectorAll("[data-minidl]")]
  .filter(e => !e.dataset.minidlReady || e.getBoundingClientRect().height < 20)
  .map(e => e.dataset.minidl + " " + (e.dataset.name || e.id))"""
THEME = "colours => document.documentElement.dataset.theme === colours"
OVERFLOW = "() => document.scrollingElement.scrollWidth - window.innerWidth"


@pytest.fixture(scope="module", params=PAGES)
def opened(request, browser, addresses):
    """A page over http, opened once for the tests that only look; light, and 1,300 wide."""
    with visiting(browser) as visit:
        yield visit(addresses["http"], color_scheme="light").goto(request.param)


def test_page_is_silent_and_its_widgets_draw(opened):
    assert opened.page.evaluate(UNDRAWN) == []
    opened.assert_silent()


@pytest.mark.parametrize("colours", ["light", "dark"])
def test_page_has_no_accessibility_violation_of_ours(opened, colours, axe):
    opened.page.emulate_media(color_scheme=colours)
    opened.page.wait_for_function(THEME, arg=colours)
    found = axe(opened.page, "article.bd-article")
    opened.page.emulate_media(color_scheme="light")
    assert not found, "\n".join(found)


@pytest.mark.parametrize("path", PAGES)
def test_page_fits_a_phone(path, addresses, visit):
    seen = visit(addresses["http"], viewport={"width": 390, "height": 800}).goto(path)
    assert seen.page.evaluate(OVERFLOW) <= 0


@pytest.mark.parametrize("path", PAGES)
def test_page_is_silent_and_its_widgets_draw_from_the_folder(path, addresses, visit):
    seen = visit(addresses["file"]).goto(path)
    assert seen.page.evaluate(UNDRAWN) == []
    seen.assert_silent()


@pytest.mark.parametrize("path", PAGES)
def test_page_reads_without_javascript(path, addresses, visit):
    opened = visit(addresses["file"], java_script_enabled=False).goto_plain(path)
    assert opened.page.locator("article.bd-article h1").inner_text().strip("# ")
    for widget in opened.page.locator("[data-minidl]").all():
        static = widget.locator(".mdl-static").text_content()
        assert len(static.split()) >= 3, "a widget shows nothing without JavaScript"


@pytest.mark.parametrize("scheme", SCHEMES)
def test_entry_leads_to_the_first_page(scheme, addresses, visit):
    opened = visit(addresses[scheme])
    opened.page.goto(f"{addresses[scheme]}/index.html")
    opened.page.wait_for_url(f"{addresses[scheme]}/{PAGES[0]}")
    opened.page.wait_for_load_state("load")
    assert (opened.console, opened.foreign()) == ([], [])


def test_mathematics_is_drawn_from_our_own_copy(addresses, visit):
    opened = visit(addresses["file"]).goto("book/appendix/notation.html")
    opened.page.wait_for_selector("mjx-container", timeout=20_000)
    assert any("mathjax/output/chtml/fonts" in url for url in opened.requests)
    opened.assert_silent()


def test_search_finds_a_page_over_http(addresses, visit):
    opened = visit(addresses["http"]).goto("search.html?q=Jacobian")
    opened.page.wait_for_selector("#search-results li a")
    assert "notation" in opened.page.locator("#search-results li a").first.get_attribute("href")
    opened.assert_silent()

"""A headless Chromium over the built book, by http and from the folder.

The browser is the system's (`executable_path`); Playwright downloads nothing.  Each visit
keeps the console, the errors and every request, so that a test can assert their silence.
"""

from __future__ import annotations

import functools
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tools.browser import QUIET, find_chromium

ROOT = Path(__file__).resolve().parents[2]
SITE = ROOT / "_build" / "html"
SCHEMES = ("http", "file")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Everything in this folder is a browser test."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.browser)


@pytest.fixture(scope="session")
def chromium_path(request: pytest.FixtureRequest) -> str:
    """The system's Chromium; without one the test skips, or fails where it is required."""
    path = find_chromium()
    if path is None:
        why = "no Chromium or Chrome found; install one, for example `apt-get install chromium`"
        (pytest.fail if request.config.getoption("--require-browser") else pytest.skip)(why)
    return path


@pytest.fixture(scope="session")
def browser(chromium_path: str) -> Iterator[Any]:
    """One browser for the whole session."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=chromium_path, args=QUIET)
        yield running
        running.close()


@pytest.fixture(scope="session")
def site(request: pytest.FixtureRequest) -> Path:
    """The built book."""
    if not (SITE / "index.html").exists():
        why = "the book is not built: run `make book`"
        (pytest.fail if request.config.getoption("--require-browser") else pytest.skip)(why)
    return SITE


class Silent(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:
        """Requests are logged on the browser's side."""


@pytest.fixture(scope="session")
def serve() -> Iterator[Any]:
    """`serve(folder)` → the address of a server of that folder on this machine."""
    servers: list[ThreadingHTTPServer] = []

    def start(folder: Path) -> str:
        handler = functools.partial(Silent, directory=str(folder))
        server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        servers.append(server)
        return f"http://127.0.0.1:{server.server_address[1]}"

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


@pytest.fixture(scope="session")
def addresses(site: Path, serve: Any) -> dict[str, str]:
    """The address of the book's root, by scheme."""
    return {"http": serve(site), "file": site.as_uri()}


SETTLED = """async () => {
  await document.fonts.ready;
  await window.MathJax?.startup?.promise;
}"""


@dataclass
class Visit:
    """A page with all it said and asked for."""

    page: Any
    base: str
    console: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)

    def listen(self) -> None:
        on = self.page.on
        on("console", lambda message: self.hear(f"{message.type}: {message.text}"))
        on("pageerror", lambda error: self.console.append(f"error: {error}"))
        on("request", lambda request: self.requests.append(request.url))
        on("requestfailed", lambda request: self.failed.append(request.url))
        on("response", lambda r: self.failed.append(f"{r.status} {r.url}") if r.status > 399 else 0)

    def hear(self, said: str) -> None:
        """Keep what the console says, but for two notes of the theme that mean no harm."""
        if not said.startswith(("log: [PST]:", "log: [togglebutton]:")):
            self.console.append(said)

    def goto(self, path: str) -> Visit:
        """Open a page of the base and wait until its scripts have run."""
        self.page.goto(f"{self.base}/{path}", wait_until="load")
        self.page.evaluate(SETTLED)
        return self

    def goto_plain(self, path: str) -> Visit:
        """Open a page where no script runs."""
        self.page.goto(f"{self.base}/{path}", wait_until="load")
        return self

    def foreign(self) -> list[str]:
        """Requests to anything but the base."""
        own = (self.base, "data:", "blob:", "about:")
        return [url for url in self.requests if not url.startswith(own)]

    def assert_silent(self) -> None:
        """An empty console, nothing foreign, nothing missing."""
        assert self.console == []
        assert self.foreign() == []
        assert self.failed == []


@contextmanager
def visiting(browser: Any) -> Iterator[Any]:
    """`visit(base, **context options)` → a Visit in a fresh context; all close at the end."""
    with ExitStack() as contexts:

        def open_page(base: str, **options: Any) -> Visit:
            wide = {"viewport": {"width": 1300, "height": 900}, **options}
            context = contexts.enter_context(browser.new_context(**wide))
            opened = Visit(context.new_page(), base)
            opened.listen()
            return opened

        yield open_page


@pytest.fixture
def visit(browser: Any) -> Iterator[Any]:
    """Visits of one test."""
    with visiting(browser) as open_page:
        yield open_page


AXE = (Path(__file__).parent / "axe.min.js").read_text(encoding="utf-8")
NOT_OURS = [".citation-list"]  # docutils gives a reference a role its element may not have
AXE_RUN = """([selector, notOurs]) => axe.run({include: [selector], exclude: notOurs}, {
  resultTypes: ["violations"]
}).then(r => r.violations.map(v => `${v.id}: ${v.help}: ` +
  v.nodes.slice(0, 4).map(n => n.target.join(" ") + " " + n.html.slice(0, 120)).join(" | ")))"""


@pytest.fixture(scope="session")
def axe() -> Any:
    """`axe(page, selector)` → the violations axe-core sees inside the selected element."""

    def run(page: Any, selector: str = "html") -> list[str]:
        if not page.evaluate("() => Boolean(window.axe)"):
            page.evaluate(AXE)
        present = [css for css in NOT_OURS if page.locator(css).count()]
        return page.evaluate(AXE_RUN, [selector, present])

    return run

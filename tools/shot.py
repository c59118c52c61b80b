"""A screenshot of a page as a reader sees it.

    python tools/shot.py book/stack.html out.png [--dark] [--width 1300] [--height 900]
                         [--full] [--select CSS] [--hash p=tour.3] [--keys ArrowRight,End]

A page without a scheme is one of the built book (`_build/html`).
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from tools.browser import QUIET, find_chromium  # noqa: E402  the path comes first


def address(page: str, fragment: str) -> str:
    """The URL of a page, with the fragment that links to a frame."""
    base = page if "://" in page else (ROOT / "_build" / "html" / page).as_uri()
    return base + (f"#{fragment}" if fragment else "")


def shoot(options: argparse.Namespace) -> None:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=QUIET)
        page = browser.new_page(
            viewport={"width": options.width, "height": options.height},
            color_scheme="dark" if options.dark else "light",
            device_scale_factor=options.scale,
        )
        page.goto(address(options.page, options.hash), wait_until="load")
        page.wait_for_timeout(options.wait_ms)
        if options.select:
            page.locator(options.select).first.scroll_into_view_if_needed()
        for key in filter(None, options.keys.split(",")):
            page.keyboard.press(key)
        target = page.locator(options.select).first if options.select else page
        target.screenshot(
            path=options.out, **({} if options.select else {"full_page": options.full})
        )
        browser.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("page")
    parser.add_argument("out")
    parser.add_argument("--dark", action="store_true")
    parser.add_argument("--full", action="store_true", help="the whole page, not the window")
    parser.add_argument("--select", help="only the first element that this CSS selects")
    parser.add_argument("--hash", default="", help="the link to a frame, without #")
    parser.add_argument("--keys", default="", help="keys to press first, separated by commas")
    for name, default in (("width", 1300), ("height", 900), ("scale", 1), ("wait-ms", 600)):
        parser.add_argument(f"--{name}", type=int, default=default)
    shoot(parser.parse_args())


if __name__ == "__main__":
    main()

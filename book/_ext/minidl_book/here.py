"""The strip "you are here": one way through the house, this page's stretch lit.

`book/here.yml`:
    stations:                      in order, from the reader's Python to the result
      - {id: python, label: Python function}
    pages:
      stack: {lit: [python], enters: "a line of Python", leaves: "its instructions"}
"""

from __future__ import annotations

from typing import Any

from docutils import nodes
from docutils.parsers.rst import Directive

from minidl_book.concepts import escape
from minidl_book.data import load


def strip(stations: list[dict[str, str]], row: dict[str, Any]) -> str:
    """The strip as an ordered list; a lit station is also named as such for a reader's ear."""
    items = []
    for station in stations:
        lit = station["id"] in row["lit"]
        said = '<span class="visually-hidden"> (this chapter)</span>' if lit else ""
        items.append(f"<li{' class=lit' if lit else ''}>{escape(station['label'])}{said}</li>")
    return (
        '<nav class="here" aria-label="You are here">'
        f'<p class="here-title">You are here</p><ol>{"".join(items)}</ol>'
        f'<p class="here-flow"><b>In:</b> {escape(row["enters"])} '
        f"<b>Out:</b> {escape(row['leaves'])}</p></nav>"
    )


class Here(Directive):
    """The strip of the page it stands on."""

    def run(self) -> list[nodes.Node]:
        env = self.state.document.settings.env
        env.note_dependency("book/here.yml")
        table, page = load("here"), env.docname.removeprefix("book/")
        if page not in table["pages"]:
            raise self.error(f"book/here.yml has no row for the page {page!r}")
        return [nodes.raw("", strip(table["stations"], table["pages"][page]), format="html")]


def setup(app: Any) -> None:
    app.add_directive("here", Here)

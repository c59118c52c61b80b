"""The ledger: one table of the training step, a row a chapter, from `book/ledger.yml`.

    columns: [{id: flops, label: FLOPs}, …]
    rows:
      - {page: step, label: the step as written, flops: "10.1 M"}

`{ledger}` prints the whole table; `{ledger} here` only the rows up to this page.  Every
value is a string that the chapter's notebook also prints (a test compares them).
"""

from __future__ import annotations

from typing import Any

from docutils import nodes
from docutils.parsers.rst import Directive

from minidl_book.data import load, pages


def rows(page: str | None = None) -> list[dict[str, str]]:
    """The ledger's rows in the order of the book, up to and with `page`."""
    order = pages()
    table = (load("ledger") or {}).get("rows", [])
    known = [r for r in table if r["page"] in order]
    last = order.index(page) if page in order else len(order)
    return sorted(
        (r for r in known if order.index(r["page"]) <= last), key=lambda r: order.index(r["page"])
    )


class Ledger(Directive):
    optional_arguments = 1

    def run(self) -> list[nodes.Node]:
        env = self.state.document.settings.env
        env.note_dependency("book/ledger.yml")
        page = env.docname.removeprefix("book/") if self.arguments else None
        found = rows(page)
        if not found:
            return [nodes.paragraph("", "The ledger has no rows yet.")]
        return [self.table(load("ledger")["columns"], found, env)]

    def table(self, columns: list[dict[str, str]], found: list, env: Any) -> nodes.table:
        group = nodes.tgroup(cols=len(columns) + 1)
        group += [nodes.colspec(colwidth=1) for _ in range(len(columns) + 1)]
        head = nodes.row("", *(cell(c) for c in ["step", *(c["label"] for c in columns)]))
        body = nodes.tbody()
        for row in found:
            uri = env.app.builder.get_relative_uri(env.docname, "book/" + row["page"])
            link = nodes.reference("", row["label"], refuri=uri, internal=True)
            first = nodes.entry("", nodes.paragraph("", "", link))
            body += nodes.row("", first, *(cell(row.get(c["id"], "–")) for c in columns))
        group += [nodes.thead("", head), body]
        return nodes.table("", group, classes=["ledger"])


def cell(text: str) -> nodes.entry:
    return nodes.entry("", nodes.paragraph("", text))


def setup(app: Any) -> None:
    app.add_directive("ledger", Ledger)

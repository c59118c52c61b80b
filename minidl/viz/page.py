"""A page of its own: one HTML file that needs nothing else, with the widgets' script inside.

Chapter: none (`python -m minidl show` writes such pages).
Sources: none.
Real: `jupyter nbconvert --to html` writes a page that fetches its scripts from elsewhere.

The same input gives the same bytes: no date, no path, no random name.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from html import escape
from pathlib import Path
from typing import Any

import minidl
from minidl.viz import assets, markup
from minidl.viz.frame import show

STYLE = Path(__file__).with_name("page.css")


@dataclass(slots=True)
class Section:
    """A heading, the anchor by which the page's contents name it, and blocks of HTML."""

    anchor: str
    heading: str
    blocks: list[str] = field(default_factory=list)

    def html(self) -> str:
        inner = "\n".join(self.blocks)
        return (
            f'<section id="{self.anchor}"><h2>{markup.rich(self.heading)}</h2>\n{inner}</section>'
        )


def page(title: str, lead: str, sections: Sequence[Section]) -> str:
    """The whole file."""
    links = "".join(
        f'<li><a href="#{s.anchor}">{markup.rich(s.heading)}</a></li>' for s in sections
    )
    style = STYLE.read_text(encoding="utf-8") + assets.stylesheet()
    script = assets.script().replace("</script", "<\\/script")
    body = "\n".join(s.html() for s in sections)
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="generator" content="minidl {minidl.__version__}">
<title>{escape(title)}</title>
<link rel="icon" href="data:,">
<style>
{style}</style>
</head>
<body>
<header><h1>{markup.rich(title)}</h1>
<p>{markup.rich(lead)}</p>
<nav aria-label="contents"><ol>{links}</ol></nav></header>
<main>
{body}
</main>
<footer>Written by minidl {minidl.__version__}, <code>python -m minidl show</code>. This file needs
no network and no server.</footer>
<script>
{script}</script>
</body>
</html>
"""


def para(text: str) -> str:
    """A paragraph; `code` stands between backticks."""
    return f"<p>{markup.rich(text)}</p>"


def table(head: Sequence[str], rows: Iterable[Sequence[Any]], caption: str = "") -> str:
    """A table; a column of numbers is aligned right."""
    given = [list(r) for r in rows]
    numeric = [all(isinstance(r[c], int | float) for r in given) for c in range(len(head))]
    mark = [' class="num"' if n and given else "" for n in numeric]
    top = "".join(f'<th scope="col"{m}>{markup.rich(h)}</th>' for h, m in zip(head, mark))
    cells = ((f"<td{m}>{markup.rich(show(v))}</td>" for v, m in zip(r, mark)) for r in given)
    body = "".join(f"<tr>{''.join(row)}</tr>" for row in cells)
    said = f"<caption>{markup.rich(caption)}</caption>" if caption else ""
    return (
        f'<div class="page-table"><table>{said}<thead><tr>{top}</tr></thead>'
        f"<tbody>{body}</tbody></table></div>"
    )


def note(text: str, verbatim: str = "") -> str:
    """A remark that must not be overlooked, and a text as it was printed."""
    pre = f"<pre>{escape(verbatim)}</pre>" if verbatim else ""
    return f'<div class="page-note">{para(text)}{pre}</div>'


def more(summary: str, *blocks: str) -> str:
    """Blocks behind a summary that opens them."""
    head = f"<summary>{markup.rich(summary)}</summary>"
    return f'<details class="page-more">{head}{"".join(blocks)}</details>'

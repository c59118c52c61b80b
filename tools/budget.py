"""The budgets of BOOK's chapters: words, code cells, lines of a cell, bytes of a page.

A chapter has 1,200–2,600 words and 10–20 code cells of median at most 12 lines; a primer
has 500–900 words and three puzzles.  Widgets are at most 60 KB each, pages 1.5 MB.
"""

from __future__ import annotations

import re
import statistics
from dataclasses import dataclass
from html.parser import HTMLParser
from pathlib import Path

from tools.notebooks import BOOK, read

WIDGET_BYTES, PAGE_BYTES = 60_000, 1_500_000
EXEMPT = ("appendix", "howto", "reference", "review", "hello", "index")


@dataclass(frozen=True)
class Budget:
    """Limits of one kind of page; words and cells as (least, most)."""

    words: tuple[int, int]
    cells: tuple[int, int]
    median_lines: int = 12
    puzzles: int = 3


CHAPTER = Budget(words=(1200, 2600), cells=(10, 20))
PRIMER = Budget(words=(500, 900), cells=(3, 20))
OWN = {"stack": Budget(words=(900, 1600), cells=(5, 20))}


def page_of(path: Path) -> str:
    """`book/isa/simt.ipynb` → `isa/simt`."""
    return path.relative_to(BOOK).with_suffix("").as_posix()


def budget_of(page: str) -> Budget | None:
    """The budget of a page; None for pages that have none."""
    if page.split("/")[0] in EXEMPT:
        return None
    return OWN.get(page) or (PRIMER if page.startswith("primers/") else CHAPTER)


def prose(markdown: str) -> str:
    """Text without code, directives, formulas' insides, HTML, and link targets."""
    text = re.sub(r"^(`{3,}|~{3,})\{?(\w+)?.*?^\1\s*$", _keep_notes, markdown, flags=re.S | re.M)
    text = re.sub(r"<!--.*?-->|<[^>]+>", " ", text, flags=re.S)
    text = re.sub(r"\$\$.*?\$\$", " formula ", text, flags=re.S)
    text = re.sub(r"\$[^$\n]+\$", " formula ", text)
    return re.sub(r"\]\([^)]*\)", "]", text)


ADMONITIONS = ("note", "tip", "warning", "important", "admonition", "exercise", "solution")
ADMONITIONS += ("dropdown", "margin", "seealso", "figure")


def _keep_notes(match: re.Match[str]) -> str:
    """The text of an admonition counts; the text of code and data does not."""
    inside = match[0].split("\n")[1:-1]
    return "\n".join(inside) if match[2] in ADMONITIONS else " "


def words(markdown: str) -> int:
    """Words that a reader reads."""
    return len(re.findall(r"[^\W_][\w'’.,–-]*", prose(markdown)))


def text_of(path: Path) -> str:
    """All text cells of a notebook, or a Markdown page."""
    if path.suffix == ".md":
        return path.read_text(encoding="utf-8")
    return "\n\n".join(c.source for c in read(path).cells if c.cell_type == "markdown")


def shown_lines(path: Path) -> list[int]:
    """Lines of each code cell whose input the page shows."""
    cells = [c for c in read(path).cells if c.cell_type == "code"]
    hidden = {"hide-input", "remove-input", "hide-cell", "remove-cell"}
    return [
        len(c.source.split("\n")) for c in cells if not hidden & set(c.metadata.get("tags", []))
    ]


class Widgets(HTMLParser):
    """The sizes in bytes of the elements marked `data-minidl`, by kind and name."""

    VOID = {"img", "br", "input", "hr", "meta", "link", "source", "wbr", "col"}

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=False)
        self.found: list[tuple[str, str, int]] = []
        self.depth, self.start, self.kind = 0, 0, ("", "")
        self.lines = [0]
        for line in html.split("\n"):
            self.lines.append(self.lines[-1] + len(line) + 1)
        self.html = html
        self.feed(html)

    def here(self) -> int:
        line, column = self.getpos()
        return self.lines[line - 1] + column

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        if not self.depth and "data-minidl" in values:
            name = values.get("data-name") or values.get("name") or values.get("id") or ""
            self.depth, self.start = 1, self.here()
            self.kind = (values["data-minidl"] or "", name)
        elif self.depth and tag not in self.VOID:
            self.depth += 1

    def handle_endtag(self, tag: str) -> None:
        if self.depth and tag not in self.VOID:
            self.depth -= 1
            if not self.depth:
                size = len(self.html[self.start : self.here()].encode())
                self.found.append((*self.kind, size))


def widgets(html: str) -> list[tuple[str, str, int]]:
    """(kind, name, bytes) of each widget in a page or an output."""
    return Widgets(html).found


def outputs_html(path: Path) -> list[str]:
    """The `text/html` of every output of a notebook."""
    cells = [c for c in read(path).cells if c.cell_type == "code"]
    datas = [o.data for c in cells for o in c.outputs if "data" in o]
    return [data["text/html"] for data in datas if "text/html" in data]


def problems(path: Path) -> list[str]:
    """Every budget that a notebook breaks, as readable lines."""
    page, found = page_of(path), []
    budget = budget_of(page)
    made = [w for html in outputs_html(path) for w in widgets(html)]
    for kind, name, size in made:
        if size > WIDGET_BYTES:
            found.append(f"{page}: {kind} {name!r} has {size:,} bytes, more than {WIDGET_BYTES:,}")
    if budget is None:
        return found
    count, lines = words(text_of(path)), shown_lines(path)
    if not budget.words[0] <= count <= budget.words[1]:
        found.append(f"{page}: {count} words, not {budget.words[0]}–{budget.words[1]}")
    if not budget.cells[0] <= len(lines) <= budget.cells[1]:
        found.append(f"{page}: {len(lines)} code cells, not {budget.cells[0]}–{budget.cells[1]}")
    if lines and statistics.median(lines) > budget.median_lines:
        found.append(f"{page}: median cell of {statistics.median(lines)} lines")
    puzzles = sum(kind == "Puzzle" for kind, _, _ in made)
    if puzzles < budget.puzzles:
        found.append(f"{page}: {puzzles} puzzles, fewer than {budget.puzzles}")
    return found

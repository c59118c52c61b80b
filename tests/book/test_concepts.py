"""Terms: needs point backwards, nothing is used before it is taught, everything is asked."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import pytest

from minidl_book import here
from minidl_book.concepts import Concept, concepts, forms
from minidl_book.data import load, pages
from tools import budget, notebooks

ROOT = Path(__file__).resolve().parents[2]
BOOK = ROOT / "book"
ORDER = {page: i for i, page in enumerate(pages())}
TABLE = concepts()
NOT_READ_IN_ORDER = ("index", "hello", "appendix", "reference", "howto")
# pages at which a reader may enter; what they need must be reached without the pages before
ENTRIES = ("stack", "isa/ptx", "ir/mlir", "autodiff/modes", "efficiency/search")
PLACE_LATER = 10**6


def place(page: str) -> int:
    """Where a page stands in the book; a page not yet written stands after all others."""
    return ORDER.get(page, PLACE_LATER)


def source_of(page: str) -> Path:
    return next(p for s in (".ipynb", ".md") if (p := BOOK / (page + s)).exists())


@cache
def paragraphs(page: str) -> list[str]:
    """The paragraphs of prose of a page."""
    text = budget.prose(budget.text_of(source_of(page)))
    text = re.sub(r"`[^`]*`", " ", text)
    return re.split(r"\n\s*\n", text)


def mentions(paragraph: str, concept: Concept) -> bool:
    """Whether the paragraph uses the term or one of its forms, as whole words."""
    words = "|".join(re.escape(form) for form in forms(concept))
    return bool(re.search(rf"(?<![\w-])({words})(?![\w-])", paragraph, re.I))


def early_uses(texts: list[str], concept: Concept) -> list[str]:
    """Paragraphs that use the term without the pointer `→ page`."""
    pointer = f"→ {concept['page']}"
    return [p for p in texts if mentions(p, concept) and pointer not in p]


def asked(texts: list[str], concept: Concept) -> bool:
    return any(mentions(text, concept) for text in texts)


@cache
def puzzle_texts(page: str) -> list[str]:
    """The HTML of every puzzle and every player that asks, of one page."""
    path = source_of(page)
    if path.suffix == ".md":
        return []
    return [
        html
        for html in budget.outputs_html(path)
        if 'data-minidl="Puzzle"' in html or '"ask"' in html
    ]


def test_each_concept_has_a_term_a_sentence_and_a_page():
    for concept in TABLE.values():
        assert set(concept) <= {"term", "definition", "page", "needs", "forms"}
        assert re.fullmatch(r"[^.\s].+\.", concept["definition"], re.S), concept["term"]
        assert concept["page"], concept["term"]


def test_terms_and_forms_are_unique():
    listed = load("concepts") or []
    spelled = [form.lower() for concept in listed for form in forms(concept)]
    assert sorted(spelled) == sorted(set(spelled))


def test_needs_are_defined_and_point_backwards():
    for concept in TABLE.values():
        for need in concept.get("needs", []):
            assert need in TABLE, f"{concept['term']} needs {need!r}, which nobody defines"
            assert place(TABLE[need]["page"]) <= place(concept["page"]), (
                f"{concept['term']} ({concept['page']}) needs {need} ({TABLE[need]['page']})"
            )


def test_needs_have_no_circle():
    left = {term: set(c.get("needs", [])) for term, c in TABLE.items()}
    while free := [term for term, needs in left.items() if not needs & set(left)]:
        for term in free:
            del left[term]
    assert left == {}


@pytest.mark.parametrize("page", [p for p in ORDER if p.split("/")[0] not in NOT_READ_IN_ORDER])
def test_no_term_is_used_before_it_is_taught(page):
    later = [c for c in TABLE.values() if place(c["page"]) > ORDER[page]]
    found = [(c["term"], p[:80]) for c in later for p in early_uses(paragraphs(page), c)]
    assert found == [], "teach it earlier, say it otherwise, or point with `→ page`"


@pytest.mark.parametrize("page", [p for p in ORDER if any(c["page"] == p for c in TABLE.values())])
def test_every_taught_term_is_asked_by_a_puzzle(page):
    terms = [c for c in TABLE.values() if c["page"] == page]
    assert [c["term"] for c in terms if not asked(puzzle_texts(page), c)] == []


@pytest.mark.parametrize("page", [p for p in ENTRIES if p in ORDER])
def test_an_entry_needs_only_what_primers_and_the_opening_teach(page):
    part = page.split("/")[0]
    for concept in TABLE.values():
        if concept["page"] == page:
            for need in concept.get("needs", []):
                home = TABLE[need]["page"]
                assert home.split("/")[0] in (part, "stack", "step", "primers"), (
                    f"{concept['term']} needs {need} of {home}"
                )


def test_a_pointer_forward_is_allowed_and_a_bare_use_is_found():
    warp = {"term": "warp", "definition": "Threads.", "page": "isa/simt", "forms": ["warps"]}
    assert early_uses(["Warps share one instruction.", "A warped line."], warp) == [
        "Warps share one instruction."
    ]
    assert early_uses(["A warp (→ isa/simt) shares one."], warp) == []


def test_every_page_with_a_strip_has_its_row():
    rows = load("here")["pages"]
    stations = {s["id"] for s in load("here")["stations"]}
    for page, row in rows.items():
        assert set(row) == {"lit", "enters", "leaves"}, page
        assert row["lit"] and set(row["lit"]) <= stations, page


def test_the_strip_lights_its_stations_and_says_so():
    stations = [{"id": "a", "label": "A & B"}, {"id": "c", "label": "C"}]
    html = here.strip(stations, {"lit": ["c"], "enters": "x < y.", "leaves": "z."})
    assert "<li>A &amp; B</li>" in html and "x &lt; y." in html
    assert html.count("(this chapter)") == 1 and "<li class=lit>C" in html


def test_the_ledger_prints_what_its_chapters_print():
    """Each value of a ledger row appears in an output of the chapter's notebook."""
    ledger = load("ledger")
    columns = [column["id"] for column in ledger["columns"]]
    for row in ledger["rows"]:
        if row["page"] in ORDER:
            assert set(row) <= {"page", "label", *columns}
            nb = notebooks.read(BOOK / f"{row['page']}.ipynb")
            outputs = [str(o) for c in nb.cells if c.cell_type == "code" for o in c.outputs]
            for column in set(row) & set(columns):
                value = str(row[column])
                assert value == "–" or any(value in text for text in outputs), (row, column)

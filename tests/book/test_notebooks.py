"""Notebooks: the canonical form, its tool, and the budgets."""

from __future__ import annotations

import configparser
import re
from pathlib import Path

import nbformat
import pytest

from minidl.viz.check import payloads, shortcomings, unpack
from tools import budget, notebooks

NOTEBOOKS = notebooks.all_notebooks()
NAMES = [budget.page_of(p) for p in NOTEBOOKS]
SANITIZE = Path(__file__).with_name("sanitize.cfg")

CHAPTERS = [p for p in NOTEBOOKS if budget.budget_of(budget.page_of(p))]
CHAPTER_NAMES = [budget.page_of(p) for p in CHAPTERS]
FIRST_PLAYER = 15  # frames

DRAFT = """# Title

Text with a fence:

```{note}
+++
```

```{code-cell}
:id: first
:tags: hide-output
:alt: two bars
print("a")
```

+++

Second text.
"""


@pytest.fixture
def run_cell() -> nbformat.NotebookNode:
    """A code cell as a kernel leaves it, fit for the book."""
    cell = nbformat.v4.new_code_cell("1 + 1", execution_count=1)
    cell.id = "sum"
    return cell


@pytest.mark.parametrize("path", NOTEBOOKS, ids=NAMES)
def test_notebook_is_canonical_and_within_its_limits(path):
    assert notebooks.check(path) == []


@pytest.mark.parametrize("path", NOTEBOOKS, ids=NAMES)
def test_notebook_keeps_its_budget(path):
    assert budget.problems(path) == []


@pytest.mark.parametrize("path", CHAPTERS, ids=CHAPTER_NAMES)
def test_chapter_says_where_the_reader_is_and_breaks_something(path):
    text = budget.text_of(path)
    assert "```{here}" in text and "```{needs}" in text
    if not budget.page_of(path).startswith("primers/"):
        tags = [c.metadata.get("tags", []) for c in notebooks.read(path).cells]
        assert any("raises-exception" in t for t in tags), "no cell breaks it"


@pytest.mark.parametrize("path", CHAPTERS, ids=CHAPTER_NAMES)
def test_players_of_a_chapter_keep_the_grammar(path):
    found = [unpack(p) for html in budget.outputs_html(path) for p in payloads(html)]
    assert [problem for data in found for problem in shortcomings(data)] == []
    players = [d for d in found if d["kind"] in ("player", "compare", "stack")]
    first = (players[0].get("frames") or players[0].get("tour")) if players else []
    assert 0 < len(first) <= FIRST_PLAYER


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"execution_count": None}, "execution count is None, not 1"),
        ({"execution_count": 2}, "execution count is 2, not 1"),
        ({"source": "# NBVAL_SKIP\n1"}, "NBVAL markers"),
        ({"source": "1 + 1;"}, "ends with ';'"),
        ({"source": "x" * 79}, "line of 79 characters"),
        ({"source": "\n".join("x" * 41)}, "has 41 lines"),
        ({"metadata": {"tags": ["nbval-ignore-output"]}}, "NBVAL markers"),
        ({"metadata": {"tags": ["raises-exception"]}}, "only if its id starts with 'break'"),
    ],
)
def test_check_refuses(run_cell, change, message):
    run_cell.update(nbformat.from_dict(change))
    assert any(message in problem for problem in notebooks.check_code(run_cell, 1))


def test_check_accepts_a_plain_cell(run_cell):
    assert list(notebooks.check_code(run_cell, 1)) == []


def test_check_refuses_stderr_and_unmarked_errors(run_cell):
    run_cell.outputs = [nbformat.v4.new_output("stream", name="stderr", text="warning")]
    assert any("stderr" in p for p in notebooks.check_code(run_cell, 1))
    run_cell.outputs = [nbformat.v4.new_output("error", ename="E", evalue="", traceback=[])]
    assert any("without the tag" in p for p in notebooks.check_code(run_cell, 1))


def test_check_refuses_a_figure_without_alt_text(run_cell):
    run_cell.outputs = [nbformat.v4.new_output("display_data", data={"image/png": "AA=="})]
    assert any("alt text" in p for p in notebooks.check_code(run_cell, 1))
    run_cell.metadata.mystnb = {"image": {"alt": "a rising line"}}
    assert list(notebooks.check_code(run_cell, 1)) == []


def test_canonical_drops_widget_state_and_machine_paths(run_cell):
    nb = nbformat.v4.new_notebook(cells=[run_cell])
    nb.metadata.widgets = {"state": {}}
    data = {"text/html": "<p>", notebooks.WIDGET: {"model_id": "1"}}
    trace = ["---", "Cell In[1], line 1\n", "File /home/x/y.py:1\n", "\x1b[31mE\x1b[0m: no"]
    run_cell.outputs = [
        nbformat.v4.new_output("display_data", data=data, metadata={"a": 1}),
        nbformat.v4.new_output("error", ename="E", evalue="no", traceback=trace),
    ]
    text = notebooks.canonical(nb)
    assert "model_id" not in text and "widgets" not in text and "/home/x" not in text
    assert run_cell.outputs[1].traceback == ["Cell In[1], line 1\n", "E: no"]


def test_canonical_is_a_projection():
    once = notebooks.canonical(notebooks.from_text(DRAFT))
    assert notebooks.canonical(nbformat.reads(once, as_version=4)) == once


def test_text_form_keeps_cells_ids_tags_and_fences():
    nb = notebooks.from_text(DRAFT)
    assert [c.cell_type for c in nb.cells] == ["markdown", "code", "markdown"]
    assert nb.cells[1].id == "first" and nb.cells[1].metadata.tags == ["hide-output"]
    assert nb.cells[1].metadata.mystnb.image.alt == "two bars"
    assert "```{note}\n+++\n```" in nb.cells[0].source
    again = notebooks.from_text(notebooks.to_text(nb))
    assert [(c.source, c.metadata) for c in again.cells] == [
        (c.source, c.metadata) for c in nb.cells
    ]


def test_adjacent_streams_of_one_name_are_joined():
    parts = [nbformat.v4.new_output("stream", name=n, text=t) for n, t in ("oa", "ob", "ec")]
    assert [o.text for o in notebooks.join_streams(parts)] == ["ab", "c"]


def test_sanitise_rules_match_no_bare_number():
    rules = configparser.RawConfigParser()
    rules.read(SANITIZE)
    numbers = ["0", "7", "12", "3.14", "1,024", "-1e-05", "99 %", "1797", "0x1f", "1234567890.125"]
    for name in rules.sections():
        for number in numbers:
            assert not re.search(rules[name]["regex"], number), f"[{name}] matches {number}"


def test_words_are_those_a_reader_reads():
    text = (
        "# One two\n\n```{code}\nnot these\n```\n\n```{note}\nthree\n```\n[four](http://x.y) $a+b$"
    )
    assert budget.words(text) == 5  # the formula counts as one


def test_widget_sizes_count_the_whole_element():
    html = '<div data-minidl="Player" data-name="p"><div><img src="x"></div>ab</div><p>after</p>'
    (found,) = budget.widgets(html)
    assert found[:2] == ("Player", "p")
    assert found[2] == len(html) - len("</div><p>after</p>")

"""Every exercise of every notebook: its stub hears the check's message, its solution passes."""

from __future__ import annotations

import ast
import linecache
from pathlib import Path

import pytest

from minidl.exercises import Verdict
from tools import notebooks

KINDS = ("stub-", "solution-")
CELLS = {
    (path.relative_to(notebooks.BOOK).with_suffix("").as_posix(), cell.id): cell.source
    for path in notebooks.all_notebooks()
    for cell in notebooks.read(path).cells
    if cell.cell_type == "code" and cell.id.startswith(KINDS)
}


def of_kind(kind: str) -> list[tuple[str, str]]:
    return sorted(key for key in CELLS if key[1].startswith(kind))


def verdict(source: str, place: str) -> Verdict:
    """Run a cell by itself; the value of its last line."""
    *body, last = ast.parse(source, place).body
    assert isinstance(last, ast.Expr), "the last line is the check"
    linecache.cache[place] = (len(source), None, source.splitlines(True), place)  # for inspect
    names: dict[str, object] = {}
    exec(compile(ast.Module(body, []), place, "exec"), names)
    return eval(compile(ast.Expression(last.value), place, "eval"), names)


def test_a_chapter_with_exercises_is_found():
    assert Path(notebooks.BOOK, "primers", "network.ipynb").exists()
    assert len(of_kind("stub-")) >= 2


def test_each_stub_has_its_solution_and_the_reverse():
    stubs = {(page, name.removeprefix("stub-")) for page, name in of_kind("stub-")}
    assert stubs == {(page, name.removeprefix("solution-")) for page, name in of_kind("solution-")}


@pytest.mark.parametrize("key", of_kind("stub-"), ids="/".join)
def test_stub_fails_with_the_message_of_the_check(key):
    said = verdict(CELLS[key], key[1])
    assert isinstance(said, Verdict) and not said and said.message


@pytest.mark.parametrize("key", of_kind("solution-"), ids="/".join)
def test_solution_passes(key):
    said = verdict(CELLS[key], key[1])
    assert isinstance(said, Verdict) and said, said

"""Chapter `ir/mlir`: what its prose says is what the engine and MLIR give."""

from __future__ import annotations

import importlib.metadata
import json
from functools import cache
from pathlib import Path

import numpy as np
import pytest

import minidl
from minidl import ir
from minidl.exercises import mlir as lab
from minidl.viz import ssa
from tools import budget

BOOK = Path(__file__).resolve().parents[2] / "book"
RECORD = json.loads((BOOK / "data" / "mlir_jaxlib.json").read_text())
PLACES = {"a": "stablehlo.cosine", "c": "stablehlo.negate", "d": "stablehlo.abs",
          "e": "stablehlo.sqrt", "return": "func.return"}  # fmt: skip


@cache
def step():
    return minidl.trace(*lab.training_step())


@cache
def text():
    return " ".join(budget.text_of(BOOK / "ir" / "mlir.ipynb").split())


def test_the_counts_in_the_prose_are_the_engine_s():
    values = lab.every_value(step())
    assert f"{len(values)} values are made there" in text()
    assert f"would read {len(str(step())):,} characters" in text()
    assert f"in the generic form the same {len(step().text(generic=True)):,}" in text()
    weights = sum(np.asarray(a).size for a in lab.training_step()[1])
    assert f"moves {weights:,} weights" in text()


def test_the_lines_and_operations_of_the_step_are_as_the_prose_says():
    lines = str(step()).rstrip("\n").split("\n")
    braces = sum(line.strip() == "}" for line in lines)
    applies = sum("applies" in line for line in lines)
    assert (len(lines), braces, applies, len(list(step().walk()))) == (90, 2, 7, 102)
    assert "Of the 90 lines 88 begin an operation and two close a brace" in text()
    assert 2 * applies == 102 - 88


def test_no_value_of_the_step_is_made_twice():
    values = lab.every_value(step())
    assert len(set(values)) == len(values)
    assert all(sum(v is r for r in (v.op.results if v.op else v.owner.args)) == 1 for v in values)


def test_each_operand_is_one_use():
    by_value = [(op, i) for v in lab.every_value(step()) for op, i in v.uses]
    by_op = [(op, i) for op in step().walk() for i, _ in enumerate(op.operands)]
    assert sorted(map(str, by_value)) == sorted(map(str, by_op)) and len(by_op) == 133


def verdicts():
    branch = ir.parse(lab.BRANCH)
    names = dict(zip("txabcdez", lab.every_value(branch), strict=True))
    ops = {op.name: op for op in branch.main.walk()}
    return {
        place: {v: lab.complaint(ops[name], 0, names[v]) for v in "xabcdez"}
        for place, name in PLACES.items()
    }


def test_twelve_of_thirty_five_are_accepted_and_mlir_agrees_on_each():
    ours, theirs = verdicts(), RECORD["verdicts"]
    assert sum(not said for row in ours.values() for said in row.values()) == 12
    assert "12 of 35 are accepted" in text()
    for place in PLACES:
        for v in "xabcdez":
            assert (ours[place][v] == "") == (theirs[place][v] == ""), (place, v)


@pytest.mark.parametrize("name", sorted(lab.WRONG))
def test_both_refuse_the_programs_of_the_page(name):
    with pytest.raises(minidl.core.errors.MinidlError):
        ir.verify(ir.parse(lab.WRONG[name]))
    assert RECORD["messages"][name].startswith("error")


def test_the_record_is_what_mlir_says_now():
    pytest.importorskip("jaxlib")
    if importlib.metadata.version("jaxlib") != RECORD["jaxlib"]:
        pytest.skip("the record is of another version of jaxlib")
    from tools.record_mlir import record

    assert record() == RECORD


def test_the_player_s_steps_are_the_parser_s():
    steps = ssa.reading(lab.THREE)
    assert [s.where for s in steps] == [1, 3, 4, 5, 6, 1]
    tables = [s.state[0]["rows"] for s in steps]
    assert [len(rows) for rows in tables] == [2, 3, 4, 5, 5, 5]
    assert tables[-2][2] == ["%p", "multiply", "add[0], add[1]"]
    assert {row[0] for row in tables[-1]} == {"–"}


def test_listening_changes_nothing():
    ssa.reading(lab.THREE)
    listener = ssa.Listener(lab.THREE)
    assert str(listener.module()) == str(ir.parse(lab.THREE))

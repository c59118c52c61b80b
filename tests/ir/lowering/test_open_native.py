"""The open data through native code: each op of the issue's list, every module, no exception.

Nothing is computed by `ir.evaluate` while a module is compiled and run; the results are then
compared with it by DESIGN's Numbers.
"""

from __future__ import annotations

import sys
from collections import Counter, defaultdict

import pytest

from minidl import ir
from minidl.core.errors import MinidlError
from minidl.xla.compiler import compile_module
from tests.ir import samples
from tests.ir.lowering import open_native as native

CHUNKS = 4
SHARE = 0.95


def _raiser(*_: object, **__: object) -> None:
    raise AssertionError("the reference interpreter was asked")


def held_back(module: ir.Module) -> list[str]:
    """Constants that should have become arguments."""
    ops = (op for op in module.walk() if op.name.endswith(".constant"))
    return [str(op.result.type) for op in ops if op.result.type.rank > 0]


def outcome(row, monkeypatch) -> str:
    """compiled, refused: why, or wrong: how."""
    with monkeypatch.context() as patch:
        patch.setattr(ir, "evaluate", _raiser)
        patch.setattr(sys.modules["minidl.ir.evaluate"], "Interpreter", _raiser)
        try:
            made = native.case(row)
        except MinidlError as error:
            return f"refused: {error.message}"
        if not made.survives:
            return "wrong: the op under test was folded away"
        if held_back(made.module):
            return "wrong: a constant above rank 0 stayed one"
        got = made.exe(*made.arrays)
    said = native.wrong(made, list(got))
    return f"wrong: {said}" if said else "compiled"


@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_native_code_agrees_with_evaluate_on_the_open_data(chunk, monkeypatch, request):
    table: dict[str, Counter[str]] = defaultdict(Counter)
    others = []
    rows = [row for row in native.rows() if native.chunk_of(row, CHUNKS) == chunk]
    for row in rows:
        said = outcome(row, monkeypatch)
        for op in native.ops_of(row):
            table[op][said.partition(":")[0]] += 1
        if said != "compiled":
            others.append(f"{row['id']}: {said}")
    lines = [f"{len(rows) - len(others)} of {len(rows)} modules run natively and agree"]
    for op, count in sorted(table.items()):
        numbers = (f"{count[k]:5} {k}" for k in ("compiled", "refused", "wrong"))
        lines.append(f"{op:36} " + " ".join(numbers))
    request.node.user_properties.append(("table", "\n".join([*lines, *others])))
    assert not [line for line in others if ": wrong" in line]
    assert len(rows) - len(others) >= SHARE * len(rows)


def test_every_op_of_the_list_is_in_the_data():
    """The count above means something: 800 modules, and each op of the issue's list is there."""
    rows = native.rows()
    assert len(rows) >= 780
    held = {op for row in rows for op in row["ops"]}
    wanted = {f"stablehlo.{n}" for n in native.LISTED.split()}
    assert wanted <= held
    assert len(samples.open_data()) == 906


FOLDED = ["reduce_min_int16_2_3#0", "reduce_prod_int32_2_3#0", "reduce_window_min_float64_4_6#0"]


@pytest.mark.parametrize("name", FOLDED)
def test_an_op_that_was_folded_is_noticed(name):
    """The data as they are, constants and all: nothing of the op is left in the loops."""
    (row,) = (r for r in native.rows() if r["id"] == f"testdata/{name}")
    module = ir.parse(row["text"])
    assert not native.Case(row, module, [], compile_module(module)).survives
    assert held_back(module)

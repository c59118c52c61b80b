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
from tests.ir import samples
from tests.ir.lowering import open_native as native

CHUNKS = 4
SHARE = 0.95


def _raiser(*_: object, **__: object) -> None:
    raise AssertionError("the reference interpreter was asked")


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
        got = made.exe(*made.arrays)
    said = native.wrong(made, list(got))
    return f"wrong: {said}" if said else "compiled"


@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_native_code_agrees_with_evaluate_on_the_open_data(chunk, monkeypatch):
    table: dict[str, Counter[str]] = defaultdict(Counter)
    others = []
    rows = [row for row in native.rows() if native.chunk_of(row, CHUNKS) == chunk]
    for row in rows:
        said = outcome(row, monkeypatch)
        for op in native.ops_of(row):
            table[op][said.partition(":")[0]] += 1
        if said != "compiled":
            others.append(f"{row['id']}: {said}")
    for op, count in sorted(table.items()):
        print(f"{op:36}", *(f"{count[k]:5} {k}" for k in ("compiled", "refused", "wrong")))
    print("\n".join(others))
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

"""The checks of chapter `ir/lowering`: each likely mistake gets its own message."""

from __future__ import annotations

import pytest

from minidl.exercises.lowering import check_row, check_where
from minidl.ir.lowering.indexing import INDEX
from minidl.ir.lowering.scalars import SCALAR
from minidl.ir.mlir.attributes import Affine


def where(op, at, last=1, every=False):
    """A reverse's row: `last` is what the size is too large by."""
    sizes, turned = op.result.type.dims, op["dimensions"]
    return [i.scaled(-1, sizes[d] - last) if every or d in turned else i for d, i in enumerate(at)]


@pytest.mark.parametrize(
    ("answer", "message", "hint"),
    [
        (lambda op, at: ..., "returns nothing", "replace"),
        (lambda op, at: 3, "an index is a tuple, came int", ""),
        (lambda op, at: at[:-1], "0 expressions came for an operand of rank 1", ""),
        (lambda op, at: op["dimensions"], "0 is no affine expression", "scaled"),
        (lambda op, at: at, "x[::-1] of shape [5] at [0]: 0 came, 4", "size − 1"),
        (lambda op, at: where(op, at, last=0), "does not run", "size − 1"),
        (lambda op, at: where(op, at, every=True), "x[:, ::-1] of shape [4, 3] at [0, 0]", "only"),
        (lambda op, at: [i.scaled(-1, 0) for i in at], "x[::-1] of shape [5]", "size − 1"),
        (lambda op, at: [Affine.dim(9)], "does not run", ""),
    ],
)
def test_each_wrong_index_is_named(answer, message, hint):
    said = check_where(answer)
    assert not said
    assert message in said.message
    assert hint in said.hint


def clamp(floats="umf", signed="si", unsigned="ui", swapped=False, nearest=False):
    """A row of clamp that takes these kinds of maximum and minimum."""

    def row(b, op, element, low, x, high):
        ints = unsigned if element.is_unsigned else signed
        most, least = ("maxim", "minim") if element.is_float else ("max", "min")
        kind = floats if element.is_float else ints
        if swapped:
            low, high = high, low
        if nearest:
            return b.value(f"arith.{most}{kind}", b.value(f"arith.{least}{kind}", x, high), low)
        return b.value(f"arith.{least}{kind}", b.value(f"arith.{most}{kind}", x, low), high)

    return row


@pytest.mark.parametrize(
    ("row", "message", "hint"),
    [
        (lambda *a: ..., "returns nothing", "replace"),
        (lambda b, op, element, low, x, high: 3, "a row returns a value, came int", ""),
        (
            lambda b, op, element, low, x, high: x,
            "clamp of f32 at [0]: -1.0 came, 0.0",
            "not below low",
        ),
        (clamp(signed="umf"), "arith.maxumf has no op rule", ""),
        (clamp(unsigned="si"), "clamp of ui8", "`maxui` is not `maxsi`"),
        (clamp(swapped=True), "clamp of f32 at [1]", ""),
        (clamp(nearest=True), "clamp of f64 at [1]: 5.0 came, 2.0", "taken last"),
        (
            lambda b, op, element, low, x, high: b.value("arith.minimumf", x, high),
            "clamp of f32 at [0]",
            "",
        ),
    ],
)
def test_each_wrong_region_is_named(row, message, hint):
    said = check_row(row)
    assert not said
    assert message in said.message
    assert hint in said.hint


def test_a_float_op_on_integers_is_named():
    def row(b, op, element, low, x, high):
        return b.value("arith.minimumf", b.value("arith.maximumf", x, low), high)

    said = check_row(row)
    assert "arith.maximumf is for floats, got i32" in said.message
    assert "ops of different names" in said.hint


def test_right_rows_pass_and_the_engine_s_own_are_back_in_their_tables():
    before = INDEX["stablehlo.reverse"], SCALAR["stablehlo.clamp"]
    assert check_where(where) and check_where(before[0])
    assert check_row(clamp()) and check_row(before[1])
    assert before == (INDEX["stablehlo.reverse"], SCALAR["stablehlo.clamp"])

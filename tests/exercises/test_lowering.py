"""The checks of chapter `ir/lowering`: each likely mistake gets its own message."""

from __future__ import annotations

import pytest

from minidl.exercises.lowering import check_row, check_where
from minidl.ir.lowering.indexing import INDEX
from minidl.ir.lowering.scalars import SCALAR
from minidl.ir.mlir.attributes import Affine


def where(op, at, first=True, scaled=True):
    """A slice's row with one thing left out."""
    rows = zip(at, op["start_indices"], op["strides"], strict=True)
    return [i.scaled(s if scaled else 1, a if first else 0) for i, a, s in rows]


def scaled_start(op, at):
    rows = zip(at, op["start_indices"], op["strides"], strict=True)
    return [i.scaled(s, a * s) for i, a, s in rows]


@pytest.mark.parametrize(
    ("answer", "message", "hint"),
    [
        (lambda op, at: ..., "returns nothing", "replace"),
        (lambda op, at: 3, "an index is a tuple, came int", ""),
        (lambda op, at: at[:-1], "0 expressions came for an operand of rank 1", ""),
        (lambda op, at: op["start_indices"], "0 is no affine expression", "scaled"),
        (lambda op, at: at, "x[2::1] of shape [7] at [0]: 0 came, 2", "`start_indices`"),
        (lambda op, at: where(op, at, first=False), "x[2::1]", "`start_indices`"),
        (lambda op, at: where(op, at, scaled=False), "x[0::3] of shape [9] at [1]", "no step"),
        (scaled_start, "does not run", "the start is no step"),
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
    assert "arith.minimumf is for floats, the element is i32" in said.message
    assert "`element.is_float`" in said.hint


def test_right_rows_pass_and_the_engine_s_own_are_back_in_their_tables():
    before = INDEX["stablehlo.slice"], SCALAR["stablehlo.clamp"]
    assert check_where(where) and check_where(before[0])
    assert check_row(clamp()) and check_row(before[1])
    assert before == (INDEX["stablehlo.slice"], SCALAR["stablehlo.clamp"])

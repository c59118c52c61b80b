"""The checks of chapter `ir/rewriting`: each likely mistake gets its own message."""

from __future__ import annotations

import numpy as np
import pytest

from minidl import ir
from minidl.exercises import rewriting as lab
from minidl.exercises.rewriting import check_key, check_pattern
from minidl.ir.rewriting import canonicalize, cse


def product(rw, x, y):
    return rw.create("stablehlo.multiply", [x, y])


def square(op, rw):
    x, y = op.operands
    if x is not y or x.op is None or x.op.name != "stablehlo.abs":
        return None
    return product(rw, x.op.operands[0], x.op.operands[0])


def any_two_signs(op, rw):
    x, y = (v.op for v in op.operands)
    if x and y and x.name == y.name == "stablehlo.abs":
        return product(rw, x.operands[0], y.operands[0])
    return None


def one_side(op, rw):
    x = op.operands[0].op
    if x and x.name == "stablehlo.abs":
        return product(rw, x.operands[0], x.operands[0])
    return None


def no_question(op, rw):
    x = op.operands[0].op
    return product(rw, *x.operands * 2) if x.name == "stablehlo.abs" else None


@pytest.mark.parametrize(
    ("answer", "message", "hint"),
    [
        (3, "expected a function, came int", ""),
        (lambda op, rw: None, "it does not fire", "return a new multiply"),
        (any_two_signs, "the meaning changed", "one and the same v"),
        (one_side, "the meaning changed", "one and the same v"),
        (lambda op, rw: op.operands[0], "the meaning changed", "one and the same v"),
        (no_question, "raised AttributeError", "its `.op` is None"),
        (lambda op, rw: product(rw, *op.operands), "no end", "smaller or more canonical"),
        (lambda op, rw: product(rw, 3, 4), "raised", ""),
    ],
)
def test_each_wrong_pattern_hears_its_mistake(answer, message, hint):
    said = check_pattern(answer)
    assert not said and message in said.message and hint in said.hint


def test_a_pattern_that_keeps_every_bit_passes():
    assert check_pattern(square)


def full(op):
    attributes = tuple(sorted(op.attributes.items()))
    return op.name, tuple(op.operands), attributes, tuple(v.type for v in op.results)


@pytest.mark.parametrize(
    ("answer", "message", "hint"),
    [
        (None, "expected a function, came NoneType", ""),
        (lambda op: op, "`multiply %x, %y` twice: they are equal", "no place"),
        (lambda op: (op.name, op.operands), "raised TypeError: unhashable", "tuple("),
        (lambda op: op.name, "became one (other operands)", "what else must agree"),
        (lambda op: full(op)[1:], "became one (other operation)", "what else must agree"),
        (lambda op: full(op)[:2], "became one (other constant)", "what else must agree"),
        (lambda op: full(op)[:3], "became one (other type)", "what else must agree"),
    ],
)
def test_each_wrong_key_hears_its_mistake(answer, message, hint):
    said = check_key(answer)
    assert not said and message in said.message and hint in said.hint


def test_a_key_of_all_parts_passes():
    assert check_key(full)


def test_generated_programs_hold_what_the_checks_look_for():
    """Many squares of absolute values, many products that are none, many equal operations."""
    squares = mixed = equal = 0
    for seed in range(200):
        module = ir.parse(lab.generated(seed))
        ir.verify(module)
        abs_ = [op for op in module.walk() if op.name == "stablehlo.multiply"]
        fits = sum(op.operands[0] is op.operands[1] for op in abs_)
        squares, mixed = squares + fits, mixed + len(abs_) - fits
        equal += lab.merge(module, full)
    assert min(squares, mixed, equal) >= 200


@pytest.mark.parametrize("seed", range(0, 200, 10))
def test_the_engine_keeps_every_bit_of_a_generated_program(seed):
    before = ir.parse(lab.generated(seed))
    assert lab.changed(before, cse(canonicalize(before))) == ""


def test_different_sees_the_sign_of_zero_and_takes_nans_for_one():
    a = np.array([0.0, np.nan, 1.0], np.float32)
    b = np.array([-0.0, -np.nan, 1.0], np.float32)
    assert lab.different(a, b).tolist() == [True, False, False]

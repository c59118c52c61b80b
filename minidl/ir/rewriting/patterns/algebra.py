"""Algebra that keeps every bit: which identities of real numbers floats obey.

Chapter: ir/rewriting.
Sources: IEEE 754-2019, sections 6.3 (the sign of a zero) and 9.6 (maximum, minimum).
Real: XLA's `AlgebraicSimplifier`; LLVM folds the same few without `fast` flags.

`x + 0` is not here: −0 + 0 is +0, so that the sum changes a bit.  `x · 0`, `x − x`
and `x = x` are not, for floats: a NaN or an infinity tells them apart.
The payload of a NaN counts as no bit (IEEE 754, 6.2.3, leaves it open).
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from minidl.ir.mlir.core import Operation, Value
from minidl.ir.rewriting.driver import Made, Pattern, Rewriter
from minidl.ir.rewriting.patterns.match import (
    Rule,
    element_of,
    is_all_ones,
    is_float,
    is_splat,
    is_zero,
    made_by,
    pattern_of_numbers,
    splat,
    splat_of,
    type_of,
)

PATTERNS: list[Pattern] = []


def rule(name: str, *ops: str, why: str) -> Callable[[Rule], Rule]:
    return pattern_of_numbers(PATTERNS, name, *ops, why=why)


def other(op: Operation, test: Callable[[Value], bool]) -> Value | None:
    """The operand of a commutative op whose partner passes the test."""
    x, y = op.operands
    return x if test(y) else y if test(x) else None


# -- one and zero ------------------------------------------------------------------


@rule("x * 1", "multiply", why="a product with 1 is exact")
def multiply_one(op: Operation, rw: Rewriter) -> Made:
    return other(op, lambda v: is_splat(v, 1))


@rule("x / 1", "divide", why="a quotient by 1 is exact")
def divide_one(op: Operation, rw: Rewriter) -> Made:
    return op.operands[0] if is_splat(op.operands[1], 1) else None


@rule("x ** 1", "power", why="the first power is the number")
def power_one(op: Operation, rw: Rewriter) -> Made:
    return op.operands[0] if is_splat(op.operands[1], 1) else None


@rule("x + neutral", "add", why="-0 (a float's), 0 or false is the neutral element")
def add_neutral(op: Operation, rw: Rewriter) -> Made:
    return other(op, lambda v: is_splat(v, -0.0) if is_float(v) else is_zero(v))


@rule("x + 0, never -0", "add", why="adding +0 changes -0 only, and this value is never -0")
def add_zero(op: Operation, rw: Rewriter) -> Made:
    x, y = op.operands
    if not is_float(x):
        return None
    if is_splat(x, 0.0):
        x, y = y, x
    return x if is_splat(y, 0.0) and never_minus_zero(x) else None


@rule("x - 0", "subtract", why="x - (+0) is x, also for -0")
def subtract_zero(op: Operation, rw: Rewriter) -> Made:
    return op.operands[0] if is_splat(op.operands[1], 0) else None


@rule("integer * 0", "multiply", why="an integer has no NaN and no infinity")
def multiply_zero(op: Operation, rw: Rewriter) -> Made:
    return next((v for v in op.operands if is_zero(v)), None)


@rule("integer x - x", "subtract", "xor", why="an integer has no NaN and no infinity")
def subtract_self(op: Operation, rw: Rewriter) -> Made:
    x, y = op.operands
    return splat(rw, 0, x) if x is y and not is_float(x) else None


# -- signs ---------------------------------------------------------------------------


@rule("op of its own inverse", "negate", "not", why="flipping a bit twice keeps it")
def double_negate(op: Operation, rw: Rewriter) -> Made:
    inner = op.operands[0].op
    return inner.operands[0] if inner is not None and inner.name == op.name else None


@rule("x + -y", "add", why="IEEE defines x - y as x + (-y)")
def add_negated(op: Operation, rw: Rewriter) -> Made:
    x, y = op.operands
    if inner := made_by(y, "negate"):
        return rw.create("stablehlo.subtract", [x, inner.operands[0]], also=[inner])
    if inner := made_by(x, "negate"):
        return rw.create("stablehlo.subtract", [y, inner.operands[0]], also=[inner])
    return None


@rule("x - -y", "subtract", why="IEEE defines x - y as x + (-y)")
def subtract_negated(op: Operation, rw: Rewriter) -> Made:
    x, y = op.operands
    inner = made_by(y, "negate")
    if inner is None:
        return None
    return rw.create("stablehlo.add", [x, inner.operands[0]], also=[inner])


@rule("-x * -y", "multiply", "divide", why="the sign of a product is the exclusive or")
def negated_pair(op: Operation, rw: Rewriter) -> Made:
    x, y = (made_by(v, "negate") for v in op.operands)
    if x is None or y is None or not is_float(op.result):
        return None
    return rw.create(op.name, [x.operands[0], y.operands[0]], also=[x, y])


@rule("-x * c", "multiply", "divide", why="the sign moves into the constant")
def negated_times_constant(op: Operation, rw: Rewriter) -> Made:
    x, y = op.operands
    if op.name == "stablehlo.multiply" and splat_of(x) is not None:
        x, y = y, x
    inner, c = made_by(x, "negate"), splat_of(y)
    if inner is None or c is None or not is_float(x):
        return None
    return rw.create(op.name, [inner.operands[0], splat(rw, -c, y)], also=[inner])


@rule("-(x * c)", "negate", why="the sign moves into the constant")
def negated_product(op: Operation, rw: Rewriter) -> Made:
    inner = made_by(op.operands[0], "multiply")
    if inner is None or len(inner.result.uses) != 1 or not is_float(op.result):
        return None
    x, y = inner.operands
    if splat_of(x) is not None:
        x, y = y, x
    c = splat_of(y)
    return None if c is None else rw.create(inner.name, [x, splat(rw, -c, y)], also=[inner])


@rule("abs of a sign", "abs", why="abs clears the sign bit whatever it was")
def abs_of_sign(op: Operation, rw: Rewriter) -> Made:
    inner = made_by(op.operands[0], "negate") or made_by(op.operands[0], "abs")
    if inner is None:
        return None
    return rw.create("stablehlo.abs", [inner.operands[0]], also=[inner])


_TINY = {"f16": 2.0**-14, "bf16": 2.0**-126, "f32": 2.0**-126, "f64": 2.0**-1022}


@rule("x / 2**k", "divide", why="the reciprocal is exact, and both round the same real number")
def divide_power_of_two(op: Operation, rw: Rewriter) -> Made:
    x, y = op.operands
    c = splat_of(y) if is_float(x) else None
    if c is None or not math.isfinite(c) or math.frexp(float(c))[0] not in (0.5, -0.5):
        return None
    inverse = 1 / float(c)
    if not _TINY[element_of(x).name] <= abs(inverse) < math.inf:
        return None
    return rw.create("stablehlo.multiply", [x, splat(rw, inverse, y)])


# -- order and choice ------------------------------------------------------------------


def _lowest(value: Value, sign: int) -> object:
    """The least (−1) or greatest (+1) number of the value's type."""
    element = element_of(value)
    if element.is_float:
        return sign * math.inf
    if element.name == "i1":
        return sign > 0
    info = np.iinfo(element.numpy)
    return info.max if sign > 0 else info.min


@rule("max with the least", "maximum", why="nothing is below it; a NaN stays a NaN")
def max_least(op: Operation, rw: Rewriter) -> Made:
    return other(op, lambda v: is_splat(v, _lowest(v, -1)))


@rule("min with the greatest", "minimum", why="nothing is above it; a NaN stays a NaN")
def min_greatest(op: Operation, rw: Rewriter) -> Made:
    return other(op, lambda v: is_splat(v, _lowest(v, 1)))


@rule("op(x, x) is x", "maximum", "minimum", "and", "or", why="the op is idempotent")
def idempotent(op: Operation, rw: Rewriter) -> Made:
    x, y = op.operands
    return x if x is y else None


@rule("and, or with neutral", "and", "or", "xor", why="x & ~0, x | 0 and x ^ 0 are x")
def logic_neutral(op: Operation, rw: Rewriter) -> Made:
    return other(op, is_all_ones if op.name == "stablehlo.and" else is_zero)


@rule("and, or that decide", "and", "or", why="x & 0 is 0 and x | ~0 is ~0")
def logic_decided(op: Operation, rw: Rewriter) -> Made:
    decides = is_zero if op.name == "stablehlo.and" else is_all_ones
    return next((v for v in op.operands if decides(v)), None)


_REFLEXIVE = {"EQ": True, "LE": True, "GE": True, "NE": False, "LT": False, "GT": False}


@rule("integer compared with itself", "compare", why="an integer equals itself (a NaN does not)")
def compare_self(op: Operation, rw: Rewriter) -> Made:
    x, y = op.operands
    if x is not y or is_float(x):
        return None
    return splat(rw, _REFLEXIVE[op["comparison_direction"]], op.result)


@rule("select, both cases one", "select", why="the choice makes no difference")
def select_same(op: Operation, rw: Rewriter) -> Made:
    _, x, y = op.operands
    return x if x is y else None


@rule("select, known predicate", "select", why="the predicate is a constant")
def select_known(op: Operation, rw: Rewriter) -> Made:
    p, x, y = op.operands
    choice = splat_of(p)
    return None if choice is None else x if choice else y


@rule("select of a negation", "select", why="not(p) ? x : y is p ? y : x")
def select_not(op: Operation, rw: Rewriter) -> Made:
    p, x, y = op.operands
    inner = made_by(p, "not")
    if inner is None:
        return None
    return rw.create("stablehlo.select", [inner.operands[0], y, x], also=[inner])


# -- conversion --------------------------------------------------------------------------

_HOLDS = {  # what a type can hold of another without loss
    "f16": ("f32", "f64"),
    "bf16": ("f32", "f64"),
    "f32": ("f64",),
    "i8": ("i16", "i32", "i64", "f16", "f32", "f64"),
    "i16": ("i32", "i64", "f32", "f64"),
    "i32": ("i64", "f64"),
    "ui8": ("ui16", "ui32", "ui64", "i16", "i32", "i64", "f16", "f32", "f64"),
    "ui16": ("ui32", "ui64", "i32", "i64", "f32", "f64"),
    "ui32": ("ui64", "i64", "f64"),
}


@rule("convert to its own type", "convert", why="the types are one")
def convert_same(op: Operation, rw: Rewriter) -> Made:
    return op.operands[0] if type_of(op.operands[0]) is type_of(op.result) else None


@rule("convert there and back", "convert", why="the type between holds every value")
def convert_back(op: Operation, rw: Rewriter) -> Made:
    inner = made_by(op.operands[0], "convert")
    if inner is None or inner.operands[0].type is not op.result.type:
        return None
    narrow, wide = element_of(op.result).name, element_of(inner.result).name
    exact = narrow == "i1" or wide in _HOLDS.get(narrow, ())
    return inner.operands[0] if exact else None


# -- the sign of zero ----------------------------------------------------------------------

_MOVES = ("reshape", "transpose", "broadcast_in_dim", "slice", "reverse")
_POSITIVE = ("exponential", "logistic", "abs", "cosine")


def never_minus_zero(value: Value, depth: int = 8) -> bool:
    """Whether no element can be −0, from the op that makes it.

    A sum is −0 only when every term is; so one term that is never −0 is enough.
    """
    op = value.op
    if op is None or depth == 0:
        return False
    name = op.name.removeprefix("stablehlo.")
    if name == "constant":
        array = np.asarray(op["value"].array, np.float64)
        return array.size <= 1024 and not bool(np.any((array == 0) & np.signbit(array)))
    if name in _POSITIVE:
        return True
    if name in _MOVES:
        return never_minus_zero(op.operands[0], depth - 1)
    if name == "add":
        return any(never_minus_zero(v, depth - 1) for v in op.operands)
    if name == "reduce" and len(op.operands) == 2:
        first = op.body.first
        adds = first is not None and first.name == "stablehlo.add"
        return adds and first.next is op.body.last and is_splat(op.operands[1], 0.0)  # type: ignore[union-attr]
    if name == "convert":
        return element_of(op.operands[0]).is_integer
    return name == "multiply" and op.operands[0] is op.operands[1]

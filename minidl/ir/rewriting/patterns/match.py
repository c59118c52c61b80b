"""Match: small questions that the simplification patterns ask of a value.

Chapter: ir/rewriting.
Real: XLA's `pattern_matcher.h`, MLIR's `matchPattern(value, m_Constant(…))`.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

import numpy as np

from minidl.ir.mlir.attributes import Dense
from minidl.ir.mlir.core import Operation, Value
from minidl.ir.mlir.types import ELEMENTS, ScalarType, TensorType
from minidl.ir.rewriting.driver import Made, Pattern, Rewriter
from minidl.ir.rewriting.fold import constant_of, make_constant, splat_of

Rule = Callable[[Operation, Rewriter], Made]


def pattern(table: list[Pattern], name: str, *ops: str, why: str) -> Callable[[Rule], Rule]:
    """Decorator: the function is a pattern rooted at each of these StableHLO ops."""

    def put(rule: Rule) -> Rule:
        for op in ops:
            root = op if op == "*" else f"stablehlo.{op}"
            table.append(Pattern(name, root, why, rule))
        return rule

    return put


def pattern_of_numbers(
    table: list[Pattern], name: str, *ops: str, why: str
) -> Callable[[Rule], Rule]:
    """`pattern`, where the operands are of element types that run.

    The laws of complex numbers and of floats of 8 bits (some have no zero, no infinity, no
    -0) are said nowhere here.
    """

    def put(rule: Rule) -> Rule:
        @wraps(rule)
        def where_it_runs(op: Operation, rw: Rewriter) -> Made:
            return rule(op, rw) if all(map(_runs, op.operands)) else None

        pattern(table, name, *ops, why=why)(where_it_runs)
        return rule

    return put


def _runs(value: Value) -> bool:
    return getattr(value.type, "element", None) in _LAWFUL


_LAWFUL = frozenset(map(ScalarType, ELEMENTS))


def made_by(value: Value, name: str) -> Operation | None:
    """The op that makes a value, if it is `stablehlo.{name}`."""
    op = value.op
    return op if op is not None and op.name == f"stablehlo.{name}" else None


def type_of(value: Value) -> TensorType:
    assert isinstance(value.type, TensorType)
    return value.type


def dims_of(value: Value) -> tuple[int, ...]:
    return type_of(value).dims


def element_of(value: Value) -> ScalarType:
    return type_of(value).element


def is_float(value: Value) -> bool:
    return element_of(value).is_float


def is_splat(value: Value, number: Any) -> bool:
    """Whether it is a constant with exactly the bits of `number` everywhere."""
    item = splat_of(value)
    if item is None:
        return False
    want = np.asarray(number).astype(element_of(value).numpy)
    return bool(want.tobytes() == np.asarray(item).tobytes())


def is_zero(value: Value) -> bool:
    """An integer or Boolean 0 everywhere (a float zero has a sign: say which)."""
    return not is_float(value) and is_splat(value, 0)


def is_all_ones(value: Value) -> bool:
    """An integer whose bits are all 1 everywhere; `true`."""
    if is_float(value):
        return False
    return is_splat(value, True if element_of(value).name == "i1" else _all_ones(value))


def _all_ones(value: Value) -> Any:
    return np.invert(np.zeros((), element_of(value).numpy))


def splat(rw: Rewriter, number: Any, like: Value) -> Value:
    """The constant of `like`'s type with `number` everywhere."""
    return make_constant(rw, Dense.splat(number, type_of(like)))


def unit_free(shape: tuple[int, ...]) -> list[int]:
    """The dimensions whose size is not 1."""
    return [d for d, n in enumerate(shape) if n != 1]


__all__ = [
    "Rule",
    "constant_of",
    "dims_of",
    "element_of",
    "is_all_ones",
    "is_float",
    "is_splat",
    "is_zero",
    "made_by",
    "make_constant",
    "pattern",
    "pattern_of_numbers",
    "splat",
    "splat_of",
    "type_of",
    "unit_free",
]

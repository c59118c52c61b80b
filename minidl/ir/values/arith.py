"""Values of arith and math: the machine's operations in NumPy, on scalars and on vectors.

Chapter: ir/lowering.
Sources: MLIR, "'arith' Dialect", "'math' Dialect"; LLVM language reference.
Real: nobody's: MLIR's lower dialects are run by compiling them.

The same bits as the compiled code: elementary functions are the same polynomials
(`core.mathfun`), a fused multiply-add rounds once.  Integers have no sign of their own, the
op says how they are read; a truth value is a bool.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from minidl.ir.mlir.attributes import Dense
from minidl.ir.mlir.core import Operation
from minidl.ir.mlir.types import MemRefType, ScalarType, ShapedType
from minidl.ir.values import VALUES
from minidl.ir.values.elementwise import (
    _arithmetic_right,
    _logical_right,
    _round_away,
    convert_to,
    count_leading_zeros,
    maximum,
    minimum,
    popcnt,
    power,
)

Array = Any


def element_of(op: Operation) -> ScalarType:
    """The element type of the (first) result."""
    type_ = op.results[0].type
    made = type_.element if isinstance(type_, ShapedType) else type_
    assert isinstance(made, ScalarType)
    return made


def unsigned(x: Array) -> Array:
    """Integers read without sign."""
    x = np.asarray(x)
    return x if x.dtype == bool else x.view(f"u{x.dtype.itemsize}")


def _row(f: Callable[..., Array]) -> Callable[..., Array]:
    """A row that computes by `f`, in the result's type."""

    def row(op: Operation, *xs: Array) -> Array:
        with np.errstate(all="ignore"):
            return np.asarray(f(*map(np.asarray, xs))).astype(element_of(op).numpy, copy=False)

    return row


def _toward_zero(x: Array, y: Array) -> Array:
    q = x // y
    return np.where((x % y != 0) & ((x < 0) != (y < 0)), q + 1, q)


def _on_unsigned(f: Callable[..., Array]) -> Callable[..., Array]:
    def made(x: Array, y: Array) -> Array:
        out: Array = f(unsigned(x), unsigned(y))
        return out if out.dtype == bool else out.view(np.asarray(x).dtype)

    return made


_BINARY: dict[str, Callable[..., Array]] = {
    "addf": np.add, "subf": np.subtract, "mulf": np.multiply, "divf": np.divide,
    "remf": np.fmod, "maximumf": maximum, "minimumf": minimum,
    "addi": np.add, "subi": np.subtract, "muli": np.multiply,
    "divsi": _toward_zero, "remsi": np.fmod,
    "divui": _on_unsigned(np.floor_divide), "remui": _on_unsigned(np.fmod),
    "andi": np.bitwise_and, "ori": np.bitwise_or, "xori": np.bitwise_xor,
    "shli": np.left_shift, "shrsi": _arithmetic_right, "shrui": _logical_right,
    "maxsi": np.maximum, "minsi": np.minimum,
    "maxui": _on_unsigned(np.maximum), "minui": _on_unsigned(np.minimum),
}  # fmt: skip
for _name, _f in _BINARY.items():
    VALUES[f"arith.{_name}"] = _row(_f)
VALUES["arith.negf"] = _row(np.negative)

# -- comparison ----------------------------------------------------------------------------

_ASKS = {"eq": np.equal, "ne": np.not_equal, "lt": np.less, "le": np.less_equal,
         "gt": np.greater, "ge": np.greater_equal}  # fmt: skip


@VALUES.rule("arith.cmpf")
def cmpf(op: Operation, x: Array, y: Array) -> Array:
    """o…: false where one is no number; u…: true there."""
    word = op["predicate"]
    nan = np.isnan(x) | np.isnan(y)
    if word in ("ord", "uno"):
        return ~nan if word == "ord" else nan
    asked = _ASKS[word[1:]](x, y)
    return np.asarray(asked | nan if word[0] == "u" else asked & ~nan)


@VALUES.rule("arith.cmpi")
def cmpi(op: Operation, x: Array, y: Array) -> Array:
    word = op["predicate"]
    if word[0] == "u":
        x, y = unsigned(x), unsigned(y)
    return np.asarray(_ASKS[word[-2:]](x, y))


@VALUES.rule("arith.select")
def select(op: Operation, condition: Array, x: Array, y: Array) -> Array:
    if isinstance(op.results[0].type, MemRefType):
        return x if condition else y
    return np.asarray(np.where(condition, x, y)).astype(np.asarray(x).dtype, copy=False)


# -- conversion ----------------------------------------------------------------------------


@VALUES.rule("arith.extf", "arith.truncf", "arith.sitofp", "arith.index_cast")
def as_is(op: Operation, x: Array) -> Array:
    """NumPy's own conversion: it rounds to even, and keeps the low bits of integers."""
    with np.errstate(all="ignore"):
        return np.asarray(x).astype(element_of(op).numpy)


@VALUES.rule("arith.uitofp", "arith.extui", "arith.index_castui")
def from_unsigned(op: Operation, x: Array) -> Array:
    dtype = element_of(op).numpy
    made: Array = unsigned(x).astype(f"u{dtype.itemsize}" if dtype.kind == "i" else dtype)
    return made.view(dtype) if dtype.kind == "i" else made


@VALUES.rule("arith.extsi")
def extsi(op: Operation, x: Array) -> Array:
    dtype = element_of(op).numpy
    return (
        -np.asarray(x).astype(dtype) if np.asarray(x).dtype == bool else np.asarray(x).astype(dtype)
    )


@VALUES.rule("arith.trunci")
def trunci(op: Operation, x: Array) -> Array:
    dtype = element_of(op).numpy
    return np.asarray(x & 1 if dtype.kind == "b" else x).astype(dtype)


@VALUES.rule("arith.bitcast")
def bitcast(op: Operation, x: Array) -> Array:
    return np.ascontiguousarray(x).view(element_of(op).numpy).reshape(np.shape(x))


@VALUES.rule("builtin.unrealized_conversion_cast")
def same_bits(op: Operation, x: Array) -> Array:
    """The same integers with or without a sign."""
    return x.view(element_of(op).numpy)


@VALUES.rule("arith.fptosi", "arith.fptoui")
def to_integer(op: Operation, x: Array) -> Array:
    """Saturating, as StableHLO's convert (and as LLVM's `fptosi.sat`, which is emitted)."""
    to = element_of(op)
    if op.name.endswith("si"):
        return convert_to(np.asarray(x), to)
    return convert_to(np.asarray(x), ScalarType(f"u{to.name}")).view(to.numpy)


@VALUES.rule("arith.constant")
def constant(op: Operation) -> Array:
    value = op["value"]
    if isinstance(value, Dense):
        return value.array
    return np.asarray(value.value).astype(element_of(op).numpy)


# -- math ------------------------------------------------------------------------------------

_MATH: dict[str, Callable[..., Array]] = {
    "sqrt": np.sqrt, "absf": np.abs, "absi": np.abs, "floor": np.floor, "ceil": np.ceil,
    "roundeven": np.rint, "round": _round_away, "copysign": np.copysign,
}  # fmt: skip
for _name, _f in _MATH.items():
    VALUES[f"math.{_name}"] = _row(_f)
VALUES["math.ctpop"] = lambda op, x: popcnt(op, np.asarray(x))
VALUES["math.ctlz"] = lambda op, x: count_leading_zeros(op, np.asarray(x))
VALUES["math.ipowi"] = lambda op, x, y: power(op, np.asarray(x), np.asarray(y))
_OURS = {
    "exp": "exp", "expm1": "expm1", "log": "log", "log1p": "log1p", "tanh": "tanh",
    "sin": "sin", "cos": "cos", "tan": "tan", "erf": "erf", "cbrt": "cbrt", "rsqrt": "rsqrt",
    "powf": "power", "atan2": "atan2",
}  # fmt: skip


def _ours(name: str) -> Callable[..., Array]:
    def row(op: Operation, *xs: Array) -> Array:
        from minidl.core import mathfun

        return mathfun.run_numpy(name, *map(np.asarray, xs))

    return row


for _name, _function in _OURS.items():
    VALUES[f"math.{_name}"] = _ours(_function)


@VALUES.rule("math.fma")
def fma(op: Operation, a: Array, b: Array, c: Array) -> Array:
    from minidl.core.mathfun.evaluate import OPS

    shape = np.broadcast_shapes(*map(np.shape, (a, b, c)))
    flat = [np.broadcast_to(x, shape).reshape(-1) for x in (a, b, c)]
    with np.errstate(all="ignore"):
        return OPS["fma"](*flat, element_of(op).numpy.type).reshape(shape)

"""Run a program in NumPy: the reference of its bits.

Chapter: ir/llvm.
Sources: S. Boldo, G. Melquiond, "Emulation of FMA and correctly rounded sums:
proved algorithms using rounding to odd" (2008), for the fused multiply-add.
Real: hardware's fused multiply-add; here it is emulated, exactly, and slowly.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np

from minidl.core.mathfun.program import Program, Row
from minidl.core.rules import RuleTable

Array = np.ndarray[Any, Any]
KINDS: dict[str, Any] = {
    "i1": np.bool_, "i8": np.int8, "i16": np.int16, "i32": np.int32, "i64": np.int64,
    "f32": np.float32, "f64": np.float64,
}  # fmt: skip
UNSIGNED: dict[Any, Any] = {
    np.bool_: np.bool_, np.int8: np.uint8, np.int16: np.uint16,
    np.int32: np.uint32, np.int64: np.uint64,
}  # fmt: skip

Rule = Callable[[Array, Array, Array], Array]
OPS: RuleTable[Callable[..., Array]] = RuleTable("numpy", "mathfun.evaluate")


def run(program: Program, *inputs: Array, fma: bool = True) -> Array:
    """The program on each lane of `inputs` (arrays of one shape, of the parameters' types)."""
    shape = np.shape(inputs[0])
    names: dict[str, Array] = {}
    for (name, type), given in zip(program.params, inputs, strict=True):
        names[name] = np.ascontiguousarray(given).view(KINDS[type]).reshape(-1)
    types = program.types()
    with np.errstate(all="ignore"):
        for row in program.rows:
            names[row.dest] = _run_row(row, names, types, fma)
    return names[program.result].reshape(shape)


def _run_row(row: Row, names: dict[str, Array], types: dict[str, str], fma: bool) -> Array:
    of = operand_type(row, types)
    args = [
        names[a] if isinstance(a, str) else _constant(a, row, of, i) for i, a in enumerate(row.args)
    ]
    op, _, predicate = row.op.partition(" ")
    if predicate:
        return OPS[row.op](*args)
    if op == "fma" and not fma:
        return args[0] * args[1] + args[2]
    return OPS[op](*args, KINDS[row.type])


def operand_type(row: Row, types: dict[str, str]) -> str:
    """The type of a row's operands (of the arms, for a select)."""
    if row.op == "select":
        return row.type
    return next((types[a] for a in row.args if isinstance(a, str)), row.type)


def _constant(value: float | int, row: Row, of: str, index: int) -> Array:
    kind = KINDS[of]
    if of[0] == "i" and of != "i1":  # bit patterns may be written unsigned
        return (
            np.array([value & (1 << 8 * np.dtype(kind).itemsize) - 1], np.uint64)
            .astype(UNSIGNED[kind])
            .view(kind)
        )
    return np.array([value], kind)


def _unsigned(a: Array) -> Array:
    return a.view(UNSIGNED[a.dtype.type])


for _op, _f in {
    "fadd": np.add, "fsub": np.subtract, "fmul": np.multiply, "fdiv": np.divide,
    "add": np.add, "sub": np.subtract, "mul": np.multiply,
    "and": np.bitwise_and, "or": np.bitwise_or, "xor": np.bitwise_xor,
}.items():  # fmt: skip
    OPS[_op] = lambda a, b, kind, f=_f: f(a, b)
for _op, _g in {"fneg": np.negative, "fabs": np.abs, "sqrt": np.sqrt, "rint": np.rint}.items():
    OPS[_op] = lambda a, kind, f=_g: f(a)
for _op, _h in {
    "lt": np.less, "gt": np.greater, "le": np.less_equal, "ge": np.greater_equal,
}.items():  # fmt: skip
    OPS[f"fcmp o{_op}"] = _h
    OPS[f"icmp s{_op}"] = _h
    OPS[f"icmp u{_op}"] = lambda a, b, f=_h: f(_unsigned(a), _unsigned(b))
OPS["fcmp oeq"] = OPS["icmp eq"] = np.equal
OPS["fcmp une"] = OPS["icmp ne"] = np.not_equal


@OPS.rule("select")
def _select(test: Array, yes: Array, no: Array, kind: Any) -> Array:
    return np.where(test, yes, no)


@OPS.rule("bitcast")
def _bitcast(a: Array, kind: Any) -> Array:
    return a.view(kind)


@OPS.rule("sext", "trunc", "sitofp", "fptrunc", "fpext", "fptosi")
def _convert(a: Array, kind: Any) -> Array:
    return a.astype(kind)


@OPS.rule("zext", "uitofp")
def _convert_unsigned(a: Array, kind: Any) -> Array:
    return _unsigned(a).astype(kind)


@OPS.rule("shl")
def _shl(a: Array, n: Array, kind: Any) -> Array:
    return np.left_shift(_unsigned(a), _unsigned(n)).view(kind)


@OPS.rule("lshr")
def _lshr(a: Array, n: Array, kind: Any) -> Array:
    return np.right_shift(_unsigned(a), _unsigned(n)).view(kind)


@OPS.rule("ashr")
def _ashr(a: Array, n: Array, kind: Any) -> Array:
    return np.right_shift(a, n)


@OPS.rule("sdiv")
def _sdiv(a: Array, b: Array, kind: Any) -> Array:
    """Toward zero; the program never divides by zero, nor the least number by -1."""
    q = np.floor_divide(a, b)
    return q + ((q * b != a) & ((a < 0) != (b < 0))).astype(kind)


@OPS.rule("srem")
def _srem(a: Array, b: Array, kind: Any) -> Array:
    return np.fmod(a, b)


@OPS.rule("udiv")
def _udiv(a: Array, b: Array, kind: Any) -> Array:
    return np.floor_divide(_unsigned(a), _unsigned(b)).view(kind)


@OPS.rule("urem")
def _urem(a: Array, b: Array, kind: Any) -> Array:
    return np.fmod(_unsigned(a), _unsigned(b)).view(kind)


@OPS.rule("fma")
def _fma(a: Array, b: Array, c: Array, kind: Any) -> Array:
    a, b, c = np.broadcast_arrays(a, b, c)
    if kind is np.float32:
        wide = a.astype(np.float64) * b.astype(np.float64)  # exact: 48 bits
        high, low = _two_sum(wide, c.astype(np.float64))
        return _odd(high, low).astype(np.float32)
    return _fma64(a, b, c)


def _two_sum(a: Array, b: Array) -> tuple[Array, Array]:
    """a + b and its rounding error (Knuth)."""
    s = a + b
    part = s - a
    return s, (a - (s - part)) + (b - part)


def _odd(high: Array, low: Array) -> Array:
    """high + low rounded to odd: an inexact result gets an odd last bit."""
    bits = high.view(np.int64)
    even = (bits & 1) == 0
    toward = np.where((low > 0) == (high > 0), 1, -1)
    fix = even & (low != 0) & np.isfinite(high) & np.isfinite(low)
    return np.where(fix, bits + toward, bits).view(np.float64)


def _fma64(a: Array, b: Array, c: Array) -> Array:
    """Boldo and Melquiond's algorithm; exact fractions where its parts leave the range."""
    high, low = _two_product(a, b)
    t_high, t_low = _two_sum(c, low)
    v_high, v_low = _two_sum(high, t_high)
    z = v_high + _odd(*_two_sum(t_low, v_low))
    plain = a * b + c
    tiny = (np.abs(a * b) < 2.0**-900) & (np.abs(c) < 2.0**-800) & (a != 0) & (b != 0)
    lanes = (tiny | ~np.isfinite(z)) & np.isfinite(plain)
    z = np.where(np.isfinite(z) & (z != 0), z, plain)  # a zero keeps its sign
    for i in np.flatnonzero(lanes):
        exact = Fraction(a[i]) * Fraction(b[i]) + Fraction(c[i])
        z[i] = float(exact) if exact else plain[i]
    return z


def _two_product(a: Array, b: Array) -> tuple[Array, Array]:
    """a·b and its rounding error (Dekker)."""
    p = a * b
    (ah, al), (bh, bl) = _split(a), _split(b)
    return p, ((ah * bh - p) + ah * bl + al * bh) + al * bl


def _split(a: Array) -> tuple[Array, Array]:
    """a as two halves of 26 bits (Veltkamp)."""
    t = a * 134217729.0
    high = t - (t - a)
    return high, a - high

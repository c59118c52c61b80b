"""Straight-line programs as data: rows of (dest, type, op, operands).

Chapter: ir/llvm.
Sources: LLVM language reference, whose op names and meanings the rows use.
Real: a libm is C with branches and tables; vector libms (SLEEF) are like this.

A row's operand is a name or a number; a number has the type that its op asks
for.  Types are scalar (`f32 f64 i1 i8 i16 i32 i64`): a program runs on one lane,
and on any number of lanes side by side.  `Kit` writes rows while Python
expressions on `Value`s are evaluated:

    n = k.rint(x * 1.4427)      # ("t1", "f32", "fmul", ("x", 1.4427))
                                # ("t2", "f32", "rint", ("t1",))
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple, Union

from minidl.core.mathfun.tables import COEFFICIENTS

BITS = {"i1": 1, "i8": 8, "i16": 16, "i32": 32, "i64": 64, "f32": 32, "f64": 64}


class Row(NamedTuple):
    """One operation; `args` are names of earlier rows or numbers."""

    dest: str
    type: str
    op: str
    args: tuple[str | float | int, ...]


@dataclass(frozen=True)
class Program:
    """A function of one lane: parameters (name, type), rows, the name returned."""

    name: str
    params: tuple[tuple[str, str], ...]
    rows: tuple[Row, ...]
    result: str
    type: str

    def types(self) -> dict[str, str]:
        """The type of each name."""
        return dict(self.params) | {row.dest: row.type for row in self.rows}


Operand = Union["Value", float, int]


class Value:
    """A name in the program being written; operators append rows."""

    __slots__ = ("kit", "name", "type")

    def __init__(self, kit: Kit, name: str, type: str) -> None:
        self.kit, self.name, self.type = kit, name, type

    def _do(self, verb: str, *args: Operand) -> Value:
        op = ("f" if self.type[0] == "f" else "") + verb
        return self.kit.row(self.type, op, *args)

    def __add__(self, other: Operand) -> Value:
        return self._do("add", self, other)

    def __radd__(self, other: Operand) -> Value:
        return self._do("add", other, self)

    def __sub__(self, other: Operand) -> Value:
        return self._do("sub", self, other)

    def __rsub__(self, other: Operand) -> Value:
        return self._do("sub", other, self)

    def __mul__(self, other: Operand) -> Value:
        return self._do("mul", self, other)

    def __rmul__(self, other: Operand) -> Value:
        return self._do("mul", other, self)

    def __truediv__(self, other: Operand) -> Value:
        return self.kit.row(self.type, "fdiv", self, other)

    def __rtruediv__(self, other: Operand) -> Value:
        return self.kit.row(self.type, "fdiv", other, self)

    def __neg__(self) -> Value:
        return self.kit.row(self.type, "fneg", self)

    def __and__(self, other: Operand) -> Value:
        return self.kit.row(self.type, "and", self, other)

    def __or__(self, other: Operand) -> Value:
        return self.kit.row(self.type, "or", self, other)

    def __xor__(self, other: Operand) -> Value:
        return self.kit.row(self.type, "xor", self, other)

    def __lshift__(self, other: Operand) -> Value:
        return self.kit.row(self.type, "shl", self, other)

    def __rshift__(self, other: Operand) -> Value:
        """Arithmetic: the sign moves in."""
        return self.kit.row(self.type, "ashr", self, other)

    def _compare(self, floats: str, ints: str, other: Operand) -> Value:
        op = f"fcmp {floats}" if self.type[0] == "f" else f"icmp {ints}"
        return self.kit.row("i1", op, self, other)

    def __lt__(self, other: Operand) -> Value:
        return self._compare("olt", "slt", other)

    def __gt__(self, other: Operand) -> Value:
        return self._compare("ogt", "sgt", other)

    def __le__(self, other: Operand) -> Value:
        return self._compare("ole", "sle", other)

    def __ge__(self, other: Operand) -> Value:
        return self._compare("oge", "sge", other)

    def same(self, other: Operand) -> Value:
        return self._compare("oeq", "eq", other)

    def differs(self, other: Operand) -> Value:
        """True also when either is NaN."""
        return self._compare("une", "ne", other)


class Kit:
    """Writes a program for one float type; holds what the type's format fixes."""

    def __init__(self, ty: str) -> None:
        self.ty, self.rows = ty, list[Row]()
        self.int = "i32" if ty == "f32" else "i64"
        self.mantissa, self.bias = (23, 127) if ty == "f32" else (52, 1023)
        self.is_f32 = ty == "f32"
        self.inf, self.nan = float("inf"), float("nan")
        self.sign_bit = -(1 << (BITS[self.int] - 1))
        self.tiny = 2.0 ** (1 - self.bias)  # the smallest normal number

    def pick(self, f32: float, f64: float) -> float:
        return f32 if self.is_f32 else f64

    def param(self, name: str, type: str) -> Value:
        return Value(self, name, type)

    def row(self, type: str, op: str, *args: Operand) -> Value:
        """Append one row and return its value."""
        name = f"t{len(self.rows)}"
        plain = tuple(a.name if isinstance(a, Value) else a for a in args)
        self.rows.append(Row(name, type, op, plain))
        return Value(self, name, type)

    def fma(self, a: Operand, b: Operand, c: Operand) -> Value:
        """a·b + c: rounded once where the target can, twice elsewhere."""
        return self.row(self.ty, "fma", a, b, c)

    def sqrt(self, x: Value) -> Value:
        return self.row(self.ty, "sqrt", x)

    def rint(self, x: Value) -> Value:
        return self.row(self.ty, "rint", x)

    def abs(self, x: Value) -> Value:
        return self.row(self.ty, "fabs", x)

    def where(self, test: Value, yes: Operand, no: Operand) -> Value:
        type = next((v.type for v in (yes, no) if isinstance(v, Value)), self.ty)
        return self.row(type, "select", test, yes, no)

    def where_int(self, test: Value, yes: int, no: int) -> Value:
        """One of two i64 constants."""
        return self.row("i64", "select", test, yes, no)

    def bits(self, x: Value) -> Value:
        return self.row(self.int, "bitcast", x)

    def real(self, i: Value) -> Value:
        """The float with these bits."""
        return self.row(self.ty, "bitcast", i)

    def cast(self, op: str, x: Value, type: str) -> Value:
        """`zext sext trunc sitofp uitofp fptosi fptrunc fpext`."""
        return self.row(type, op, x)

    def lshr(self, x: Value, n: Operand) -> Value:
        return self.row(x.type, "lshr", x, n)

    def either(self, a: Value, b: Value) -> Value:
        return self.row("i1", "or", a, b)

    def both(self, a: Value, b: Value) -> Value:
        return self.row("i1", "and", a, b)

    def poly(self, name: str, x: Value) -> Value:
        """The polynomial `name` of the tables at x, by Horner's rule."""
        *rest, last = COEFFICIENTS[name, self.ty]
        first = rest.pop()
        p = self.fma(x, last, first)
        for c in reversed(rest):
            p = self.fma(p, x, c)
        return p

    def clamp(self, x: Value, lo: float, hi: float) -> Value:
        """x within [lo, hi]; NaN stays NaN."""
        x = self.where(x > hi, hi, x)
        return self.where(x < lo, lo, x)

    def head(self, x: Value) -> Value:
        """x with the lower half of its digits cleared: products of heads are exact."""
        return self.real(self.bits(x) & self.head_mask)

    @property
    def head_mask(self) -> int:
        return -(1 << (12 if self.is_f32 else 27))

    def nearest(self, t: Value) -> tuple[Value, Value]:
        """The integer nearest to t as float and as integer, |t| < 2^(mantissa-2).

        Adding 1.5·2^mantissa leaves no place for a fraction; no conversion
        instruction is needed, and NaN stays NaN.
        """
        magic = 1.5 * 2.0**self.mantissa
        shifted = t + magic
        offset = magic_bits(self)
        return shifted - magic, self.bits(shifted) - offset

    def power_of_two(self, i: Value) -> Value:
        """2^i for a normal result."""
        return self.real((i + self.bias) << self.mantissa)

    def scale(self, x: Value, i: Value) -> Value:
        """x·2^i in two steps, so that overflow and subnormals round once."""
        half = i >> 1
        return x * self.power_of_two(half) * self.power_of_two(i - half)

    def copy_sign(self, magnitude: Value, sign: Value) -> Value:
        """|magnitude| is given non-negative; takes the sign bit of `sign`."""
        return self.real(self.bits(magnitude) | (self.bits(sign) & self.sign_bit))

    def sum_exact(self, a: Value, b: Value) -> tuple[Value, Value]:
        """a + b and its rounding error, for |a| ≥ |b| (Dekker's fast two-sum)."""
        s = a + b
        return s, b - (s - a)


def magic_bits(k: Kit) -> int:
    """The bits of 1.5·2^mantissa as an integer."""
    exponent = k.bias + k.mantissa
    return exponent << k.mantissa | 1 << (k.mantissa - 1)

"""Integer division, remainder and shifts that are defined for every operand.

Chapter: ir/stablehlo.
Sources: StableHLO specification, `divide`, `remainder`, `shift_*`; LLVM
language reference: there these cases are undefined behaviour or poison.
Real XLA: `ElementalIrEmitter::EmitIntegerDivide` guards with the same selects.

x / 0 = -1 (all ones);  MIN / -1 = MIN;  x rem 0 = x;  MIN rem -1 = 0;
a shift by the width or more gives 0, or the sign where that moves in.
"""

from __future__ import annotations

from minidl.core.mathfun.program import BITS, Kit, Value


def _guard(k: Kit, x: Value, y: Value, signed: bool) -> tuple[Value, Value]:
    """Whether y is 0, and a divisor with which nothing traps."""
    zero = y.same(0)
    bad = zero
    if signed:
        least = x.same(-(1 << (BITS[x.type] - 1)))
        bad = k.either(zero, k.both(least, y.same(-1)))
    return zero, k.row(x.type, "select", bad, 1, y)


def _divide(k: Kit, x: Value, y: Value, signed: bool) -> Value:
    zero, safe = _guard(k, x, y, signed)
    q = k.row(x.type, "sdiv" if signed else "udiv", x, safe)
    return k.row(x.type, "select", zero, -1, q)


def _remainder(k: Kit, x: Value, y: Value, signed: bool) -> Value:
    zero, safe = _guard(k, x, y, signed)
    r = k.row(x.type, "srem" if signed else "urem", x, safe)
    return k.row(x.type, "select", zero, x, r)


def divide(k: Kit, x: Value, y: Value) -> Value:
    return _divide(k, x, y, True)


def divide_unsigned(k: Kit, x: Value, y: Value) -> Value:
    return _divide(k, x, y, False)


def remainder(k: Kit, x: Value, y: Value) -> Value:
    return _remainder(k, x, y, True)


def remainder_unsigned(k: Kit, x: Value, y: Value) -> Value:
    return _remainder(k, x, y, False)


def _in_width(k: Kit, n: Value) -> tuple[Value, Value]:
    """Whether the amount (unsigned) is below the width, and an amount that is."""
    inside = k.row("i1", "icmp ult", n, BITS[n.type])
    return inside, n & (BITS[n.type] - 1)


def shift_left(k: Kit, x: Value, n: Value) -> Value:
    inside, amount = _in_width(k, n)
    return k.row(x.type, "select", inside, x << amount, 0)


def shift_right_logical(k: Kit, x: Value, n: Value) -> Value:
    inside, amount = _in_width(k, n)
    return k.row(x.type, "select", inside, k.lshr(x, amount), 0)


def shift_right_arithmetic(k: Kit, x: Value, n: Value) -> Value:
    inside, amount = _in_width(k, n)
    return x >> k.row(x.type, "select", inside, amount, BITS[x.type] - 1)

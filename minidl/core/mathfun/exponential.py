"""exp exp2 expm1 log log1p tanh logistic: reduce to a small interval, then a polynomial.

Chapter: ir/llvm.
Sources: J.-M. Muller, "Elementary Functions" (3rd ed.), chapters 9 and 11;
W. Cody, W. Waite, "Software Manual for the Elementary Functions" (two-part ln 2).
Real XLA: the same reductions in `xla/codegen/intrinsic` and MLIR's
`PolynomialApproximation`; tanh there is one rational function.

x = n·ln2 + r   n integer, |r| ≤ ln2/2;   exp(x) = 2^n·exp(r)
x = 2^e·(1+f)   e integer, 2/3 ≤ 1+f < 4/3
"""

from __future__ import annotations

import math
import struct

from minidl.core.mathfun.program import Kit, Value
from minidl.core.mathfun.tables import PARTS

LOG2_E = 1 / math.log(2)


def reduce_by_ln2(k: Kit, x: Value, tail: Value | None = None) -> tuple[Value, Value, Value]:
    """n (float), n (integer), r with x + tail = n·ln2 + r; n·head is exact."""
    head, rest = PARTS["LN2", k.ty]
    n, i = k.nearest(x * LOG2_E)
    r = k.fma(n, -head, x)
    r = k.fma(n, -rest, r)
    return n, i, r if tail is None else r + tail


def exp_of_reduced(k: Kit, r: Value) -> Value:
    """exp(r) for |r| ≤ ln2/2: 1 + (r + r²·p(r))."""
    return k.fma(r * r, k.poly("EXPM1", r), r) + 1.0


def exp(k: Kit, x: Value, tail: Value | None = None) -> Value:
    """exp(x + tail); `tail` is a small correction to x."""
    x = k.clamp(x, k.pick(-104.0, -746.0), k.pick(89.0, 710.0))
    _, i, r = reduce_by_ln2(k, x, tail)
    return k.scale(exp_of_reduced(k, r), i)


def exp2(k: Kit, x: Value) -> Value:
    x = k.clamp(x, k.pick(-151.0, -1076.0), k.pick(129.0, 1025.0))
    n, i = k.nearest(x)
    return k.scale(exp_of_reduced(k, (x - n) * math.log(2)), i)


def expm1(k: Kit, x: Value) -> Value:
    """2^n·(exp(r) - 1) + (2^n - 1), doubled at the end: 2^128 is no number."""
    c = k.clamp(x, k.pick(-26.0, -55.0), k.pick(89.0, 710.0))
    _, i, r = reduce_by_ln2(k, c)
    e = k.fma(r * r, k.poly("EXPM1", r), r)
    half = k.power_of_two(i - 1)
    y = k.fma(half, e, half - 0.5) * 2.0
    return k.where(k.abs(x) < k.pick(2.0**-26, 2.0**-55), x, y)


def split_exponent(k: Kit, x: Value) -> tuple[Value, Value]:
    """e (integer) and m with x = 2^e·m, 2/3 ≤ m < 4/3, for normal x > 0."""
    bits = k.bits(x)
    e = (bits - float_bits(k, 2 / 3)) >> k.mantissa
    return e, k.real(bits - (e << k.mantissa))


def float_bits(k: Kit, value: float) -> int:
    """The bits of a constant as a signed integer."""
    real, whole = ("<f", "<i") if k.is_f32 else ("<d", "<q")
    return int(struct.unpack(whole, struct.pack(real, value))[0])


def log_of(k: Kit, e: Value, f: Value) -> Value:
    """e·ln2 + log(1+f), the small terms first."""
    head, rest = PARTS["LN2", k.ty]
    hfsq = f * f * 0.5
    if k.is_f32:
        small = k.fma(f * f * f, k.poly("LOG1P", f), k.fma(e, rest, -hfsq))
        return k.fma(e, head, f + small)
    s = f / (f + 2.0)
    z = s * s
    # log(1+f) = f - (f²/2 - s·(f²/2 + z·A(z)))
    small = s * (hfsq + z * k.poly("ATANH", z)) + e * rest
    return k.fma(e, head, f - (hfsq - small))


def log(k: Kit, x: Value) -> Value:
    subnormal = x < k.tiny
    normal = k.where(subnormal, x * 2.0**k.mantissa, x)
    e, m = split_exponent(k, normal)
    e = k.where(subnormal, e - k.mantissa, e)
    y = log_of(k, k.cast("sitofp", e, k.ty), m - 1.0)
    return log_edges(k, y, x, x)


def log_edges(k: Kit, y: Value, x: Value, argument: Value) -> Value:
    """The values of log(argument) at 0, below 0, at infinity and NaN."""
    y = k.where(argument.same(0.0), -k.inf, y)
    y = k.where(argument < 0.0, k.nan, y)
    y = k.where(argument.same(k.inf), k.inf, y)
    return k.where(x.differs(x), x, y)


def log1p(k: Kit, x: Value) -> Value:
    """log(u), u = 1 + x rounded, with what the rounding lost added to f."""
    u = x + 1.0
    lost = k.where(x > 1.0, 1.0 - (u - x), x - (u - 1.0))
    e, m = split_exponent(k, u)
    unscale = k.real((k.bias - k.where(e > k.bias - 1, k.bias - 1, e)) << k.mantissa)
    f = k.fma(lost, unscale, m - 1.0)
    y = log_of(k, k.cast("sitofp", e, k.ty), f)
    y = log_edges(k, y, x, u)
    return k.where(k.abs(x) < k.pick(2.0**-26, 2.0**-55), x, y)


def tanh(k: Kit, x: Value) -> Value:
    """a + a³·p(a²) below 0.55, else 1 - 2/(exp(2a)+1), for a = |x|; then the sign."""
    a = k.abs(x)
    z = a * a
    near = k.fma(a * z, k.poly("TANH", z), a)
    capped = k.where(a > k.pick(10.0, 22.0), k.pick(10.0, 22.0), a)
    _, i, r = reduce_by_ln2(k, capped + capped)
    far = 1.0 - 2.0 / (exp_of_reduced(k, r) * k.power_of_two(i) + 1.0)
    return k.copy_sign(k.where(a < 0.55, near, far), x)


def logistic(k: Kit, x: Value) -> Value:
    """1/(1+exp(-x)); for x < 0 as exp(x)/(1+exp(x)), which has no cancellation."""
    e = exp(k, -k.abs(x))
    return k.where(x < 0.0, e, 1.0) / (e + 1.0)

"""Conversions between float formats as bit arithmetic, each rounded once.

Chapter: primers/numbers.
Sources: IEEE 754-2019, 3.4 and 5.4.2; S. Boldo, G. Melquiond on rounding to odd
(2005): rounded to odd with two digits to spare, then rounded again, is rounded once.
Real: `llvm.fptrunc` to half or bfloat becomes a call of compiler-rt's
`__truncsfhf2` where the CPU has no instruction; here nothing is called.

16-bit floats are their bits, as i16.  bfloat16: 1 sign, 8 exponent, 7 mantissa
bits; float16: 1, 5, 10.  A NaN stays a NaN and becomes quiet.
"""

from __future__ import annotations

from collections.abc import Callable

from minidl.core.mathfun.program import Kit, Value

F32_INF = 0x7F800000
F32_SIGN = -(1 << 31)


def f32_to_bf16(k: Kit, x: Value) -> Value:
    """The upper 16 bits, after adding just under half a unit (exactly half if odd)."""
    bits = k.bits(x)
    odd = k.lshr(bits, 16) & 1
    rounded = k.lshr(bits + odd + 0x7FFF, 16)
    quiet = k.lshr(bits, 16) | 0x40
    return k.cast("trunc", k.where(x.differs(x), quiet, rounded), "i16")


def bf16_to_f32(k: Kit, h: Value) -> Value:
    return k.real(k.cast("zext", h, "i32") << 16)


def f32_to_f16(k: Kit, x: Value) -> Value:
    bits = k.bits(x)
    a, sign = bits & 0x7FFFFFFF, k.lshr(bits & F32_SIGN, 16)
    # normal: exponent 127 becomes 15, 13 mantissa bits are rounded away
    odd = k.lshr(a, 13) & 1
    normal = k.lshr(a - (112 << 23) + odd + 0xFFF, 13)
    # below 2^-14: adding 1/2 rounds at 2^-24, the unit of float16's subnormals
    subnormal = k.bits(k.real(a) + 0.5) - 0x3F000000
    h = k.where(a < 0x38800000, subnormal, normal)
    h = k.where(a >= 0x477FF000, 0x7C00, h)  # 65520 and more round to infinity
    h = k.where(a > F32_INF, k.lshr(a, 13) & 0x3FF | 0x7E00, h)
    return k.cast("trunc", h | sign, "i16")


def f16_to_f32(k: Kit, h: Value) -> Value:
    wide = k.cast("zext", h, "i32")
    a, sign = wide & 0x7FFF, (wide & 0x8000) << 16
    normal = (a << 13) + (112 << 23)
    # 1/2 with a in its last digits, less 1/2, is a·2^-24
    subnormal = k.bits(k.real(a + 0x3F000000) - 0.5)
    bits = k.where(a < 0x400, subnormal, normal)
    bits = k.where(a >= 0x7C00, (a << 13) | F32_INF, bits)
    return k.real(bits | sign)


def f64_to_odd_f32(k: Kit, x: Value) -> Value:
    """x in float32, an inexact result moved to its odd neighbour towards x."""
    near = k.cast("fptrunc", x, "f32")
    back = k.cast("fpext", near, "f64")
    bits = k.row("i32", "bitcast", near)
    a, b = k.abs(back), k.abs(x)
    step = k.row("i32", "select", a < b, 1, -1)
    fix = k.both(a.differs(b), (bits & 1).same(0))
    fix = k.both(fix, x.same(x))
    return k.row("f32", "bitcast", k.where(fix, bits + step, bits))


def f64_to_f16(k: Kit, x: Value) -> Value:
    return _then(k, f64_to_odd_f32(k, x), f32_to_f16)


def f64_to_bf16(k: Kit, x: Value) -> Value:
    return _then(k, f64_to_odd_f32(k, x), f32_to_bf16)


def _then(k: Kit, x: Value, step: Callable[[Kit, Value], Value]) -> Value:
    """Go on in float32 in the same program."""
    narrow = Kit("f32")
    narrow.rows = k.rows
    x.kit = narrow
    return step(narrow, x)

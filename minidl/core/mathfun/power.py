"""power cbrt rsqrt: logarithm and product carried in two floats.

Chapter: ir/llvm.
Sources: T. Dekker, "A floating-point technique for extending the available
precision" (1971); IEEE 754-2019, 9.2.1 (the special values of pow).
Real: glibc's `pow` looks the logarithm up in a table of 128 entries.

h, l   the two parts of a number, l below half a last place of h; products of
       heads (numbers with half the digits) are exact, with or without fma
"""

from __future__ import annotations

from minidl.core.mathfun.exponential import exp_of_reduced, split_exponent
from minidl.core.mathfun.program import Kit, Value
from minidl.core.mathfun.tables import PARTS


def log2_two_parts(k: Kit, x: Value) -> tuple[Value, Value]:
    """log2(x) = h + l for x > 0, h a head.

    m = 2/3..4/3, s = (m-1)/(m+1); log2(m) = 2/(3·ln2) · s·(3 + s² + s⁴·B(s²)).
    """
    subnormal = x < k.tiny
    e, m = split_exponent(k, k.where(subnormal, x * 2.0**k.mantissa, x))
    e = k.where(subnormal, e - k.mantissa, e)
    f, m1 = m - 1.0, m + 1.0
    inverse = 1.0 / m1
    s = f * inverse
    sh, m1h = k.head(s), k.head(m1)
    sl = ((f - sh * m1h) - sh * (m - (m1h - 1.0))) * inverse
    zh, z = sh * sh, s * s
    rest = (s + sh) * sl + z * z * k.poly("ATANH3", z)
    th = k.head(zh + rest + 3.0)
    tl = rest - ((th - 3.0) - zh)
    uh, ul = sh * th, sl * th + s * tl
    vh = k.head(uh + ul)
    vl = ul - (vh - uh)
    ch, cl = PARTS["LOG2_CUBE", k.ty]
    h, l = k.sum_exact(k.cast("sitofp", e, k.ty), vh * ch)
    # |e| may be 0: then h is exactly vh·ch and the error 0
    l = l + (vh * cl + vl * (ch + cl))
    head = k.head(h + l)
    return head, (h - head) + l


def power(k: Kit, x: Value, y: Value) -> Value:
    a = k.abs(x)
    h, l = log2_two_parts(k, a)
    y_head = k.head(y)
    main = y_head * h
    rest = (y - y_head) * h + y * l
    total = y * (h + l)
    limit = k.pick(160.0, 1100.0)
    small = k.both(total > -limit, total < limit)
    main, rest = k.where(small, main, 0.0), k.where(small, rest, 0.0)
    n, i = k.nearest(main + rest)
    r = ((main - n) + rest) * 0.6931471805599453
    size = k.scale(exp_of_reduced(k, r), i)
    size = k.where(total >= limit, k.inf, size)
    size = k.where(total <= -limit, 0.0, size)
    return power_edges(k, x, y, a, size)


def power_edges(k: Kit, x: Value, y: Value, a: Value, size: Value) -> Value:
    """Zeros, infinities, NaN, and the sign of a negative base."""
    down = y < 0.0
    size = k.where(a.same(0.0), k.where(down, k.inf, 0.0), size)
    size = k.where(a.same(k.inf), k.where(down, 0.0, k.inf), size)
    size = k.where(a.same(1.0), 1.0, size)
    whole = k.rint(y).same(y)
    half = y * 0.5
    odd = k.both(whole, k.rint(half).differs(half))
    sign = k.where(odd, k.bits(x) & k.sign_bit, k.bits(x) & 0)
    size = k.real(k.bits(size) | sign)
    broken = k.both(k.both(x < 0.0, a < k.inf), k.row("i1", "xor", whole, 1))
    size = k.where(broken, k.nan, size)
    size = k.where(k.either(x.differs(x), y.differs(y)), x + y, size)
    return k.where(k.either(y.same(0.0), x.same(1.0)), 1.0, size)


def cbrt(k: Kit, x: Value) -> Value:
    """An estimate from a third of the bits, Halley's steps, Newton's with an exact t³."""
    a = k.abs(x)
    tiny, huge = a < k.tiny * 2.0 ** (2 * k.mantissa), a > 2.0 ** (k.bias - 3)
    up = k.mantissa // 3 * 2 + 2
    b = a * k.where(tiny, 2.0 ** (3 * up), k.where(huge, 2.0**-6, 1.0))
    t = k.real(third(k, k.bits(b)) + round((2 / 3 * k.bias - 0.033) * 2.0**k.mantissa))
    for _ in range(1 if k.is_f32 else 2):
        c = t * t * t
        t = t - t * ((c - b) / (c + c + b))
    th = k.head(t)
    tl = t - th
    square = th * th
    sh = k.head(square)
    rest = (square - sh) + (th + t) * tl  # t² = sh + rest
    error = ((sh * th - b) + sh * tl) + rest * t
    t = t - error / (3.0 * sh)
    t = t * k.where(tiny, 2.0**-up, k.where(huge, 4.0, 1.0))
    t = k.where(k.either(a.same(0.0), a.same(k.inf)), a, t)
    return k.where(x.differs(x), x, k.copy_sign(t, x))


def third(k: Kit, i: Value) -> Value:
    """About i/3: i·(1/4 + 1/16 + 1/64 + …)."""
    i = i >> 2
    for shift in (2, 4, 8):
        i = i + (i >> shift)
    return i


def rsqrt(k: Kit, x: Value) -> Value:
    """1/√x with both operations rounded."""
    return 1.0 / k.sqrt(x)

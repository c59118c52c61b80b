"""sin cos tan atan2: the circle in quarters.

Chapter: ir/llvm.
Sources: M. Payne, R. Hanek, "Radian reduction for trigonometric functions"
(1983); J.-M. Muller, "Elementary Functions", chapter 11.
Real: libm takes Payne–Hanek only above some 10^5; here every lane does.

a = m·2^s, m an integer.  Of a·2/π only the quarter (its last two whole bits)
and the fraction matter.  The bits of 2/π that give multiples of 4 are skipped;
the next ones, `count` words of 32 bits, are multiplied by m exactly.
"""

from __future__ import annotations

from itertools import pairwise

from minidl.core.mathfun.program import Kit, Value
from minidl.core.mathfun.tables import PARTS, TWO_OVER_PI

LOW = 0xFFFFFFFF
LEAD = 2  # words of zeros before 2/π, for arguments around 1


def window(k: Kit, exponent: Value, count: int) -> list[Value]:
    """`count` words of 2/π·2^s modulo 4, the first bit weighing 2."""
    start = exponent + (32 * LEAD - 2 - k.bias - k.mantissa)
    index, shift = k.lshr(start, 5), 32 - (start & 31)
    words = skip_words(k, index, count + 1)
    return [k.lshr((high << 32) | low, shift) & LOW for high, low in pairwise(words)]


def skip_words(k: Kit, index: Value, count: int) -> list[Value]:
    """`count` words of (zeros, 2/π) from `index` on: a barrel shifter of selects."""
    levels = 3 if k.is_f32 else 6
    table: list[Value | int] = [*[0] * LEAD, *TWO_OVER_PI]
    for level in reversed(range(levels)):
        step = 1 << level
        skip = (index & step).differs(0)
        need = count + step - 1
        table = [choose(k, skip, table, j, step) for j in range(min(need, len(table)))]
    return [v for v in table if isinstance(v, Value)]


def choose(k: Kit, skip: Value, table: list[Value | int], j: int, step: int) -> Value | int:
    here = table[j]
    there = table[j + step] if j + step < len(table) else here  # beyond any argument
    if isinstance(here, int) and isinstance(there, int):
        return k.where_int(skip, there, here)
    return k.where(skip, there, here)


def times(k: Kit, m: Value, words: list[Value]) -> list[Value]:
    """m·words modulo 2^(32·count), for m < 2^32."""
    carry: Value | int = 0
    out = []
    for word in reversed(words):
        t = m * word + carry
        out.append(t & LOW)
        carry = k.lshr(t, 32)
    return out[::-1]


def add_words(k: Kit, a: list[Value], b: list[Value]) -> list[Value]:
    """a + b·2^32 modulo 2^(32·count): b's words stand one place higher."""
    carry: Value | int = 0
    out = [a[-1]]
    for x, y in zip(reversed(a[:-1]), reversed(b), strict=False):
        t = x + y + carry
        out.append(t & LOW)
        carry = k.lshr(t, 32)
    return out[::-1]


def quarters(k: Kit, a: Value) -> list[Value]:
    """a·2/π modulo 4 in words, for a ≥ 1/2: two whole bits, then the fraction."""
    bits = k.cast("zext", k.bits(a), "i64") if k.is_f32 else k.bits(a)
    exponent = k.lshr(bits, k.mantissa)
    exponent = k.where(exponent < k.bias - 1, k.bias - 1, exponent)
    m = (bits & ((1 << k.mantissa) - 1)) | (1 << k.mantissa)
    words = window(k, exponent, 3 if k.is_f32 else 6)
    if k.is_f32:
        return times(k, m, words)
    return add_words(k, times(k, m & LOW, words), times(k, k.lshr(m, 32), words)[1:])


def reduce(k: Kit, a: Value) -> tuple[Value, Value]:
    """q and r with a = q·π/2 + r (modulo 2π), |r| ≤ π/4; of q the low two bits count."""
    words = quarters(k, a)
    q = k.lshr(words[0] + 0x20000000, 30)
    top = ((words[0] - (q << 30)) << 32) | words[1]  # signed, in units of 2^-62 quarters
    keep = -(1 << (38 if k.is_f32 else 10))
    high = k.cast("sitofp", top & keep, k.ty) * 2.0**-62
    low = k.cast("sitofp", top & ~keep, k.ty) * 2.0**-62
    if not k.is_f32:
        low = low + k.cast("sitofp", k.lshr((words[2] << 32) | words[3], 1), k.ty) * 2.0**-125
    f, rest = k.sum_exact(high, low)
    main, tail = PARTS["HALF_PI", k.ty]
    r = k.fma(f, main, k.fma(f, tail, rest * main))
    near = a < 0.785
    q = k.cast("trunc", q, "i32") if k.is_f32 else q
    return k.where(near, 0, q), k.where(near, a, r)


def sine_cosine(k: Kit, r: Value) -> tuple[Value, Value]:
    """sin r and cos r for |r| ≤ π/4."""
    z = r * r
    sine = k.fma(r * z, k.poly("SIN", z), r)
    half = z * 0.5
    w = 1.0 - half
    cosine = w + (((1.0 - w) - half) + z * z * k.poly("COS", z))
    return sine, cosine


def quarter_sign(k: Kit, q: Value) -> Value:
    """Bit 1 of q, moved to the sign bit."""
    return (q & 2) << (30 if k.is_f32 else 62)


def finite(k: Kit, x: Value, y: Value) -> Value:
    """y, or NaN where x is infinite or NaN."""
    return k.where(k.abs(x) < k.inf, y, x - x)


def sin(k: Kit, x: Value) -> Value:
    q, r = reduce(k, k.abs(x))
    sine, cosine = sine_cosine(k, r)
    y = k.where((q & 1).differs(0), cosine, sine)
    sign = quarter_sign(k, q) ^ (k.bits(x) & k.sign_bit)
    return finite(k, x, k.real(k.bits(y) ^ sign))


def cos(k: Kit, x: Value) -> Value:
    q, r = reduce(k, k.abs(x))
    sine, cosine = sine_cosine(k, r)
    y = k.where((q & 1).differs(0), sine, cosine)
    return finite(k, x, k.real(k.bits(y) ^ quarter_sign(k, q + 1)))


def tan(k: Kit, x: Value) -> Value:
    q, r = reduce(k, k.abs(x))
    sine, cosine = sine_cosine(k, r)
    odd = (q & 1).differs(0)
    y = k.where(odd, -cosine, sine) / k.where(odd, sine, cosine)
    return finite(k, x, k.real(k.bits(y) ^ (k.bits(x) & k.sign_bit)))


def atan2(k: Kit, y: Value, x: Value) -> Value:
    """The angle of the point (x, y): the eighth of the circle, then base ± atan(t)."""
    ay, ax = k.abs(y), k.abs(x)
    steep, left = ay > ax, k.bits(x) < 0
    small, big = in_range(k, k.where(steep, ax, ay), k.where(steep, ay, ax))
    diagonal = small > big * 0.41421356
    t = k.where(diagonal, small - big, small) / k.where(diagonal, small + big, big)
    z = t * t
    p = k.fma(t * z, k.poly("ATAN", z), t)
    flip = k.row("i1", "xor", steep, left)
    p = k.where(flip, -p, p)
    high, low = (base_angle(k, part, diagonal, steep, left) for part in (0, 1))
    angle = k.where(high.same(0.0), p, high + (p + low))
    angle = k.where(k.both(ay.same(0.0), ax.same(0.0)), high, angle)
    angle = k.copy_sign(k.abs(angle), y)
    return k.where(k.either(x.differs(x), y.differs(y)), x + y, angle)


def in_range(k: Kit, small: Value, big: Value) -> tuple[Value, Value]:
    """Both scaled so that their sum cannot overflow nor their quotient lose digits."""
    endless, up = big.same(k.inf), 2.0 ** (k.mantissa + 2)
    small = k.where(endless, k.where(small.same(k.inf), 1.0, 0.0), small)
    big = k.where(endless, 1.0, big)
    factor = k.where(big < k.tiny * up, up, k.where(big > 2.0 ** (k.bias - 3), 0.0625, 1.0))
    return small * factor, big * factor


def base_angle(k: Kit, part: int, diagonal: Value, steep: Value, left: Value) -> Value:
    """0, π/4, π/2, 3π/4 or π, from which the small angle is counted."""
    half, pi = PARTS["HALF_PI", k.ty][part], PARTS["PI", k.ty][part]
    quarter, three = PARTS["QUARTER_PI", k.ty][part], PARTS["THREE_QUARTER_PI", k.ty][part]
    straight = k.where(steep, half, k.where(left, pi, 0.0))
    return k.where(diagonal, k.where(left, three, quarter), straight)

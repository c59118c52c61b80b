"""erf and erfc: a polynomial near 0, a scaled Gauss function beyond.

Chapter: ir/llvm.
Sources: W. Cody, "Rational Chebyshev approximations for the error function" (1969).
Real XLA: `chlo.erf` becomes one rational function for float32.

erfc(a) = exp(-a²)·R(t)/(1+2a), t = (a-3)/(a+3), for a ≥ 1/2
"""

from __future__ import annotations

from minidl.core.mathfun.exponential import exp
from minidl.core.mathfun.program import Kit, Value


def erf_near(k: Kit, x: Value) -> Value:
    """erf(x) for |x| ≤ 0.9."""
    return k.fma(x, k.poly("ERF", x * x), x)


def erfc_far(k: Kit, a: Value) -> Value:
    """erfc(a) for a ≥ 1/2; a² is needed to more digits than one float has."""
    a = k.where(a > k.pick(11.0, 28.0), k.pick(11.0, 28.0), a)
    head = k.head(a)
    gauss = exp(k, -(head * head), -((a - head) * (a + head)))
    t = (a - 3.0) / (a + 3.0)
    return gauss * (k.poly("ERFC", t) / (a + a + 1.0))


def erf(k: Kit, x: Value) -> Value:
    a = k.abs(x)
    far = k.copy_sign(1.0 - erfc_far(k, a), x)
    return k.where(a < 0.9, erf_near(k, x), far)


def erfc(k: Kit, x: Value) -> Value:
    a = k.abs(x)
    tail = erfc_far(k, a)
    far = k.where(x < 0.0, 2.0 - tail, tail)
    return k.where(a < 0.5, 1.0 - erf_near(k, x), far)

"""CHLO's elementary functions as formulas: inverse and hyperbolic functions, erf, erf_inv.

Chapter: ir/stablehlo.
Sources: W. Kahan, "Branch Cuts for Complex Elementary Functions" (1987), the real lines;
W. Cody, "Rational Chebyshev approximations for the error function" (1969); M. Giles,
"Approximating the erfinv function" (2011); NIST DLMF, 10.40 (Bessel functions).
Real: `ChloDecompositionPatternsMath.td`, functional algorithms and Cephes' polynomials.

Each keeps its relative error near 0, where the textbook's form cancels.
"""

from __future__ import annotations

import math

import numpy as np

from minidl.ir.chlo.formula import Expr, Kit
from minidl.ir.chlo.table import formula
from minidl.ir.mlir.core import Operation
from minidl.ir.mlir.types import ScalarType

LN2 = math.log(2)


def largest(k: Kit) -> float:
    return float(np.finfo(k.element.numpy).max)


# -- inverses of sine, cosine, tangent ---------------------------------------------------


@formula("chlo.acos")
def acos(k: Kit, op: Operation, x: Expr) -> Expr:
    return k.atan2(k.sqrt((1 - x) * (1 + x)), x)


@formula("chlo.asin")
def asin(k: Kit, op: Operation, x: Expr) -> Expr:
    return k.atan2(x, k.sqrt((1 - x) * (1 + x)))


@formula("chlo.atan")
def atan(k: Kit, op: Operation, x: Expr) -> Expr:
    return k.atan2(x, 1)


@formula("chlo.tan")
def tan(k: Kit, op: Operation, x: Expr) -> Expr:
    return k.op("tan", x)


# -- hyperbolic functions ----------------------------------------------------------------


@formula("chlo.sinh")
def sinh(k: Kit, op: Operation, x: Expr) -> Expr:
    """(e + e/(e+1))/2 with e = exp(a) - 1; where exp(a) overflows, exp(a/2)² / 2."""
    a = k.abs(x)
    e = k.expm1(a)
    half = k.exp(0.5 * a)
    size = k.where(a < math.log(largest(k)) - 1, 0.5 * (e + e / (e + 1)), 0.5 * half * half)
    return k.copy_sign(size, x)


@formula("chlo.cosh")
def cosh(k: Kit, op: Operation, x: Expr) -> Expr:
    a = k.abs(x)
    e, half = k.exp(a), k.exp(0.5 * a)
    return k.where(a < math.log(largest(k)) - 1, 0.5 * e + 0.5 / e, 0.5 * half * half)


@formula("chlo.asinh")
def asinh(k: Kit, op: Operation, x: Expr) -> Expr:
    """log1p(a + a²/(1 + √(a²+1))); log(2a) where a² overflows."""
    a = k.abs(x)
    near = k.log1p(a + a * a / (1 + k.sqrt(a * a + 1)))
    return k.copy_sign(k.where(a < math.sqrt(largest(k)) / 4, near, k.log(a) + LN2), x)


@formula("chlo.acosh")
def acosh(k: Kit, op: Operation, x: Expr) -> Expr:
    """log1p(t + √(t(t+2))) with t = x - 1; log(2x) where t² overflows; NaN below 1."""
    t = x - 1
    near = k.log1p(t + k.sqrt(t * (t + 2)))
    made = k.where(x < math.sqrt(largest(k)) / 4, near, k.log(x) + LN2)
    return k.where(x < 1, math.nan, made)


@formula("chlo.atanh")
def atanh(k: Kit, op: Operation, x: Expr) -> Expr:
    a = k.abs(x)
    return k.copy_sign(0.5 * k.log1p((a + a) / (1 - a)), x)


# -- error functions -------------------------------------------------------------------------


def erf_near(k: Kit, x: Expr) -> Expr:
    """erf(x) for |x| < 0.9."""
    return x + x * k.poly(k.table("ERF"), x * x)


def erfc_far(k: Kit, a: Expr) -> Expr:
    """erfc(a) for a ≥ 1/2: a² is needed to more digits than one float has."""
    cap = k.pick(11.0, 28.0)
    a = k.where(a > cap, cap, a)
    head = _head(k, a)
    gauss = k.exp(-(head * head)) * k.exp(-((a - head) * (a + head)))
    return gauss * (k.poly(k.table("ERFC"), (a - 3) / (a + 3)) / (a + a + 1))


def _head(k: Kit, x: Expr) -> Expr:
    """x with the lower half of its digits cleared, so that its square is exact."""
    wide = k.element.bits == 64
    word = ScalarType("i64" if wide else "i32")
    return k.bits(k.bits(x, word) & -(1 << (27 if wide else 12)), k.element)


@formula("chlo.erf")
def erf(k: Kit, op: Operation, x: Expr) -> Expr:
    a = k.abs(x)
    return k.where(a < 0.9, erf_near(k, x), k.copy_sign(1 - erfc_far(k, a), x))


@formula("chlo.erfc")
def erfc(k: Kit, op: Operation, x: Expr) -> Expr:
    a = k.abs(x)
    tail = erfc_far(k, a)
    return k.where(a < 0.5, 1 - erf_near(k, x), k.where(x < 0, 2 - tail, tail))


@formula("chlo.erf_inv")
def erf_inv(k: Kit, op: Operation, x: Expr) -> Expr:
    """x·P(w) with w = -log(1-x²): one polynomial in w, two in √w; ±∞ at ±1, NaN beyond.

    Near ±1 the product (1-a)(1+a) keeps the digits that 1 - x² would lose.
    """
    a = k.abs(x)
    w = -k.where(a < 0.5, k.log1p(x * -x), k.log((1 - a) * (1 + a)))
    root = k.sqrt(w)
    side, tail = k.table("ERF_INV_SIDE"), k.table("ERF_INV_TAIL")
    deep = root > 4
    far = k.among(deep, k.where(deep, root - 5, root - 3.25), tail, side)
    p = k.where(w < 6, k.poly(k.table("ERF_INV"), w - 3), far)
    return k.where(a.same(1), x * math.inf, x * p)


@formula("chlo.bessel_i1e")
def bessel_i1e(k: Kit, op: Operation, x: Expr) -> Expr:
    """exp(-|x|)·I₁(x): a polynomial up to 8, one in 1/a beyond."""
    a = k.abs(x)
    near = a * k.poly(k.table("I1E"), 0.25 * a - 1)
    outer = k.where(a < 8, 8, a)
    far = k.poly(k.table("I1E_FAR"), 16 / outer - 1) / k.sqrt(outer)
    return k.copy_sign(k.where(a < 8, near, far), x)


# -- trifles ---------------------------------------------------------------------------------


@formula("chlo.square")
def square(k: Kit, op: Operation, x: Expr) -> Expr:
    return x * x


@formula("chlo.conj")
def conj(k: Kit, op: Operation, x: Expr) -> Expr:
    """Of a real number: itself."""
    return x


@formula("chlo.is_inf")
def is_inf(k: Kit, op: Operation, x: Expr) -> Expr:
    return k.abs(x).same(math.inf)


@formula("chlo.is_pos_inf")
def is_pos_inf(k: Kit, op: Operation, x: Expr) -> Expr:
    return x.same(math.inf)


@formula("chlo.is_neg_inf")
def is_neg_inf(k: Kit, op: Operation, x: Expr) -> Expr:
    return x.same(-math.inf)

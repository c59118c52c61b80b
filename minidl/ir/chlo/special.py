"""CHLO's special functions as formulas: lgamma, digamma, zeta, polygamma.

Chapter: ir/stablehlo.
Sources: C. Lanczos, "A Precision Approximation of the Gamma Function" (1964), with g = 7
and n = 9 as computed by P. Godfrey; NIST DLMF, 5.5 (reflection), 25.11 (Hurwitz zeta),
2.10 (Euler–Maclaurin).
Real: StableHLO's `ChloLegalizeToStablehlo.cpp` uses the same approximations.
"""

from __future__ import annotations

import math
from typing import Any

from minidl.ir.chlo.formula import Expr, Kit
from minidl.ir.chlo.table import formula
from minidl.ir.mlir.core import Operation

G = 7.0
LANCZOS = (
    *(0.99999999999980993227684700473478, 676.520368121885098567009190444019),
    *(-1259.13921672240287047156078755283, 771.3234287776530788486528258894),
    *(-176.61502916214059906584551354, 12.507343278686904814458936853),
    *(-0.13857109526572011689554707, 9.984369578019570859563e-6, 1.50563273514931155834e-7),
)
# B_{2j}/(2j)! inverted: the terms of Euler's and Maclaurin's sum, j = 1 … 12
BERNOULLI = (
    *(12.0, -720.0, 30240.0, -1209600.0, 47900160.0, -1307674368000.0 / 691, 74724249600.0),
    *(-10670622842880000.0 / 3617, 5109094217170944000.0 / 43867),
    *(-802857662698291200000.0 / 174611, 14101100039391805440000.0 / 77683),
    -1693824136731743669452800000.0 / 236364091,
)
TERMS = 9  # of the sum of zeta that are added as they stand


def _series(k: Kit, z: Expr) -> tuple[Expr, Expr]:
    """Lanczos' sum at z ≥ -1/2, and its derivative."""
    total, slope = k.constant(LANCZOS[0]), k.constant(0.0)
    for i, c in enumerate(LANCZOS[1:], 1):
        term = c / (z + i)
        total, slope = total + term, slope - term / (z + i)
    return total, slope


def _log_gamma(k: Kit, x: Expr) -> Expr:
    """log |Γ(x)|; +∞ at 0, -1, -2 … and at ±∞."""
    left = x < 0.5
    z = k.where(left, -x, x - 1)
    total, _ = _series(k, z)
    t = z + (G + 0.5)
    log_t = math.log(G + 0.5) + k.log1p(z / (G + 0.5))
    right = (z + 0.5 - t / log_t) * log_t + 0.5 * math.log(2 * math.pi) + k.log(total)
    a = k.abs(x)
    part = a - k.floor(a)
    part = k.where(part > 0.5, 1 - part, part)
    sine = k.log(k.op("sine", math.pi * part))
    finite = k.op("is_finite", sine)
    reflected = k.where(finite, math.log(math.pi) - sine - right, -sine)
    return k.where(a.same(math.inf), math.inf, k.where(left, reflected, right))


@formula("chlo.lgamma")
def lgamma(k: Kit, op: Operation, x: Expr) -> Expr:
    return _log_gamma(k, x)


def _psi(k: Kit, x: Expr) -> Expr:
    """Γ'(x)/Γ(x); NaN at 0, -1, -2 …"""
    left = x < 0.5
    z = k.where(left, -x, x - 1)
    total, slope = _series(k, z)
    t = z + (G + 0.5)
    log_t = math.log(G + 0.5) + k.log1p(z / (G + 0.5))
    right = log_t + slope / total - G / t
    part = x + k.abs(k.floor(x + 0.5))
    angle = math.pi * part
    reflected = right - math.pi * k.op("cosine", angle) / k.op("sine", angle)
    pole = (x <= 0) & x.same(k.floor(x))
    return k.where(pole, math.nan, k.where(left, reflected, right))


@formula("chlo.digamma")
def digamma(k: Kit, op: Operation, x: Expr) -> Expr:
    return _psi(k, x)


def _hurwitz(k: Kit, x: Expr, q: Expr) -> Expr:
    """Σ (q+n)^-x: nine terms, the integral of the rest, and its corrections."""
    power: Any = lambda base, exponent: k.op("power", base, exponent)  # noqa: E731
    total, a = power(q, -x), q
    for _ in range(TERMS):
        a = a + 1
        total = total + power(a, -x)
    last = power(a, -x)
    total = total + last * a / (x - 1) - 0.5 * last
    factor, inverse = last / a, 1 / (a * a)
    product = x
    for j, c in enumerate(BERNOULLI):
        total = total + factor * product / c
        product = product * (x + (2 * j + 1)) * (x + (2 * j + 2))
        factor = factor * inverse
    return _zeta_edges(k, x, q, total)


def _zeta_edges(k: Kit, x: Expr, q: Expr, total: Expr) -> Expr:
    """x = 1 is the pole; below it, and at q ≤ 0 off the integers, there is no value."""
    whole_q, whole_x = q.same(k.floor(q)), x.same(k.floor(x))
    even = (0.5 * x).same(k.floor(0.5 * x))
    at_pole = k.where(whole_x & even, math.inf, math.nan)
    left = k.where(whole_q, at_pole, k.where(whole_x, total, math.nan))
    made = k.where(q <= 0, left, total)
    return k.where(x.same(1), math.inf, k.where(x < 1, math.nan, made))


@formula("chlo.zeta")
def zeta(k: Kit, op: Operation, x: Expr, q: Expr) -> Expr:
    return _hurwitz(k, x, q)


@formula("chlo.polygamma")
def polygamma(k: Kit, op: Operation, n: Expr, x: Expr) -> Expr:
    """ψ⁽ⁿ⁾(x) = (-1)ⁿ⁺¹ n! ζ(n+1, x); digamma for n = 0; NaN unless n = 0, 1, 2 …"""
    sign = 2 * (n - 2 * k.floor(0.5 * n)) - 1
    made = sign * k.exp(_log_gamma(k, n + 1)) * _hurwitz(k, n + 1, x)
    made = k.where(n.same(0), _psi(k, x), made)
    order = n.same(k.floor(n)) & (n >= 0)
    return k.where(order, made, math.nan)

"""Derive the polynomials of `minidl.core.mathfun` and write its `tables.py`.

    python tools/derive_coefficients.py

Remez exchange in 50-digit arithmetic (mpmath).  Coefficients are rounded to the
target type one at a time, lowest first, and the rest fitted again, so that the
rounding of a coefficient is made good by those after it.
Sources: E. Remez, "Sur la détermination des polynômes d'approximation" (1934);
N. Brisebarre, S. Chevillard, "Efficient polynomial L∞-approximations" (2007).
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import mpmath as mp
import numpy as np

mp.mp.dps = 50
Real = Callable[[mp.mpf], mp.mpf]
OUT = Path(__file__).parent.parent / "minidl" / "core" / "mathfun" / "tables.py"


def value_at(c: list, x: mp.mpf) -> mp.mpf:
    """Σ c_k x^k by Horner's rule."""
    y = mp.mpf(0)
    for ck in reversed(c):
        y = y * x + ck
    return y


def chebyshev(lo: float, hi: float, count: int) -> list:
    """Points between `lo` and `hi`, dense towards the ends."""
    middle, half = (mp.mpf(lo) + hi) / 2, (mp.mpf(hi) - lo) / 2
    return [middle - half * mp.cos(mp.pi * i / count) for i in range(count + 1)]


def remez(g: Real, weight: Real, lo: float, hi: float, degree: int) -> list:
    """Coefficients c of Σ c_k x^k with the least possible max |err·weight|."""
    free, n = range(degree + 1), degree + 2
    grid = chebyshev(lo, hi, 24 * n)
    w, want = [weight(x) for x in grid], [g(x) for x in grid]
    picks = [round(24 * n * (i + 0.5) / n) for i in range(n)]
    c: list = []
    for _ in range(12):
        rows = [[grid[p] ** k for k in free] + [(-1) ** i / w[p]] for i, p in enumerate(picks)]
        solved = mp.lu_solve(mp.matrix(rows), mp.matrix([want[p] for p in picks]))
        c = list(solved)[:-1]
        err = [(value_at(c, x) - y) * v for x, y, v in zip(grid, want, w)]
        new = extrema(err, n)
        if new is None or new == picks:
            break
        picks = new
    return c


def refit(g: Real, weight: Real, lo: float, hi: float, degree: int, fixed: list) -> list:
    """The coefficients after `fixed` by least squares on Chebyshev points."""
    free = range(len(fixed), degree + 1)
    grid = chebyshev(lo, hi, 8 * (degree + 2))
    w = [weight(x) for x in grid]
    want = [(g(x) - value_at(fixed, x)) * v for x, v in zip(grid, w)]
    rows = [[x**k * v for k in free] for x, v in zip(grid, w)]
    return list(mp.lu_solve(mp.matrix(rows), mp.matrix(want)))


def extrema(err: list, n: int) -> list[int] | None:
    """Indices of n alternating extremes of `err`, or None when there are fewer."""
    best: list[int] = []
    for i, e in enumerate(err):
        if best and (e > 0) == (err[best[-1]] > 0):
            if abs(e) > abs(err[best[-1]]):
                best[-1] = i
        else:
            best.append(i)
    while len(best) > n:
        best.pop(0 if abs(err[best[0]]) < abs(err[best[-1]]) else -1)
    return best if len(best) == n else None


def fit(g: Real, weight: Real, lo: float, hi: float, degree: int, ty: str, exact: int) -> list:
    """`degree`+1 coefficients in `ty`; after rounding each of the first `exact`, fit again."""
    kind = np.float32 if ty == "f32" else np.float64
    done: list = []
    while len(done) <= degree:
        c = refit(g, weight, lo, hi, degree, done) if done else remez(g, weight, lo, hi, degree)
        take = 1 if len(done) < exact else len(c)
        done += [mp.mpf(float(kind(mp.nstr(x, 40)))) for x in c[:take]]
    return [float(x) for x in done]


def safe(f: Real, at: float, limit: float) -> Real:
    """`f`, with its limit at the removable singularity `at`."""
    return lambda x: mp.mpf(limit) if abs(x - at) < mp.mpf("1e-20") else f(x)


LN2 = mp.log(2)
one = lambda x: mp.mpf(1)  # noqa: E731
half_ln2 = float(LN2 / 2) * 1.002


def erfc_core(k: float) -> Real:
    """R(t) with erfc(a) = exp(-a²)·R(t)/(1+2a)·… where t = (a-k)/(a+k)."""

    def r(t: mp.mpf) -> mp.mpf:
        a = k * (1 + t) / (1 - t)
        return mp.exp(a * a) * mp.erfc(a) * (1 + 2 * a)

    return r


def erf_inv_core(w: mp.mpf) -> mp.mpf:
    """erf⁻¹(x)/x where w = -log(1-x²)."""
    if w < mp.mpf("1e-20"):
        return mp.sqrt(mp.pi) / 2
    x = mp.sqrt(-mp.expm1(-w))
    return mp.erfinv(x) / x


def i1e_near(t: mp.mpf) -> mp.mpf:
    """exp(-a)·I₁(a)/a where t = a/4 - 1."""
    a = 4 * (t + 1)
    return mp.mpf(1) / 2 if a < mp.mpf("1e-20") else mp.exp(-a) * mp.besseli(1, a) / a


def i1e_far(t: mp.mpf) -> mp.mpf:
    """√a·exp(-a)·I₁(a) where t = 16/a - 1."""
    if t < mp.mpf("1e-20") - 1:
        return 1 / mp.sqrt(2 * mp.pi)
    a = 16 / (t + 1)
    return mp.sqrt(a) * mp.exp(-a) * mp.besseli(1, a)


def jobs() -> dict[str, tuple]:
    """name: (function, weight, lo, hi, {type: degree}, coefficients to round singly)."""
    expm1 = safe(lambda r: (mp.expm1(r) - r) / r**2, 0, 0.5)
    log1p = safe(lambda f: (mp.log1p(f) - f + f * f / 2) / f**3, 0, mp.mpf(1) / 3)
    # 2·atanh(s) = 2s + s·z·A(z), z = s²
    ath = safe(lambda z: (2 * mp.atanh(mp.sqrt(z)) / mp.sqrt(z) - 2) / z, 0, mp.mpf(2) / 3)
    # 3·atanh(s)/s = 3 + z + z²·B(z)
    ath3 = safe(lambda z: (3 * mp.atanh(mp.sqrt(z)) / mp.sqrt(z) - 3 - z) / z**2, 0, 0.6)
    sin = safe(lambda z: (mp.sin(mp.sqrt(z)) / mp.sqrt(z) - 1) / z, 0, -mp.mpf(1) / 6)
    cos = safe(lambda z: (mp.cos(mp.sqrt(z)) - 1 + z / 2) / z**2, 0, mp.mpf(1) / 24)
    atan = safe(lambda z: (mp.atan(mp.sqrt(z)) / mp.sqrt(z) - 1) / z, 0, -mp.mpf(1) / 3)
    tanh = safe(lambda z: (mp.tanh(mp.sqrt(z)) / mp.sqrt(z) - 1) / z, 0, -mp.mpf(1) / 3)
    erf = safe(lambda z: mp.erf(mp.sqrt(z)) / mp.sqrt(z) - 1, 0, 2 / mp.sqrt(mp.pi) - 1)
    z4 = float((mp.pi / 4) ** 2) * 1.001
    return {
        "EXPM1": (expm1, one, -half_ln2, half_ln2, {"f32": 5, "f64": 10}, 3),
        "LOG1P": (log1p, one, -1 / 3 - 1e-3, 1 / 3 + 1e-3, {"f32": 8}, 4),
        "ATANH": (ath, one, 0, 0.0408, {"f64": 7}, 1),
        "ATANH3": (ath3, one, 0, 0.0408, {"f32": 2, "f64": 7}, 1),
        "SIN": (sin, one, 0, z4, {"f32": 3, "f64": 7}, 2),
        "COS": (cos, one, 0, z4, {"f32": 2, "f64": 6}, 1),
        "ATAN": (atan, one, 0, 0.1717, {"f32": 4, "f64": 11}, 3),
        "TANH": (tanh, lambda z: z + 0.01, 0, 0.3026, {"f32": 4, "f64": 11}, 2),
        "ERF": (erf, lambda z: 1 / (1 + erf(z)), 0, 0.9, {"f32": 7, "f64": 13}, 3),
        "ERFC": (
            erfc_core(3.0),
            lambda t: 1 / erfc_core(3.0)(t),
            (0.5 - 3) / 3.5,
            {"f32": 8 / 14.0, "f64": 25.0 / 31.0},
            {"f32": 13, "f64": 30},
            4,
        ),
        # near 0 in w, then in √w: Giles' three parts
        "ERF_INV": (
            lambda t: erf_inv_core(t + 3), lambda t: 1 / erf_inv_core(t + 3), -3, 3,
            {"f32": 10, "f64": 23}, 2,
        ),
        "ERF_INV_SIDE": (
            lambda t: erf_inv_core((t + 3.25) ** 2), lambda t: 1 / erf_inv_core((t + 3.25) ** 2),
            -0.81, 0.8, {"f32": 8, "f64": 20}, 2,
        ),
        "ERF_INV_TAIL": (
            lambda t: erf_inv_core((t + 5) ** 2), lambda t: 1 / erf_inv_core((t + 5) ** 2),
            -1.01, 1.05, {"f32": 6, "f64": 18}, 2,
        ),
        "I1E": (i1e_near, lambda t: 1 / i1e_near(t), -1, 1, {"f32": 18, "f64": 30}, 2),
        "I1E_FAR": (i1e_far, lambda t: 1 / i1e_far(t), -1, 1, {"f32": 7, "f64": 22}, 2),
    }  # fmt: skip


def words_of_two_over_pi(count: int) -> list[int]:
    """2/π in 32-bit words after the binary point."""
    with mp.workdps(count * 10 + 30):
        digits = int(mp.floor(mp.ldexp(2 / mp.pi, 32 * count)))
    return [digits >> 32 * (count - 1 - i) & 0xFFFFFFFF for i in range(count)]


def parts(value: mp.mpf, ty: str, *bits: int) -> list[float]:
    """`value` as a sum: parts with that many significant bits, then the rest rounded."""
    kind, out = np.float32 if ty == "f32" else np.float64, []
    for b in bits:
        unit = mp.mpf(2) ** (int(mp.floor(mp.log(abs(value), 2))) + 1 - b)
        out.append(float(mp.floor(value / unit) * unit))
        value -= mp.floor(value / unit) * unit
    return [*out, float(kind(mp.nstr(value, 40)))]


def constants() -> dict[tuple[str, str], list[float]]:
    """Numbers that need more digits than one float has, most significant part first."""
    return {
        ("LN2", "f32"): parts(LN2, "f32", 15),
        ("LN2", "f64"): parts(LN2, "f64", 41),
        ("HALF_PI", "f32"): parts(mp.pi / 2, "f32", 24),
        ("HALF_PI", "f64"): parts(mp.pi / 2, "f64", 53),
        ("QUARTER_PI", "f32"): parts(mp.pi / 4, "f32", 24),
        ("QUARTER_PI", "f64"): parts(mp.pi / 4, "f64", 53),
        ("THREE_QUARTER_PI", "f32"): parts(3 * mp.pi / 4, "f32", 24),
        ("THREE_QUARTER_PI", "f64"): parts(3 * mp.pi / 4, "f64", 53),
        ("PI", "f32"): parts(mp.pi, "f32", 24),
        ("PI", "f64"): parts(mp.pi, "f64", 53),
        ("LOG2_CUBE", "f32"): parts(2 / (3 * LN2), "f32", 12),
        ("LOG2_CUBE", "f64"): parts(2 / (3 * LN2), "f64", 26),
    }


HEADER = '''"""Polynomial coefficients, lowest power first; written by tools/derive_coefficients.py.

Chapter: ir/llvm.
Sources: our own Remez fits; the function of each is named in that script.
Real: libm's tables (glibc, musl, CORE-MATH) are of the same kind.
"""

from __future__ import annotations

from typing import Any

# fmt: off
'''


def main() -> None:
    lines = [HEADER, "COEFFICIENTS: dict[tuple[str, str], tuple[float, ...]] = {"]
    for name, (g, weight, lo, hi, degrees, exact) in jobs().items():
        for ty, degree in degrees.items():
            top = hi[ty] if isinstance(hi, dict) else hi
            c = fit(g, weight, lo, top, degree, ty, exact)
            err = worst(g, weight, lo, top, c)
            print(f"{name:8} {ty} degree {degree:2}: max weighted error 2^{err:.1f}")
            values = "\n".join(f"        {x!r}," for x in c)
            lines.append(f'    ("{name}", "{ty}"): (  # error 2^{err:.1f}\n{values}\n    ),')
    lines.append("}\n")
    lines.append("# more digits than one float has: the parts, largest first")
    lines.append("PARTS: dict[tuple[str, str], tuple[float, ...]] = {")
    lines += [
        f"    {key!r}: {tuple(value)!r},".replace("'", '"') for key, value in constants().items()
    ]
    lines.append("}\n")
    words = words_of_two_over_pi(42)
    lines.append("# 2/π, 32 bits a word")
    rows = [", ".join(f"0x{w:08X}" for w in words[i : i + 7]) for i in range(0, 42, 7)]
    lines.append("TWO_OVER_PI: tuple[int, ...] = (\n    " + ",\n    ".join(rows) + ",\n)\n")
    OUT.write_text("\n".join(lines).replace("from typing import Any\n\n", ""))


def worst(g: Real, weight: Real, lo: float, hi: float, c: list) -> float:
    xs = [mp.mpf(lo) + (mp.mpf(hi) - lo) * i / 997 for i in range(998)]
    return float(mp.log(max(abs((value_at(c, x) - g(x)) * weight(x)) for x in xs), 2))


if __name__ == "__main__":
    main()

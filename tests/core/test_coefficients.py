"""The tables are what the derivation script derives, and it derives minimax polynomials."""

from __future__ import annotations

import importlib.util
from itertools import pairwise

import mpmath
import pytest

from minidl.core.mathfun.tables import COEFFICIENTS, PARTS, TWO_OVER_PI


@pytest.fixture(scope="module")
def derive(root):
    place = root / "tools" / "derive_coefficients.py"
    spec = importlib.util.spec_from_file_location("derive_coefficients", place)
    module = importlib.util.module_from_spec(spec)
    with mpmath.workdps(50):
        spec.loader.exec_module(module)
        yield module


@pytest.mark.parametrize("name", ["EXPM1", "LOG1P", "SIN", "TANH"])
def test_a_table_is_derived_again_number_for_number(derive, name):
    g, weight, lo, hi, degrees, exact = derive.jobs()[name]
    assert (
        tuple(derive.fit(g, weight, lo, hi, degrees["f32"], "f32", exact))
        == (COEFFICIENTS[name, "f32"])
    )


def test_every_table_has_a_job(derive):
    assert set(COEFFICIENTS) == {(n, ty) for n, job in derive.jobs().items() for ty in job[4]}


def test_a_remez_error_alternates_with_equal_peaks(derive):
    """Chebyshev's criterion: degree + 2 extremes of one size and alternating sign."""
    c = derive.remez(mpmath.exp, derive.one, -1.0, 1.0, 4)
    grid = derive.chebyshev(-1.0, 1.0, 2000)
    error = [derive.value_at(c, x) - mpmath.exp(x) for x in grid]
    peaks = [error[i] for i in derive.extrema(error, 6)]
    assert all(a * b < 0 for a, b in pairwise(peaks))
    assert max(map(abs, peaks)) / min(map(abs, peaks)) < 1.01


def test_parts_add_up_to_the_constant():
    with mpmath.workdps(60):
        values = {"LN2": mpmath.log(2), "PI": mpmath.pi, "HALF_PI": mpmath.pi / 2}
        for (name, ty), parts in PARTS.items():
            if name in values:
                rest = abs(mpmath.fsum(parts) / values[name] - 1)
                assert rest < mpmath.mpf(2) ** (-38 if ty == "f32" else -92)
        digits = sum(w * mpmath.mpf(2) ** (-32 * (i + 1)) for i, w in enumerate(TWO_OVER_PI))
        assert abs(digits - 2 / mpmath.pi) < mpmath.mpf(2) ** -190

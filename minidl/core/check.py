"""How tests compare: in units of the last place, or bit by bit.

Chapter: primers/numbers.
Sources: J.-M. Muller et al., "Handbook of Floating-Point Arithmetic", 2.6
(Goldberg's and Kahan's ulp).
Real: `np.testing.assert_array_max_ulp`, which counts steps between floats and
cannot see an error below one step.

ulp  the distance between neighbouring floats at the wanted value
"""

from __future__ import annotations

from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]


def ulp_error(got: Array, want: Array) -> Array:
    """|got - want| in ulps of got's type at `want`; `want` may have more digits.

    Equal infinities and two NaNs are at distance 0; NaN against a number, or an
    infinity against a number that does not round to it, at distance infinity.
    """
    kind = got.dtype.type
    wide = np.result_type(want.dtype, np.float64)
    with np.errstate(all="ignore"):
        near = want.astype(kind)
        unit = _spacing(near).astype(wide)
        error = np.abs(got.astype(wide) - want.astype(wide)) / unit
    same = (got == near) & ~np.isfinite(near)
    both_nan = np.isnan(got) & np.isnan(want)
    error = np.where(same | both_nan, 0.0, error)
    return np.where(np.isnan(error), np.inf, error).astype(np.float64)


def _spacing(a: Array) -> Array:
    """The ulp at each of `a`; at infinity that of the largest number."""
    largest = np.finfo(a.dtype).max
    return np.spacing(np.minimum(np.abs(a), largest))


def assert_ulp(got: Array, want: Array, limit: float, *inputs: Array, name: str = "") -> float:
    """Every element of `got` is within `limit` ulps of `want`; returns the largest error."""
    assert got.shape == want.shape, f"{name}: shapes {got.shape} and {want.shape}"
    error = ulp_error(got, want)
    worst = int(np.argmax(error)) if error.size else 0
    largest = float(error.reshape(-1)[worst]) if error.size else 0.0
    if largest <= limit:
        return largest
    at = ", ".join(repr(np.broadcast_to(x, error.shape).reshape(-1)[worst]) for x in inputs)
    raise AssertionError(
        f"{name}: {np.count_nonzero(error > limit)} of {error.size} elements are off by more than "
        f"{limit} ulp; the worst, {largest:.3f} ulp, is element {worst} ({at}): "
        f"got {got.reshape(-1)[worst]!r}, wanted {want.reshape(-1)[worst]!r}"
    )


def assert_bitwise(got: Array, want: Array, name: str = "") -> None:
    """Same dtype, shape and bits; all NaNs count as one, +0 and -0 as two."""
    assert got.dtype == want.dtype, f"{name}: dtypes {got.dtype} and {want.dtype}"
    assert got.shape == want.shape, f"{name}: shapes {got.shape} and {want.shape}"
    differ = _bits(got) != _bits(want)
    if not np.issubdtype(got.dtype, np.integer) and got.dtype != bool:
        differ &= ~((got != got) & (want != want))
    count = int(np.count_nonzero(differ))
    if count:
        first = int(np.argmax(differ.reshape(-1)))
        a, b = got.reshape(-1)[first], want.reshape(-1)[first]
        raise AssertionError(
            f"{name}: {count} of {got.size} elements differ; the first is {first}: {a!r} and {b!r}"
        )


def _bits(a: Array) -> Array:
    return np.ascontiguousarray(a).view(f"u{a.dtype.itemsize}")

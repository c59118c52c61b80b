"""Conversions and integer ops: every 16-bit value, ties, and the undefined corners."""

from __future__ import annotations

import ml_dtypes
import numpy as np
import pytest

from minidl.core import check, mathfun
from tests.core import lanes

BF16 = np.dtype(ml_dtypes.bfloat16)
F16 = np.dtype(np.float16)
EVERY = np.arange(1 << 16, dtype=np.uint16)


@pytest.fixture(autouse=True)
def _quiet():
    with np.errstate(all="ignore"):
        yield


def hard_cases(narrow):
    """Every value of the 16-bit format, the midpoints between neighbours, one step off them."""
    values = EVERY.view(narrow).astype(np.float64)
    values = np.unique(values[np.isfinite(values)])
    middle = (values[1:] + values[:-1]) / 2
    beyond = values[-1] + (values[-1] - values[-2]) / 2
    x = np.concatenate([values, middle, [beyond, -beyond, np.inf, -np.inf, np.nan, -0.0]])
    return x, np.concatenate([np.nextafter(x, np.inf), np.nextafter(x, -np.inf)])


@pytest.mark.parametrize("name, wide", [("bf16_to_f32", BF16), ("f16_to_f32", F16)])
def test_widening_gives_the_value_of_each_of_65536_patterns(name, wide):
    want = EVERY.view(wide).astype(np.float32)
    check.assert_bitwise(mathfun.run_numpy(name, EVERY.view(np.int16)), want)
    check.assert_bitwise(lanes.run(name, name[:-7], EVERY.view(np.int16)), want)


@pytest.mark.parametrize("name, narrow", [("f32_to_bf16", BF16), ("f32_to_f16", F16)])
def test_narrowing_from_float32_rounds_to_nearest_even(name, narrow):
    rng = np.random.default_rng(0)
    raw = rng.integers(0, 1 << 32, 1 << 19, dtype=np.uint64).astype(np.uint32).view(np.float32)
    x = np.concatenate([raw, *(c.astype(np.float32) for c in hard_cases(narrow))])
    want = x.astype(narrow)
    check.assert_bitwise(mathfun.run_numpy(name, x).view(narrow), want)
    check.assert_bitwise(lanes.run(name, "f32", x).view(narrow), want)


@pytest.mark.parametrize("name, narrow", [("f64_to_bf16", BF16), ("f64_to_f16", F16)])
def test_narrowing_from_float64_rounds_once(name, narrow):
    exact, off = hard_cases(narrow)
    x = np.concatenate([exact, off, np.random.default_rng(1).normal(0, 1, 1 << 16)])
    got = mathfun.run_numpy(name, x)
    check.assert_bitwise(lanes.run(name, "f64", x), got)
    values = np.unique(EVERY.view(narrow).astype(np.float64))
    values = values[np.isfinite(values)]
    finite = np.abs(x) < values[-1]
    nearest = nearest_even(x[finite], values)
    np.testing.assert_array_equal(got.view(narrow)[finite].astype(np.float64), nearest)
    step = values[-1] - values[-2]
    over = np.abs(x) >= values[-1] + step / 2
    assert np.isinf(got.view(narrow)[over].astype(np.float64)).all()
    assert np.isnan(got.view(narrow)[np.isnan(x)].astype(np.float64)).all()


def nearest_even(x, values):
    """By search in the sorted list of values; a tie goes to the even place in it."""
    above = np.searchsorted(values, x).clip(1, len(values) - 1)
    low, high = values[above - 1], values[above]
    zero = np.searchsorted(values, 0.0)  # +0 is an even pattern, so evenness counts from it
    tie_low = (above - 1 - zero) % 2 == 0
    to_low = (x - low < high - x) | ((x - low == high - x) & tie_low)
    return np.where(to_low, low, high)


def python_divide(x, y, least):
    if y == 0:
        return -1
    if x == least and y == -1:
        return least
    q = abs(x) // abs(y)
    return q if (x < 0) == (y < 0) else -q


def python_remainder(x, y, least):
    return x if y == 0 else x - y * python_divide(x, y, None)


@pytest.mark.parametrize("ty", ["i8", "i16", "i32", "i64"])
@pytest.mark.parametrize("unsigned", [False, True], ids=["signed", "unsigned"])
@pytest.mark.parametrize("name", ["divide", "remainder"])
def test_division_is_defined_everywhere(name, ty, unsigned):
    kind = np.dtype(f"{'u' if unsigned else 'i'}{int(ty[1:]) // 8}")
    info, rng = np.iinfo(kind), np.random.default_rng(2)
    x = rng.integers(info.min, info.max, 3000, dtype=kind, endpoint=True)
    y = rng.integers(info.min, info.max, 3000, dtype=kind, endpoint=True)
    y[:2000] = rng.integers(0 if unsigned else -5, 6, 2000).astype(kind)
    x[:300:3] = info.min
    name = f"{name}_unsigned" if unsigned else name
    rule = python_divide if name.startswith("divide") else python_remainder
    want = [rule(int(a), int(b), info.min) for a, b in zip(x, y)]
    want = np.array([w & (1 << int(ty[1:])) - 1 for w in want], np.uint64)
    got = mathfun.run_numpy(name, x, y)
    np.testing.assert_array_equal(got, want.astype(f"u{kind.itemsize}").view(kind))
    signed = f"i{kind.itemsize}"
    native = lanes.run(name, ty, x.view(signed), y.view(signed), width=4)
    np.testing.assert_array_equal(native.view(kind), got)


@pytest.mark.parametrize("ty", ["i8", "i32", "i64"])
def test_shifts_by_the_width_or_more_lose_all_bits(ty):
    bits = int(ty[1:])
    kind = np.dtype(f"i{bits // 8}")
    rng = np.random.default_rng(3)
    info = np.iinfo(kind)
    x = rng.integers(info.min, info.max, 500, dtype=kind, endpoint=True)
    n = rng.integers(-3, bits + 3, 500).astype(kind)
    mask = (1 << bits) - 1
    amount = [int(v) & mask for v in n]
    rules = {
        "shift_left": [int(v) << min(a, 999) for v, a in zip(x, amount)],
        "shift_right_logical": [(int(v) & mask) >> min(a, 999) for v, a in zip(x, amount)],
        "shift_right_arithmetic": [int(v) >> min(a, 999) for v, a in zip(x, amount)],
    }
    for name, want in rules.items():
        wrapped = np.array([w & mask for w in want], np.uint64).astype(f"u{bits // 8}").view(kind)
        np.testing.assert_array_equal(mathfun.run_numpy(name, x, n), wrapped)
        np.testing.assert_array_equal(lanes.run(name, ty, x, n, width=4), wrapped)

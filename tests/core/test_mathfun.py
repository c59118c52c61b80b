"""Elementary functions: error in ulp against independent oracles, bits, edges, objects."""

from __future__ import annotations

import math
import re

import mpmath
import numpy as np
import pytest

from minidl.core import check, mathfun, native
from minidl.core.errors import UnsupportedError
from tests.core import lanes

FLOATS = [name for name, f in mathfun.FUNCTIONS.items() if set(f.ulp) == {"f32", "f64"}]
COUNT = 1_000_000


def logistic(x):
    return np.where(x >= 0, 1 / (1 + np.exp(-x)), np.exp(x) / (1 + np.exp(x)))


WIDE = {
    "exp": np.exp, "exp2": np.exp2, "expm1": np.expm1, "log": np.log, "log1p": np.log1p,
    "tanh": np.tanh, "logistic": logistic, "power": np.power, "cbrt": np.cbrt,
    "rsqrt": lambda x: 1 / np.sqrt(x), "sin": np.sin, "cos": np.cos, "tan": np.tan,
    "atan2": np.arctan2, "erf": np.vectorize(math.erf, otypes=[float]),
    "erfc": np.vectorize(math.erfc, otypes=[float]),
}  # fmt: skip
EXACT = {
    "exp": mpmath.exp, "exp2": lambda x: mpmath.mpf(2) ** x, "expm1": mpmath.expm1,
    "log": mpmath.log, "log1p": mpmath.log1p, "tanh": mpmath.tanh,
    "logistic": lambda x: 1 / (1 + mpmath.exp(-x)), "power": lambda x, y: x**y,
    "cbrt": lambda x: mpmath.sign(x) * mpmath.cbrt(abs(x)),
    "rsqrt": lambda x: 1 / mpmath.sqrt(x), "sin": mpmath.sin, "cos": mpmath.cos,
    "tan": mpmath.tan, "atan2": mpmath.atan2, "erf": mpmath.erf, "erfc": mpmath.erfc,
}  # fmt: skip


def edges(kind):
    """Zeros, ends of the format, and where exp's results overflow or vanish."""
    info = np.finfo(kind)
    top = math.log(info.max)
    values = [0.0, 1.0, 0.5, 2.0, 3.0, info.max, info.tiny, info.smallest_subnormal, np.inf, 1e-30]
    values += [top, top * 1.0001, top + 20, top + 40, info.maxexp, info.maxexp + info.nmant, 745.2]
    values += [math.pi / 2, math.pi, 0.25, 0.9, 0.55, 1 / 3, info.max / 2, info.tiny / 3]
    a = np.array(values, kind)
    near = [np.nextafter(a, kind(np.inf)), np.nextafter(a, kind(-np.inf))]
    a = np.concatenate([a, *near])
    return np.concatenate([a, -a, np.array([np.nan], kind)])


def points(kind, count, seed):
    """Random bits, normal numbers of three sizes, every exponent, and the edges."""
    rng = np.random.default_rng(seed)
    word = np.uint32 if kind is np.float32 else np.uint64
    raw = rng.integers(0, np.iinfo(word).max, count // 4, dtype=word).view(kind)
    normal = [rng.normal(0, s, count // 5).astype(kind) for s in (1, 10, 100)]
    near_one = (1 + rng.normal(0, 1e-3, count // 20)).astype(kind)
    info = np.finfo(kind)
    exponents = np.arange(info.minexp - info.nmant, info.maxexp)
    every = np.ldexp(1 + rng.random((10, len(exponents))), exponents).astype(kind).reshape(-1)
    signs = rng.choice(np.array([-1, 1], kind), every.size)
    return np.concatenate([raw, *normal, near_one, every * signs, edges(kind)])


@pytest.fixture(autouse=True)
def _quiet():
    with np.errstate(all="ignore"):
        yield


def inputs_of(name, kind, count, seed=0):
    x = points(kind, count, seed)
    if mathfun.FUNCTIONS[name].arity == 1:
        return (x,)
    y = np.random.default_rng(seed + 1).permutation(x)
    e = edges(kind)
    grid = np.repeat(e, len(e)), np.tile(e, len(e))
    near = np.random.default_rng(seed + 2).normal(0, 8, len(x)).astype(kind)
    return np.concatenate([x, abs(x), grid[0]]), np.concatenate([y, near, grid[1]])


@pytest.mark.parametrize("target", ["host", "x86-64-v2"])
@pytest.mark.parametrize("name", FLOATS)
def test_float32_is_within_its_stated_ulp_of_float64(name, target, record_property):
    if native.target("host").is_arm and target != "host":
        pytest.skip("x86 code does not run here")
    xs = inputs_of(name, np.float32, COUNT)
    got = lanes.run(name, "f32", *xs, target=target)
    want = WIDE[name](*(x.astype(np.float64) for x in xs))
    limit = mathfun.FUNCTIONS[name].ulp["f32"]
    worst = check.assert_ulp(got, want, limit, *xs, name=name)
    record_property("ulp", worst)
    print(f"{name} f32 {target}: {worst:.3f} ulp of {limit} stated")


@pytest.mark.skipif(np.finfo(np.longdouble).nmant < 63, reason="no 80-bit long double here")
@pytest.mark.parametrize("name", [n for n in FLOATS if n not in ("erf", "erfc")])
def test_float64_is_within_its_stated_ulp_of_long_double(name):
    xs = inputs_of(name, np.float64, COUNT // 10)
    got = lanes.run(name, "f64", *xs)
    want = WIDE[name](*(x.astype(np.longdouble) for x in xs))
    worst = check.assert_ulp(got, want, mathfun.FUNCTIONS[name].ulp["f64"], *xs, name=name)
    print(f"{name} f64: {worst:.3f} ulp")


def moderate(name, rng, count):
    """Arguments with finite, real results."""
    x = rng.normal(0, 3, count)
    if name in ("log", "rsqrt"):
        return (np.exp(rng.uniform(-200, 200, count)),)
    if name == "log1p":
        return (np.expm1(rng.uniform(-5, 20, count)),)
    if name == "power":
        return np.exp(rng.normal(0, 3, count)), rng.normal(0, 40, count)
    if name == "atan2":
        return x, rng.normal(0, 3, count)
    if name in ("sin", "cos", "tan"):
        return (np.concatenate([x, np.ldexp(rng.random(200) + 1, rng.integers(0, 1023, 200))]),)
    return (np.concatenate([x, x / 1000]),)


@pytest.mark.parametrize("fma", [True, False], ids=["fma", "mul+add"])
@pytest.mark.parametrize("name", FLOATS)
def test_float64_is_within_its_stated_ulp_of_400_bit_arithmetic(name, fma):
    xs = moderate(name, np.random.default_rng(7), 600)
    got = mathfun.run_numpy(name, *xs, fma=fma)
    with mpmath.workprec(400 if name not in ("sin", "cos", "tan") else 1300):
        exact = [EXACT[name](*(mpmath.mpf(float(v)) for v in row)) for row in zip(*xs)]
        error = [
            float(abs(mpmath.mpf(float(g)) - e)) / np.spacing(abs(float(e)))
            for g, e in zip(got, exact)
        ]
    worst = int(np.argmax(error))
    limit = mathfun.FUNCTIONS[name].ulp["f64"]
    assert error[worst] <= limit, f"{error[worst]:.3f} ulp at {[x[worst] for x in xs]}"


@pytest.mark.parametrize("ty", ["f32", "f64"])
@pytest.mark.parametrize("name", FLOATS)
def test_compiled_code_has_the_bits_of_the_numpy_reference(name, ty):
    xs = inputs_of(name, lanes.KIND[ty], 8_000, seed=3)
    at = [("host", 0), ("host", 1)]
    if native.target("host").is_x86:
        at += [("x86-64-v2", 0)]
    want = {fma: mathfun.run_numpy(name, *xs, fma=fma) for fma in (True, False)}
    for target, width in at:
        got = lanes.run(name, ty, *xs, target=target, width=width)
        check.assert_bitwise(got, want[native.target(target).has_fma], f"{name} {target} {width}")


@pytest.mark.parametrize("name", ["sin", "tan", "erf", "tanh", "cbrt"])
def test_odd_functions_are_odd_to_the_bit(name):
    x = points(np.float32, 50_000, 5)
    check.assert_bitwise(mathfun.run_numpy(name, -x), -mathfun.run_numpy(name, x))


@pytest.mark.parametrize("ty", ["f32", "f64"])
@pytest.mark.parametrize("name", FLOATS)
def test_infinities_zeros_and_their_signs_are_those_of_libm(name, ty):
    kind = lanes.KIND[ty]
    special = np.array([0.0, -0.0, np.inf, -np.inf, np.nan, 1, -1, 2, -2, 3, -3, 0.5, -0.5], kind)
    xs = (special,)
    if mathfun.FUNCTIONS[name].arity == 2:
        xs = np.repeat(special, len(special)), np.tile(special, len(special))
    got = mathfun.run_numpy(name, *xs)
    want = WIDE[name](*(x.astype(np.float64) for x in xs)).astype(kind)
    for class_of in (np.isnan, np.isinf, lambda a: a == 0):
        np.testing.assert_array_equal(class_of(got), class_of(want))
    signed = ~np.isnan(got)
    np.testing.assert_array_equal(np.signbit(got[signed]), np.signbit(want[signed]))


TARGETS = ("x86-64-v2", "x86-64-v3", "x86-64-v4", "arm64", "wasm32")


@pytest.mark.parametrize("target", TARGETS)
def test_objects_of_all_functions_want_no_symbol(target):
    at, text = native.target(target), ""
    for name, function in mathfun.FUNCTIONS.items():
        for ty in function.ulp:
            width = lanes.width_of(at, ty)
            text += lanes.kernel(name, ty, width, at.has_fma, 1024, f"{name}_{ty}")
    made = native.assemble(text, at)
    assert made.undefined == ()
    assert len(made.defined) == sum(len(f.ulp) for f in mathfun.FUNCTIONS.values())


def test_ptx_of_all_functions_calls_nothing():
    at, text = native.target("sm_90"), ""
    for name in FLOATS:
        text += lanes.kernel(name, "f32", 1, True, 32, name)
    ptx = native.assemble(text, at).asm
    assert ".extern" not in ptx
    assert not re.search(r"\bcall\b", ptx)


def test_a_row_prints_as_fma_or_as_two_roundings():
    with_fma = mathfun.define("exp", "f32", 8, fma=True)
    without = mathfun.define("exp", "f32", 8, fma=False)
    count = sum(row.op == "fma" for row in mathfun.program("exp", "f32").rows)
    assert with_fma.count("@llvm.fma.v8f32(") == count > 5
    assert "fma" not in without
    assert without.count("fmul") == with_fma.count("fmul") + count
    assert "fast" not in with_fma and "contract" not in with_fma


def test_symbols_name_function_type_and_width():
    assert mathfun.symbol("exp", "f32", 8) == "@minidl.exp.v8f32"
    assert mathfun.symbol("exp", "f64", 1) == "@minidl.exp.f64"
    assert "define internal <8 x float> @minidl.exp.v8f32(<8 x float> %x)" in mathfun.define(
        "exp", "f32", 8, True
    )


def test_an_unknown_function_is_refused_by_name():
    with pytest.raises(UnsupportedError, match=r"no elementary function 'gamma' for f32") as e:
        mathfun.program("gamma", "f32")
    assert e.value.op == "gamma"
    assert "exp (f32 f64)" in e.value.hint

"""CHLO: its functions against mpmath, SciPy and JAX; its text against MLIR's; its pass."""

from __future__ import annotations

import itertools

import jax
import jax.numpy as jnp
import ml_dtypes
import mpmath as mp
import numpy as np
import pytest
from jax import lax

from minidl import ir
from minidl.core.check import assert_ulp
from minidl.core.errors import MinidlError
from minidl.ir.chlo.decompose import decompose
from minidl.ir.chlo.table import FORMULAS
from minidl.ir.mlir.types import type_of
from tests.ir import jaxlib_mlir as mlir
from tests.ir.stablehlo.oracle import both, rng_of, same


def module_of(name: str, *xs: np.ndarray, **attributes) -> ir.Module:
    module = ir.Module()
    _, builder = ir.function(module, "main", [type_of(x) for x in xs])
    ir.finish(builder, builder.create(f"chlo.{name}", builder.block.args, attributes).results)
    ir.verify(module)
    return module


def run(name: str, *xs: np.ndarray, **attributes) -> np.ndarray:
    return ir.evaluate(module_of(name, *xs, **attributes), *xs)[0]


def expanded(name: str, *xs: np.ndarray, **attributes) -> np.ndarray:
    """The same after the pass: every op of the formula in its own type."""
    module = decompose(module_of(name, *xs, **attributes))
    ir.verify(module)
    assert "chlo." not in str(module) and mlir.refusal(str(module)) is None
    return ir.evaluate(module, *xs)[0]


# name: (the function in 40 digits, where, ulps promised of the formula in f32 and in f64)
TRUTH = {
    "acos": (mp.acos, -1, 1, 2, 2), "asin": (mp.asin, -1, 1, 2, 2),
    "atan": (mp.atan, -20, 20, 1, 1), "tan": (mp.tan, -3, 3, 1, 1),
    "sinh": (mp.sinh, -20, 20, 2, 2), "cosh": (mp.cosh, -20, 20, 2, 2),
    "asinh": (mp.asinh, -50, 50, 2, 2), "acosh": (mp.acosh, 1, 50, 2.5, 2.5),
    "atanh": (mp.atanh, -1, 1, 2, 2), "erf": (mp.erf, -5, 5, 1.5, 1.5),
    "erfc": (mp.erfc, -3, 9, 3.5, 3.5), "erf_inv": (mp.erfinv, -1, 1, 2.5, 2.5),
    "bessel_i1e": (lambda x: mp.exp(-abs(x)) * mp.besseli(1, x), -30, 30, 5, 5),
    "square": (lambda x: x * x, -9, 9, 0.5, 0.5),
}  # fmt: skip


def arguments(lo: float, hi: float) -> np.ndarray:
    """All over the range, near 0, and near the ends of it."""
    x = rng_of(lo, hi).uniform(lo, hi, 150)
    near = x * 1e-3 if lo < 0 else lo + (x - lo) * 1e-4
    ends = np.sign(x) * (1 - np.abs(x) * 1e-6) if hi == 1 else x[:0]
    return np.concatenate([x, near, ends])


def truth(f, x: np.ndarray) -> np.ndarray:
    with mp.workdps(40):
        return np.array([np.longdouble(mp.nstr(f(mp.mpf(float(v))), 25)) for v in x])


@pytest.mark.parametrize("name", TRUTH)
def test_functions_are_rounded_once_and_their_formulas_keep_their_promise(name):
    f, lo, hi, *limits = TRUTH[name]
    for dtype, limit in zip((np.float32, np.float64), limits, strict=True):
        x = arguments(lo, hi).astype(dtype)
        want = truth(f, x)
        assert_ulp(run(name, x), want, 0.50001 if dtype == np.float32 else limit, x, name=name)
        assert_ulp(expanded(name, x), want, limit, x, name=f"{name} expanded")


@pytest.mark.parametrize("dtype", [np.float16, ml_dtypes.bfloat16])
@pytest.mark.parametrize("name", TRUTH)
def test_sixteen_bit_functions_are_the_nearest_of_their_kind(name, dtype):
    """Rounded once from a wider result; the formula goes through float32."""
    f, lo, hi, *_ = TRUTH[name]
    x = arguments(lo, hi).astype(dtype)
    x = x[np.abs(x.astype(np.float64)) < 1] if hi == 1 else x
    want = truth(f, x).astype(np.float64)
    fits = np.abs(want) < float(ml_dtypes.finfo(dtype).max)
    x, want = x[fits], want[fits]
    assert same(run(name, x), want.astype(dtype))
    apart = np.abs(expanded(name, x).astype(np.float64) - want)
    digits = 11 if dtype == np.float16 else 8
    unit = 2.0 ** (np.maximum(np.frexp(want)[1], -13 if dtype == np.float16 else -125) - digits)
    assert np.all(apart <= 0.51 * unit)


EDGES = np.array([0.0, -0.0, 1, -1, 2, -2, np.inf, -np.inf, np.nan, 1e-40, 3e38, -3e38])
NUMPY = {
    "acos": np.arccos, "asin": np.arcsin, "atan": np.arctan, "acosh": np.arccosh,
    "asinh": np.arcsinh, "atanh": np.arctanh, "sinh": np.sinh, "cosh": np.cosh,
}  # fmt: skip


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", [*NUMPY, "erf", "erfc", "erf_inv", "bessel_i1e"])
def test_edges_have_the_values_of_c(name, dtype):
    """Infinities, NaN, signed zeros: by NumPy, or by SciPy where NumPy has no such function."""
    special = pytest.importorskip("scipy.special")
    own = {"erf_inv": special.erfinv, "bessel_i1e": special.i1e}
    f = NUMPY.get(name) or own.get(name) or getattr(special, name)
    x = EDGES.astype(dtype)
    with np.errstate(all="ignore"):
        want = f(x.astype(np.float64)).astype(dtype)
    for got in (run(name, x), expanded(name, x)):
        fine = (got == want) & (np.signbit(got) == np.signbit(want)) | (
            np.isnan(got) & np.isnan(want)
        )
        near = np.isclose(got, want, rtol=4 * np.finfo(dtype).eps, atol=0)
        assert np.all(fine | near & np.isfinite(want)), f"{x[~fine]} {got[~fine]} {want[~fine]}"


# -- gamma and zeta -------------------------------------------------------------------------


def test_gamma_functions_are_scipys():
    """Lanczos' sum is right to 2e-15 of the terms it adds up; they cancel near roots."""
    special = pytest.importorskip("scipy.special")
    x = np.concatenate([rng_of("gamma").uniform(-9, 30, 400), [1e-8, 0.5, 1, 2, 170.5, 1e10]])
    for name, f, scale in (
        ("lgamma", special.gammaln, np.abs(x) + 40),
        ("digamma", special.psi, 40 + np.abs(special.psi(x))),
    ):
        for got in (run(name, x), expanded(name, x)):
            near = np.abs(got - f(x)) <= 4e-15 * scale * (1 + np.abs(np.tan(np.pi * (x - 0.5))))
            assert np.all(near), f"{name} at {x[~near]}: {got[~near]}, {f(x)[~near]}"
        narrow = x.astype(np.float32)
        want = f(narrow.astype(np.float64))
        big = np.abs(want) > 0.01
        assert_ulp(run(name, narrow)[big], want[big], 0.5001, narrow[big], name=name)


@pytest.mark.parametrize("name", ["lgamma", "digamma"])
def test_the_poles_of_gamma_are_jaxs(name):
    x = np.array([0.0, -1, -2, -7, np.inf, -np.inf, np.nan], np.float32)
    f = {"lgamma": lax.lgamma, "digamma": lax.digamma}[name]
    with np.errstate(all="ignore"):
        assert np.array_equal(run(name, x), np.asarray(f(x)), equal_nan=True)


def test_zeta_and_polygamma_are_scipys():
    special = pytest.importorskip("scipy.special")
    rng = rng_of("zeta")
    x, q = rng.uniform(1.1, 12, 300), rng.uniform(0.1, 20, 300)
    for got in (run("zeta", x, q), expanded("zeta", x, q)):
        np.testing.assert_allclose(got, special.zeta(x, q), rtol=1e-13)
    n, at = rng.integers(0, 6, 300).astype(np.float64), rng.uniform(0.2, 15, 300)
    want = [special.polygamma(int(k), v) for k, v in zip(n, at, strict=True)]
    np.testing.assert_allclose(run("polygamma", n, at), want, rtol=2e-12, atol=1e-14)
    edges = np.array([[1, 2], [0.5, 2], [2, -3], [3, -3], [2.5, -1.5], [np.nan, 1]]).T.copy()
    with np.errstate(all="ignore"):
        want = jax.jit(lax.zeta)(*edges.astype(np.float32))
    assert np.array_equal(run("zeta", *edges.astype(np.float32)), want, equal_nan=True)
    assert np.isnan(run("polygamma", np.array([1.5, -1.0]), np.array([2.0, 2.0]))).all()


# -- bits -----------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", [np.int8, np.uint8, np.int16, np.int32, np.uint32, np.int64,
                                   np.uint64])  # fmt: skip
def test_mulhi_is_the_upper_half_of_the_product(dtype):
    """Against Python's integers."""
    info = np.iinfo(dtype)
    some = [info.min, info.max, 0, 1, info.max // 3, info.max - 1, info.min // 2 + 5]
    pairs = list(itertools.product(some, some))
    drawn = rng_of(info.bits).integers(0, info.max, (50, 2), dtype=dtype)
    pairs += [tuple(map(int, p)) for p in drawn]
    x, y = (np.array(column, dtype) for column in zip(*pairs, strict=True))
    want = np.array([(a * b) >> info.bits for a, b in pairs], dtype)
    assert np.array_equal(run("mulhi", x, y), want)
    assert np.array_equal(expanded("mulhi", x, y), want)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_next_after_is_numpys(dtype):
    tiny = np.finfo(dtype).smallest_subnormal
    values = [0.0, -0.0, 1, -1, tiny, -tiny, np.finfo(dtype).max, np.inf, -np.inf, np.nan, 2.5]
    x, y = (np.array(v, dtype) for v in zip(*itertools.product(values, values), strict=True))
    with np.errstate(all="ignore"):
        want = np.where(x == y, y, np.nextafter(x, y))  # C: of equals, the second
    assert same(run("next_after", x, y), want)
    assert same(expanded("next_after", x, y), want)


# -- broadcasting and structure -------------------------------------------------------------


@pytest.mark.parametrize("name", ["add", "subtract", "maximum", "power", "atan2", "next_after"])
def test_broadcast_ops_are_numpys(name):
    rng = rng_of(name)
    x, y = rng.uniform(0.5, 2, (3, 1, 4)), rng.uniform(0.5, 2, (5, 1))
    f = {"atan2": np.arctan2, "next_after": np.nextafter}.get(name) or getattr(np, name)
    for got in (run(f"broadcast_{name}", x, y), expanded(f"broadcast_{name}", x, y)):
        np.testing.assert_allclose(got, f(x, y), rtol=1e-15)
    first = run(f"broadcast_{name}", x[:, 0], x[:, 0, 0], broadcast_dimensions=(0,))
    np.testing.assert_allclose(first, f(x[:, 0], x[:, 0, :1]), rtol=1e-15)


def test_broadcast_compare_and_select_are_numpys():
    x, y = np.arange(6.0).reshape(2, 3), np.array([2.0, 1.0, 9.0])
    less = run("broadcast_compare", x, y, comparison_direction="LT", compare_type="FLOAT")
    assert np.array_equal(less, x < y)
    got = run("broadcast_select", y > 1.5, x, y)
    assert np.array_equal(got, np.where(y > 1.5, x, y))


def test_shapes_that_do_not_spread_are_refused():
    with pytest.raises(MinidlError, match="do not spread to one shape"):
        module_of("broadcast_add", np.zeros((2, 3)), np.zeros(4))
    with pytest.raises(MinidlError, match="wants tensors of floats"):
        module_of("erf", np.zeros(3, np.int32))


def test_ragged_dot_is_jaxs():
    """Groups of rows, an empty one among them, rows beyond the last group."""
    rng = rng_of("ragged")
    x, y = rng.normal(size=(9, 4)).astype(np.float32), rng.normal(size=(4, 4, 5)).astype(np.float32)
    sizes = np.array([3, 0, 4, 1], np.int32)
    want = np.zeros((9, 5))
    for g, (a, b) in enumerate(itertools.pairwise([0, *np.cumsum(sizes)])):
        want[a:b] = x[a:b].astype(np.float64) @ y[g]
    text = """func.func public @main(%x: tensor<9x4xf32>, %y: tensor<4x4x5xf32>,
        %n: tensor<4xi32>) -> tensor<9x5xf32> {
      %0 = "chlo.ragged_dot"(%x, %y, %n) <{ragged_dot_dimension_numbers = #chlo.ragged_dot<
        lhs_contracting_dimensions = [1], rhs_contracting_dimensions = [1],
        lhs_ragged_dimensions = [0], rhs_group_dimensions = [0]>}>
        : (tensor<9x4xf32>, tensor<4x4x5xf32>, tensor<4xi32>) -> tensor<9x5xf32>
      return %0 : tensor<9x5xf32> }"""
    module = ir.parse(text)
    ir.verify(module)
    for one in (module, decompose(module)):
        np.testing.assert_allclose(ir.evaluate(one, x, y, sizes)[0], want, rtol=1e-6, atol=1e-6)


# ragged dimension, lhs, rhs, result, and the numbers of each kind
RAGGED = {
    "contracting": ((9, 4), (9, 5), (4, 4, 5), ([0], [0], [], []), 0),
    "contracting in a batch": ((2, 9, 4), (2, 9, 5), (4, 2, 4, 5), ([1], [1], [0], [0]), 1),
    "batching": ((9, 2, 3), (9, 3, 4), (9, 2, 4), ([2], [1], [0], [0]), 0),
}


@pytest.mark.parametrize("name", RAGGED)
def test_ragged_dot_of_sums_and_batches_is_jaxs(name):
    x_shape, y_shape, shape, (cx, cy, bx, by), ragged = RAGGED[name]
    rng = rng_of(name)
    x, y = (rng.integers(-4, 5, s).astype(np.float32) for s in (x_shape, y_shape))
    sizes = np.array([3, 0, 4, 2], np.int32)
    dims = lax.RaggedDotDimensionNumbers((((cx), (cy)), ((bx), (by))), [ragged], [])
    want = lax.ragged_dot_general(x, y, sizes, dims)
    types = [str(type_of(a)) for a in (x, y, sizes)] + [f"tensor<{'x'.join(map(str, shape))}xf32>"]
    batch = f"lhs_batching_dimensions = {bx}, rhs_batching_dimensions = {by}, " if bx else ""
    numbers = (
        f"{batch}lhs_contracting_dimensions = {cx}, rhs_contracting_dimensions = {cy}, "
        f"lhs_ragged_dimensions = [{ragged}]"
    )
    text = f"""func.func @main(%x: {types[0]}, %y: {types[1]}, %n: {types[2]}) -> {types[3]} {{
      %0 = "chlo.ragged_dot"(%x, %y, %n)
        <{{ragged_dot_dimension_numbers = #chlo.ragged_dot<{numbers}>}}>
        : ({", ".join(types[:3])}) -> {types[3]}
      return %0 : {types[3]} }}"""
    module = ir.parse(text)
    ir.verify(module)
    assert mlir.refusal(text) is None
    for one in (module, decompose(module)):
        assert np.array_equal(ir.evaluate(one, x, y, sizes)[0], want)


SCAN = """func.func @main(%x: tensor<3x5xi32>, %i: tensor<3x5xi32>, %v: tensor<3xi32>,
    %w: tensor<3xi32>) -> (tensor<3x5xi32>, tensor<1x5xi32>, tensor<3xi32>, tensor<3xi32>) {
  %0:4 = chlo.scan(%x, %i) inits(%v, %w) dimension=1 attributes {is_reverse = REVERSE} {
  ^bb0(%cur: tensor<3xi32>, %at: tensor<3xi32>, %max: tensor<3xi32>, %sum: tensor<3xi32>):
    %1 = stablehlo.maximum %max, %cur : tensor<3xi32>
    %2 = stablehlo.multiply %cur, %at : tensor<3xi32>
    %3 = stablehlo.add %sum, %2 : tensor<3xi32>
    %4 = stablehlo.slice %3 [0:1] : (tensor<3xi32>) -> tensor<1xi32>
    stablehlo.return %1, %4, %1, %3 : tensor<3xi32>, tensor<1xi32>, tensor<3xi32>, tensor<3xi32>
  } : (tensor<3x5xi32>, tensor<3x5xi32>, tensor<3xi32>, tensor<3xi32>)
      -> (tensor<3x5xi32>, tensor<1x5xi32>, tensor<3xi32>, tensor<3xi32>)
  return %0#0, %0#1, %0#2, %0#3 : tensor<3x5xi32>, tensor<1x5xi32>, tensor<3xi32>, tensor<3xi32>
}"""


@pytest.mark.parametrize("reverse", [False, True])
def test_scan_carries_from_slice_to_slice(reverse):
    """Running maxima side by side, and a running sum of which one number comes out."""
    text = SCAN.replace("REVERSE", str(reverse).lower())
    if not reverse:
        text = text.replace(" attributes {is_reverse = false}", "")
    rng = rng_of("scan")
    x, i = rng.integers(-9, 9, (2, 3, 5)).astype(np.int32)
    v, w = np.full(3, -4, np.int32), np.arange(3, dtype=np.int32)
    flip = (lambda a: a[..., ::-1]) if reverse else (lambda a: a)
    maxima = np.maximum(np.maximum.accumulate(flip(x), 1), -4)
    sums = np.cumsum(flip(x * i), 1) + w[:, None]
    want = (flip(maxima), flip(sums[:1]), maxima[:, -1], sums[:, -1])
    module = ir.parse(text)
    ir.verify(module)
    after = decompose(module)
    ir.verify(after)
    assert mlir.refusal(str(after)) is None and "chlo" not in str(after)
    for one in (module, after):
        for mine, theirs in zip(ir.evaluate(one, x, i, v, w), want, strict=True):
            assert np.array_equal(mine, theirs)
    assert str(module) == mlir.retold(text)
    assert str(ir.parse(module.text(generic=True))) == str(module)


ONE = "%4 = stablehlo.slice %3 [0:1] : (tensor<3xi32>) -> tensor<1xi32>"
BROKEN = {
    "no such dimension": ("dimension=1", "dimension=2"),
    "too few returned": ("%1, %4, %1, %3 : tensor<3xi32>, ", "%4, %1, %3 : "),
    "a carry of another type": ("%sum: tensor<3xi32>)", "%sum: tensor<4xi32>)"),
    "a slice of too few dimensions": (
        f"{ONE}", "%4 = stablehlo.constant dense<1> : tensor<i32>"
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", BROKEN)
def test_a_scan_that_does_not_fit_its_body_is_refused(name):
    """MLIR is asked about the whole one alone: its verifier crashes on the last."""
    text, (old, new) = SCAN.replace("REVERSE", "true"), BROKEN[name]
    assert mlir.refusal(text) is None and old in text
    broken = text.replace(old, new)
    if name == "a slice of too few dimensions":
        broken = broken.replace("tensor<1xi32>, tensor<3xi32>, tensor<3xi32>\n", "tensor<i32>, "
                                "tensor<3xi32>, tensor<3xi32>\n")  # fmt: skip
    else:
        assert mlir.refusal(broken) is not None
    with pytest.raises(MinidlError):
        ir.verify(ir.parse(broken))


def test_programs_of_jax_with_chlo_in_them_agree_after_the_pass():
    def f(x):
        values, places = lax.top_k(jnp.arctanh(x) + lax.erf_inv(x), 3)
        return values, places, jnp.sinh(x), lax.lgamma(x + 2)

    x = np.linspace(-0.9, 0.9, 24, dtype=np.float32).reshape(4, 6)
    module, got, want = both(f, x)
    assert sum(op.name in FORMULAS for op in module.walk()) >= 3
    after = ir.evaluate(decompose(module), x)
    for mine, again, theirs in zip(got, after, want, strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=2e-5, atol=1e-6)
        np.testing.assert_allclose(again, theirs, rtol=2e-5, atol=1e-6)


# -- text -----------------------------------------------------------------------------------

F = "tensor<2x4xf32>"
TEXTS = [
    *(f"%0 = chlo.{n} %m : {F} -> {F}" for n in [*TRUTH, "lgamma", "digamma", "conj"]),
    *(f"%0 = chlo.{n} %m {{a = 1 : i32}} : {F} -> tensor<2x4xi1>"
      for n in ("is_inf", "is_pos_inf", "is_neg_inf")),
    *(f"%0 = chlo.{n} %m, %m : {F}, {F} -> {F}" for n in ("zeta", "polygamma", "next_after")),
    "%0 = chlo.mulhi %i, %i : tensor<4xi32>, tensor<4xi32> -> tensor<4xi32>",
    f"%0 = chlo.broadcast_add %m, %a : ({F}, tensor<4xf32>) -> {F}",
    f"%0 = chlo.broadcast_power %m, %a {{broadcast_dimensions = array<i64: 1>}} "
    f": ({F}, tensor<4xf32>) -> {F}",
    f"%0 = chlo.broadcast_select %p, %m, %a : (tensor<4xi1>, {F}, tensor<4xf32>) -> {F}",
    "%0 = chlo.constant dense<1.000000e+00> : tensor<4xf32>",
    '%0 = "chlo.constant_like"(%a) <{value = 1.000000e+00 : f32}> '
    ": (tensor<4xf32>) -> tensor<4xf32>",
    f"%values, %indices = chlo.top_k(%m, k = 2) : {F} -> (tensor<2x2xf32>, tensor<2x2xi32>)",
]  # fmt: skip


@pytest.mark.parametrize("line", TEXTS, ids=lambda t: t.split("chlo.")[1].split()[0])
def test_the_text_is_mlirs_to_the_character(line):
    args = f"%m: {F}, %a: tensor<4xf32>, %i: tensor<4xi32>, %p: tensor<4xi1>"
    text = f"module {{ func.func @main({args}) {{ {line}\n return }} }}"
    module = ir.parse(text)
    ir.verify(module)
    assert str(module) == mlir.retold(text)
    assert str(ir.parse(module.text(generic=True))) == str(module)
    assert mlir.refusal(module.text(generic=True)) is None

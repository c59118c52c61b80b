"""evaluate's rows against JAX (the same op in XLA) and against exact arithmetic."""

from __future__ import annotations

import itertools
from fractions import Fraction

import numpy as np
import pytest

from minidl import ir
from minidl.core.check import assert_ulp
from minidl.ir.mlir import types as T
from minidl.ir.mlir.types import type_of
from tests.xla.programs import same_bits

FLOATS = [0.0, -0.0, 1.0, -1.0, 0.5, 2.5, -3.5, 1e-40, 3e38, np.inf, -np.inf, np.nan, 7.25]
EXACT_UNARY = [
    "abs",
    "ceil",
    "floor",
    "negate",
    "sign",
    "sqrt",
    "round_nearest_even",
    "round_nearest_afz",
]
EXACT_BINARY = ["add", "subtract", "multiply", "divide", "remainder"]
INTEGER_BINARY = ["add", "subtract", "multiply", "divide", "remainder", "maximum", "minimum"]
INTEGER_BINARY += ["and", "or", "xor"]
INTEGER_BINARY += ["shift_left", "shift_right_logical", "shift_right_arithmetic", "power"]
NEAR = ["exponential", "log", "tanh", "logistic", "rsqrt", "cbrt", "sine", "cosine"]
NEAR += ["log_plus_one"]


def run(name: str, *arrays, **attributes):
    """One op, evaluated."""
    module = ir.Module()
    _, builder = ir.function(module, "main", [type_of(a) for a in arrays])
    ir.finish(builder, [builder.value(f"stablehlo.{name}", *builder.block.args, **attributes)])
    ir.verify(module)
    (out,) = ir.evaluate(module, *arrays)
    return module, out


def xla(module, *arrays):
    """The same text, run by XLA through jaxlib."""
    pytest.importorskip("jax")
    import jax
    from jaxlib import _jax

    backend = jax.devices("cpu")[0].client
    devices = _jax.DeviceList(tuple(backend.local_devices()[:1]))
    exe = backend.compile_and_load(str(module), devices)
    with jax.enable_x64(True):
        args = [jax.device_put(a) for a in arrays]
    return np.asarray(exe.execute(args)[0])


def pairs(values, dtype):
    grid = np.array(list(itertools.product(values, values)))
    return grid[:, 0].astype(dtype), grid[:, 1].astype(dtype)


@pytest.mark.parametrize("name", EXACT_UNARY)
def test_exact_unary_rows_have_xlas_bits(name):
    x = np.array([v for v in FLOATS if abs(v) != 1e-40], np.float32)  # XLA may flush 1e-40
    module, got = run(name, x)
    assert same_bits(got, xla(module, x))


@pytest.mark.parametrize("name", EXACT_BINARY)
def test_exact_binary_rows_have_xlas_bits(name):
    x, y = pairs([v for v in FLOATS if abs(v) not in (1e-40, 3e38)], np.float32)
    module, got = run(name, x, y)
    assert same_bits(got, xla(module, x, y))


def ieee_maximum(a: float, b: float) -> float:
    """IEEE 754-2019, 9.6: a NaN wins, and +0 is above -0."""
    if a != a or b != b:
        return np.nan
    if a == b == 0:
        return a if not np.signbit(a) else b
    return max(a, b)


def test_maximum_and_minimum_are_those_of_ieee_754():
    x, y = pairs(FLOATS, np.float32)
    _, greatest = run("maximum", x, y)
    _, least = run("minimum", x, y)
    both = list(zip(x, y, strict=True))
    want = np.array([ieee_maximum(a, b) for a, b in both], np.float32)
    assert same_bits(greatest, want)
    want = np.array([-ieee_maximum(-a, -b) for a, b in both], np.float32)
    assert same_bits(least, want)


@pytest.mark.parametrize("dtype", [np.int8, np.int32, np.uint8, np.uint32])
@pytest.mark.parametrize("name", INTEGER_BINARY)
def test_integer_rows_have_xlas_values(name, dtype):
    info = np.iinfo(dtype)
    some = [0, 1, 2, 3, 7, 31, info.max, info.min, info.max // 2]
    x, y = pairs([*some, -1, -3] if info.min else some, dtype)
    if name == "power":
        y = np.where(y > 3, 3, y).astype(dtype)
        keep = y >= 0  # XLA's own answer to a negative power is not the specification's
        x, y = x[keep], y[keep]
    module, got = run(name, x, y)
    assert same_bits(got, xla(module, x, y))


@pytest.mark.parametrize("name", NEAR)
def test_rounded_rows_are_within_half_an_ulp(name):
    """float32 rows are float64 results rounded once: at most 0.5 ulp from the truth."""
    x = np.random.default_rng(0).uniform(0.01, 4, 200).astype(np.float32)
    _, got = run(name, x)
    wide = x.astype(np.longdouble)
    truth = {
        "exponential": np.exp, "log": np.log, "tanh": np.tanh, "cbrt": np.cbrt, "sine": np.sin,
        "cosine": np.cos, "log_plus_one": np.log1p,
        "logistic": lambda v: 1 / (1 + np.exp(-v)), "rsqrt": lambda v: 1 / np.sqrt(v),
    }[name](wide)  # fmt: skip
    assert_ulp(got, truth, 0.5000001, x, name=name)


@pytest.mark.parametrize("to", ["i1", "i8", "ui8", "i32", "ui32", "i64", "f16", "bf16", "f64"])
def test_conversion_of_float32_has_xlas_bits(to):
    x = np.array([0.0, -0.0, 0.4, 1.5, 2.5, -1.5, 300, -300, 3e9, 1e-8, np.inf, -np.inf, np.nan])
    x = x.astype(np.float32)
    module = ir.Module()
    _, builder = ir.function(module, "main", [type_of(x)])
    out = T.tensor(x.shape, T.ScalarType(to))
    op = builder.create("stablehlo.convert", builder.block.args, None, [out])
    ir.finish(builder, [op.result])
    (got,) = ir.evaluate(module, x)
    assert same_bits(got, xla(module, x))


def test_a_sum_is_the_exact_sum_rounded_once():
    """Against fractions: what the float64 accumulation of float32 terms promises."""
    from minidl.ir.stablehlo.reduction import reducer

    x = np.random.default_rng(1).normal(size=257).astype(np.float32)
    module = ir.Module()
    scalar = T.tensor((), T.f32)
    _, builder = ir.function(module, "main", [type_of(x), scalar])
    region = reducer("stablehlo.add", T.f32)
    op = builder.create(
        "stablehlo.reduce", builder.block.args, {"dimensions": (0,)}, regions=[region]
    )  # fmt: skip
    ir.finish(builder, [op.result])
    (got,) = ir.evaluate(module, x, np.float32(0))
    exact = sum((Fraction(float(v)) for v in x), Fraction(0))
    assert got == np.float32(float(exact))


@pytest.mark.parametrize("name", ["maximum", "minimum"])
def test_the_extreme_of_zeros_has_the_right_sign(name):
    """IEEE 754-2019: maximum(-0, +0) is +0, minimum is -0, in any order."""
    from minidl.ir.stablehlo.reduction import reducer

    for zeros in ([0.0, -0.0], [-0.0, 0.0], [-0.0, -0.0], [0.0, 0.0]):
        x = np.array(zeros, np.float32)
        least = np.float32(-np.inf if name == "maximum" else np.inf)
        module = ir.Module()
        _, builder = ir.function(module, "main", [type_of(x), T.tensor((), T.f32)])
        region = reducer(f"stablehlo.{name}", T.f32)
        op = builder.create(
            "stablehlo.reduce", builder.block.args, {"dimensions": (0,)}, regions=[region]
        )  # fmt: skip
        ir.finish(builder, [op.result])
        (got,) = ir.evaluate(module, x, least)
        signs = np.signbit(x)
        assert np.signbit(got) == (signs.all() if name == "maximum" else signs.any())

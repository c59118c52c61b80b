"""Compiled code against `ir.evaluate`, within DESIGN's "Numbers" and nothing looser.

exactly rounded programs   bit for bit
transcendental functions   the ULP that `core.mathfun` promises, and half a unit for evaluate
accumulations              √K · u · Σ|terms|, and bit for bit on small integers
"""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import minidl
from minidl import ir, random
from minidl import numpy as mnp
from minidl.core import mathfun
from minidl.core.errors import UnsupportedError
from minidl.ir.mlir import types as T
from minidl.xla.compiler import compile_module
from tests.xla import opset, programs, structures
from tests.xla.bounds import check_bounds
from tests.xla.guarded import run_guarded
from tests.xla.programs import same_bits

# What each op's function in `mathfun` promises; the composed ones are the sum of their parts.
FUNCTION = {
    "exponential": "exp",
    "exponential_minus_one": "expm1",
    "log": "log",
    "log_plus_one": "log1p",
    "logistic": "logistic",
    "tanh": "tanh",
    "sine": "sin",
    "cosine": "cos",
    "tan": "tan",
    "rsqrt": "rsqrt",
    "cbrt": "cbrt",
    "atan2": "atan2",
    "power": "power",
}
CASES = [(n, e) for n in opset.OPS for e in opset.ELEMENTS if opset.allowed(n, e)]


def units(want: np.ndarray, got: np.ndarray) -> float:
    """The largest difference in units in the last place; infinite where kinds differ."""
    nan = np.isnan(want)
    if not np.array_equal(nan, np.isnan(got)):
        return math.inf
    with np.errstate(all="ignore"):
        near = np.isfinite(want) & np.isfinite(got)
        if not np.array_equal(want[~nan & ~near], got[~nan & ~near]):
            return math.inf
        a, b = want[near].astype(np.longdouble), got[near].astype(np.longdouble)
        return float(np.max(np.abs(a - b) / np.spacing(np.abs(want[near])), initial=0))


@pytest.mark.parametrize("shape", [(67,), ()], ids=["vector", "scalar"])
@pytest.mark.parametrize(
    ("name", "element"), CASES, ids=[f"{n.partition('.')[2]}-{e}" for n, e in CASES]
)
def test_each_elementwise_op(name, element, shape):
    module = opset.elementwise(name, element, shape)
    if opset.refused(name, element):
        with pytest.raises(UnsupportedError, match=rf"{name} .* is not lowered"):
            compile_module(module)
        return
    rng = np.random.default_rng(7)
    exe = compile_module(module, check=True)
    for _ in range(1 if shape else 20):
        args = [opset.sample(v.type, rng) for v in module.main.body.args]
        for a, b in zip(ir.evaluate(module, *args), exe.run_flat(args), strict=True):
            a, short = np.asarray(a), name.partition(".")[2]
            if short in FUNCTION and element.name in ("f32", "f64"):
                promised = mathfun.FUNCTIONS[FUNCTION[short]].ulp[element.name]
                assert a.dtype == b.dtype
                assert units(a, b) <= promised + 0.5
            elif short in FUNCTION:  # 16 bits: float32's error may turn one rounding
                assert np.array_equal(np.isnan(a), np.isnan(b))
                assert same_bits(a, b) or units16(a, b) <= 1
            else:
                assert same_bits(a, b), f"{name} {element}: {a} {b}"


def units16(a: np.ndarray, b: np.ndarray) -> int:
    """Steps between 16-bit floats of one sign."""
    some = ~np.isnan(a)
    return int(np.max(np.abs(a[some].view(np.int16).astype(int) - b[some].view(np.int16))))


@pytest.mark.parametrize("name", opset.CONVERSIONS)
@pytest.mark.parametrize("source", opset.ELEMENTS, ids=str)
def test_each_conversion(name, source):
    rng = np.random.default_rng(11)
    for to in opset.ELEMENTS:
        if name.endswith("bitcast_convert") and source.bits != to.bits:
            continue
        module = opset.converting(name, source, to, (67,))
        args = [opset.sample(v.type, rng) for v in module.main.body.args]
        (want,), (got,) = ir.evaluate(module, *args), compile_module(module).run_flat(args)
        assert same_bits(np.asarray(want), got), f"{source} to {to}"


slow = settings(
    deadline=None,
    max_examples=60,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


@slow
@given(st.data())
def test_exact_programs_of_any_shape_agree_bit_for_bit(data):
    module = structures.draw(lambda options: data.draw(st.sampled_from(list(options))))
    args = structures.inputs(module)
    want = ir.evaluate(module, *args)
    exe = compile_module(module, check=True)
    assert check_bounds(exe.modules["loops"]) >= 0
    for a, b in zip(want, run_guarded(exe, args), strict=True):
        assert same_bits(np.asarray(a), b)


@slow
@given(st.integers(0, 1 << 30))
def test_programs_full_of_special_numbers_agree(seed):
    """Infinities, NaN, zeros of both signs; only exp and tanh may differ, by their ULP."""
    module = programs.seeded(seed)
    args = programs.inputs(module, seed)
    exact = not any(
        op.name in ("stablehlo.exponential", "stablehlo.tanh", "stablehlo.dot_general")
        or (op.name == "stablehlo.reduce" and op.operands[0].type.element.is_float)
        for op in module.walk()
    )
    got = run_guarded(compile_module(module, check=True), args)
    for a, b in zip(ir.evaluate(module, *args), got, strict=True):
        a = np.asarray(a)
        assert a.dtype == b.dtype
        assert a.shape == b.shape
        if exact:
            assert same_bits(a, b)


@pytest.mark.parametrize("element", ["f32", "f64", "f16", "bf16"])
@pytest.mark.parametrize(
    "shape", [(5, 1, 9), (3, 777, 11), (33, 64, 16), (1, 4096, 8), (2, 300, 3)]
)
def test_an_accumulation_stays_within_its_bound(element, shape):
    """|error| ≤ √K · u · Σ|terms| (a rounding to 16 bits adds half a unit at the end)."""
    m, k, n = shape
    dtype = T.ScalarType(element).numpy
    rng = np.random.default_rng(3)
    x, y = (rng.normal(size=s).astype(dtype) for s in ((m, k), (k, n)))
    module = minidl.trace(lambda x, y: (x @ y, mnp.sum(x, axis=1), mnp.sum(y, axis=0)), x, y)
    wide = [a.astype(np.longdouble) for a in (x, y)]
    exact = [wide[0] @ wide[1], wide[0].sum(1), wide[1].sum(0)]
    terms = [abs(wide[0]) @ abs(wide[1]), abs(wide[0]).sum(1), abs(wide[1]).sum(0)]
    u = 2.0**-53 if element == "f64" else 2.0**-24
    last = {"f16": 2.0**-11, "bf16": 2.0**-8}.get(element, 0.0)
    for want, size, got in zip(exact, terms, compile_module(module).run_flat([x, y]), strict=True):
        bound = math.sqrt(k) * u * size + last * abs(want)
        assert np.all(abs(got.astype(np.longdouble) - want) <= bound * 1.0001)


def test_uniform_numbers_are_the_same_bits_compiled_and_eager():
    key = random.key(7)
    for draw in (random.uniform, random.normal):
        eager = draw(key, (33, 3))
        compiled = minidl.jit(lambda k, draw=draw: draw(k, (33, 3)))(key)
        if draw is random.uniform:
            assert eager.tobytes() == compiled.tobytes()
        np.testing.assert_allclose(eager, compiled, rtol=1e-5, atol=1e-6)
    split = minidl.jit(lambda k: random.split(k, 5))(key)
    assert np.array_equal(split, random.split(key, 5))


def test_an_op_without_a_lowering_is_refused_by_name_and_stage():
    module = ir.parse("""
      func.func @main(%x: tensor<4xf32>) -> tensor<4xf32> {
        %0 = stablehlo.custom_call @mine(%x) : (tensor<4xf32>) -> tensor<4xf32>
        return %0 : tensor<4xf32>
      }""")
    with pytest.raises(UnsupportedError, match=r"stablehlo\.custom_call") as caught:
        compile_module(module)
    assert caught.value.op == "stablehlo.custom_call"
    assert "stage: fused" in str(caught.value)


def test_a_gpu_pad_is_refused_rather_than_racing():
    module = minidl.trace(lambda x: mnp.pad(x, 1), np.ones((4, 4), np.float32))
    assert any(op.name == "stablehlo.pad" for op in module.walk())
    with pytest.raises(UnsupportedError, match=r"stablehlo\.pad .* GPU"):
        compile_module(module, "ptx")

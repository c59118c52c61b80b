"""Compiled code against `ir.evaluate`, within DESIGN's "Numbers" and nothing looser.

exactly rounded programs   bit for bit
transcendental functions   the ULP that `core.mathfun` promises, and half a unit for evaluate
accumulations              √K · u · Σ|terms|, and bit for bit on small integers
"""

from __future__ import annotations

import math
import random as random_module

import numpy as np
import pytest

import minidl
from minidl import ir, random
from minidl import numpy as mnp
from minidl.core.errors import UnsupportedError
from minidl.ir.mlir import types as T
from minidl.xla.compiler import compile_module
from tests.xla import compare, opset, structures
from tests.xla.bounds import check_bounds
from tests.xla.compare import FUNCTION, function_agrees
from tests.xla.guarded import run_guarded
from tests.xla.programs import same_bits

CASES = [(n, e) for n in opset.OPS for e in opset.ELEMENTS if opset.allowed(n, e)]


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
            if short in FUNCTION and element.is_float:
                assert function_agrees(short, a, b)
            else:
                assert same_bits(a, b), f"{name} {element}: {a} {b}"


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


@pytest.mark.parametrize("seed", range(40))
def test_every_access_of_the_loops_is_inside_its_memory(seed):
    module = structures.draw(random_module.Random(seed).choice)
    args = structures.inputs(module)
    want = ir.evaluate(module, *args)
    exe = compile_module(module, check=True)
    assert check_bounds(exe.modules["loops"]) >= 0
    kinds = compare.kinds(module, exact_sums=True)
    assert compare.disagreement(kinds, want, run_guarded(exe, args)) is None


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

"""The program defines the result: same bits for any machine, vector width, thread count."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

import minidl
from minidl import numpy as mnp
from minidl.core import native
from minidl.core.native.load import missing_features
from minidl.ir.lowering import schedule
from minidl.xla import compiler
from minidl.xla.compiler import compile_module
from tests.xla import opset
from tests.xla.steps import traced_step

X86 = native.target("host").is_x86
needs_x86 = pytest.mark.skipif(not X86, reason="compares code for x86-64; this machine is another")


@pytest.fixture(scope="module", params=["sgd", "adam"])
def step(request):
    return traced_step(request.param)


def bits(exe, args):
    return [a.tobytes() for a in exe.run_flat(args)]


@needs_x86
def test_bits_are_those_of_the_host_for_x86_64_v3(step):
    module, args = step
    if missing_features(native.target("x86-64-v3")):
        pytest.skip("this CPU is older than x86-64-v3")
    v3, host = compile_module(module, "x86-64-v3"), compile_module(module)
    assert v3.object != host.object or native.target("host").vector_bits == 256
    assert bits(v3, args) == bits(host, args)


@needs_x86
def test_bits_are_the_same_for_v2_and_for_v3_without_fma(step, monkeypatch):
    """v2 has no fused multiply-add, the one stated variation: it is switched off in both."""
    module, args = step
    v2 = bits(compile_module(module, "x86-64-v2"), args)
    plain = dataclasses.replace(native.target("x86-64-v3"), has_fma=False, features="-fma")
    monkeypatch.setattr(compiler.native, "target", lambda name: plain)
    exe = compile_module(module, "x86-64-v3")
    monkeypatch.undo()
    assert "vfmadd" not in exe.stages["asm"].text
    assert bits(exe, args) == v2


def test_bits_are_the_same_for_one_and_two_threads(step, monkeypatch):
    module, args = step
    busy = dataclasses.replace(schedule.HOST_256, parallel_work=64)
    monkeypatch.setattr(schedule, "for_vector_bits", lambda bits: busy)
    exe = compile_module(module)
    assert exe.stages["loops"].text.count("minidl.parallel") > 5
    before = native.threads()
    try:
        native.set_threads(1)
        alone = bits(exe, args)
        native.set_threads(2)
        assert all(bits(exe, args) == alone for _ in range(20))
    finally:
        native.set_threads(before)


SCHEDULES = [
    dataclasses.replace(schedule.HOST_256, lanes=lanes, dot_rows=rows, dot_vectors=vectors)
    for lanes, rows, vectors in [(4, 2, 1), (8, 4, 2), (8, 1, 1), (16, 8, 2), (16, 3, 1), (2, 5, 3)]
]


def test_bits_do_not_depend_on_the_schedule(step, monkeypatch):
    module, args = step
    seen = set()
    for s in SCHEDULES:
        monkeypatch.setattr(schedule, "for_vector_bits", lambda bits, s=s: s)
        seen.add(tuple(bits(compile_module(module), args)))
    assert len(seen) == 1


@pytest.mark.parametrize("shape", [(1, 1, 1), (3, 5, 7), (17, 33, 9), (8, 100, 16), (2, 1000, 3)])
def test_a_dot_has_one_association_for_any_schedule(shape, monkeypatch):
    m, k, n = shape
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(m, k)).astype("f"), rng.normal(size=(k, n)).astype("f")
    module = minidl.trace(lambda x, y: (x @ y, mnp.sum(x, axis=1), mnp.sum(x, axis=0)), x, y)
    seen = set()
    for s in SCHEDULES:
        monkeypatch.setattr(schedule, "for_vector_bits", lambda bits, s=s: s)
        seen.add(tuple(bits(compile_module(module), [x, y])))
    assert len(seen) == 1


def test_twice_compiled_is_the_same_object(step):
    module, _ = step
    assert compile_module(module, "x86-64-v3").object == compile_module(module, "x86-64-v3").object


@pytest.mark.parametrize("target", ["x86-64-v2", "x86-64-v3", "x86-64-v4", "arm64", "wasm32"])
def test_the_object_of_a_step_wants_no_symbol(step, target):
    exe = compile_module(step[0], target)
    assert len(exe.object) > 1000
    assert exe.artefact.undefined == ()


@pytest.mark.parametrize("target", ["x86-64-v2", "x86-64-v3", "x86-64-v4", "arm64", "wasm32"])
@pytest.mark.parametrize("shape", [(), (11,)], ids=["scalar", "vector"])
def test_no_op_and_no_conversion_calls_a_helper(target, shape):
    """Every op that is lowered, in every element type, in one object."""
    exe = compile_module(opset.everything(shape), target)
    assert len(exe.object) > 10_000
    assert exe.artefact.undefined == ()

"""Every op of a training step has an instruction, or a stated reason for having none."""

from __future__ import annotations

import numpy as np
import pytest

import minidl
from minidl import numpy as mnp
from minidl.xla.compiler import compile_module
from tests.xla.steps import traced_step


def ids_of(stage):
    return frozenset().union(*(line.ids for line in stage.lines))


@pytest.fixture(scope="module", params=["sgd", "adam"])
def step(request):
    return traced_step(request.param)[0]


@pytest.mark.parametrize("target", ["x86-64-v3", "ptx"])
def test_every_op_has_an_instruction_or_a_reason(step, target):
    exe = compile_module(step, target)
    stages, table = exe.stages, exe.provenance
    last = list(stages)[-1]
    lost = set(table.ops) - ids_of(stages[last]) - set(table.reasons)
    assert {i: table.ops[i].text for i in lost} == {}
    assert all(table.reasons.values())
    assert len(table.reasons) < len(table.ops) / 5, "reasons are the exception"


@pytest.mark.parametrize("target", ["x86-64-v3", "ptx"])
def test_every_stage_knows_every_op(step, target):
    exe = compile_module(step, target)
    passes_say = set(exe.provenance.reasons)
    for stage in list(exe.stages.values())[:-1]:
        assert set(exe.provenance.ops) - ids_of(stage) - passes_say == set(), stage.name


def test_marked_ops_are_those_of_the_program(step):
    exe = compile_module(step, stop="stablehlo")
    inner = [op for op in step.walk() if op.name.startswith("stablehlo.")]
    inner = [op for op in inner if op.name != "stablehlo.return"]
    assert [r.name for r in exe.provenance.ops.values()] == [op.name for op in inner]


def test_an_instruction_names_its_own_ops_only():
    def f(x, y):
        a = x * 3
        b = y / 7
        return a, b

    x = np.ones((64, 64), np.float32)
    exe = compile_module(minidl.trace(f, x, x), "x86-64-v3")
    number = {r.name: i for i, r in exe.provenance.ops.items()}
    for line in exe.stages["asm"].lines:
        words = line.text.split()
        if words and words[0].startswith("vmulps"):
            assert number["stablehlo.multiply"] in line.ids
            assert number["stablehlo.divide"] not in line.ids
        if words and words[0].startswith("vdivps"):
            assert number["stablehlo.divide"] in line.ids
            assert number["stablehlo.multiply"] not in line.ids


def test_spans_reach_from_an_instruction_to_the_python_line():
    def f(x):
        return mnp.tanh(x) * 2

    x = np.ones(256, np.float32)
    exe = compile_module(minidl.trace(f, x), "x86-64-v3")
    first = f.__code__.co_firstlineno
    lines = set()
    for line in exe.stages["asm"].lines:
        for i in line.ids:
            lines |= {s.line for s in exe.provenance.ops[i].spans if "test_provenance" in s.file}
    assert first + 1 in lines


def test_a_merged_multiply_add_carries_the_dot():
    def f(x, w):
        return x @ w

    x = np.ones((16, 16), np.float32)
    exe = compile_module(minidl.trace(f, x, x), "x86-64-v3")
    (dot,) = [i for i, r in exe.provenance.ops.items() if r.name == "stablehlo.dot_general"]
    fmas = [line for line in exe.stages["asm"].lines if "vfmadd" in line.text]
    assert fmas
    assert all(dot in line.ids for line in fmas)


def test_a_dead_op_gets_its_reason():
    def f(x):
        _ = mnp.exp(x)
        return x + 1

    x = np.ones(64, np.float32)
    exe = compile_module(minidl.trace(f, x), "x86-64-v3")
    (exp,) = [i for i, r in exe.provenance.ops.items() if r.name == "stablehlo.exponential"]
    assert exp not in ids_of(exe.stages["asm"])
    assert "dead" in exe.provenance.reasons[exp]

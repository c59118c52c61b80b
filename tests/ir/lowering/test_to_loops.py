"""Loops over memory: in bounds for every schedule, readable by MLIR, as few as expected."""

from __future__ import annotations

import dataclasses
import random

import numpy as np
import pytest

import minidl
from minidl import ir
from minidl import numpy as mnp
from minidl.ir.lowering import schedule
from minidl.xla.compiler import compile_module
from tests.ir import jaxlib_mlir as mlir
from tests.xla import structures
from tests.xla.bounds import Bounds, check_bounds
from tests.xla.steps import traced_step

STEPS = ["sgd", "adam"]
X = np.ones((64, 10), np.float32)


def loops_of(f, *args, target="cpu"):
    return compile_module(minidl.trace(f, *args), target, stop="loops").modules["loops"]


@pytest.mark.parametrize("lanes", [4, 8, 16])
def test_every_access_of_random_programs_is_in_bounds(lanes, monkeypatch):
    s = dataclasses.replace(schedule.HOST_256, lanes=lanes, parallel_work=50)
    monkeypatch.setattr(schedule, "for_vector_bits", lambda bits: s)
    seen = 0
    for seed in range(60):
        module = structures.draw(random.Random(seed).choice)
        seen += check_bounds(compile_module(module, stop="loops").modules["loops"])
    assert seen > 300


def test_the_bounds_check_sees_an_access_outside():
    text = """
      func.func @f(%a: memref<8xf32>) {
        %c0 = arith.constant 0 : index
        %c4 = arith.constant 4 : index
        %c9 = arith.constant 9 : index
        scf.for %i = %c0 to %c9 step %c4 {
          %x = vector.load %a[%i] : memref<8xf32>, vector<4xf32>
        }
        return
      }"""
    inside = ir.parse(text.replace("%c9 = arith.constant 9", "%c9 = arith.constant 8"))
    assert Bounds(inside.function("f")).accesses == 1
    with pytest.raises(AssertionError, match=r"\[0, 11\]"):
        Bounds(ir.parse(text).function("f"))


@pytest.mark.parametrize("name", STEPS)
@pytest.mark.parametrize("stage", ["stablehlo", "optimized", "fused", "loops"])
def test_mlir_parses_and_verifies_every_stage_it_has_dialects_for(name, stage):
    """All but linalg, which jaxlib does not register."""
    module, _ = traced_step(name)
    text = str(compile_module(module, stop="loops").modules[stage])
    assert mlir.refusal(text) is None


def test_mlir_parses_loops_of_random_programs():
    for seed in range(40):
        module = structures.draw(random.Random(seed).choice)
        assert mlir.refusal(str(compile_module(module, stop="loops").modules["loops"])) is None


@pytest.mark.parametrize("stage", ["linalg", "loops"])
def test_our_parser_reads_every_stage_back(stage):
    for seed in range(40):
        module = structures.draw(random.Random(seed).choice)
        text = str(compile_module(module, stop="loops").modules[stage])
        assert str(ir.parse(text)) == text


def test_an_elementwise_fusion_is_one_loop_without_a_remainder():
    """64 × 10 is 80 vectors of 8, not 64 rows of 8 + 2."""
    module = loops_of(lambda x, y: x * y + 1, X, X, target="x86-64-v3")
    loops = [op for op in module.walk() if op.name == "scf.for"]
    assert len(loops) == 1
    assert not any(op.name == "memref.store" for op in module.walk())


def test_a_row_program_keeps_rows_in_registers_or_a_row_buffer():
    def softmax(x):
        e = mnp.exp(x - mnp.max(x, axis=1, keepdims=True))
        return e / mnp.sum(e, axis=1, keepdims=True)

    module = loops_of(softmax, np.ones((256, 64), np.float32))
    assert len(module.functions) == 2, "one fusion"
    buffers = [op.result.type.dims for op in module.walk() if op.name == "memref.alloca"]
    assert buffers in ([], [(64,)])


def test_a_gathered_operand_of_a_dot_is_packed_once():
    """y is [n, k]: lanes along n would gather, so it is copied to [k, n] before."""
    x, y = np.ones((64, 32), np.float32), np.ones((48, 32), np.float32)
    module = loops_of(lambda x, y: x @ y.T, x, y)
    dot = [f for f in module.functions.values() if any(op.name == "math.fma" for op in f.walk())]
    (dot,) = dot
    assert not any(op.name == "vector.from_elements" for op in dot.walk())


def test_a_gpu_function_guards_its_last_block():
    module = loops_of(lambda x: x + 1, X, target="ptx")
    (f,) = module.functions.values()
    names = [op.name for op in f.walk()]
    assert "scf.if" in names
    assert "gpu.thread_id" in names
    assert "vector.load" not in names

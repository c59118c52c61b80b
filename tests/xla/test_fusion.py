"""Fusion: every op in a function, no cycle, and the fusions one would draw by hand."""

from __future__ import annotations

import random

import numpy as np
import pytest

import minidl
from minidl import ir
from minidl import numpy as mnp
from minidl.ir.mlir import types as T
from minidl.ir.mlir.module import Module, finish, function
from minidl.xla.compiler import compile_module
from minidl.xla.fusion import fuse
from minidl.xla.passes import optimize
from tests.xla import programs, structures

X = np.ones((64, 32), np.float32)


def fusions(f, *args):
    """The op names of each fusion, in the order they are called."""
    module = compile_module(minidl.trace(f, *args), stop="fused").modules["fused"]
    calls = [op["callee"].name for op in module.main.body if op.name == "func.call"]
    short = lambda op: op.name.partition(".")[2]  # noqa: E731
    return [[short(op) for op in module.function(n).body][:-1] for n in calls]


@pytest.mark.parametrize("source", [programs, structures], ids=["special", "shapes"])
def test_fusing_keeps_the_meaning(source):
    for seed in range(60):
        module = (
            source.seeded(seed) if source is programs else source.draw(random.Random(seed).choice)
        )
        args = source.inputs(module, seed)
        fused = fuse(optimize(module))
        ir.verify(fused)
        for a, b in zip(ir.evaluate(module, *args), ir.evaluate(fused, *args), strict=True):
            assert programs.same_bits(np.asarray(a), np.asarray(b))


def test_an_elementwise_chain_is_one_fusion():
    assert len(fusions(lambda x: mnp.tanh(x * 2 + 1) - x, X)) == 1


def test_a_layer_is_one_fusion_with_its_bias_and_relu():
    w, b = np.ones((32, 16), np.float32), np.ones(16, np.float32)
    (names,) = fusions(lambda x, w, b: mnp.maximum(x @ w + b, 0), X, w, b)
    assert names[0] == "dot_general"
    assert names[-1] == "maximum"


def test_softmax_is_one_pass_over_rows():
    def softmax(x):
        e = mnp.exp(x - mnp.max(x, axis=1, keepdims=True))
        return e / mnp.sum(e, axis=1, keepdims=True)

    assert len(fusions(softmax, X)) == 1


def test_two_dots_are_two_fusions():
    w = np.ones((32, 32), np.float32)
    assert len(fusions(lambda x, w: (x @ w) @ w, X, w)) == 2


def test_two_groups_never_need_each_other():
    """x² is read by a dot and by sqrt, which the dot reads too: it goes before both."""

    def f(x):
        a = x * x
        return mnp.sqrt(a) @ a.T

    order = fusions(f, X)
    assert order[-1] == ["dot_general"] or order[-1][-1] == "dot_general"
    assert any("multiply" in names for names in order[:-1])


def test_a_long_chain_needs_no_deep_stack():
    module = Module()
    _, b = function(module, "main", [T.tensor((4,), T.f32)])
    x = b.block.args[0]
    for _ in range(3000):
        x = b.value("stablehlo.tanh", x)
    finish(b, [x])
    exe = compile_module(module, stop="llvm")
    assert len(exe.modules["fused"].functions) == 2

"""The cost of a program: against closed forms, XLA's own count, and brute force."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import minidl
from minidl import nn, random, xla
from minidl import numpy as mnp
from minidl.xla import cost

N = 1024
RECORD = Path(__file__).parents[2] / "book" / "data" / "step_jax.json"


def line(x, w, b):
    return mnp.maximum(x * w + b, 0)


def vectors(count):
    return [np.zeros(N, np.float32)] * count


@pytest.mark.parametrize(("m", "k", "n"), [(1, 1, 1), (3, 5, 7), (64, 64, 128)])
def test_a_product_takes_a_multiply_and_an_add_for_each_term(m, k, n):
    module = minidl.trace(lambda a, b: a @ b, np.zeros((m, k), "f"), np.zeros((k, n), "f"))
    terms = sum(1 for _ in np.ndindex(m, k, n))
    assert cost.cost(module) == cost.Cost(product_flops=2 * terms)


def test_a_reduction_adds_once_less_than_it_reads():
    module = minidl.trace(lambda a: mnp.sum(a, axis=0), np.zeros((5, 7), "f"))
    assert cost.cost(module).reduce_flops == 4 * 7


def test_exp_and_log_are_counted_apart():
    module = minidl.trace(lambda a: mnp.log(mnp.exp(a) + a), *vectors(1))
    assert cost.cost(module) == cost.Cost(elementwise_flops=N, transcendental=2 * N)


def test_bytes_of_the_line_alone_and_fused():
    modules = xla.compile(line, *vectors(3)).modules
    assert cost.op_by_op(modules["optimized"]) == 32 * N
    assert cost.op_by_op(modules["fused"]) == 16 * N


def test_a_move_costs_nothing_but_what_it_reads():
    module = minidl.trace(lambda a, b: a + b, np.zeros((8, 4), "f"), np.zeros(4, "f"))
    assert cost.op_by_op(module) == 4 * (32 + 4 + 32)


def test_an_array_read_twice_by_one_op_is_read_once():
    assert cost.op_by_op(minidl.trace(lambda a: a * a, *vectors(1))) == 2 * 4 * N


def step(params, x, y):
    def loss(params):
        return nn.cross_entropy(nn.mlp(params, x), y)

    value, grads = minidl.value_and_grad(loss)(params)
    return [{k: p[k] - 0.5 * g[k] for k in p} for p, g in zip(params, grads, strict=True)], value


@pytest.fixture(scope="module")
def modules():
    args = nn.mlp_init(random.key(0)), np.zeros((64, 64), "f"), np.zeros(64, "i")
    return xla.compile(step, *args).modules


def test_the_step_is_two_products_for_the_first_matrix_and_three_for_the_second(modules):
    counted = cost.cost(modules["optimized"]).product_flops
    assert counted == 2 * 64 * (2 * 64 * 128 + 3 * 128 * 10)


def test_fusion_changes_bytes_and_no_arithmetic(modules):
    assert cost.cost(modules["fused"]) == cost.cost(modules["optimized"])
    assert cost.op_by_op(modules["fused"]) < cost.op_by_op(modules["optimized"])


def test_fused_bytes_are_those_of_each_call_s_types(modules):
    """Brute force: every call's operands and results, by their types alone."""
    total = 0
    for op in modules["fused"].main.body:
        if op.name == "func.call":
            total += sum(cost.memory(v.type).bytes for v in {*op.operands, *op.results})
    assert cost.op_by_op(modules["fused"]) == total


def test_xla_counts_the_step_alike(modules):
    theirs, ours = json.loads(RECORD.read_text()), cost.cost(modules["optimized"])
    assert ours.transcendental == theirs["transcendental"]
    assert abs(ours.flops - theirs["flops"]) < 0.02 * theirs["flops"]

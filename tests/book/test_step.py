"""Chapter `step`: what its prose says is what the engine and JAX give."""

from __future__ import annotations

import importlib.metadata
import json
from functools import cache
from pathlib import Path

import numpy as np
import pytest

import minidl
from minidl import nn, random, xla
from minidl import numpy as mnp
from minidl.xla import cost
from tools import budget

BOOK = Path(__file__).resolve().parents[2] / "book"
RECORD = json.loads((BOOK / "data" / "step_jax.json").read_text())
WORDS = {8: "eight", 9: "nine", 10: "ten", 11: "eleven", 12: "twelve"}


def loss(params, x, y):
    W1, b1, W2, b2 = params
    h = mnp.maximum(x @ W1 + b1, 0)
    z = h @ W2 + b2
    logp = nn.log_softmax(z)
    hit = nn.one_hot(y, 10)
    return -mnp.mean(mnp.sum(logp * hit, axis=1))


def step(params, x, y):
    value, grads = minidl.value_and_grad(loss)(params, x, y)
    new = [p - 0.5 * g for p, g in zip(params, grads, strict=True)]
    return new, value


def start(seed):
    layers = nn.mlp_init(random.key(seed))
    return [np.asarray(a) for d in layers for a in (d["w"], d["b"])]


@cache
def exe():
    x, y, *_ = nn.digits()
    return xla.compile(step, start(0), x[:64], y[:64], target="x86-64-v3")


@cache
def text():
    return " ".join(budget.text_of(BOOK / "step.ipynb").split())


def kernels():
    return [op for op in exe().modules["fused"].main.body if op.name == "func.call"]


def test_the_number_of_loops_in_the_headings_is_the_engine_s():
    word = WORDS[len(kernels())]
    assert f"# A training step is {word} loops" in text()
    assert f"## {word.capitalize()} loops do the work of forty-four operations" in text()
    assert f"XLA runs {len(RECORD['kernels'])} kernels where {word} do" in text()


def test_forty_four_operations_compute():
    body = exe().modules["stablehlo"].main.body
    assert sum(cost.computes(op) for op in body) == 44


def test_the_tables_numbers_are_the_engine_s():
    x, y = np.zeros((64, 64), "f"), np.zeros(64, "i")
    modules = exe().modules
    for number in (
        cost.cost(minidl.trace(loss, start(0), x, y)).product_flops,
        cost.cost(modules["optimized"]).product_flops,
        cost.op_by_op(modules["optimized"]),
        cost.op_by_op(modules["fused"]),
        exe().memory.peak_bytes,
    ):
        assert f"{number:,}" in text()


def test_what_xla_holds_less_is_said():
    less = exe().memory.temp_bytes - RECORD["temp_bytes"]
    assert f"with {less:,} bytes less for temporaries" in text() and less > 0


def test_each_kernel_reads_what_an_earlier_one_wrote():
    made = set(exe().modules["fused"].main.body.args)
    for call in kernels():
        assert set(call.operands) <= made
        made |= set(call.results)


def test_the_step_s_gradient_is_jax_s():
    jax = pytest.importorskip("jax")
    jnp = jax.numpy

    def theirs(params, x, y):
        W1, b1, W2, b2 = params
        z = jnp.maximum(x @ W1 + b1, 0) @ W2 + b2
        hit = jax.nn.one_hot(y, 10)
        return -jnp.mean(jnp.sum(jax.nn.log_softmax(z) * hit, axis=1))

    x, y, *_ = nn.digits()
    params = start(0)
    new, value = exe()(params, x[:64], y[:64])
    want, grads = jax.value_and_grad(theirs)(params, x[:64], y[:64])
    assert abs(float(value) - float(want)) < 1e-5
    for p, q, g in zip(params, new, grads, strict=True):
        np.testing.assert_allclose(q, p - np.float32(0.5) * np.asarray(g), atol=1e-5, rtol=0)


def test_the_record_is_what_jax_says_now():
    pytest.importorskip("jax")
    if importlib.metadata.version("jaxlib") != RECORD["jaxlib"]:
        pytest.skip("the record is of another version of jaxlib")
    from tools.record_step_jax import step_record

    now = step_record()
    for name in ("ops", "argument_bytes", "output_bytes", "transcendental"):
        assert now[name] == RECORD[name], name

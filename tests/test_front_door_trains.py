"""The front door alone trains the network: no helper but the digits and the random numbers.

Oracles: JAX's losses for the same ten steps; float64 finite differences, in NumPy alone.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np

import minidl
from minidl import nn, random
from minidl import numpy as mnp


def _init(key):
    k1, k2 = random.split(key)
    return {
        "w1": random.normal(k1, (64, 128)) * np.float32((2 / 64) ** 0.5),
        "b1": mnp.zeros(128),
        "w2": random.normal(k2, (128, 10)) * np.float32((2 / 128) ** 0.5),
        "b2": mnp.zeros(10),
    }


def _logits(n, p, x):
    return n.maximum(x @ p["w1"] + p["b1"], 0) @ p["w2"] + p["b2"]


def _loss(n, p, x, y):
    z = _logits(n, p, x)
    z = z - n.max(z, axis=1, keepdims=True)
    z = z - n.log(n.sum(n.exp(z), axis=1, keepdims=True))
    return -n.mean(n.sum(z * (y[:, None] == n.arange(10)), axis=1))


def test_the_front_door_alone_trains_the_network_over_five_seeds():
    x, y, x_test, y_test = nn.digits()

    @minidl.jit
    def step(p, m, x, y):
        g = minidl.grad(lambda p: _loss(mnp, p, x, y))(p)
        m = {k: 0.9 * m[k] + g[k] for k in g}
        return {k: p[k] - 0.1 * m[k] for k in p}, m

    wrong = []
    for seed in range(5):
        key = random.key(seed)
        p = _init(key)
        m = {k: np.zeros_like(v) for k, v in p.items()}
        for epoch in range(25):
            order = np.asarray(random.permutation(random.fold_in(key, epoch), len(x)))
            for start in range(0, len(x) - 63, 64):
                rows = order[start : start + 64]
                p, m = step(p, m, x[rows], y[rows])
        wrong.append(int((_logits(np, p, x_test).argmax(1) != y_test).sum()))
    print("wrong of 360:", wrong)
    assert np.median(wrong) <= 0.03 * 360
    assert len(step.compiles) == 1


def test_ten_steps_have_jax_s_losses_and_gradients_are_slopes():
    x, y = nn.digits()[:2]

    def make(jit, value_and_grad, n):
        def step(p, x, y):
            loss, g = value_and_grad(lambda p: _loss(n, p, x, y))(p)
            return {k: p[k] - 0.1 * g[k] for k in p}, loss, g

        return jit(step)

    ours = make(minidl.jit, minidl.value_and_grad, mnp)
    theirs = make(jax.jit, jax.value_and_grad, jnp)
    p = q = start = _init(random.key(0))
    for i in range(10):
        rows = slice(64 * i, 64 * i + 64)
        p, loss, g = ours(p, x[rows], y[rows])
        q, want, _ = theirs(q, x[rows], y[rows])
        assert abs(float(loss) - float(want)) <= 1e-5
        if i == 0:
            first = g
    rng = np.random.default_rng(0)
    wide = {k: v.astype(np.float64) for k, v in start.items()}
    x64, y64 = x[:64].astype(np.float64), y[:64]
    for k in wide:
        for _ in range(10):
            at = tuple(rng.integers(0, n) for n in wide[k].shape)
            ends = []
            for sign in (1, -1):
                moved = {name: v.copy() for name, v in wide.items()}
                moved[k][at] += sign * 1e-6
                ends.append(_loss(np, moved, x64, y64))
            assert abs((ends[0] - ends[1]) / 2e-6 - first[k][at]) <= 1e-4

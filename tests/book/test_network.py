"""The primer's numbers, made again with JAX in float64: slopes, sixty steps, both surprises."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

import minidl
from minidl import nn, random
from minidl import numpy as mnp

jax = pytest.importorskip("jax")
STEP_SIZE, STEPS = 0.5, 60


def loss(np_, weights, x, rows):
    """The primer's loss in the names of `np_`."""
    W1, b1, W2, b2 = weights
    s = np_.maximum(x @ W1 + b1, 0) @ W2 + b2
    s = s - np_.max(s, axis=1, keepdims=True)
    logs = np_.log(np_.sum(np_.exp(s), axis=1)) - np_.sum(s * rows, axis=1)
    return np_.mean(logs)


@cache
def start():
    layers = nn.mlp_init(random.key(0))
    return [np.asarray(layer[name], float) for layer in layers for name in ("w", "b")]


@cache
def images():
    x, y, x_test, y_test = nn.digits()
    return x.astype(float), y, x_test.astype(float), y_test


@cache
def oracle():
    """JAX's weights, loss and gradient before each of the steps and after the last."""
    x, y, *_ = images()
    with jax.enable_x64(True):
        box = jax.jit(jax.value_and_grad(lambda w: loss(jax.numpy, w, x, np.eye(10)[y])))
        weights, path = start(), []
        for _ in range(STEPS + 1):
            value, slopes = box(weights)
            slopes = [np.asarray(g) for g in slopes]
            path.append((weights, float(value), slopes))
            weights = [a - STEP_SIZE * g for a, g in zip(weights, slopes, strict=True)]
    return path


def wrong(weights, x, y):
    W1, b1, W2, b2 = weights
    scores = np.maximum(x @ W1 + b1, 0) @ W2 + b2
    return int((scores.argmax(1) != y).sum())


def test_the_sealed_box_gives_jax_s_slopes_all_9610():
    x, y, *_ = images()
    box = minidl.value_and_grad(lambda w: loss(mnp, w, x, np.eye(10)[y]))
    value, slopes = box(start())
    _, want, gradient = oracle()[0]
    assert abs(float(value) - want) < 1e-12
    assert sum(g.size for g in slopes) == 9610
    for got, g in zip(slopes, gradient, strict=True):
        assert np.abs(np.asarray(got) - g).max() < 1e-14


def test_the_weight_of_the_book_has_the_slope_the_primer_prints():
    weights, _, gradient = oracle()[0]
    assert f"{weights[0][27, 17]:.5f} {gradient[0][27, 17]:.5f}" == "0.22805 -0.02667"


def test_sixty_steps_lead_from_321_to_16_wrong():
    *_, x_test, y_test = images()
    first, last = oracle()[0], oracle()[STEPS]
    assert [wrong(w, x_test, y_test) for w, _, _ in (first, last)] == [321, 16]
    assert [f"{value:.3f}" for _, value, _ in (first, last)] == ["2.517", "0.187"]


def test_the_twenty_fourth_step_lowers_the_loss_and_raises_the_count():
    x, y, *_ = images()
    before, after = oracle()[23:25]
    assert before[1] > after[1] and [f"{p[1]:.4f}" for p in (before, after)] == ["0.4164", "0.4152"]
    assert [wrong(p[0], x, y) for p in (before, after)] == [122, 137]


def test_no_step_along_the_first_gradient_gets_below_2_1():
    x, y, *_ = images()
    weights, _, slopes = oracle()[0]
    along = [
        loss(np, [a - s * g for a, g in zip(weights, slopes, strict=True)], x, np.eye(10)[y])
        for s in np.linspace(0.01, 10, 500)
    ]
    assert 2.1 < min(along) < 2.14

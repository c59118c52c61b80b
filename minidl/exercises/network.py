"""Checks of the primer on networks: a slope by two runs, a loss that survives large scores.

Chapter: primers/network.
Sources: Nocedal and Wright, "Numerical Optimization", 2nd ed., 8.1 (finite differences);
Blanchard, Higham, Higham, "Accurately computing the log-sum-exp and softmax functions",
IMA J. Numer. Anal. 41, 2021 (subtract the largest score).
Real: `jax.test_util.check_grads`; `jax.nn.logsumexp`.

f        a function of one number
scores   [n, classes]
labels   int [n]
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from minidl.exercises.verdict import call, exercise, near, need


def _bent(w: float) -> float:
    return math.exp(w) + w * w


@exercise("Two runs of the network give one slope. 9,610 weights would take 19,220 runs.")
def check_slope(slope: Any) -> None:
    """`slope(f, w)` is f's slope at w by a central difference."""
    want = math.exp(0.5) + 1.0
    got = float(call(slope, _bent, 0.5))
    need(abs(got + want) > 1e-3, "the sign is turned round", "f(w + h) comes first")
    need(abs(got - 2 * want) > 1e-3, "twice the slope", "the two places are 2·h apart")
    need(abs(got - want) < 1e-3, f"{got:.6g} came, {want:.6g} was expected at w = 0.5")
    need(
        abs(got - want) < 1e-8,
        f"close, but off by {abs(got - want):.1e}: a difference from one side?",
        "go h to each side: what the curve's bend adds then cancels",
    )
    near(call(slope, lambda w: 3 - 2 * w, 7.0), -2.0, 1e-8, "the slope of 3 − 2w")


def _loss(scores: Any, labels: Any) -> float:
    """Cross entropy, slow and obvious, in float64 with exact sums."""
    losses = []
    for row, label in zip(scores.tolist(), labels.tolist(), strict=True):
        top = max(row)
        total = math.fsum(math.exp(s - top) for s in row)
        losses.append(math.log(total) + top - row[label])
    return math.fsum(losses) / len(losses)


@exercise("Only differences of scores count, so the largest may be moved to 0.")
def check_loss(loss: Any) -> None:
    """`loss(scores, labels)` is the mean cross entropy, for scores of any size."""
    draw = np.random.default_rng(0)
    scores, labels = draw.normal(size=(5, 10)), draw.integers(0, 10, 5)
    want, got = _loss(scores, labels), float(call(loss, scores, labels))
    need(abs(got - 5 * want) > 1e-6, "the sum of five images came", "divide by their number")
    need(abs(got + want) > 1e-6, "the sign is turned round", "log of a probability is below 0")
    near(got, want, 1e-9, "the loss of five images with small scores")
    large, which = np.array([[1000.0, 1001.0]]), np.array([0])
    got = float(call(loss, large, which))
    need(
        math.isfinite(got),
        f"scores 1000 and 1001 give {got}: exp(1000) is more than a float holds",
        "subtract each row's largest score first",
    )
    near(got, _loss(large, which), 1e-9, "the loss at scores 1000 and 1001")
    far = float(call(loss, np.array([[0.0, 2000.0]]), which))
    need(
        math.isfinite(far),
        f"scores 0 and 2000 give {far}: log of 0",
        "write log(exp(a) / total) as a − log(total)",
    )
    near(far, 2000.0, 1e-9, "the loss at scores 0 and 2000")

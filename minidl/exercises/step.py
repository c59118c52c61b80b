"""Checks of chapter `step`: FLOPs of a step, an op's line, a step that decays.

Chapter: step.
Sources: the engine itself: the program is traced and its ops are counted.
Real: `jax.jit(f).lower(…).compile().cost_analysis()` answers the first one.

sizes  of an MLP, such as (64, 128, 10); its matrices are [sizes[i], sizes[i + 1]]
batch  images of one step
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np

import minidl
from minidl import nn, random
from minidl.exercises.verdict import call, exercise, near, need
from minidl.xla import cost

SHAPES = (((64, 128, 10), 64), ((64, 10), 32), ((8, 16, 16, 4), 2))
RATE, DECAY = 0.5, 0.01


def counted(sizes: tuple[int, ...], batch: int) -> int:
    """The engine's FLOPs of all matrix products of a training step."""
    params = nn.mlp_init(random.key(0), sizes)
    x = np.zeros((batch, sizes[0]), np.float32)
    y = np.zeros(batch, np.int32)
    loss = minidl.value_and_grad(lambda p, x, y: nn.cross_entropy(nn.mlp(p, x), y))
    return cost.cost(minidl.trace(loss, params, x, y)).product_flops


@exercise("Three products a matrix, two for the first: right for any depth.")
def check_step_flops(step_flops: Any) -> None:
    """`step_flops(sizes, batch)` is the FLOPs of a step's matrix products."""
    for sizes, batch in SHAPES:
        got, want = call(step_flops, sizes, batch), counted(sizes, batch)
        macs = [batch * m * n for m, n in pairwise(sizes)]
        case = f"step_flops({sizes}, {batch})"
        need(got != 2 * sum(macs), f"{case}: that is the forward pass alone")
        need(
            got != 6 * sum(macs),
            f"{case}: you counted three products for every matrix",
            "who asks for the gradient of the images?",
        )
        need(2 * got != want, f"{case} is half of it", "a product of two numbers is also added")
        near(got, want, 0, case, "two products for the first matrix, three for the others")


@exercise("Each weight shrinks a little, and then steps downhill: the engine's own bits.")
def check_decayed(decayed: Any) -> None:
    """`decayed(p, g)` is (1 − rate·decay)·p − rate·g, written with arrays or tracers."""
    p, g = (np.asarray(random.normal(random.key(i), (64, 128))) for i in (0, 1))
    plain = call(decayed, p, np.zeros_like(g))
    need(not np.array_equal(plain, p), "with a gradient of 0 the weight stays", "it should shrink")
    got = np.asarray(call(minidl.jit(decayed), p, g))
    up = p * (1 - RATE * DECAY) + RATE * g
    need(
        not np.allclose(got, up, atol=1e-5), "that step goes uphill: the sign of g is turned round"
    )
    near(got, p * (1 - RATE * DECAY) - RATE * g, 1e-5, "decayed(p, g)", "p − 0.5·(g + 0.01·p)")

"""Optimizers as pairs of functions: the state is a value, nothing is hidden.

Chapter: step.
Sources: Kingma and Ba, "Adam", ICLR 2015, algorithm 1 (letters as there).
Real JAX ecosystem: `optax`, whose updates are added by `apply_updates`.

    init(params)                    → state
    update(grads, state, params)    → (params, state)
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from minidl import numpy as mnp
from minidl.xla.frontend import tree_map

Tree = Any


class Optimizer(NamedTuple):
    """How to begin, and how to step."""

    init: Callable[[Tree], Tree]
    update: Callable[[Tree, Tree, Tree], tuple[Tree, Tree]]


def sgd(rate: float = 0.1, momentum: float = 0.0) -> Optimizer:
    """p ← p − rate·g; with momentum g is the running v ← momentum·v + g."""

    def init(params: Tree) -> Tree:
        return tree_map(mnp.zeros_like, params) if momentum else None

    def update(grads: Tree, state: Tree, params: Tree) -> tuple[Tree, Tree]:
        if momentum:
            grads = state = tree_map(lambda v, g: momentum * v + g, state, grads)
        return tree_map(lambda p, g: p - rate * g, params, grads), state

    return Optimizer(init, update)


class AdamState(NamedTuple):
    """m, v: means of g and g²; b1t, b2t: β₁ᵗ and β₂ᵗ."""

    m: Tree
    v: Tree
    b1t: Any
    b2t: Any


def adam(rate: float = 1e-3, b1: float = 0.9, b2: float = 0.999, eps: float = 1e-8) -> Optimizer:
    """p ← p − rate·m̂/(√v̂ + ε), m̂ and v̂ freed of the bias of their start at 0."""

    def init(params: Tree) -> AdamState:
        zeros = tree_map(mnp.zeros_like, params)
        return AdamState(zeros, tree_map(mnp.zeros_like, params), mnp.ones(()), mnp.ones(()))

    def update(grads: Tree, state: AdamState, params: Tree) -> tuple[Tree, AdamState]:
        m = tree_map(lambda m, g: b1 * m + (1 - b1) * g, state.m, grads)
        v = tree_map(lambda v, g: b2 * v + (1 - b2) * (g * g), state.v, grads)
        b1t, b2t = state.b1t * b1, state.b2t * b2

        def step(p: Any, m: Any, v: Any) -> Any:
            return p - rate * (m / (1 - b1t)) / (mnp.sqrt(v / (1 - b2t)) + eps)

        return tree_map(step, params, m, v), AdamState(m, v, b1t, b2t)

    return Optimizer(init, update)

"""The programs the back end is proved on: training steps of the digits MLP."""

from __future__ import annotations

from typing import Any

import numpy as np

import minidl
from minidl import ir, nn, random
from minidl.nn.train import mlp_loss, train_step
from minidl.xla.frontend.trees import flatten

BATCH = 64


def step_arguments(name: str = "sgd", batch: int = BATCH) -> tuple[Any, ...]:
    """(step, params, state, x, y) with the first images of the training set."""
    optimizer = {"sgd": nn.sgd(0.1), "adam": nn.adam(1e-3)}[name]
    x, y, *_ = nn.digits()
    params = nn.mlp_init(random.key(0))
    step = train_step(mlp_loss, optimizer)
    return step, params, optimizer.init(params), x[:batch], y[:batch]


def traced_step(name: str = "sgd", batch: int = BATCH) -> tuple[ir.Module, list[np.ndarray]]:
    """The step as StableHLO, and its flat arguments."""
    step, *args = step_arguments(name, batch)
    leaves, _ = flatten((tuple(args), {}))
    return minidl.trace(step, *args), [np.asarray(x) for x in leaves]

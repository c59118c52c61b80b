"""Values of ops that move elements.

Chapter: ir/stablehlo.
Sources: StableHLO specification, one section an op.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from minidl.ir.mlir.core import Operation
from minidl.ir.mlir.types import TensorType
from minidl.ir.values import VALUES

Array = Any


def out_shape(op: Operation) -> tuple[int, ...]:
    type_ = op.results[0].type
    assert isinstance(type_, TensorType)
    return type_.dims


@VALUES.rule("stablehlo.broadcast_in_dim")
def broadcast_in_dim(op: Operation, x: Array) -> Array:
    shape = out_shape(op)
    aligned = [1] * len(shape)
    order = sorted(range(x.ndim), key=op["broadcast_dimensions"].__getitem__)
    for i, d in enumerate(op["broadcast_dimensions"]):
        aligned[d] = x.shape[i]
    return np.broadcast_to(np.transpose(x, order).reshape(aligned), shape)


@VALUES.rule("stablehlo.reshape")
def reshape(op: Operation, x: Array) -> Array:
    return x.reshape(out_shape(op))


@VALUES.rule("stablehlo.transpose")
def transpose(op: Operation, x: Array) -> Array:
    return np.transpose(x, op["permutation"])


@VALUES.rule("stablehlo.reverse")
def reverse(op: Operation, x: Array) -> Array:
    return np.flip(x, op["dimensions"])


@VALUES.rule("stablehlo.slice")
def slice_(op: Operation, x: Array) -> Array:
    ranges = zip(op["start_indices"], op["limit_indices"], op["strides"], strict=True)
    return x[tuple(slice(a, b, s) for a, b, s in ranges)]


@VALUES.rule("stablehlo.concatenate")
def concatenate(op: Operation, *xs: Array) -> Array:
    return np.concatenate(xs, axis=op["dimension"])

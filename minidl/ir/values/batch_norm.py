"""Values of batch normalisation.

Chapter: ir/stablehlo.
Sources: StableHLO specification, "batch_norm_grad", "batch_norm_inference",
"batch_norm_training"; S. Ioffe and C. Szegedy, "Batch Normalization" (2015).
Real: XLA expands them to the same formulas in the operand's own precision.

Narrow floats are computed in float64 and rounded once (DESIGN, Numbers).

    x  operand   n  elements of one feature   c  a feature's number, spread over x's shape
"""

from __future__ import annotations

from typing import Any

import numpy as np

from minidl.ir.mlir.core import Operation
from minidl.ir.values import VALUES

Array = Any


class _Layout:
    """Where the feature dimension stands: `spread` a [c] over x, `total` x to a [c]."""

    def __init__(self, op: Operation, x: Array) -> None:
        d = op["feature_index"]
        self.shape = [-1 if i == d else 1 for i in range(x.ndim)]
        self.others = tuple(i for i in range(x.ndim) if i != d)
        self.n = x.size // x.shape[d] if x.size else 0

    def spread(self, c: Array) -> Array:
        return c.astype(np.float64).reshape(self.shape)

    def total(self, x: Array) -> Array:
        return x.sum(axis=self.others)


@VALUES.rule("stablehlo.batch_norm_inference")
def batch_norm_inference(
    op: Operation, x: Array, scale: Array, offset: Array, mean: Array, variance: Array
) -> Array:
    lay = _Layout(op, x)
    with np.errstate(all="ignore"):
        centred = x.astype(np.float64) - lay.spread(mean)
        normal = centred / np.sqrt(lay.spread(variance) + op["epsilon"])
        return (normal * lay.spread(scale) + lay.spread(offset)).astype(x.dtype)


@VALUES.rule("stablehlo.batch_norm_training")
def batch_norm_training(op: Operation, x: Array, scale: Array, offset: Array) -> Any:
    """The result, and the mean and the (biased) variance it was made with."""
    lay, wide = _Layout(op, x), x.astype(np.float64)
    with np.errstate(all="ignore"):
        mean = lay.total(wide) / lay.n
        centred = wide - lay.spread(mean)
        variance = lay.total(centred * centred) / lay.n
        normal = centred / np.sqrt(lay.spread(variance) + op["epsilon"])
        made = normal * lay.spread(scale) + lay.spread(offset)
    return tuple(y.astype(x.dtype) for y in (made, mean, variance))


@VALUES.rule("stablehlo.batch_norm_grad")
def batch_norm_grad(
    op: Operation, x: Array, scale: Array, mean: Array, variance: Array, grad: Array
) -> Any:
    """Gradients of operand, scale and offset."""
    lay, g = _Layout(op, x), grad.astype(np.float64)
    with np.errstate(all="ignore"):
        centred = x.astype(np.float64) - lay.spread(mean)
        power = lay.spread(variance) + op["epsilon"]
        deviation = np.sqrt(power)
        grad_offset = lay.total(g)
        slope = lay.spread(lay.total(g * centred)) * centred / power
        inner = g * lay.n - lay.spread(grad_offset) - slope
        grad_x = lay.spread(scale) / deviation / lay.n * inner
        grad_scale = lay.total(g * centred / deviation)
    return tuple(y.astype(x.dtype) for y in (grad_x, grad_scale, grad_offset))

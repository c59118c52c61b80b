"""Values of the ops that newer programs write otherwise: dot, broadcast, einsum …

Chapter: ir/stablehlo.
Sources: StableHLO specification, "Operations" (its list of ops "Not in HLO").
Real: `stablehlo-legalize-deprecated-ops` rewrites them into newer ops.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from minidl.ir.mlir.core import Operation
from minidl.ir.values import VALUES
from minidl.ir.values.movement import out_shape

Array = Any


def _contract(subscripts: str, op: Operation, *xs: Array) -> Array:
    dtype = xs[0].dtype
    wide = np.int64 if dtype.kind == "b" else dtype if dtype.kind in "iu" else np.float64
    with np.errstate(all="ignore"):
        made = np.einsum(subscripts, *(x.astype(wide) for x in xs))
    return np.asarray(made).astype(op.results[0].type.element.numpy)  # type: ignore[attr-defined]


@VALUES.rule("stablehlo.dot")
def dot(op: Operation, x: Array, y: Array) -> Array:
    left, right, out = ("b", "ab")[x.ndim - 1], ("b", "bc")[y.ndim - 1], ("", "a")[x.ndim - 1]
    return _contract(f"{left},{right}->{out}{'c' * (y.ndim - 1)}", op, x, y)


@VALUES.rule("stablehlo.einsum", "stablehlo.unary_einsum")
def einsum(op: Operation, *xs: Array) -> Array:
    return _contract(op["einsum_config"], op, *xs)


@VALUES.rule("stablehlo.broadcast")
def broadcast(op: Operation, x: Array) -> Array:
    return np.broadcast_to(x, out_shape(op))


@VALUES.rule("stablehlo.torch_index_select")
def torch_index_select(op: Operation, x: Array, index: Array) -> Array:
    """Slices of `x` along `dim`, an index out of range clamped."""
    d, batch = op["dim"], op["batch_dims"]
    at = np.clip(index.astype(np.int64), 0, x.shape[d] - 1)
    if not batch:
        return np.take(x, at, axis=d)
    shape = x.shape[:batch]
    parts = [np.take(x[i], at[i], axis=d - batch) for i in np.ndindex(shape)]
    return np.stack(parts).reshape(out_shape(op)) if parts else np.empty(out_shape(op), x.dtype)

"""Values of ops that combine elements, and of calls.

Chapter: ir/stablehlo.
Sources: StableHLO specification, "reduce", "dot_general", "sort".
Narrow accumulations run in float64 and round once (DESIGN, Numbers).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from minidl.core.errors import UnsupportedError
from minidl.ir.mlir.core import Operation
from minidl.ir.stablehlo.reduction import reducer_name
from minidl.ir.values import VALUES
from minidl.ir.values.elementwise import maximum, minimum
from minidl.ir.values.movement import out_shape

Array = Any


def _wide(x: Array) -> Array:
    """Floats in float64; integers as they are (they wrap)."""
    return x.astype(np.float64) if x.dtype.kind not in "biu" else x


def _sum(x: Array, axes: tuple[int, ...], init: Array) -> Array:
    if x.dtype == bool:
        return np.any(x, axis=axes) | init
    if x.dtype.kind in "iu":
        return np.sum(x, axis=axes, dtype=x.dtype) + init
    return np.sum(_wide(x), axis=axes, initial=-0.0) + _wide(init)  # −0 + x is x, for −0 too


def _product(x: Array, axes: tuple[int, ...], init: Array) -> Array:
    if x.dtype == bool:
        return np.all(x, axis=axes) & init
    total = np.prod(_wide(x), axis=axes, dtype=None if x.dtype.kind not in "iu" else x.dtype)
    return total * _wide(init)


def _extreme(pick: Any, greatest: bool) -> Any:
    """The largest or smallest element; +0 is above −0, and a NaN wins."""

    def reduced(x: Array, axes: tuple[int, ...], init: Array) -> Array:
        if x.size == 0:
            return np.broadcast_to(init, np.sum(x, axis=axes, dtype=np.int64).shape)
        best = np.asarray((np.max if greatest else np.min)(x, axis=axes))
        if x.dtype.kind not in "biu":  # the sign of a zero that won is not NumPy's to choose
            zero = np.any((x == 0) & (np.signbit(x) != greatest), axis=axes)
            sign = zero if greatest else ~zero
            best = np.where(best == 0, np.where(sign, 0.0, -0.0), best).astype(x.dtype)
        return pick(best, np.broadcast_to(init, best.shape))

    return reduced


def _bitwise(f: Any) -> Any:
    return lambda x, axes, init: f(f.reduce(x, axis=axes), init)


_REDUCE: dict[str, Any] = {
    "stablehlo.add": _sum,
    "stablehlo.multiply": _product,
    "stablehlo.maximum": _extreme(maximum, True),
    "stablehlo.minimum": _extreme(minimum, False),
    "stablehlo.and": _bitwise(np.bitwise_and),
    "stablehlo.or": _bitwise(np.bitwise_or),
    "stablehlo.xor": _bitwise(np.bitwise_xor),
}


@VALUES.rule("stablehlo.reduce")
def reduce(op: Operation, *arrays: Array) -> Array:
    name = reducer_name(op)
    if name not in _REDUCE or len(arrays) != 2:
        raise UnsupportedError(
            "reduce with a body that is not one binary op has no value rule yet",
            op=op.name,
            hint=f"bodies with a row: {', '.join(sorted(_REDUCE))}",
        )
    x, init = arrays
    with np.errstate(all="ignore"):
        made = _REDUCE[name](x, tuple(op["dimensions"]), init)
        return np.asarray(made).astype(x.dtype).reshape(out_shape(op))


@VALUES.rule("stablehlo.dot_general")
def dot_general(op: Operation, x: Array, y: Array) -> Array:
    """Batching dimensions first, then what is free of lhs, then of rhs."""
    dims = op["dot_dimension_numbers"]
    free_x, free_y = dims.free(x.ndim, y.ndim)
    left = np.transpose(x, dims.lhs_batching + free_x + dims.lhs_contracting)
    right = np.transpose(y, dims.rhs_batching + dims.rhs_contracting + free_y)
    batch = left.shape[: len(dims.lhs_batching)]
    k = int(np.prod([x.shape[d] for d in dims.lhs_contracting], dtype=np.int64))
    m = int(np.prod([x.shape[d] for d in free_x], dtype=np.int64))
    n = int(np.prod([y.shape[d] for d in free_y], dtype=np.int64))
    out = op.results[0].type.element.numpy  # type: ignore[attr-defined]
    if x.dtype == bool:
        x_, y_ = left.astype(np.int64), right.astype(np.int64)
    elif x.dtype.kind in "iu":
        x_, y_ = left.astype(out), right.astype(out)
    else:
        x_, y_ = left.astype(np.float64), right.astype(np.float64)
    with np.errstate(all="ignore"):
        made = x_.reshape(*batch, m, k) @ y_.reshape(*batch, k, n)
        return made.reshape(out_shape(op)).astype(out)

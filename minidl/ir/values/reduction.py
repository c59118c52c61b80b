"""Values of ops that combine elements: reduce, dot_general.

Chapter: ir/stablehlo.
Sources: StableHLO specification, "reduce", "dot_general".
Narrow accumulations run in float64 and round once (DESIGN, Numbers).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from minidl.ir.mlir.core import Operation
from minidl.ir.values import VALUES, interpreted
from minidl.ir.values.elementwise import maximum, minimum
from minidl.ir.values.movement import out_shape
from minidl.ir.values.regions import Run, is_elementwise, on_elements

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


@interpreted("stablehlo.reduce")
def reduce(op: Operation, *arrays: Array, run: Run) -> tuple[Array, ...]:
    """By a fast row for each result whose body is one op; else by the body itself."""
    half = len(arrays) // 2
    axes, dims = tuple(op["dimensions"]), out_shape(op)
    types = [v.type.element.numpy for v in op.results]  # type: ignore[attr-defined]
    xs = [x.astype(t, copy=False) for x, t in zip(arrays[:half], types, strict=True)]
    inits = [x.astype(t, copy=False) for x, t in zip(arrays[half:], types, strict=True)]
    names = bodies(op)
    with np.errstate(all="ignore"):
        if all(name in _REDUCE for name in names):
            made = tuple(
                _REDUCE[name](x, axes, init)  # type: ignore[index]
                for name, x, init in zip(names, xs, inits, strict=True)
            )
        else:
            made = _sweep(op, xs, inits, run)
    return tuple(
        np.asarray(x).astype(t, copy=False).reshape(dims) for x, t in zip(made, types, strict=True)
    )


def bodies(op: Operation) -> list[str | None]:
    """For each result the op that combines its own two arguments and nothing else, or None."""
    block = op.regions[0].block
    half = len(block.args) // 2
    out: list[str | None] = []
    for i, value in enumerate(block.terminator.operands):
        made, own = value.op, [block.args[i], block.args[i + half]]
        fits = made is not None and made.operands in (own, own[::-1]) and not made.regions
        out.append(made.name if fits and made is not None else None)
    return out


LONG = 1024  # elements of a line
# Bodies of these ops choose among their inputs and round nothing.
_CHOOSES = frozenset(
    f"stablehlo.{n}"
    for n in ("compare", "select", "maximum", "minimum", "and", "or", "xor", "not", "is_finite")
) | {"stablehlo.constant", "stablehlo.return"}


def _sweep(
    op: Operation, xs: Sequence[Array], inits: Sequence[Array], run: Run
) -> tuple[Array, ...]:
    """The body on slices: the element before is on its left, the kept dimensions side by side.

    In order, as the reference interpreter does.  In a long line a body that only chooses
    combines neighbours first, halving the line until it is short: where the body is
    associative, as the specification asks, that gives the same bits.
    """
    axes, region = tuple(op["dimensions"]), op.regions[0]
    kept = [d for d in range(xs[0].ndim) if d not in axes]
    length = int(np.prod([xs[0].shape[d] for d in axes], dtype=np.int64))
    order = [*sorted(axes), *kept]
    lines = [np.transpose(x, order).reshape(length, *out_shape(op)) for x in xs]
    sofar = tuple(np.broadcast_to(init, out_shape(op)) for init in inits)
    if is_elementwise(region) and all(o.name in _CHOOSES for o in region.block):
        while len(lines[0]) > LONG:
            n = len(lines[0]) // 2 * 2
            pairs = on_elements(region, [x[i:n:2] for i in (0, 1) for x in lines], run)
            lines = [np.concatenate([p, x[n:]]) for p, x in zip(pairs, lines, strict=True)]
    for k in range(len(lines[0])):
        sofar = on_elements(region, [*sofar, *(x[k] for x in lines)], run)
    return sofar


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

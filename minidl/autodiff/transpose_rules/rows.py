"""The transposes: what was copied is summed, what was cut out is padded, and so on.

Chapter: autodiff/jax.
Sources: StableHLO specification; each rule is the matrix transpose of its op.
"""

from __future__ import annotations

from typing import Any

from minidl.autodiff.transpose_rules import TRANSPOSE
from minidl.core.errors import UnsupportedError
from minidl.ir.mlir.attributes import DotDims
from minidl.ir.mlir.core import Operation
from minidl.ir.stablehlo.reduction import reducer_name
from minidl.xla.frontend import lax

Array = Any
Cts = tuple[Any, ...]

# one operand, or linear in both

TRANSPOSE["stablehlo.negate"] = lambda op, ct, x: (-ct,)
TRANSPOSE["stablehlo.add"] = lambda op, ct, x, y: (ct, ct)
TRANSPOSE["stablehlo.subtract"] = lambda op, ct, x, y: (ct, -ct)
TRANSPOSE["stablehlo.convert"] = lambda op, ct, x: (lax.convert(ct, _in(op).element),)
TRANSPOSE["stablehlo.reshape"] = lambda op, ct, x: (lax.reshape(ct, _in(op).dims),)
TRANSPOSE["stablehlo.reverse"] = lambda op, ct, x: (lax.reverse(ct, op["dimensions"]),)
TRANSPOSE["stablehlo.divide"] = lambda op, ct, x, y: (ct / y, None)
TRANSPOSE["stablehlo.multiply"] = lambda op, ct, x, y: (
    (ct * y, None) if x is None else (None, x * ct)
)


def _in(op: Operation, i: int = 0) -> Any:
    """The type of an operand."""
    return op.operands[i].type


@TRANSPOSE.rule("stablehlo.transpose")
def transpose(op: Operation, ct: Array, x: None) -> Cts:
    order = op["permutation"]
    return (lax.transpose(ct, [order.index(d) for d in range(len(order))]),)


@TRANSPOSE.rule("stablehlo.broadcast_in_dim")
def broadcast_in_dim(op: Operation, ct: Array, x: None) -> Cts:
    """What was repeated is summed: new dimensions, and those that had size 1."""
    dims, type_, out = op["broadcast_dimensions"], _in(op), op.result.type.dims  # type: ignore[attr-defined]
    grown = [d for i, d in enumerate(dims) if type_.dims[i] != out[d]]
    summed = [d for d in range(len(out)) if d not in dims or d in grown]
    if summed:
        ct = lax.reduce("add", ct, summed)
    kept = [d for d in dims if d not in grown]
    ct = lax.transpose(ct, [sorted(kept).index(d) for d in kept])
    return (lax.reshape(ct, type_.dims),)


@TRANSPOSE.rule("stablehlo.slice")
def slice_(op: Operation, ct: Array, x: None) -> Cts:
    """Zeros all around, and between where the slice had strides."""
    sizes, start, strides = _in(op).dims, op["start_indices"], op["strides"]
    inner = [s - 1 for s in strides]
    high = [
        n - a - (max(k - 1, 0) * s + min(k, 1))
        for n, a, s, k in zip(sizes, start, strides, ct.shape, strict=True)
    ]
    return (lax.pad(ct, lax.scalar(0, ct.element), start, high, inner),)


@TRANSPOSE.rule("stablehlo.pad")
def pad(op: Operation, ct: Array, x: Any, value: Any) -> Cts:
    """Cut the operand's places out; the padding's cotangent is the sum of the rest."""
    low, high, inner = (
        op[f"{k}_padding{e}"] for k, e in (("edge", "_low"), ("edge", "_high"), ("interior", ""))
    )
    zero = lax.scalar(0, ct.element)
    flat = lax.pad(ct, zero, [-n for n in low], [-n for n in high], [0] * len(low))
    inside = lax.slice_(flat, [0] * len(low), flat.shape, [n + 1 for n in inner])
    if value is not None:
        return inside, None
    everywhere = range(ct.ndim)
    rest = lax.reduce("add", ct, everywhere) - lax.reduce("add", inside, everywhere)
    return (inside if x is None else None), rest


@TRANSPOSE.rule("stablehlo.concatenate")
def concatenate(op: Operation, ct: Array, *xs: Any) -> Cts:
    """Each operand gets its own stretch."""
    d, at, out = op["dimension"], 0, []
    for i, x in enumerate(xs):
        size = _in(op, i).dims[d]
        start = [at if k == d else 0 for k in range(ct.ndim)]
        limit = [at + size if k == d else n for k, n in enumerate(ct.shape)]
        out.append(lax.slice_(ct, start, limit) if x is None else None)
        at += size
    return tuple(out)


@TRANSPOSE.rule("stablehlo.select")
def select(op: Operation, ct: Array, pred: Array, x: Any, y: Any) -> Cts:
    zero = lax.full_like(ct, 0)
    return (
        None,
        lax.select(pred, ct, zero) if x is None else None,
        lax.select(pred, zero, ct) if y is None else None,
    )


@TRANSPOSE.rule("stablehlo.reduce")
def reduce(op: Operation, ct: Array, x: Any, init: Any) -> Cts:
    """What was summed is repeated."""
    if reducer_name(op) != "stablehlo.add":
        raise UnsupportedError(
            f"stablehlo.reduce with body {reducer_name(op)} is not linear", op=op.name
        )
    shape, axes = _in(op).dims, op["dimensions"]
    kept = [d for d in range(len(shape)) if d not in axes]
    spread = lax.broadcast_in_dim(ct, shape, kept) if x is None else None
    return spread, (lax.reduce("add", ct, range(ct.ndim)) if init is None else None)


@TRANSPOSE.rule("stablehlo.dot_general")
def dot_general(op: Operation, ct: Array, x: Any, y: Any) -> Cts:
    """Linear in one side: contract the cotangent with the other over its free dimensions."""
    d = op["dot_dimension_numbers"]
    free_x, free_y = d.free(_in(op, 0).rank, _in(op, 1).rank)
    b, nx = len(d.lhs_batching), len(free_x)
    batch, of_x, of_y = range(b), range(b, b + nx), range(b + nx, ct.ndim)
    if x is None:  # made: batch, free of x, contracted as they stand in y
        made = lax.dot_general(ct, y, DotDims(tuple(batch), d.rhs_batching, tuple(of_y), free_y))
        order = sorted(range(len(d.rhs_contracting)), key=lambda i: d.rhs_contracting[i])
        names = [*d.lhs_batching, *free_x, *(d.lhs_contracting[i] for i in order)]
        return lax.transpose(made, [names.index(k) for k in range(_in(op, 0).rank)]), None
    # made: batch, contracted as they stand in x, free of y
    made = lax.dot_general(x, ct, DotDims(d.lhs_batching, tuple(batch), free_x, tuple(of_x)))
    order = sorted(range(len(d.lhs_contracting)), key=lambda i: d.lhs_contracting[i])
    names = [*d.rhs_batching, *(d.rhs_contracting[i] for i in order), *free_y]
    return None, lax.transpose(made, [names.index(k) for k in range(_in(op, 1).rank)])


@TRANSPOSE.rule("stablehlo.optimization_barrier")
def barrier(op: Operation, ct: Any, *xs: Any) -> Cts:
    return tuple(ct) if isinstance(ct, tuple) else (ct,)

"""The batch rules: one for all elementwise ops, one for each way to move elements.

Chapter: autodiff/jax.
Sources: StableHLO specification; dimension numbers of the op move up by one.
"""

from __future__ import annotations

from typing import Any

from minidl.autodiff.batch_rules import BATCH
from minidl.core.errors import UnsupportedError
from minidl.ir.mlir.attributes import DotDims
from minidl.ir.mlir.core import Operation, clone
from minidl.ir.mlir.spec import SPECS
from minidl.ir.mlir.types import tensor
from minidl.ir.stablehlo.reduction import reducer_name
from minidl.xla.frontend import lax
from minidl.xla.frontend.bind import bind

Array = Any


def spread(x: Array, n: int) -> Array:
    """An operand without the batch, repeated."""
    return lax.broadcast_in_dim(x, (n, *x.shape), range(1, x.ndim + 1))


def up(dims: Any) -> tuple[int, ...]:
    """Dimension numbers behind a new first dimension."""
    return tuple(d + 1 for d in dims)


def elementwise(op: Operation, n: int, xs: list[Array], batched: list[bool]) -> Array:
    """The same op; a scalar beside arrays (select, clamp) is repeated where it varies."""
    rank = max(x.ndim - b for x, b in zip(xs, batched, strict=True))
    full = next((n, *_sizes(v)) for v in op.operands if len(_sizes(v)) == rank)
    operands = []
    for x, b in zip(xs, batched, strict=True):
        if b:
            operands.append(lax.broadcast_in_dim(x, full, range(x.ndim)))
        elif x.ndim == rank:
            operands.append(spread(x, n))
        else:
            operands.append(x)
    if op.name == "stablehlo.convert":
        return bind(op.name, *operands, to=op.result.type.element)  # type: ignore[attr-defined]
    if op.name == "stablehlo.bitcast_convert":
        out = tensor((n, *_sizes(op.result)), op.result.type.element)  # type: ignore[attr-defined]
        return bind(op.name, *operands, result_types=[out])
    return bind(op.name, *operands, **op.attributes)


def _sizes(value: Any) -> tuple[int, ...]:
    return value.type.dims


for _name, _spec in SPECS.rows.items():
    if "elementwise" in _spec.traits and _spec.dialect == "stablehlo":
        BATCH[_name] = elementwise


@BATCH.rule("stablehlo.broadcast_in_dim")
def broadcast_in_dim(op: Operation, n: int, xs: list[Array], batched: list[bool]) -> Array:
    shape = _sizes(op.result)
    return lax.broadcast_in_dim(xs[0], (n, *shape), (0, *up(op["broadcast_dimensions"])))


@BATCH.rule("stablehlo.reshape")
def reshape(op: Operation, n: int, xs: list[Array], batched: list[bool]) -> Array:
    return lax.reshape(xs[0], (n, *_sizes(op.result)))


@BATCH.rule("stablehlo.transpose")
def transpose(op: Operation, n: int, xs: list[Array], batched: list[bool]) -> Array:
    return lax.transpose(xs[0], (0, *up(op["permutation"])))


@BATCH.rule("stablehlo.reverse")
def reverse(op: Operation, n: int, xs: list[Array], batched: list[bool]) -> Array:
    return lax.reverse(xs[0], up(op["dimensions"]))


@BATCH.rule("stablehlo.slice")
def slice_(op: Operation, n: int, xs: list[Array], batched: list[bool]) -> Array:
    limit = (n, *op["limit_indices"])
    return lax.slice_(xs[0], (0, *op["start_indices"]), limit, (1, *op["strides"]))


@BATCH.rule("stablehlo.concatenate")
def concatenate(op: Operation, n: int, xs: list[Array], batched: list[bool]) -> Array:
    whole = [x if b else spread(x, n) for x, b in zip(xs, batched, strict=True)]
    return lax.concatenate(whole, op["dimension"] + 1)


@BATCH.rule("stablehlo.pad")
def pad(op: Operation, n: int, xs: list[Array], batched: list[bool]) -> Array:
    """A padding value that varies over the batch is chosen by a mask."""
    x, value = xs
    x = x if batched[0] else spread(x, n)
    low, high = (0, *op["edge_padding_low"]), (0, *op["edge_padding_high"])
    inner = (0, *op["interior_padding"])
    if not batched[1]:
        return lax.pad(x, value, low, high, inner)
    zeros = lax.pad(x, lax.scalar(0, x.element), low, high, inner)
    inside = lax.pad(lax.full_like(x, 1), lax.scalar(0, x.element), low, high, inner)
    outside = lax.compare("EQ", inside, lax.full_like(inside, 0))
    return lax.select(outside, lax.broadcast_in_dim(value, zeros.shape, (0,)), zeros)


@BATCH.rule("stablehlo.reduce")
def reduce(op: Operation, n: int, xs: list[Array], batched: list[bool]) -> Array:
    if batched[1] or len(xs) != 2:
        raise UnsupportedError(
            f"stablehlo.reduce ({reducer_name(op)}) with a batched initial value, or of several "
            "arrays, has no batch rule",
            op=op.name,
        )
    body = clone(op).regions[0]
    body.parent = None
    return bind(op.name, *xs, regions=[body], dimensions=up(op["dimensions"]))


@BATCH.rule("stablehlo.dot_general")
def dot_general(op: Operation, n: int, xs: list[Array], batched: list[bool]) -> Array:
    """Both vary: one more batching dimension.  One varies: one more free dimension."""
    (x, y), d = xs, op["dot_dimension_numbers"]
    if all(batched):
        dims = DotDims(
            (0, *up(d.lhs_batching)),
            (0, *up(d.rhs_batching)),
            up(d.lhs_contracting),
            up(d.rhs_contracting),
        )
        return lax.dot_general(x, y, dims)
    b = len(d.lhs_batching)
    if batched[0]:
        dims = DotDims(up(d.lhs_batching), d.rhs_batching, up(d.lhs_contracting), d.rhs_contracting)
        at = b
    else:
        dims = DotDims(d.lhs_batching, up(d.rhs_batching), d.lhs_contracting, up(d.rhs_contracting))
        at = x.ndim - len(d.lhs_contracting)
    out = lax.dot_general(x, y, dims)
    return lax.transpose(out, [at, *(k for k in range(out.ndim) if k != at)])


@BATCH.rule("stablehlo.sort")
def sort(op: Operation, n: int, xs: list[Array], batched: list[bool]) -> Any:
    whole = [x if b else spread(x, n) for x, b in zip(xs, batched, strict=True)]
    body = clone(op).regions[0]
    body.parent = None
    attributes = {**op.attributes, "dimension": op["dimension"] + 1}
    return bind(op.name, *whole, regions=[body], **attributes)


@BATCH.rule("stablehlo.optimization_barrier")
def barrier(op: Operation, n: int, xs: list[Array], batched: list[bool]) -> Any:
    whole = [x if b else spread(x, n) for x, b in zip(xs, batched, strict=True)]
    return bind(op.name, *whole, **op.attributes)

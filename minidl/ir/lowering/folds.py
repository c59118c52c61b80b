"""Folds: reduce and reduce_window as a generic with accumulators, and what a region becomes.

Chapter: ir/lowering.
Sources: StableHLO specification, "reduce", "reduce_window"; house rule (Numbers).
Real: `ReduceOpConversion`, `ReduceWindowOpConversion` of `stablehlo-legalize-to-linalg`.

Kept dimensions come first, then those that are folded.  One commutative op may fold by lanes
(`lanes.py`), in float32 where the elements are narrower; any other region runs in order,
one accumulator an operand.  A window is a fold whose operand is read at o · stride + k ·
dilation: its padding was written around the operand before (`xla.windows`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from minidl.core.errors import UnsupportedError
from minidl.ir.lowering.body import Body, is_scalar_op
from minidl.ir.lowering.indexing import Index, behind_moves, here, lowered, tensor_type
from minidl.ir.lowering.scalars import SCALAR, constant, convert, is_16, signless
from minidl.ir.mlir.attributes import Affine
from minidl.ir.mlir.core import Operation, Value
from minidl.ir.mlir.location import fuse, place
from minidl.ir.mlir.types import ScalarType, f32, index, tensor
from minidl.ir.stablehlo.reduction import joiner
from minidl.ir.stablehlo.windows import op_window


@dataclass(frozen=True, slots=True)
class Space:
    """What a fold walks: sizes of the kept dimensions, then of the folded ones.

    where  the operand's index
    lanes  whether it runs along neighbours in memory, so that lanes may share the work
    """

    sizes: Sequence[int]
    kept: int
    where: Index
    lanes: bool = False


def fold_space(op: Operation) -> Space:
    """The space of a reduce or a reduce_window."""
    x, out = tensor_type(op.operands[0]), tensor_type(op.results[0])
    if op.name == "stablehlo.reduce":
        reduced = op["dimensions"]
        order = [*(d for d in range(x.rank) if d not in reduced), *reduced]
        where = tuple(Affine.dim(order.index(d)) for d in range(x.rank))
        return Space([x.dims[d] for d in order], out.rank, where, x.rank - 1 in reduced)
    window, at = op_window(op), list(here(out.rank))
    walked = [d for d, w in enumerate(window) if w.size > 1]
    for d, w in enumerate(window):
        at[d] = at[d].scaled(w.stride, 0)
        if d in walked:
            k = Affine.dim(out.rank + walked.index(d))
            at[d] = at[d] + k.scaled(w.window_dilation, 0)
    return Space([*out.dims, *(window[d].size for d in walked)], out.rank, tuple(at))


def fold(group: Any, op: Operation) -> list[Value]:
    """The generic of a fold, within the lowering of its group; one result an operand."""
    space, block = fold_space(op), op.regions[0].block
    half = len(op.operands) // 2
    if space.kept == len(space.sizes):  # over nothing: once, with the one element there is
        space = Space([*space.sizes, 1], space.kept, space.where)
    name = joiner(op) if half == 1 else None
    works = [tensor_type(v).element for v in block.args[:half]]
    wide = [f32 if name and is_16(e) else e for e in works]
    body: Body = group.body(space.sizes)
    inputs = op.operands[:half]
    elements = [body.at(v, space.where) for v in inputs]
    body.show_sizes(range(space.kept, len(space.sizes)), signless(wide[0]))
    inits = [
        _init(group, op, v, e, w) for v, e, w in zip(op.operands[half:], works, wide, strict=True)
    ]
    kept = space.sizes[: space.kept]
    outs = [
        group.filled(tensor(kept, signless(w)), init, op.location)
        for w, init in zip(wide, inits, strict=True)
    ]
    accumulators = [body.block.add_arg(signless(w)) for w in wide]
    known = [v.op.location for v in op.operands[half:] if v.op is not None]
    body.builder.location = fuse(op.location, *(o.location for o in list(block)[:-1]), *known)
    for i, (v, w) in enumerate(zip(inputs, wide, strict=True)):
        elements[i] = convert(body.builder, elements[i], tensor_type(v).element, w)
    if name:
        made = [SCALAR[name](body.builder, block.first, wide[0], *accumulators, *elements)]
    else:
        made = region_scalars(body, op, [*accumulators, *elements])
    lanes = space.lanes and name is not None
    at = [here(space.kept)] * half
    totals = group.generic(body, made, outs, at, space.kept, op.location, lanes)
    return [group.narrow(t, v, w) for t, v, w in zip(totals, op.results, wide, strict=True)]


def _init(group: Any, op: Operation, init: Value, work: ScalarType, wide: ScalarType) -> Value:
    """An initial value as a scalar: a constant, or an element of an input."""
    value, where = behind_moves(init, ())
    source, b = value.op, group.builder
    b.location = op.location
    element = tensor_type(value).element
    if source is not None and source.name == "stablehlo.constant":
        b.location = fuse(op.location, source.location)
        return constant(b, source["value"].item, wide)
    at = [constant(b, e.const, index) for e in where]
    type_ = [lowered(tensor_type(value)).element]
    found = b.create("tensor.extract", [group.tensors[value], *at], None, type_).result
    return convert(b, found, element, wide)


# -- regions ---------------------------------------------------------------------------


def region_scalars(body: Body, op: Operation, values: Sequence[Value]) -> list[Value]:
    """The elementwise ops of a StableHLO region, on scalars of a generic's region."""
    block = op.regions[0].block
    env: dict[Value, Value] = dict(zip(block.args, values, strict=True))
    for inner in block:
        if inner is block.last:
            break
        known = is_scalar_op(inner) or inner.name == "stablehlo.constant"
        if not known or any(v not in env for v in inner.operands):
            raise UnsupportedError(
                f"{op.name} with a region that has {inner.name} is not lowered",
                op=op.name,
                span=place(op.location),
                hint="stage: linalg; elementwise ops of the region's own values are",
            )
        body.builder.location = fuse(op.location, inner.location)
        env[inner.result] = body.scalar(inner, [env[v] for v in inner.operands])
    return [env[v] for v in block.terminator.operands]

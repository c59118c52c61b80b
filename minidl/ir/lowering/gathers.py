"""Reads at computed places: gather and the dynamic slices, inside any `linalg.generic`.

Chapter: ir/lowering, ir/dimension_numbers.
Sources: StableHLO specification, "gather", "dynamic_slice", "real_dynamic_slice", "dynamic_pad".
Real: `stablehlo-legalize-to-linalg` writes the same `linalg.index`, clamp and
`tensor.extract`, but only as a generic of their own.

A start that is data is a *symbol* of the index: an affine expression may have it beside
the loop dimensions, and a move behind the gather composes as with any other index.

    asks    (op, index) → the scalars that must be there first, as (value, index)
    place   (body, op, index, those scalars) → the operand's index; never outside of it
    guard   … → whether there is an element at all; without one it is operand 1
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from minidl.core.rules import RuleTable
from minidl.ir.dimension_numbers import GatherDims
from minidl.ir.lowering.indexing import Index, here, lowered, tensor_type
from minidl.ir.lowering.scalars import constant
from minidl.ir.mlir.attributes import Affine
from minidl.ir.mlir.core import Operation, Value
from minidl.ir.mlir.spec import Builder
from minidl.ir.mlir.types import ScalarType, i1, index

Asked = list[tuple[Value, Index]]


@dataclass(frozen=True, slots=True)
class Read:
    asks: Callable[[Operation, Index], Asked]
    place: Callable[[Any, Operation, Index, Sequence[Value]], Index]
    guard: Callable[[Any, Operation, Index, Sequence[Value]], Value] | None = None


COMPUTED: RuleTable[Read] = RuleTable("computed read", "the lowering to linalg")


def as_index(b: Builder, x: Value, element: ScalarType) -> Value:
    """An integer scalar as an index."""
    name = "arith.index_castui" if element.is_unsigned else "arith.index_cast"
    return b.create(name, [x], result_types=[index]).result


def clamped(b: Builder, x: Value, unsigned: bool, limit: int) -> Value:
    """The index nearest to `x` in 0 … limit."""
    last = constant(b, max(0, limit), index)
    if unsigned:
        return b.value("arith.minui", x, last)
    return b.value("arith.maxsi", b.value("arith.minsi", x, last), constant(b, 0, index))


def _start(body: Any, x: Value, source: Value, limit: int) -> Affine:
    """A start index as a symbol; a known one, or one that can only be 0, as a number."""
    if limit <= 0:
        return Affine()
    element = tensor_type(source).element
    if x.op is not None and x.op.name == "arith.constant":
        number = x.op["value"].value  # signless: what is unsigned may be stored below 0
        known = number % (1 << element.bits) if element.is_unsigned else number
        return Affine(const=min(max(known, 0), limit))
    i = as_index(body.builder, x, element)
    return body.symbol(clamped(body.builder, i, element.is_unsigned, limit))


# -- dynamic_slice -----------------------------------------------------------------------


def _place_slice(body: Any, op: Operation, where: Index, starts: Sequence[Value]) -> Index:
    x = tensor_type(op.operands[0]).dims
    rows = zip(where, starts, op.operands[1:], x, op["slice_sizes"], strict=True)
    return tuple(e + _start(body, s, source, n - size) for e, s, source, n, size in rows)


COMPUTED["stablehlo.dynamic_slice"] = Read(
    lambda op, where: [(v, ()) for v in op.operands[1:]], _place_slice
)


# -- gather ------------------------------------------------------------------------------


def gather_numbers(op: Operation) -> tuple[GatherDims, Sequence[int]]:
    """The dimension numbers and the slice sizes (`dynamic_gather`: by the result's sizes)."""
    dims: GatherDims = op["dimension_numbers"]
    if "slice_sizes" in op.attributes:
        return dims, op["slice_sizes"]
    x, out = tensor_type(op.operands[0]), tensor_type(op.result)
    sizes = [1] * x.rank
    for d, walk in zip(dims.window_dims(x.rank), dims.offset_dims, strict=True):
        sizes[d] = out.dims[walk]
    return dims, sizes


def _ask_gather(op: Operation, where: Index) -> Asked:
    dims, starts = gather_numbers(op)[0], tensor_type(op.operands[1])
    batch = [where[d] for d in dims.batch_dims(len(where))]
    return [
        (op.operands[1], dims.start_position(batch, Affine(const=k), starts.rank))
        for k in range(dims.index_size(starts.dims))
    ]


def _place_gather(body: Any, op: Operation, where: Index, starts: Sequence[Value]) -> Index:
    (dims, sizes), x = gather_numbers(op), tensor_type(op.operands[0])
    numbers = [
        _start(body, s, op.operands[1], x.dims[d] - sizes[d])
        for s, d in zip(starts, dims.start_index_map, strict=True)
    ]
    found = dims.operand_index(where, dims.full_start(numbers, x.rank))
    return tuple(Affine() + e for e in found)


for _name in ("stablehlo.gather", "stablehlo.dynamic_gather"):
    COMPUTED[_name] = Read(_ask_gather, _place_gather)


# -- slices and padding whose amounts are data ---------------------------------------------


def _ask_amounts(operands: slice) -> Callable[[Operation, Index], Asked]:
    """Each of these operands has a number for each dimension."""

    def asks(op: Operation, where: Index) -> Asked:
        return [(v, (Affine(const=d),)) for v in op.operands[operands] for d in range(len(where))]

    return asks


def _numbers(body: Any, op: Operation, where: Index, asked: Sequence[Value]) -> list[Any]:
    """For each dimension the loop's position and the asked numbers, all as indices."""
    b, rank = body.builder, len(where)
    elements = [tensor_type(v).element for v in op.operands[-(len(asked) // rank) :]]
    rows = []
    for d, e in enumerate(where):
        numbers = [as_index(b, x, t) for x, t in zip(asked[d::rank], elements, strict=True)]
        rows.append((body.affine(e), *numbers))
    return rows


def _place_real_slice(body: Any, op: Operation, where: Index, asked: Sequence[Value]) -> Index:
    """start + i · stride; clamped, so that a slice that lies outside reads nothing foreign."""
    b, dims = body.builder, tensor_type(op.operands[0]).dims
    places = []
    for (i, start, _, stride), n in zip(_numbers(body, op, where, asked), dims, strict=True):
        at = b.value("arith.addi", start, b.value("arith.muli", i, stride))
        places.append(body.symbol(clamped(b, at, False, n - 1)))
    return tuple(places)


COMPUTED["stablehlo.real_dynamic_slice"] = Read(_ask_amounts(slice(1, 4)), _place_real_slice)


def _padded(body: Any, op: Operation, where: Index, asked: Sequence[Value]) -> Any:
    """For each dimension: the element of the operand here or before, and the holes past it."""
    b = body.builder
    for i, low, _, interior in _numbers(body, op, where, asked):
        step = b.value("arith.addi", interior, constant(b, 1, index))
        at = b.value("arith.subi", i, low)
        element = b.value("arith.divsi", at, step)
        yield at, element, b.value("arith.subi", at, b.value("arith.muli", element, step))


def _place_pad(body: Any, op: Operation, where: Index, asked: Sequence[Value]) -> Index:
    rows = zip(_padded(body, op, where, asked), tensor_type(op.operands[0]).dims, strict=True)
    return tuple(body.symbol(clamped(body.builder, at, False, n - 1)) for (_, at, _), n in rows)


def _guard_pad(body: Any, op: Operation, where: Index, asked: Sequence[Value]) -> Value:
    """No hole, and 0 ≤ element < n in every dimension."""
    b, inside = body.builder, constant(body.builder, 1, i1)
    for (at, element, hole), n in zip(
        _padded(body, op, where, asked), tensor_type(op.operands[0]).dims, strict=True
    ):
        zero = constant(b, 0, index)
        for holds in (
            b.value("arith.cmpi", at, zero, predicate="sge"),
            b.value("arith.cmpi", element, constant(b, n, index), predicate="slt"),
            b.value("arith.cmpi", hole, zero, predicate="eq"),
        ):
            inside = b.value("arith.andi", inside, holds)
    return inside


COMPUTED["stablehlo.dynamic_pad"] = Read(_ask_amounts(slice(2, 5)), _place_pad, _guard_pad)


# -- pad, where every element must be made on its own ----------------------------------------


def guarded_pad(group: Any, op: Operation) -> list[Value]:
    """Each element asks whether it is one of the operand's: for threads, which share nothing."""
    out, x = tensor_type(op.result), tensor_type(op.operands[0])
    body, rank = group.body(out.dims), out.rank
    made = body.at(op.operands[1], ())
    body.builder.location = op.location
    if x.size:
        where, inside = [], []
        for d, e in enumerate(here(rank)):
            at, holds = _pad_dim(body, op, e, d)
            where.append(at)
            inside += holds
        found = body.at(op.operands[0], tuple(where))
        body.builder.location = op.location
        for each in inside:
            found = body.builder.value("arith.select", each, found, made)
        made = found
    outs = [group.empty(lowered(out))]
    (whole,) = group.generic(body, [made], outs, [here(rank)], rank, op.location)
    return [whole]


def _pad_dim(body: Any, op: Operation, e: Affine, d: int) -> tuple[Affine, list[Value]]:
    """The operand's index along one dimension, and what must hold for it to be one."""
    b, low, step = body.builder, op["edge_padding_low"][d], op["interior_padding"][d] + 1
    n, last = tensor_type(op.operands[0]).dims[d], tensor_type(op.result).dims[d] - 1 - low
    shifted = e + -low
    if low <= 0 and step == 1 and last < n:
        return shifted, []
    at = element = body.affine(shifted)
    zero, holds = constant(b, 0, index), []
    if step > 1:
        element = b.value("arith.divsi", at, constant(b, step, index))
        hole = b.value("arith.remsi", at, constant(b, step, index))
        holds.append(b.value("arith.cmpi", hole, zero, predicate="eq"))
    holds.append(b.value("arith.cmpi", at, zero, predicate="sge"))
    holds.append(b.value("arith.cmpi", element, constant(b, n, index), predicate="slt"))
    return body.symbol(clamped(b, element, False, n - 1)), holds

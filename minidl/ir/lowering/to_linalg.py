"""A fusion as `linalg.generic`s: one for each value that must exist in memory.

Chapter: ir/lowering.
Sources: MLIR, "'linalg' Dialect", "'tensor' Dialect" (insert_slice).
Real: `stablehlo-legalize-to-linalg` makes one generic an op and fuses later; here the
fusion is already decided.

    reduce, windows      a generic with reduction dimensions, into a filled tensor (`folds.py`)
    dot, convolution     the same, of products (`contractions.py`)
    concatenate, pad     generics written into windows of one tensor
    the rest             one generic for all values of one shape (`body.py`)
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from minidl.ir.lowering.body import EXPENSIVE, Body
from minidl.ir.lowering.contractions import contract
from minidl.ir.lowering.folds import fold
from minidl.ir.lowering.gathers import guarded_pad
from minidl.ir.lowering.indexing import (
    Index,
    here,
    lowered,
    tensor_type,
)
from minidl.ir.lowering.scalars import constant, convert, signless
from minidl.ir.mlir.attributes import Affine, AffineMap
from minidl.ir.mlir.core import Operation, Region, Value
from minidl.ir.mlir.location import Location, fuse
from minidl.ir.mlir.module import Module, finish, function
from minidl.ir.mlir.spec import Builder
from minidl.ir.mlir.types import ScalarType, TensorType, tensor

Heroes = dict[str, Callable[[Any, Operation], list[Value]]]


class _Group:
    """The lowering of one fusion: which values are tensors, in which order."""

    def __init__(self, source: Operation, builder: Builder, heroes: Heroes) -> None:
        self.source, self.builder, self.heroes = source, builder, heroes
        self.tensors: dict[Value, Value] = {}
        self.pending: list[Value] = []  # elementwise values of one shape, not yet made

    # -- order ------------------------------------------------------------------

    def run(self) -> list[Value]:
        outputs = list(self.source.body.terminator.operands)
        wanted = self._must_exist(outputs)
        for op in self.source.body:
            if op is self.source.body.last or not any(v in wanted for v in op.results):
                continue
            if op.name in self.heroes:
                self._flush()
                self.tensors.update(zip(op.results, self.heroes[op.name](self, op), strict=True))
            else:
                self._elementwise(op.result)
        self._flush()
        return [self.tensors[v] for v in outputs]

    def _must_exist(self, outputs: Sequence[Value]) -> set[Value]:
        """Outputs, heroes, and what is expensive and read twice."""
        wanted = set(outputs)
        for op in self.source.body:
            if op.name in self.heroes:
                wanted.update(op.results)
            elif op.name in EXPENSIVE and len(op.result.users) > 1:
                wanted.add(op.result)
        return wanted

    def _elementwise(self, value: Value) -> None:
        if self.pending and tensor_type(self.pending[0]).shape != tensor_type(value).shape:
            self._flush()
        self.pending.append(value)

    def _flush(self) -> None:
        """One generic for all pending values."""
        values, self.pending = self.pending, []
        if not values:
            return
        sizes = tensor_type(values[0]).dims
        body = self.body(sizes)
        at = here(len(sizes))
        yields = [body.at(v, at) for v in values]
        outs = [self.empty(lowered(tensor_type(v))) for v in values]
        location = fuse(*(v.op.location for v in values if v.op))
        results = self.generic(body, yields, outs, [at] * len(values), len(sizes), location)
        self.tensors.update(zip(values, results, strict=True))

    # -- pieces -------------------------------------------------------------------

    def body(self, sizes: Sequence[int]) -> Body:
        return Body(self.tensors, self.builder, sizes)

    def empty(self, type_: TensorType) -> Value:
        return self.builder.create("tensor.empty", result_types=[type_]).result

    def generic(
        self,
        body: Body,
        yields: list[Value],
        outs: list[Value],
        out_maps: Sequence[Index],
        parallel: int,
        location: Location,
        lanes: bool = False,
    ) -> list[Value]:
        """The generic around a finished body; the first `parallel` dimensions are parallel.

        Where a loop makes no round MLIR takes no map like `d0 + d1`, and none is needed.
        """
        body.builder.location = location
        body.builder.create("linalg.yield", yields)
        ins, maps = body.operands()
        for value in outs[len(body.block.args) - len(ins) :]:
            body.block.add_arg(tensor_type(value).element)
        rank = len(body.sizes)
        moved = any(e.terms and e.as_dim is None for where in maps for e in where)
        if moved and 0 in tensor_type(outs[0]).dims:
            return self._nothing(body, outs, location)
        kinds = ["parallel"] * parallel + ["reduction"] * (rank - parallel)
        attributes: dict[str, Any] = {
            "indexing_maps": tuple(AffineMap(rank, where) for where in (*maps, *out_maps)),
            "iterator_types": tuple(kinds),
            "~locations": tuple(body.locations),
            "~lanes": lanes,
            "operandSegmentSizes": (len(ins), len(outs)),
        }
        types, regions = [v.type for v in outs], [Region([body.block])]
        op = self.builder.create(
            "linalg.generic", [*ins, *outs], attributes, types, regions, location=location
        )
        return op.results

    def _nothing(self, body: Body, outs: list[Value], location: Location) -> list[Value]:
        """Outputs without elements, by a body that reads nothing in place of this one."""
        for made in reversed(list(body.block)):
            made.erase()
        dims = tensor_type(outs[0]).dims
        plain, at = self.body(dims), here(len(dims))
        yields = [constant(plain.builder, 0, tensor_type(v).element) for v in outs]
        return self.generic(plain, yields, outs, [at] * len(outs), len(dims), location)

    def filled(self, type_: TensorType, init: Value, location: Location) -> Value:
        b = self.builder
        b.location = location
        return b.create("linalg.fill", [init, self.empty(type_)], None, [type_]).result

    def narrow(self, value: Value, result: Value, wide: ScalarType) -> Value:
        """16-bit accumulations run in float32 and round once, at the end."""
        out, location = tensor_type(result), self.builder.location
        if signless(wide) is signless(out.element):
            return value
        self.tensors[result] = value
        body = self.body(out.dims)
        at = here(out.rank)
        x = body.at(result, at)
        x.type = wide
        body.builder.location = location
        made = convert(body.builder, x, wide, out.element)
        outs = [self.empty(lowered(out))]
        return self.generic(body, [made], outs, [at], out.rank, location)[0]

    # -- windows ------------------------------------------------------------------

    def concatenate(self, op: Operation) -> list[Value]:
        """Each operand into its own window."""
        out, d = tensor_type(op.result), op["dimension"]
        made, at = self.empty(lowered(out)), 0
        for operand in op.operands:
            dims = tensor_type(operand).dims
            offsets = [at if i == d else 0 for i in range(out.rank)]
            made = self._window(op, operand, here(out.rank), dims, made, offsets, [1] * out.rank)
            at += dims[d]
        return [made]

    def pad(self, op: Operation) -> list[Value]:
        """The padding value everywhere, then the operand into a window with steps."""
        out, x = tensor_type(op.result), tensor_type(op.operands[0])
        steps = [n + 1 for n in op["interior_padding"]]
        first, sizes = [], []
        for low, step, n, m in zip(op["edge_padding_low"], steps, x.dims, out.dims, strict=True):
            a = max(0, -(low // step))  # elements before `a` fall off the edge
            end = min(n, max(a, -(-(m - low) // step)))
            first.append(a)
            sizes.append(max(0, end - a))
        body = self.body(out.dims)
        value, at = body.at(op.operands[1], ()), here(out.rank)
        empty = [self.empty(lowered(out))]
        (made,) = self.generic(body, [value], empty, [at], out.rank, op.location)
        where = tuple(Affine.dim(i).scaled(1, a) for i, a in enumerate(first))
        offsets = [
            low + a * s for low, a, s in zip(op["edge_padding_low"], first, steps, strict=True)
        ]
        if 0 in sizes:
            return [made]
        return [self._window(op, op.operands[0], where, sizes, made, offsets, steps)]

    def _window(
        self, op: Operation, operand: Value, where: Index, sizes: Sequence[int], into: Value,
        offsets: Sequence[int], strides: Sequence[int],
    ) -> Value:  # fmt: skip
        """`operand[where]` over `sizes`, written into a window of a tensor."""
        element, rank = lowered(tensor_type(op.result)).element, len(sizes)
        body = self.body(sizes)
        value = body.at(operand, where)
        out = [self.empty(tensor(sizes, element))]
        (made,) = self.generic(body, [value], out, [here(rank)], rank, op.location)
        window = {"offsets": tuple(offsets), "sizes": tuple(sizes), "strides": tuple(strides)}
        return self.builder.create("tensor.insert_slice", [made, into], window, [into.type]).result


HEROES: Heroes = {
    "stablehlo.reduce": fold,
    "stablehlo.reduce_window": fold,
    "stablehlo.dot_general": contract,
    "stablehlo.convolution": contract,
    "stablehlo.concatenate": _Group.concatenate,
    "stablehlo.pad": _Group.pad,
}
ALONE: Heroes = {**HEROES, "stablehlo.pad": guarded_pad}


def fusion_to_linalg(source: Operation, into: Module, alone: bool = False) -> Operation:
    """The function `source` (a fusion of StableHLO ops) as one of linalg ops.

    alone  each element of a result is made by a thread that waits for no other
    """
    inputs = [lowered(tensor_type(v)) for v in source.body.args]
    made, builder = function(into, source["sym_name"], inputs, (), "private", source.location)
    made.attributes["minidl.fusion"] = source.get("minidl.fusion")
    group = _Group(source, builder, ALONE if alone else HEROES)
    group.tensors.update(zip(source.body.args, made.body.args, strict=True))
    finish(builder, group.run())
    return made

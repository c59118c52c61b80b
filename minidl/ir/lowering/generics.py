"""What a fusion's generics have in common: sizes, leading dimensions, places in memory.

Chapter: ir/lowering.
Sources: MLIR, "'linalg' Dialect" (iterator types, indexing maps).
Real: `linalg::LinalgOp::createFlatListOfOperandDims`; bufferization's `AliasInfo`.

    lead    sizes of the parallel dimensions that all generics of a fusion share
    place   a memref, and how an index of the tensor becomes an index of it
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from minidl.ir.dialects.linalg import ins_outs
from minidl.ir.lowering.scalars import signless
from minidl.ir.mlir.attributes import Affine, AffineMap
from minidl.ir.mlir.core import Operation, Value
from minidl.ir.mlir.location import Location
from minidl.ir.mlir.types import MemRefType, ShapedType, Type, i1, i8


def memory(type_: Type) -> MemRefType:
    """The memref of a tensor: signless; a truth value takes a byte."""
    assert isinstance(type_, ShapedType)
    element = type_.element
    return MemRefType(type_.shape, i8 if element is i1 else signless(element))


@dataclass(frozen=True, slots=True)
class Place:
    """Where a tensor lies: `drop` leading dimensions are loops around, then a window."""

    memref: Value
    drop: int = 0
    offsets: tuple[int, ...] = ()
    strides: tuple[int, ...] = ()

    def index(self, where: Sequence[Affine]) -> Sequence[Affine]:
        where = where[self.drop :]
        if not self.offsets:
            return where
        rows = zip(where, self.strides, self.offsets, strict=True)
        return [e.scaled(stride, offset) for e, stride, offset in rows]


class Generic:
    """A linalg.generic with its sizes worked out."""

    def __init__(self, op: Operation) -> None:
        self.op = op
        ins, self.outs = ins_outs(op)
        self.ins = [source_of(v) for v in ins]
        self.maps: tuple[AffineMap, ...] = op["indexing_maps"]
        self.out_maps = self.maps[len(ins) :]
        kinds = op["iterator_types"]
        self.parallel = kinds.count("parallel")
        self.moves: dict[tuple[int, int], dict[Value, int | None]] = {}
        self.sizes = self._sizes()
        self.locations: tuple[Location, ...] = op.get("~locations", ()) or (
            (op.location,) * len(ins)
        )

    def _sizes(self) -> list[int]:
        """Each dimension's size is that of any operand it indexes plainly."""
        sizes = [1] * self.maps[0].dims if self.maps else []
        for map_, value in zip(self.maps, self.op.operands, strict=True):
            assert isinstance(value.type, ShapedType)
            for e, n in zip(map_.results, value.type.dims, strict=True):
                if e.as_dim is not None:
                    sizes[e.as_dim] = n
        return sizes

    @property
    def reduces(self) -> bool:
        return self.parallel < len(self.sizes)

    @property
    def lanes(self) -> bool:
        """Whether the association is by lanes (else in order); by shapes alone."""
        return self.reduces and bool(self.op.get("~lanes", False))

    @property
    def multiplies(self) -> bool:
        """Whether it is a dot: its accumulator is fed by a fused multiply-add."""
        made = self.op.body.terminator.operands[0].op
        return self.reduces and made is not None and made.name == "math.fma"

    @property
    def work(self) -> int:
        """Scalar operations, roughly."""
        each = sum(cost(op) for op in self.op.body)
        return math.prod(self.sizes) * max(1, each - 1)

    def steps(self, v: int, width: int) -> dict[Value, int | None]:
        """How each scalar of the region moves when dimension `v` moves by 1; None: not evenly.

        Lanes are `width` neighbours that begin at a multiple of `width`.
        """
        if (v, width) in self.moves:
            return self.moves[v, width]
        made = self.moves[v, width] = dict.fromkeys(self.op.body.args, 0)
        for x, map_ in zip(self.op.body.args, self.maps, strict=True):
            made[x] = None if map_.moves(v) else 0
        for op in self.op.body:
            known = [made.get(x, 0) for x in op.operands]
            even = not any(n != 0 for n in known)
            if op.name == "linalg.index":
                made[op.result] = int(op["dim"] == v)
            elif op.name == "arith.divui" and _number(op.operands[1]) % width == 0:
                made[op.result] = 0 if known[0] in (0, 1) else None
            elif op.name == "arith.addi" and None not in known:
                made[op.result] = sum(n for n in known if n is not None)
            elif op.results:
                made[op.results[0]] = 0 if even else None
        return made

    def neighbours(self, extract: Operation, v: int | None, width: int) -> bool:
        """Whether lanes along `v` read one element, or elements side by side."""
        steps = [] if v is None else [self.steps(v, width)[x] for x in extract.operands[1:]]
        return not any(s != 0 for s in steps[:-1]) and steps[-1:] in ([], [0], [1])

    def flatten(self) -> None:
        """All dimensions as one, where nothing asks for more (see `is_flat`)."""
        one = AffineMap(1, (Affine.dim(0),))
        self.maps = tuple(one if m.results else AffineMap(1, ()) for m in self.maps)
        self.out_maps = self.maps[len(self.ins) :]
        self.sizes, self.parallel = [math.prod(self.sizes)], 1


def cost(op: Operation) -> int:
    """What one scalar op is worth; elementary functions are some dozen rows."""
    return 12 if op.name.startswith("math.") and op.name != "math.fma" else 1


def _number(x: Value) -> int:
    """A constant; 1 for what is not one (no width divides it)."""
    return int(x.op["value"].value) if x.op is not None and x.op.name == "arith.constant" else 1


def _extracts(op: Operation) -> bool:
    """Whether an op of a region reads an element by more than one index."""
    return op.name == "tensor.extract" and len(op.operands) > 2


def source_of(value: Value) -> Value:
    """The tensor behind a cut to its front, which lies at the same place."""
    while value.op is not None and value.op.name == "tensor.extract_slice":
        value = value.op.operands[0]
    return value


def shared_lead(generics: Sequence[Generic]) -> list[int]:
    """Sizes of the parallel dimensions that all generics share and agree on."""
    first = generics[0]
    shared = first.parallel
    made_by = {r: g for g in generics for r in g.op.results}
    for g in generics:
        shared = min(shared, g.parallel)
        while g.sizes[:shared] != first.sizes[:shared]:
            shared -= 1
        for value, map_ in zip(g.ins, g.maps, strict=False):
            if value in made_by:
                while not leads(map_, shared):
                    shared -= 1
    return first.sizes[:shared]


def leads(map_: AffineMap, n: int) -> bool:
    """Whether the first n results are d0 … d(n−1)."""
    return [e.as_dim for e in map_.results[:n]] == list(range(n))


def _all_of(value: Value, g: Generic) -> bool:
    """Whether the loops of `g` are as many rounds as the array has elements: none is left out."""
    assert isinstance(value.type, ShapedType)
    return value.type.size == math.prod(g.sizes)


def is_flat(generics: Sequence[Generic]) -> bool:
    """Whether all generics walk the same elements in the order they lie in memory."""
    for g in generics:
        if g.reduces or g.sizes != generics[0].sizes or g.parallel < 2:
            return False
        if any(op.name == "linalg.index" or _extracts(op) for op in g.op.body):
            return False
        if any(m.results and not leads(m, g.parallel) for m in g.maps):
            return False
        if any(m.results and not _all_of(v, g) for v, m in zip(g.op.operands, g.maps, strict=True)):
            return False
        if any(v.op and v.op.name == "tensor.extract_slice" for v in g.op.operands):
            return False
        if any(u.name == "tensor.insert_slice" for v in g.op.results for u in v.users):
            return False
    return True

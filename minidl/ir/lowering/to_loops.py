"""linalg.generic → loops over memrefs, vectors explicit.

Chapter: ir/lowering.
Sources: MLIR, "'linalg' Dialect" (iterator types, indexing maps); house rule (Numbers).
Real: `one-shot-bufferize`, `linalg tile-and-fuse`, `vectorize`: three passes over
general loops, where this is one walk over a fusion whose sizes are constants.

All generics of a fusion share their leading parallel dimensions.  The loops over
those are made once; inside, each generic is lowered over its own remaining
dimensions.  A value without remaining dimensions stays in registers; one with some
has a small buffer of its own, or is an output.

In-order reductions carry one accumulator an output; a reduction along the minor
dimension uses 8 × 8 lanes and a fixed tree (`lanes.py`), whatever the machine.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from minidl.core.errors import UnsupportedError
from minidl.ir.attributes import Affine, AffineMap, Dense
from minidl.ir.core import Operation, Value
from minidl.ir.dialects.linalg import ins_outs
from minidl.ir.location import Location, fuse
from minidl.ir.lowering.lanes import lane_reduction
from minidl.ir.lowering.nest import Chunk, Position, Scope, Tile, chunks, ones, vector_dim, width_of
from minidl.ir.lowering.nest import typed as typed_
from minidl.ir.lowering.schedule import Schedule
from minidl.ir.module import Module, finish, function
from minidl.ir.spec import SPECS
from minidl.ir.types import (
    MemRefType,
    ScalarType,
    ShapedType,
    TensorType,
    Type,
    VectorType,
    i1,
    i8,
    index,
    tensor,
)


def memory(type_: Type) -> MemRefType:
    """The memref of a tensor; a truth value takes a byte."""
    assert isinstance(type_, ShapedType)
    return MemRefType(type_.shape, i8 if type_.element is i1 else type_.element)


class Generic:
    """A linalg.generic with its sizes worked out."""

    def __init__(self, op: Operation) -> None:
        self.op = op
        self.ins, self.outs = ins_outs(op)
        self.maps: tuple[AffineMap, ...] = op["indexing_maps"]
        self.out_maps = self.maps[len(self.ins) :]
        kinds = op["iterator_types"]
        self.parallel = kinds.count("parallel")
        self.sizes = self._sizes()
        self.locations: tuple[Location, ...] = op.get("_locations", ()) or (
            (op.location,) * len(self.ins)
        )

    def _sizes(self) -> list[int]:
        sizes = [1] * self.maps[0].dims if self.maps else []
        for map_, value in zip(self.maps, self.op.operands, strict=True):
            assert isinstance(value.type, ShapedType)
            for e, n in zip(map_.results, value.type.dims, strict=True):
                d = e.as_dim
                if d is not None:
                    sizes[d] = max(sizes[d], n) if n != 1 else sizes[d]
                    if n == 0:
                        sizes[d] = 0
        return sizes

    @property
    def reduces(self) -> bool:
        return self.parallel < len(self.sizes)

    @property
    def lanes(self) -> bool:
        """Whether the association is by lanes (else in order); by shapes alone."""
        return self.reduces and bool(self.op.get("_lanes", False))


class FusionLowering:
    """One fusion: a linalg function in, a function of loops out."""

    def __init__(self, source: Operation, into: Module, schedule: Schedule) -> None:
        self.source, self.schedule = source, schedule
        body = source.body
        outputs = body.terminator.operands
        args = [memory(v.type) for v in (*body.args, *outputs)]
        self.generics = [Generic(op) for op in body if op.name == "linalg.generic"]
        self.lead = self._lead()
        self.tiles, self.grain = self._plan()
        self.split = self._work() >= schedule.parallel_work and schedule.threads == "loops"
        self.split = self.split and bool(self.lead)
        types = [*args, index, index] if self.split else args
        self.made, builder = function(
            into, source["sym_name"], types, (), "private", source.location
        )
        self.made.attributes["minidl.fusion"] = source.get("minidl.fusion")
        self.top = Scope(builder)
        self.memrefs = dict(zip(body.args, self.made.body.args, strict=False))
        self.outputs: dict[Value, list[Value]] = {}
        for value, memref in zip(outputs, self.made.body.args[len(body.args) :], strict=False):
            self.outputs.setdefault(value, []).append(memref)
        self.registers: dict[tuple[Value, Position], Value] = {}
        self.inits: dict[Value, Value] = {}
        self.reads: dict[Value, tuple[int, Value]] = {}  # leading results dropped, memref

    # -- plan ------------------------------------------------------------------------

    def _lead(self) -> list[int]:
        """Sizes of the parallel dimensions that all generics share and agree on."""
        first, *rest = self.generics
        shared = first.parallel
        made_by = {r: g for g in self.generics for r in g.op.results}
        for g in self.generics:
            shared = min(shared, g.parallel)
            while g.sizes[:shared] != first.sizes[:shared]:
                shared -= 1
            for value, map_ in zip(g.ins, g.maps, strict=False):
                if value in made_by:
                    while not _leads(map_, shared):
                        shared -= 1
        return first.sizes[:shared]

    def _plan(self) -> tuple[list[Callable[[int], tuple[Chunk, ...]]], list[int]]:
        """For each leading dimension: how a step is cut, and the step."""
        n = len(self.lead)
        cut: list[Callable[[int], tuple[Chunk, ...]]] = [ones] * n
        step = [1] * n
        s = self.schedule
        scalar = any(g.parallel > n or g.lanes for g in self.generics)
        if n == 0 or scalar or s.lanes == 1:
            return cut, step
        lanes = self._lanes()
        cut[-1] = lambda size: chunks(size, lanes)
        step[-1] = lanes
        if any(g.op.body.terminator.operands[0].op.name == "math.fma" for g in self.generics
               if g.reduces and g.op.body.terminator.operands[0].op):  # fmt: skip
            step[-1] = lanes * s.dot_vectors
            if n > 1:
                step[-2] = _rows(self.lead[-2], s.dot_rows)
        elif any(g.reduces for g in self.generics):
            step[-1] = min(lanes * s.column_vectors, max(lanes, self.lead[-1]))
        return cut, step

    def _lanes(self) -> int:
        """Vector length: as many of the widest element as fit the schedule's register."""
        widest = 4
        for g in self.generics:
            for v in (*g.ins, *g.outs):
                assert isinstance(v.type, ShapedType)
                widest = max(widest, v.type.element.bytes)
        return max(2, self.schedule.lanes * 4 // widest)

    def _work(self) -> int:
        """Scalar operations, roughly; a shape, not a clock, decides about threads."""
        total = 0
        for g in self.generics:
            points = 1
            for n in g.sizes:
                points *= n
            costs = sum(12 if o.name.startswith("math.") and o.name != "math.fma" else 1
                        for o in g.op.body)  # fmt: skip
            total += points * max(1, costs - 1)
        return total

    # -- the walk --------------------------------------------------------------------

    def run(self) -> Operation:
        for op in self.source.body:
            if op.name == "linalg.fill":
                constant = op.operands[0].op
                assert constant is not None
                self.top.b.location = op.location
                value = constant["value"]
                self.inits[op.result] = self.top.constant(value.value, value.type)
        self._buffers()
        if self.schedule.threads == "gpu":
            self._gpu()
        else:
            self._nest(self.top, Tile())
        self.top.b.location = self.source.body.terminator.location
        finish(self.top.b, [])
        return self.made

    def _buffers(self) -> None:
        """Memory for results with dimensions of their own that are no outputs."""
        n = len(self.lead)
        for g in self.generics:
            for out, map_ in zip(g.op.results, g.out_maps, strict=True):
                if out in self.outputs:
                    self.reads[out] = (0, self.outputs[out][0])
                elif g.parallel > n:
                    assert isinstance(out.type, TensorType)
                    inner = MemRefType(out.type.shape[n:], memory(out.type).element)
                    self.top.b.location = g.op.location
                    made = self.top.b.create("memref.alloca", result_types=[inner]).result
                    self.reads[out] = (n, made)
                assert map_.dims == len(g.sizes)

    def _nest(self, scope: Scope, tile: Tile) -> None:
        """Loops over the leading dimensions, outermost first; the first may be split."""
        d = len(tile.bases)
        if d == len(self.lead):
            for g in self.generics:
                self._generic(scope, g, tile)
            return
        size, step, cut = self.lead[d], self.grain[d], self.tiles[d]
        if d == 0 and self.split:
            return self._split(scope, size, step, cut)
        scope.tiles(size, step, cut, lambda s, i, pieces: self._nest(s, tile.then(i, pieces)))

    def _split(
        self, scope: Scope, size: int, step: int, cut: Callable[[int], tuple[Chunk, ...]]
    ) -> None:
        """Rounds %lo … %hi of the first loop; the last may be a remainder."""
        low, high = self.made.body.args[-2:]
        full = size // step

        def each(inner: Scope, t: Value, carried: list[Value]) -> list[Value]:
            base = t if step == 1 else inner.b.value("arith.muli", t, inner.index(step))
            self._nest(inner, Tile().then(base, cut(step)))
            return []

        limit = high
        if size % step:
            limit = scope.b.value("arith.minsi", high, scope.index(full))
        scope.loop(low, limit, 1, [], each)
        if size % step:
            last = scope.b.value("arith.cmpi", high, scope.index(full), predicate="sgt")
            base = scope.index(full * step)
            scope.when(last, lambda s: self._nest(s, Tile().then(base, cut(size % step))))

    @property
    def rounds(self) -> int:
        """How many pieces the first loop has."""
        return -(-self.lead[0] // self.grain[0]) if self.lead else 1

    def _gpu(self) -> None:
        """One thread an element of the leading space; the last block is guarded."""
        scope = self.top
        total = 1
        for n in self.lead:
            total *= n
        b = scope.at(self.source.location)
        block = b.value("gpu.block_id", dimension="x")
        width = b.value("gpu.block_dim", dimension="x")
        thread = b.value("gpu.thread_id", dimension="x")
        i = b.value("arith.addi", b.value("arith.muli", block, width), thread)
        inside = b.value("arith.cmpi", i, scope.index(total), predicate="ult")

        def body(inner: Scope) -> None:
            tile, rest = Tile(), i
            bases: list[Value] = []
            for n in reversed(self.lead[1:]):
                bases.append(inner.b.value("arith.remui", rest, inner.index(n)))
                rest = inner.b.value("arith.divui", rest, inner.index(n))
            if self.lead:
                bases.append(rest)
            for base in reversed(bases):
                tile = tile.then(base, ones(1))
            for g in self.generics:
                self._generic(inner, g, tile)

        scope.when(inside, body)

    # -- one generic at one tile -------------------------------------------------------

    def _generic(self, scope: Scope, g: Generic, tile: Tile) -> None:
        d = len(tile.bases)
        if d == g.parallel:
            return self._compute(scope, g, tile)
        lanes = self._lanes() if self.schedule.lanes > 1 else 1
        last = d == g.parallel - 1
        vector = last and lanes > 1 and not g.lanes
        cut = (lambda size: chunks(size, lanes)) if vector else ones
        step = lanes if vector else 1
        scope.tiles(
            g.sizes[d], step, cut, lambda s, i, pieces: self._generic(s, g, tile.then(i, pieces))
        )
        return None

    def _compute(self, scope: Scope, g: Generic, tile: Tile) -> None:
        positions = list(tile.positions())
        if not g.reduces:
            for p in positions:
                self._finish(scope, g, tile, p, self.body(scope, g, tile, p, []))
        elif g.lanes and self.schedule.lanes > 1:
            for p in positions:
                total = lane_reduction(self, scope, g, tile, p)
                self._finish(scope, g, tile, p, [total])
        else:
            init = self.inits[g.outs[0]]
            starts = [scope.broadcast(init, width_of(p)) for p in positions]
            totals = self._in_order(scope, g, tile, positions, starts)
            for p, total in zip(positions, totals, strict=True):
                self._finish(scope, g, tile, p, [total])

    def _in_order(
        self, scope: Scope, g: Generic, tile: Tile, positions: list[Position], starts: list[Value]
    ) -> list[Value]:
        """Loops over the reduction dimensions, one accumulator a position."""
        d = len(tile.bases)
        if d == len(g.sizes):
            totals = []
            for p, start in zip(positions, starts, strict=True):
                full = p + ((0, 1),) * (d - len(p))
                totals += self.body(scope, g, tile, full, [start])
            return totals

        def each(inner: Scope, i: Value, carried: list[Value]) -> list[Value]:
            return self._in_order(inner, g, tile.then(i, ones(1)), positions, carried)

        return scope.loop(scope.index(0), scope.index(g.sizes[d]), 1, starts, each)

    def body(
        self, scope: Scope, g: Generic, tile: Tile, p: Position, accumulators: list[Value],
        width: int | None = None,
    ) -> list[Value]:  # fmt: skip
        """The generic's region at one position, on vectors as wide as the position."""
        width = width_of(p) if width is None else width
        block = g.op.body
        env: dict[Value, Value] = {}
        for i, value in enumerate(g.ins):
            if block.args[i].uses:
                env[block.args[i]] = self._read(scope, g, i, value, tile, p, width)
        env.update(zip(block.args[len(g.ins) :], accumulators, strict=False))
        for op in block:
            if op is block.last:
                return [scope.broadcast(env[v], width) for v in op.operands]
            env[op.results[0]] = self._scalar_op(scope, op, env, tile, p, width)
        return []

    def _scalar_op(
        self, scope: Scope, op: Operation, env: dict[Value, Value], tile: Tile, p: Position,
        width: int,
    ) -> Value:  # fmt: skip
        """An op of the region as the same op on vectors."""
        constants = [v.op.location for v in op.operands if v.op and v.op.name == "arith.constant"]
        b = scope.at(fuse(op.location, *constants) if constants else op.location)
        if op.name == "arith.constant":
            value = op["value"]
            return scope.constant(value.value, value.type, width)
        if op.name == "linalg.index":
            return self._index(scope, op["dim"], tile, p, width)
        operands = [scope.broadcast(env[v], width) for v in op.operands]
        key = (op.name, tuple(operands), tuple(op.attributes.items()))
        types = None
        if SPECS[op.name].infer is None:
            element = op.result.type
            assert isinstance(element, ScalarType)
            types = [typed_(element, width)]
        return scope.once(key, lambda: b.create(op.name, operands, op.attributes, types).result)

    def _index(self, scope: Scope, d: int, tile: Tile, p: Position, width: int) -> Value:
        offset, w = p[d]
        base = scope.add(tile.bases[d], offset)
        if w == 1:
            return scope.broadcast(base, width)
        start = base.op["value"].value if _is_constant(base) else 0
        key = ("lanes", start, w)
        if key not in scope.entry.memo:
            lanes = Dense(np.arange(start, start + w), tensor((w,), index))
            made = Operation(
                "arith.constant", (), [VectorType((w,), index)], {"value": lanes},
                location=scope.b.location,
            )  # fmt: skip
            scope.entry.b.block.insert(made, scope.entry.b.block.first)
            scope.entry.memo[key] = made.result
        steps = scope.entry.memo[key]
        if _is_constant(base):
            return steps
        return scope.b.value("arith.addi", scope.broadcast(base, w), steps)

    # -- memory ----------------------------------------------------------------------

    def _read(
        self, scope: Scope, g: Generic, i: int, value: Value, tile: Tile, p: Position, width: int
    ) -> Value:
        """Input `i` at a position: a register, or a load of the width the map allows."""
        register = self.registers.get((value, p[: len(self.lead)]))
        if register is not None:
            return register
        drop, memref = self.reads.get(value) or (0, self.memrefs[value])
        location = fuse(g.locations[i], _first_user(g, i))
        x = self._load(scope, memref, g.maps[i].results[drop:], tile, p, width, location)
        assert isinstance(value.type, ShapedType)
        if value.type.element is not i1:
            return x
        made = typed_(i1, x.type.size if isinstance(x.type, VectorType) else 1)
        b = scope.at(location)
        return scope.once(("truth", x), lambda: b.create("arith.trunci", [x], None, [made]).result)

    def _load(
        self, scope: Scope, memref: Value, where: Sequence[Affine], tile: Tile, p: Position,
        width: int, location: Location,
    ) -> Value:  # fmt: skip
        offsets = [o for o, _ in p]
        v = vector_dim(p)
        moved = [e.coefficient(v) for e in where] if v is not None else []
        at = lambda shift: [  # noqa: E731
            scope.affine(e, tile.bases, [*offsets[:v], offsets[v] + shift, *offsets[v + 1 :]]
                         if shift else offsets)
            for e in where
        ]  # fmt: skip
        b = scope.at(location)
        if width == 1 or v is None or not any(moved):
            x = self._load_scalar(scope, memref, at(0), location)
            return x
        if moved[-1] == 1 and not any(moved[:-1]):
            return self._load_vector(scope, memref, at(0), width, location)
        lanes = [self._load_scalar(scope, memref, at(k), location) for k in range(width)]
        element = lanes[0].type
        assert isinstance(element, ScalarType)
        made = VectorType((width,), element)
        return b.create("vector.from_elements", lanes, None, [made]).result

    def _load_scalar(
        self, scope: Scope, memref: Value, at: list[Value], location: Location
    ) -> Value:
        def make() -> Value:
            return scope.at(location).value("memref.load", memref, *at)

        return scope.once(("load", memref, tuple(at)), make) if self._constant(memref) else make()

    def _load_vector(
        self, scope: Scope, memref: Value, at: list[Value], width: int, location: Location
    ) -> Value:
        def make() -> Value:
            element = memref.type.element  # type: ignore[attr-defined]
            made = VectorType((width,), element)
            b = scope.at(location)
            return b.create("vector.load", [memref, *at], None, [made]).result

        key = ("load", memref, tuple(at), width)
        return scope.once(key, make) if self._constant(memref) else make()

    def _constant(self, memref: Value) -> bool:
        """Whether nothing in this function writes to it, so that a load may be shared."""
        n = len(self.source.body.args)
        return memref.op is None and memref.index < n

    def _finish(
        self, scope: Scope, g: Generic, tile: Tile, p: Position, results: list[Value]
    ) -> None:
        """Keep results in registers, or store them."""
        n = len(self.lead)
        for out, map_, value in zip(g.op.results, g.out_maps, results, strict=True):
            if g.parallel == n:
                self.registers[out, p] = value
            stored = [(0, m) for m in self.outputs.get(out, [])]
            if out not in self.outputs and out in self.reads:
                stored = [self.reads[out]]
            for drop, memref in stored:
                self._store(scope, g, memref, map_.results[drop:], tile, p, value)

    def _store(
        self, scope: Scope, g: Generic, memref: Value, where: Sequence[Affine], tile: Tile,
        p: Position, value: Value,
    ) -> None:  # fmt: skip
        at = [scope.affine(e, tile.bases, [o for o, _ in p]) for e in where]
        b = scope.at(g.op.location)
        width = width_of(p)
        element = value.type.element if isinstance(value.type, VectorType) else value.type
        if element is i1:
            value = b.create("arith.extui", [value], None, [typed_(i8, width)]).result
        b.create("memref.store" if width == 1 else "vector.store", [value, memref, *at])


def _is_constant(value: Value) -> bool:
    return value.op is not None and value.op.name == "arith.constant"


def _leads(map_: AffineMap, n: int) -> bool:
    """Whether the first n results are d0 … d(n−1)."""
    return [e.as_dim for e in map_.results[:n]] == list(range(n))


def _rows(size: int, most: int) -> int:
    """The largest divisor of `size` up to `most`, or `most` when that is poor."""
    best = max((d for d in range(1, most + 1) if size % d == 0), default=1)
    return best if 2 * best >= min(most, size) else most


def _first_user(g: Generic, i: int) -> Location:
    users = g.op.body.args[i].users
    return users[0].location if users else g.op.location


def fusion_to_loops(source: Operation, into: Module, schedule: Schedule) -> FusionLowering:
    """The linalg function `source` as a function of loops in `into`."""
    if not any(op.name == "linalg.generic" for op in source.body):
        raise UnsupportedError(
            f"@{source['sym_name']} computes nothing", op=source.name, hint="stage: loops"
        )
    lowering = FusionLowering(source, into, schedule)
    lowering.run()
    return lowering

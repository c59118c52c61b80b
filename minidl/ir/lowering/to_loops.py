"""linalg.generic → loops over memrefs, vectors explicit.

Chapter: ir/lowering.
Sources: MLIR, "'linalg' Dialect", "'scf' Dialect"; house rule (Numbers).
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

import math
from collections.abc import Callable, Sequence

from minidl.core.errors import UnsupportedError
from minidl.ir.lowering.access import Access
from minidl.ir.lowering.generics import Generic, Place, cost, is_flat, memory, shared_lead
from minidl.ir.lowering.lanes import lane_reduction
from minidl.ir.lowering.nest import Chunk, Position, Scope, Tile, chunks, ones, width_of
from minidl.ir.lowering.schedule import Schedule
from minidl.ir.mlir.core import Operation, Value
from minidl.ir.mlir.module import Module, finish, function
from minidl.ir.mlir.types import MemRefType, ShapedType, TensorType, index

Cut = Callable[[int], tuple[Chunk, ...]]


class FusionLowering:
    """One fusion: a linalg function in, a function of loops out."""

    def __init__(self, source: Operation, into: Module, schedule: Schedule) -> None:
        self.source, self.schedule = source, schedule
        body, outputs = source.body, source.body.terminator.operands
        self.generics = [Generic(op) for op in body if op.name == "linalg.generic"]
        self.flat = is_flat(self.generics)
        if self.flat:
            for g in self.generics:
                g.flatten()
        self.lead = shared_lead(self.generics)
        self.cuts, self.steps = self._plan()
        work = sum(g.work for g in self.generics)
        enough = work >= schedule.parallel_work and schedule.threads == "loops"
        self.split = enough and self.rounds > 1
        types = [memory(v.type) for v in (*body.args, *outputs)]
        self.made, builder = function(
            into,
            source["sym_name"],
            [*types, *([index, index] if self.split else [])],
            visibility="private",
            location=source.location,
        )
        self.made.attributes["minidl.fusion"] = source.get("minidl.fusion")
        self.top = Scope(builder)
        self.access = Access(len(self.lead), len(body.args), schedule.lanes)
        self.inits: dict[Value, Value] = {}

    # -- plan ------------------------------------------------------------------------

    def _plan(self) -> tuple[list[Cut], list[int]]:
        """For each leading dimension: how a step is cut, and the step."""
        n, s = len(self.lead), self.schedule
        cuts: list[Cut] = [ones] * n
        steps = [1] * n
        scalar = any(g.parallel > n or g.lanes for g in self.generics)
        if n == 0 or scalar or s.lanes == 1:
            return cuts, steps
        lanes = self._lanes()
        cuts[-1] = lambda size: chunks(size, lanes)
        steps[-1] = lanes
        if any(g.multiplies for g in self.generics):
            steps[-1] = lanes * s.dot_vectors
            if n > 1:
                d = self._row_dim()
                steps[d] = _rows(self.lead[d], s.dot_rows)
        elif any(g.reduces for g in self.generics):
            steps[-1] = min(lanes * s.column_vectors, max(lanes, self.lead[-1]))
        else:
            steps[-1] = lanes * self._unroll(self.lead[-1] // lanes)
        return cuts, steps

    def _row_dim(self) -> int:
        """The dimension of a product's rows: vectors stay the same along it, so are shared."""
        n, size = len(self.lead), self.schedule.dot_rows
        g = next(g for g in self.generics if g.multiplies)
        vectors = [m for m in g.maps[: len(g.ins)] if m.moves(n - 1)]
        free = [d for d in range(n - 1) if not any(m.moves(d) for m in vectors)]
        wide = [d for d in free if self.lead[d] >= size]
        return max(wide or free or [n - 2], key=lambda d: d if wide else self.lead[d])

    def _unroll(self, vectors: int) -> int:
        """How many vectors a round of an elementwise loop: several where one is little work."""
        if vectors < 512:  # a short loop gains nothing, and is read in chapter `stack`
            return 1
        ops = sum(cost(op) for g in self.generics for op in g.op.body)
        return max(1, min(self.schedule.elementwise_ops // ops, 4, vectors))

    def _lanes(self) -> int:
        """Vector length: as many of the widest element as fit the schedule's register."""
        widest = 4
        for g in self.generics:
            for v in g.op.operands:
                assert isinstance(v.type, ShapedType)
                widest = max(widest, v.type.element.bytes)
        return max(2, self.schedule.lanes * 4 // widest)

    @property
    def rounds(self) -> int:
        """How many pieces the first loop has."""
        return -(-self.lead[0] // self.steps[0]) if self.lead else 1

    # -- memory ----------------------------------------------------------------------

    def _places(self) -> None:
        """A place for every tensor: arguments, outputs, windows of them, row buffers."""
        body, made = self.source.body, self.made.body
        self._scalars()
        for value, memref in zip(body.args, made.args, strict=False):
            self.access.reads[value] = Place(self._seen(memref))
        outputs: dict[Value, list[Place]] = {}
        for output, memref in zip(
            body.terminator.operands, made.args[len(body.args) :], strict=False
        ):
            outputs.setdefault(output, []).append(Place(self._seen(memref)))
        for g in self.generics:
            for out in g.op.results:
                self._place(g, out, outputs)

    def _seen(self, memref: Value) -> Value:
        """The memref, flat where the loops are."""
        type_ = memref.type
        assert isinstance(type_, MemRefType)
        if not self.flat or len(type_.shape) < 2:
            return memref
        return self.top.op(
            "memref.reinterpret_cast", [memref], MemRefType((type_.size,), type_.element)
        )

    def _place(self, g: Generic, out: Value, outputs: dict[Value, list[Place]]) -> None:
        """Where a generic writes, and where others read what it wrote."""
        n = len(self.lead)
        end, window = _window(out)
        if end in outputs:
            self.access.writes[out] = [
                Place(p.memref, 0, *window) if window else p for p in outputs[end]
            ]
            self.access.reads[out] = outputs[end][0]
            if end is not out and not window and self.schedule.threads == "gpu":
                raise UnsupportedError(
                    "stablehlo.pad is not lowered for a GPU: its threads would need a barrier",
                    op="stablehlo.pad",
                    hint="stage: loops; compile for the CPU",
                )
        elif g.parallel > n:
            assert isinstance(out.type, TensorType)
            self.top.b.location = g.op.location
            inner = MemRefType(out.type.shape[n:], memory(out.type).element)
            place = Place(self.top.op("memref.alloca", [], inner), n)
            self.access.writes[out], self.access.reads[out] = [place], place

    def _scalars(self) -> None:
        """Initial values of reductions: constants, or elements of arguments."""
        made: dict[Value, Value] = {}
        inputs: dict[Value, Value] = dict(
            zip(self.source.body.args, self.made.body.args, strict=False)
        )
        for op in self.source.body:
            self.top.b.location = op.location
            if op.name == "arith.constant":
                made[op.result] = self.top.constant(op["value"].value, op["value"].type)
            elif op.name == "tensor.extract":
                at = [made[v] for v in op.operands[1:]]
                made[op.result] = self._element(inputs[op.operands[0]], at, op)
            elif op.name.startswith("arith."):  # a conversion
                made[op.result] = self.top.op(op.name, [made[op.operands[0]]], op.result.type)
            elif op.name == "linalg.fill":
                self.inits[op.result] = made[op.operands[0]]

    def _element(self, memref: Value, at: Sequence[Value], op: Operation) -> Value:
        type_ = memref.type
        assert isinstance(type_, MemRefType)
        found = self.top.op("memref.load", [memref, *at], type_.element)
        if found.type is op.result.type:
            return found
        return self.top.op("arith.trunci", [found], op.result.type)

    # -- the walk --------------------------------------------------------------------

    def run(self) -> Operation:
        self._places()
        if self.schedule.threads == "gpu":
            self._gpu()
        else:
            self._nest(self.top, Tile())
        self.top.b.location = self.source.body.terminator.location
        finish(self.top.b, [])
        return self.made

    def _nest(self, scope: Scope, tile: Tile) -> None:
        """Loops over the leading dimensions, outermost first; the first may be split."""
        d = len(tile.bases)
        if d == len(self.lead):
            for g in self.generics:
                self._generic(scope, g, tile)
            return
        size, step, cut = self.lead[d], self.steps[d], self.cuts[d]
        scope.b.location = self.source.location  # the loop serves all ops of the fusion
        if d == 0 and self.split:
            return self._split(scope, size, step, cut)
        scope.tiles(size, step, cut, lambda s, i, pieces: self._nest(s, tile.then(i, pieces)))

    def _split(self, scope: Scope, size: int, step: int, cut: Cut) -> None:
        """Rounds %lo … %hi of the first loop; the last may be a remainder."""
        low, high = self.made.body.args[-2:]
        full = size // step

        def each(inner: Scope, t: Value, carried: list[Value]) -> list[Value]:
            base = t if step == 1 else inner.op("arith.muli", [t, inner.index(step)], index)
            self._nest(inner, Tile().then(base, cut(step)))
            return []

        limit: Value = high
        if size % step:
            limit = scope.op("arith.minsi", [high, scope.index(full)], index)
        scope.loop(low, limit, 1, [], each)
        if size % step:
            last = scope.b.value("arith.cmpi", high, scope.index(full), predicate="sgt")
            base = scope.index(full * step)
            scope.when(last, lambda s: self._nest(s, Tile().then(base, cut(size % step))))

    def _gpu(self) -> None:
        """One thread an element of the leading space; the last block is guarded."""
        scope = self.top
        b = scope.at(self.source.location)
        block = b.value("gpu.block_id", dimension="x")
        width = b.value("gpu.block_dim", dimension="x")
        thread = b.value("gpu.thread_id", dimension="x")
        i = b.value("arith.addi", b.value("arith.muli", block, width), thread)
        total = scope.index(math.prod(self.lead))
        inside = b.value("arith.cmpi", i, total, predicate="ult")
        scope.when(inside, lambda inner: self._thread(inner, i))

    def _thread(self, scope: Scope, i: Value) -> None:
        """Element `i` of the leading space."""
        bases: list[Value] = []
        rest = i
        for n in reversed(self.lead[1:]):
            bases.append(scope.op("arith.remui", [rest, scope.index(n)], index))
            rest = scope.op("arith.divui", [rest, scope.index(n)], index)
        if self.lead:
            bases.append(rest)
        tile = Tile()
        for base in reversed(bases):
            tile = tile.then(base, ones(1))
        for g in self.generics:
            self._generic(scope, g, tile)

    # -- one generic at one tile -------------------------------------------------------

    def _generic(self, scope: Scope, g: Generic, tile: Tile) -> None:
        """Loops over the generic's own parallel dimensions."""
        d = len(tile.bases)
        if d == g.parallel:
            return self._compute(scope, g, tile)
        lanes = self._lanes() if self.schedule.lanes > 1 else 1
        vector = d == g.parallel - 1 and lanes > 1 and not g.lanes
        cut: Cut = (lambda size: chunks(size, lanes)) if vector else ones
        step = lanes if vector else 1
        scope.tiles(
            g.sizes[d], step, cut, lambda s, i, pieces: self._generic(s, g, tile.then(i, pieces))
        )
        return None

    def _compute(self, scope: Scope, g: Generic, tile: Tile) -> None:
        positions = list(tile.positions())
        if not g.reduces:
            for p in positions:
                made = self.access.region(scope, g, tile, p, [])
                self.access.finish(scope, g, tile, p, made)
            return
        inits = [self.inits[v] for v in g.outs]
        if g.lanes and self.schedule.lanes > 1:
            totals = [lane_reduction(self.access, scope, g, tile, p, inits[0]) for p in positions]
        else:
            starts = [scope.broadcast(x, width_of(p)) for p in positions for x in inits]
            totals = self._in_order(scope, g, tile, positions, starts)
        each = len(inits)
        for i, p in enumerate(positions):
            self.access.finish(scope, g, tile, p, totals[i * each : (i + 1) * each])

    def _in_order(
        self, scope: Scope, g: Generic, tile: Tile, positions: list[Position], starts: list[Value]
    ) -> list[Value]:
        """Loops over the reduction dimensions; for each position one accumulator a result."""
        d, n = len(tile.bases), len(g.outs)
        if d == len(g.sizes):
            totals = []
            for i, p in enumerate(positions):
                full = p + ((0, 1),) * (d - len(p))
                totals += self.access.region(scope, g, tile, full, starts[i * n : (i + 1) * n])
            return totals

        def each(inner: Scope, i: Value, carried: list[Value]) -> list[Value]:
            return self._in_order(inner, g, tile.then(i, ones(1)), positions, carried)

        return scope.loop(scope.index(0), scope.index(g.sizes[d]), 1, starts, each)


def _window(value: Value) -> tuple[Value, tuple[tuple[int, ...], tuple[int, ...]] | None]:
    """The tensor a result ends in, and the window of it that the result is."""
    window = None
    while True:
        inserts = [u for u in value.users if u.name == "tensor.insert_slice"]
        if not inserts:
            return value, window
        (op,) = inserts
        if op.operands[0] is value:
            window = op["offsets"], op["strides"]
        value = op.result


def _rows(size: int, most: int) -> int:
    """The largest divisor of `size` up to `most`, or `most` when that is poor."""
    best = max((d for d in range(1, most + 1) if size % d == 0), default=1)
    return best if 2 * best >= min(most, size) else most


def fusion_to_loops(source: Operation, into: Module, schedule: Schedule) -> FusionLowering:
    """The linalg function `source` as a function of loops in `into`."""
    if not any(op.name == "linalg.generic" for op in source.body):
        raise UnsupportedError(
            f"@{source['sym_name']} computes nothing", op=source.name, hint="stage: loops"
        )
    lowering = FusionLowering(source, into, schedule)
    lowering.run()
    return lowering

"""Elements at a position: registers, loads and stores, and the ops between them.

Chapter: ir/lowering.
Sources: MLIR, "'vector' Dialect", "'memref' Dialect"; house rule (Numbers).
Real: `linalg::vectorize` with `vector.transfer_read`, which masks what is outside.

A position is a chunk a dimension; the widest chunk is a vector.  An operand that moves
by one along the vector's dimension is one load, one that moves by a few is a few, one that
stays is a scalar, any other is gathered lane by lane.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from minidl.ir.lowering.generics import Generic, Place, source_of
from minidl.ir.lowering.nest import Position, Scope, Tile, typed, vector_dim, width_of
from minidl.ir.mlir.attributes import Affine, Dense
from minidl.ir.mlir.core import Operation, Value
from minidl.ir.mlir.location import Location
from minidl.ir.mlir.types import (
    ScalarType,
    ShapedType,
    Type,
    VectorType,
    i1,
    i8,
    index,
)

WIDEST_STEP = 4  # elements between lanes up to which whole vectors are loaded


class Access:
    """Where the values of one fusion are while its loops are written.

    lead       how many leading dimensions the loops share
    inputs     how many arguments of the function are read only
    widest     4-byte elements in the widest vector
    reads      tensor → where it is read
    writes     tensor → where it is stored
    registers  (tensor, leading position) → value, for those without further dimensions
    """

    def __init__(self, lead: int, inputs: int, widest: int) -> None:
        self.lead, self.inputs, self.widest = lead, inputs, widest
        self.reads: dict[Value, Place] = {}
        self.writes: dict[Value, list[Place]] = {}
        self.registers: dict[tuple[Value, Position], Value] = {}

    # -- the region of a generic -----------------------------------------------------

    def region(
        self, scope: Scope, g: Generic, tile: Tile, p: Position, accumulators: list[Value]
    ) -> list[Value]:
        """The generic's region at one position, on vectors as wide as the position."""
        width = width_of(p)
        block = g.op.body
        env: dict[Value, Value] = dict(zip(block.args[len(g.ins) :], accumulators, strict=False))
        self.evaluate(scope, g, tile, p, env, block.terminator.operands)
        return [scope.broadcast(env[v], width) for v in block.terminator.operands]

    def evaluate(
        self, scope: Scope, g: Generic, tile: Tile, p: Position, env: dict[Value, Value],
        wanted: Sequence[Value],
    ) -> None:  # fmt: skip
        """Put the values of the region that `wanted` needs at one position into `env`."""
        width, block = width_of(p), g.op.body
        needed = self._needed(g, p, wanted, env)
        for i in range(len(g.ins)):
            if block.args[i] in needed:
                env[block.args[i]] = self.read(scope, g, i, tile, p, width)
        for op in block:
            if op is block.last or op.results[0] not in needed:
                continue
            if op.name == "tensor.extract":
                env[op.result] = self._extract(scope, g, op, tile, p, env)
            else:
                env[op.results[0]] = self.scalar_op(scope, op, env, tile, p, width)

    @staticmethod
    def _needed(
        g: Generic, p: Position, wanted: Sequence[Value], known: dict[Value, Value]
    ) -> set[Value]:
        """The values of the region that must be there; a place read as scalars needs none."""
        needed = {x for x in wanted if x not in known}
        for op in reversed(g.op.body):
            if op is g.op.body.last or op.results[0] not in needed:
                continue
            if op.name == "tensor.extract" and g.neighbours(op, vector_dim(p), width_of(p)):
                continue
            needed.update(x for x in op.operands if x not in known)
        return needed

    def _extract(
        self, scope: Scope, g: Generic, op: Operation, tile: Tile, p: Position,
        env: dict[Value, Value],
    ) -> Value:  # fmt: skip
        """`tensor.extract` at a computed place: one load for neighbours, else one a lane."""
        memref, location = self.reads[source_of(op.operands[0])].memref, op.location
        v, width, indices = vector_dim(p), width_of(p), op.operands[1:]
        if v is None or g.neighbours(op, v, width):
            first = p if v is None else (*p[:v], (p[v][0], 1), *p[v + 1 :])
            at: dict[Value, Value] = {}
            self.evaluate(scope, g, tile, first, at, indices)
            moves = v is not None and indices and g.steps(v, width)[indices[-1]]
            places = [at[x] for x in indices]
            x = self._load_one(scope, memref, places, width if moves else 1, location)
        else:
            vectors = [scope.broadcast(env[x], width) for x in indices]
            places_of = [[_lane(scope, x, k, location) for x in vectors] for k in range(width)]
            lanes = [self._load_one(scope, memref, at_k, 1, location) for at_k in places_of]
            x = _together(scope, lanes, location)
        return self._truth(scope, x, op.result.type, location)

    def scalar_op(
        self,
        scope: Scope,
        op: Operation,
        env: dict[Value, Value],
        tile: Tile,
        p: Position,
        width: int,
    ) -> Value:
        """An op of the region as the same op on vectors."""
        if op.name == "arith.constant":
            value = op["value"]
            scope.b.location = op.location
            return scope.constant(value.value, value.type, width)
        if op.name == "linalg.index":
            scope.b.location = op.location
            return self._index(scope, op["dim"], tile, p, width)
        location = op.location
        for v in op.operands:
            if v.op is not None and v.op.name == "arith.constant":
                location = scope.union(location, v.op.location)
        operands = [scope.broadcast(env[v], width) for v in op.operands]
        element = op.results[0].type
        assert isinstance(element, ScalarType)
        key = (op.name, element, *operands, *op.attributes.values())
        return scope.once(
            key,
            lambda: scope.op(op.name, operands, typed(element, width), op.attributes, location),
            location,
        )

    def _index(self, scope: Scope, d: int, tile: Tile, p: Position, width: int) -> Value:
        """The loop's number itself: a scalar, or base + 0, 1, 2 …"""
        offset, w = p[d]
        base = scope.add(tile.bases[d], offset)
        if w == 1:
            return scope.broadcast(base, width)
        known = base.op is not None and base.op.name == "arith.constant"
        start = base.op["value"].value if base.op and known else 0
        steps = _counting(scope, start, w)
        if known:
            return steps
        return scope.op("arith.addi", [scope.broadcast(base, w), steps], steps.type)

    # -- reading ---------------------------------------------------------------------

    def read(self, scope: Scope, g: Generic, i: int, tile: Tile, p: Position, width: int) -> Value:
        """Input `i` at a position: a register, or a load of the width the map allows."""
        value = g.ins[i]
        register = self.registers.get((value, p[: self.lead]))
        if register is not None:
            if register.op is not None:
                register.op.location = scope.union(register.op.location, g.locations[i])
            return register
        place = self.reads[value]
        users = g.op.body.args[i].users
        location = scope.union(g.locations[i], users[0].location if users else g.op.location)
        where = place.index(g.maps[i].results)
        x = self._load(scope, place.memref, where, tile, p, width, location)
        assert isinstance(value.type, ShapedType)
        return self._truth(scope, x, value.type.element, location)

    @staticmethod
    def _truth(scope: Scope, x: Value, element: Type, location: Location) -> Value:
        """A truth value is stored in a byte."""
        if element is not i1:
            return x
        made = typed(i1, x.type.size if isinstance(x.type, VectorType) else 1)
        return scope.once(
            ("truth", x), lambda: scope.op("arith.trunci", [x], made, None, location), location
        )

    def _load(
        self, scope: Scope, memref: Value, where: Sequence[Affine], tile: Tile, p: Position,
        width: int, location: Location,
    ) -> Value:  # fmt: skip
        offsets = [o for o, _ in p]
        v = vector_dim(p)
        moved = [e.coefficient(v) for e in where] if v is not None else []
        scope.b.location = location

        def at(lane: int) -> list[Value]:
            if lane and v is not None:
                shifted = [*offsets[:v], offsets[v] + lane, *offsets[v + 1 :]]
                return [scope.affine(e, tile.bases, shifted) for e in where]
            return [scope.affine(e, tile.bases, offsets) for e in where]

        if width == 1 or not any(moved):
            return self._load_one(scope, memref, at(0), 1, location)
        if moved[-1] == 1 and not any(moved[:-1]):
            return self._load_one(scope, memref, at(0), width, location)
        if abs(moved[-1]) <= WIDEST_STEP and not any(moved[:-1]):
            first = at(0) if moved[-1] > 0 else at(width - 1)
            return self._load_steps(scope, memref, first, moved[-1], width, location)
        lanes = [self._load_one(scope, memref, at(k), 1, location) for k in range(width)]
        return _together(scope, lanes, location)

    def _load_steps(
        self, scope: Scope, memref: Value, at: list[Value], step: int, width: int,
        location: Location,
    ) -> Value:  # fmt: skip
        """Every `step`th element: |step| loads that end where the lanes end, shuffled together."""
        reach, made = width - 1, None
        elements = [abs(step) * k for k in range(width)]
        if step < 0:
            elements.reverse()
        for part in range(abs(step)):
            low = part * reach
            place = [*at[:-1], scope.add(at[-1], low)]
            x = self._load_one(scope, memref, place, width, location)
            made = x if made is None else made
            mask = tuple(
                width + e - low if low <= e <= low + reach else k for k, e in enumerate(elements)
            )
            made = scope.op("vector.shuffle", [made, x], x.type, {"mask": mask}, location)
        assert made is not None
        return made

    def _load_one(
        self, scope: Scope, memref: Value, at: list[Value], width: int, location: Location
    ) -> Value:
        """One load; shared where nothing in this function writes to the memory."""
        word = "memref.load" if width == 1 else "vector.load"
        made = typed(memref.type.element, width)  # type: ignore[attr-defined]

        def make() -> Value:
            return scope.op(word, [memref, *at], made, None, location)

        if self._is_input(memref):
            return scope.once(("load", memref, *at, width), make, location)
        return make()

    def _is_input(self, memref: Value) -> bool:
        source = memref
        if source.op is not None and source.op.name == "memref.reinterpret_cast":
            source = source.op.operands[0]
        return source.op is None and source.index < self.inputs

    # -- writing ---------------------------------------------------------------------

    def finish(
        self, scope: Scope, g: Generic, tile: Tile, p: Position, results: list[Value]
    ) -> None:
        """Keep results in registers, or store them."""
        for out, map_, value in zip(g.op.results, g.out_maps, results, strict=True):
            if g.parallel == self.lead:
                self.registers[out, p] = value
            for place in self.writes.get(out, ()):
                self._store(scope, place, place.index(map_.results), tile, p, value, g.op.location)

    def _store(
        self, scope: Scope, place: Place, where: Sequence[Affine], tile: Tile, p: Position,
        value: Value, location: Location,
    ) -> None:  # fmt: skip
        width, v = width_of(p), vector_dim(p)
        scope.b.location = location
        element = value.type.element if isinstance(value.type, VectorType) else value.type
        if element is i1:
            value = scope.op("arith.extui", [value], typed(i8, width), None, location)
        offsets = [o for o, _ in p]
        at = [scope.affine(e, tile.bases, offsets) for e in where]
        if v is None or where[-1].coefficient(v) == 1:
            word = "memref.store" if width == 1 else "vector.store"
            scope.emit(word, [value, place.memref, *at], location)
            return
        assert isinstance(value.type, VectorType)
        for k in range(width):  # a window with steps along the vector
            shifted = [*offsets[:v], offsets[v] + k, *offsets[v + 1 :]]
            at = [scope.affine(e, tile.bases, shifted) for e in where]
            lane = _lane(scope, value, k, location)
            scope.emit("memref.store", [lane, place.memref, *at], location)


def _together(scope: Scope, lanes: Sequence[Value], location: Location) -> Value:
    element = lanes[0].type
    assert isinstance(element, ScalarType)
    made = VectorType((len(lanes),), element)
    return scope.op("vector.from_elements", lanes, made, None, location)


def _lane(scope: Scope, x: Value, k: int, location: Location) -> Value:
    """Lane `k` of a vector."""
    assert isinstance(x.type, VectorType)
    return scope.op("vector.extract", [x], x.type.element, {"position": k}, location)


def _counting(scope: Scope, start: int, width: int) -> Value:
    """The constant start, start + 1, …"""
    made = VectorType((width,), index)

    def make() -> Operation:
        lanes = Dense(np.arange(start, start + width), made)
        return Operation("arith.constant", (), [made], {"value": lanes}, location=scope.b.location)

    return scope.at_entry(("lanes", start, width), make)

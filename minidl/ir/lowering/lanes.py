"""Reduction along the minor dimension: 8 accumulators of 8 lanes and a fixed tree.

Chapter: ir/lowering; xla/microkernel.
Sources: house rule (Numbers): the association depends on the shape alone, so every
vector width and every machine gives the same bits.
Real: XLA and OpenBLAS choose lanes by machine, and their sums differ by machine.

K elements, `u` accumulators of 8 lanes (u = 8 when K ≥ 64, else the power of two
that fits): element k goes to lane k mod 8 of accumulator (k div 8) mod u.  Then
accumulators fold in halves, lanes fold in halves, the tail of 4, 2, 1 elements follows.
"""

from __future__ import annotations

from typing import Any

from minidl.ir.lowering.access import Access
from minidl.ir.lowering.generics import Generic
from minidl.ir.lowering.nest import Position, Scope, Tile, chunks, ones, typed
from minidl.ir.mlir.core import Operation, Value
from minidl.ir.mlir.types import ScalarType, VectorType

LANES = 8


def accumulators(size: int) -> int:
    """How many accumulators of 8 lanes a row of `size` elements uses."""
    u = 1
    while u < 8 and 2 * u * LANES <= size:
        u *= 2
    return u


def lane_reduction(
    low: Access, scope: Scope, g: Generic, tile: Tile, p: Position, init: Value
) -> Value:
    """The reduced scalar of one position (all leading dimensions scalar)."""
    return _outer(low, scope, g, tile, p, init)


def _outer(low: Access, scope: Scope, g: Generic, tile: Tile, p: Position, total: Value) -> Value:
    """Reduction dimensions before the last: loops that carry one scalar."""
    d = len(tile.bases)
    if d == len(g.sizes) - 1:
        return _row(low, scope, g, tile, p, total)

    def each(inner: Scope, i: Value, carried: list[Value]) -> list[Value]:
        return [_outer(low, inner, g, tile.then(i, ones(1)), (*p, (0, 1)), carried[0])]

    return scope.loop(scope.index(0), scope.index(g.sizes[d]), 1, [total], each)[0]


class _Combine:
    """The generic's region cut in two: what is computed of an element, and how it joins."""

    def __init__(self, low: Access, g: Generic, tile: Tile, p: Position) -> None:
        self.low, self.g, self.tile, self.p = low, g, tile, p
        last = g.op.body.terminator.operands[0].op
        assert last is not None
        self.op: Operation = last
        self.fma = last.name == "math.fma"

    def element(self, scope: Scope, base: Value, offset: int, width: int) -> Value:
        """What is to be joined of elements base + offset … (no accumulator)."""
        zero = scope.constant(0, self._scalar(), width) if self.fma else None
        if zero is not None:
            return self.joined(scope, base, offset, width, zero)
        accumulator = self.g.op.body.args[-1]
        (mapped,) = [v for v in self.op.operands if v is not accumulator] or [accumulator]
        return self._region(scope, base, offset, width, None, mapped)

    def joined(self, scope: Scope, base: Value, offset: int, width: int, acc: Value) -> Value:
        return self._region(scope, base, offset, width, acc, self.op.result)

    def _region(
        self, scope: Scope, base: Value, offset: int, width: int, acc: Value | None, want: Value
    ) -> Value:
        """Evaluate the region up to `want`."""
        tile = self.tile.then(base, chunks(offset + width, width))
        p = (*self.p, (offset, width))
        env: dict[Value, Value] = {} if acc is None else {self.g.op.body.args[-1]: acc}
        self.low.evaluate(scope, self.g, tile, p, env, [want])
        return scope.broadcast(env[want], width)

    def join(self, scope: Scope, x: Value, y: Value) -> Value:
        """Two partial results into one."""
        name = "arith.addf" if self.fma else self.op.name
        return scope.op(name, [x, y], x.type, None, self.op.location)

    def _scalar(self) -> Any:
        return self.op.result.type


def _row(low: Access, scope: Scope, g: Generic, tile: Tile, p: Position, total: Value) -> Value:
    """One row of K elements, joined to `total`."""
    size = g.sizes[-1]
    combine = _Combine(low, g, tile, p)
    full = size - size % LANES
    if full:
        total = combine.join(scope, total, _lanes(scope, combine, full))
    at = full
    for _, width in chunks(size - full, LANES // 2):
        part = combine.element(scope, scope.index(at), 0, width)
        total = combine.join(scope, total, fold(scope, combine, part, width))
        at += width
    return total


def _register(scope: Scope, combine: _Combine, full: int, widest: int) -> int:
    """Lanes of one register: neighbouring accumulators may share a wide one.

    Accumulators 2k and 2k+1 hold elements side by side, and halves fold alike whether
    they are two registers or two halves of one: the bits are the same.
    """
    element = combine.op.results[0].type
    assert isinstance(element, ScalarType)
    u = accumulators(full)
    pairs = (full % (u * LANES)) % (2 * LANES) == 0
    return 2 * LANES if widest * 4 >= 2 * LANES * element.bytes and u > 1 and pairs else LANES


def _lanes(scope: Scope, combine: _Combine, full: int) -> Value:
    """The part of a row that fills whole vectors of 8 lanes."""
    step = accumulators(full) * LANES
    rounds = full // step
    width = _register(scope, combine, full, combine.low.widest)
    zero = scope.index(0)
    accs = [combine.element(scope, zero, at, width) for at in range(0, step, width)]
    if rounds > 1:

        def each(inner: Scope, i: Value, carried: list[Value]) -> list[Value]:
            return [
                combine.joined(inner, i, k * width, width, acc) for k, acc in enumerate(carried)
            ]

        accs = scope.loop(scope.index(step), scope.index(rounds * step), step, accs, each)
    for k in range((full - rounds * step) // width):
        base = scope.index(rounds * step)
        accs[k] = combine.joined(scope, base, k * width, width, accs[k])
    while len(accs) > 1:
        half = len(accs) // 2
        accs = [combine.join(scope, x, y) for x, y in zip(accs[:half], accs[half:], strict=True)]
    return fold(scope, combine, accs[0], width)


def fold(scope: Scope, combine: _Combine, x: Value, width: int) -> Value:
    """Lanes in halves until one is left."""
    while width > 1:
        half = width // 2
        assert isinstance(x.type, VectorType)
        made, place = typed(x.type.element, half), combine.op.location
        if half == 1:
            low, high = (
                scope.op("vector.extract", [x], made, {"position": i}, place) for i in (0, 1)
            )
        else:
            low, high = (
                scope.op("vector.shuffle", [x, x], made, {"mask": mask}, place)
                for mask in (tuple(range(half)), tuple(range(half, width)))
            )
        x, width = combine.join(scope, low, high), half
    assert not isinstance(x.type, VectorType)
    return x

"""The vocabulary of a loop nest: tiles of an iteration space, and code that grows in it.

Chapter: ir/lowering.
Sources: MLIR, "'scf' Dialect"; house rule (Numbers): one association for any width.
Real: LinalgTransforms tile with `scf.forall` and vectorise with masks; here sizes are
constants, so a remainder is its own smaller code and needs no mask.

    chunk   (offset, width): `width` neighbouring elements along one dimension
    tile    for each dimension: a base (an SSA index) and chunks relative to it
    lane position   one chunk a dimension; at most one of them is wider than 1
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from minidl.ir.attributes import Affine, Dense, Typed
from minidl.ir.core import Block, Operation, Region, Value
from minidl.ir.location import Location
from minidl.ir.lowering.scalars import signless
from minidl.ir.spec import Builder
from minidl.ir.types import ScalarType, Type, VectorType, index

Chunk = tuple[int, int]
Position = tuple[Chunk, ...]


def chunks(size: int, width: int) -> tuple[Chunk, ...]:
    """`size` elements as pieces of `width`, then of halves: 10 by 8 → 8 + 2."""
    out, at = [], 0
    while at < size:
        while width > size - at:
            width //= 2
        out.append((at, width))
        at += width
    return tuple(out)


def ones(size: int) -> tuple[Chunk, ...]:
    return tuple((i, 1) for i in range(size))


@dataclass(frozen=True, slots=True)
class Tile:
    """A box of the iteration space: a base and chunks for each dimension so far."""

    bases: tuple[Value, ...] = ()
    chunks: tuple[tuple[Chunk, ...], ...] = ()

    def then(self, base: Value, pieces: tuple[Chunk, ...]) -> Tile:
        return Tile((*self.bases, base), (*self.chunks, pieces))

    def positions(self) -> Iterator[Position]:
        return itertools.product(*self.chunks)


def width_of(position: Position) -> int:
    return max((w for _, w in position), default=1)


def vector_dim(position: Position) -> int | None:
    for d, (_, w) in enumerate(position):
        if w > 1:
            return d
    return None


def typed(element: ScalarType, width: int) -> Type:
    return element if width == 1 else VectorType((width,), element)


class Scope:
    """A block under construction, with what was already computed on the way to it."""

    def __init__(self, builder: Builder, parent: Scope | None = None) -> None:
        self.b, self.parent = builder, parent
        self.memo: dict[Any, Value] = {}
        self.entry: Scope = parent.entry if parent else self

    def once(self, key: Any, make: Callable[[], Value]) -> Value:
        """The value made for `key` here or in a block around, or a new one."""
        scope: Scope | None = self
        while scope is not None:
            if key in scope.memo:
                return scope.memo[key]
            scope = scope.parent
        self.memo[key] = made = make()
        return made

    def at(self, location: Location) -> Builder:
        self.b.location = location
        return self.b

    # -- constants stand at the top of the function ----------------------------------

    def constant(self, value: Any, element: ScalarType, width: int = 1) -> Value:
        element = signless(element)
        if element.is_float:
            attribute: Any = Typed(float(value), element)
        else:
            attribute = Typed(int(value), element)
        key = ("constant", repr(value), element, width)
        entry = self.entry
        if key not in entry.memo:
            if width > 1:
                one = np.asarray(value).astype(element.numpy)
                attribute = Dense(np.broadcast_to(one, (width,)).copy())
                attribute.type = type(attribute.type)((width,), element)
            op = Operation(
                "arith.constant", (), [typed(element, width)], {"value": attribute},
                location=self.b.location,
            )  # fmt: skip
            entry.b.block.insert(op, entry.b.block.first)
            entry.memo[key] = op.result
        return entry.memo[key]

    def index(self, value: int) -> Value:
        return self.constant(value, index)

    # -- index arithmetic ---------------------------------------------------------------

    def add(self, base: Value, offset: int) -> Value:
        """`base + offset`, at once when the base is a constant."""
        if offset == 0:
            return base
        if base.op is not None and base.op.name == "arith.constant":
            return self.index(base.op["value"].value + offset)
        return self.once(
            ("add", base, offset), lambda: self.b.value("arith.addi", base, self.index(offset))
        )

    def affine(self, e: Affine, bases: Sequence[Value], offsets: Sequence[int]) -> Value:
        """The value of an affine expression at bases + offsets."""
        const = e.const + sum(c * offsets[d] for d, c in e.terms)
        total: Value | None = None
        for d, c in e.terms:
            base = bases[d]
            if base.op is not None and base.op.name == "arith.constant":
                const += c * base.op["value"].value
                continue
            term = base if c == 1 else self._times(base, c)
            total = term if total is None else self._sum(total, term)
        return self.index(const) if total is None else self.add(total, const)

    def _times(self, base: Value, c: int) -> Value:
        return self.once(
            ("times", base, c), lambda: self.b.value("arith.muli", base, self.index(c))
        )

    def _sum(self, x: Value, y: Value) -> Value:
        return self.once(("sum", x, y), lambda: self.b.value("arith.addi", x, y))

    # -- vectors ------------------------------------------------------------------------

    def broadcast(self, x: Value, width: int) -> Value:
        if width == 1 or isinstance(x.type, VectorType):
            return x
        if x.op is not None and x.op.name == "arith.constant":
            assert isinstance(x.type, ScalarType)
            return self.constant(x.op["value"].value, x.type, width)
        to = VectorType((width,), x.type)  # type: ignore[arg-type]
        return self.once(
            ("broadcast", x, width),
            lambda: self.b.create("vector.broadcast", [x], None, [to]).result,
        )

    # -- loops --------------------------------------------------------------------------

    def loop(
        self,
        low: Value,
        high: Value,
        step: int,
        inits: Sequence[Value],
        body: Callable[[Scope, Value, list[Value]], Sequence[Value]],
    ) -> list[Value]:
        """`scf.for` with carried values; the body is given a scope of its own."""
        block = Block([index, *(v.type for v in inits)])
        inner = Scope(Builder(block, location=self.b.location), self)
        results = body(inner, block.args[0], block.args[1:])
        inner.b.create("scf.yield", list(results))
        operands = [low, high, self.index(step), *inits]
        op = self.b.create("scf.for", operands, None, [v.type for v in inits], [Region([block])])
        return list(op.results)

    def when(self, condition: Value, body: Callable[[Scope], None]) -> None:
        """`scf.if` without results."""
        block = Block()
        inner = Scope(Builder(block, location=self.b.location), self)
        body(inner)
        inner.b.create("scf.yield")
        self.b.create("scf.if", [condition], None, [], [Region([block]), Region()])

    def tiles(
        self, size: int, step: int, pieces: Callable[[int], tuple[Chunk, ...]],
        body: Callable[[Scope, Value, tuple[Chunk, ...]], None],
    ) -> None:  # fmt: skip
        """All of `size` in steps, then the remainder as smaller code."""
        full = size - size % step
        if full == step:
            body(self, self.index(0), pieces(step))
        elif full:

            def each(scope: Scope, i: Value, carried: list[Value]) -> list[Value]:
                body(scope, i, pieces(step))
                return []

            self.loop(self.index(0), self.index(full), step, [], each)
        if size % step:
            body(self, self.index(full), pieces(size % step))

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

from minidl.ir.lowering.scalars import signless
from minidl.ir.mlir.attributes import Affine, Dense, Typed
from minidl.ir.mlir.core import Block, Operation, Region, Value
from minidl.ir.mlir.location import UNKNOWN, Location, fuse
from minidl.ir.mlir.spec import Builder
from minidl.ir.mlir.types import ScalarType, Type, VectorType, index

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
        self.unions: dict[tuple[int, int], tuple[Location, Location, Location]] = {}

    def once(self, key: Any, make: Callable[[], Value], location: Location = UNKNOWN) -> Value:
        """The value made for `key` here or in a block around, or a new one.

        One found again stands for one place more, `location`.
        """
        scope: Scope | None = self
        while scope is not None:
            made = scope.memo.get(key)
            if made is not None:
                if location is not UNKNOWN and made.op is not None:
                    made.op.location = self.union(made.op.location, location)
                return made
            scope = scope.parent
        self.memo[key] = made = make()
        return made

    def union(self, x: Location, y: Location) -> Location:
        """`fuse`, remembered: the same two places meet again in every lane."""
        if x is y or y is UNKNOWN:
            return x
        if x is UNKNOWN:
            return y
        known = self.entry.unions.get((id(x), id(y)))
        if known is None:
            made = fuse(x, y)
            known = x, y, x if made == x else made
            self.entry.unions[id(x), id(y)] = known
        return known[2]

    def at(self, location: Location) -> Builder:
        self.b.location = location
        return self.b

    # -- ops, without asking the shape rules again --------------------------------------

    def op(
        self,
        name: str,
        operands: Sequence[Value],
        type_: Type,
        attributes: dict[str, Any] | None = None,
        location: Location | None = None,
    ) -> Value:
        """A new op with one result of a known type."""
        where = self.b.location if location is None else location
        made = Operation(name, operands, [type_], attributes, location=where)
        self.b.block.insert(made, self.b.before)
        return made.results[0]

    def emit(self, name: str, operands: Sequence[Value], location: Location) -> None:
        """A new op without results."""
        self.b.block.insert(Operation(name, operands, location=location), self.b.before)

    # -- constants stand at the top of the function ----------------------------------

    def at_entry(self, key: Any, make: Callable[[], Operation]) -> Value:
        """The one constant made for `key`, at the top of the function."""
        entry = self.entry
        if key not in entry.memo:
            op = make()
            entry.b.block.insert(op, entry.b.block.first)
            entry.memo[key] = op.results[0]
        return entry.memo[key]

    def constant(self, value: Any, element: ScalarType, width: int = 1) -> Value:
        key = ("constant", repr(value), element, width)
        made = self.entry.memo.get(key)
        if made is not None:
            return made
        return self.at_entry(key, lambda: self._constant(value, signless(element), width))

    def _constant(self, value: Any, element: ScalarType, width: int) -> Operation:
        number = float(value) if element.is_float else int(value)
        attribute: Any = Typed(number, element)
        if width > 1:
            one = np.asarray(number).astype(element.numpy)
            attribute = Dense(np.broadcast_to(one, (width,)), VectorType((width,), element))
        return Operation(
            "arith.constant", (), [typed(element, width)], {"value": attribute},
            location=self.b.location,
        )  # fmt: skip

    def index(self, value: int) -> Value:
        return self.constant(value, index)

    # -- index arithmetic ---------------------------------------------------------------

    def add(self, base: Value, offset: int) -> Value:
        """`base + offset`, at once when the base is a constant."""
        if offset == 0:
            return base
        if base.op is not None and base.op.name == "arith.constant":
            return self.index(base.op["value"].value + offset)
        return self._index_op("arith.addi", base, self.index(offset))

    def _index_op(self, name: str, x: Value, y: Value) -> Value:
        return self.once((name, x, y), lambda: self.op(name, [x, y], index))

    def affine(self, e: Affine, bases: Sequence[Value], offsets: Sequence[int]) -> Value:
        """The value of an affine expression at bases + offsets."""
        const = e.const + sum(c * offsets[d] for d, c in e.terms)
        total: Value | None = None
        for d, c in e.terms:
            base = bases[d]
            if base.op is not None and base.op.name == "arith.constant":
                const += c * base.op["value"].value
                continue
            term = base if c == 1 else self._index_op("arith.muli", base, self.index(c))
            total = term if total is None else self._index_op("arith.addi", total, term)
        return self.index(const) if total is None else self.add(total, const)

    # -- vectors ------------------------------------------------------------------------

    def broadcast(self, x: Value, width: int) -> Value:
        if width == 1 or isinstance(x.type, VectorType):
            return x
        if x.op is not None and x.op.name == "arith.constant":
            assert isinstance(x.type, ScalarType)
            return self.constant(x.op["value"].value, x.type, width)
        to = VectorType((width,), x.type)
        return self.once(
            ("broadcast", x, width),
            lambda: self.op("vector.broadcast", [x], to),
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
        results = body(inner, block.args[0], [*block.args[1:]])
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

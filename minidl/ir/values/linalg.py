"""Values of linalg and tensor: a generic over its whole iteration space at once.

Chapter: ir/lowering.
Sources: MLIR, "'linalg' Dialect", "'tensor' Dialect"; house rule (Numbers).
Real: nobody's: linalg is run by lowering it.

The region is run on arrays that have an axis for each dimension: parallel ones first, then
those that are reduced.  A reduction goes in order, or by lanes where the lowering says so
(`lowering.lanes` tells how), so that the bits are those of the compiled code.  That note is
not printed: a text that was read again sums in order.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from minidl.ir.dialects.linalg import ins_outs
from minidl.ir.mlir.attributes import Affine, AffineMap
from minidl.ir.mlir.core import Operation, Region, clone
from minidl.ir.mlir.types import ShapedType
from minidl.ir.values import VALUES, interpreted

Array = Any
Run = Callable[[Region, Sequence[Array]], tuple[Array, ...]]
Box = tuple[slice, ...]
LANES = 8  # as in `lowering.lanes`


def _shape(op: Operation) -> tuple[int, ...]:
    type_ = op.results[0].type
    assert isinstance(type_, ShapedType)
    return type_.dims


@VALUES.rule("tensor.empty")
def empty(op: Operation) -> Array:
    return np.zeros(_shape(op), op.result.type.element.numpy)  # type: ignore[attr-defined]


@VALUES.rule("linalg.fill")
def fill(op: Operation, value: Array, out: Array) -> Array:
    return np.full(out.shape, value, out.dtype)


@VALUES.rule("tensor.extract")
def extract(op: Operation, x: Array, *at: Array) -> Array:
    return x[tuple(at)]


@VALUES.rule("tensor.reshape")
def reshape(op: Operation, x: Array, shape: Array) -> Array:
    return x.reshape(_shape(op))


def _window(op: Operation) -> tuple[slice, ...]:
    rows = zip(op["offsets"], op["sizes"], op["strides"], strict=True)
    return tuple(slice(a, a + (n - 1) * s + 1 if n else a, s) for a, n, s in rows)


@VALUES.rule("tensor.extract_slice")
def extract_slice(op: Operation, x: Array) -> Array:
    return x[_window(op)]


@VALUES.rule("tensor.insert_slice")
def insert_slice(op: Operation, x: Array, into: Array) -> Array:
    made = into.copy()
    made[_window(op)] = x
    return made


# -- generic -------------------------------------------------------------------------------


@interpreted("linalg.generic")
def generic(op: Operation, *arrays: Array, run: Run) -> tuple[Array, ...]:
    g = _Generic(op, arrays, run)
    if g.kept == len(g.sizes):
        made = g.region(g.whole, g.starts)
    else:
        made = [x.reshape(g.sizes[: g.kept]) for x in g.reduced()]
    rows = zip(g.outs, g.out_maps, made, strict=True)
    return tuple(g.stored(out, map_, value) for out, map_, value in rows)


class _Generic:
    """One generic with its operands.

    sizes   of all dimensions; the first `kept` are parallel
    reads   each input with an axis a dimension, of size 1 where it does not move
    starts  the outputs' first values likewise
    """

    def __init__(self, op: Operation, arrays: Sequence[Array], run: Run) -> None:
        maps: Sequence[AffineMap] = op["indexing_maps"]
        count = len(ins_outs(op)[0])
        self.op, self.run = op, run
        self.kept = list(op["iterator_types"]).count("parallel")
        self.sizes = _sizes(op, maps)
        self.whole = tuple(slice(0, n) for n in self.sizes)
        self.grid = np.ogrid[self.whole] if self.sizes else []
        self.outs, self.out_maps = arrays[count:], maps[count:]
        reads = [self._read(x, m) for x, m in zip(arrays, maps, strict=True)]
        self.reads, self.starts = reads[:count], reads[count:]
        self.body, self.numbers = _with_numbers(op)

    def _place(self, e: Affine) -> Array:
        total: Array = np.full((1,) * len(self.sizes), e.const)
        for d, c in e.terms:
            total = total + c * self.grid[d]
        return total

    def _read(self, x: Array, m: AffineMap) -> Array:
        if not m.results:
            return np.asarray(x).reshape((1,) * len(self.sizes))
        if 0 in self.sizes:
            return np.zeros(self.sizes, x.dtype)
        return x[tuple(self._place(e) for e in m.results)]

    def stored(self, out: Array, m: AffineMap, value: Array) -> Array:
        made = out.copy()
        if made.size and value.size:
            kept = self.whole[: self.kept]
            grid = np.ogrid[kept] if kept else []
            places = [sum((c * grid[d] for d, c in e.terms), e.const) for e in m.results]
            made[tuple(places)] = value
        return made

    def region(
        self, at: Box, accumulators: Sequence[Array], body: Region | None = None
    ) -> list[Array]:
        """The region's results over a box of the space."""

        def cut(x: Array) -> Array:
            return x[tuple(s if n > 1 else slice(None) for s, n in zip(at, x.shape, strict=True))]

        indices = [cut(self.grid[d]) for d in self.numbers]
        args = [*map(cut, self.reads), *accumulators, *indices]
        shape = tuple(s.stop - s.start for s in at)
        return [np.broadcast_to(x, shape) for x in self.run(body or self.body, args)]

    # -- reductions --------------------------------------------------------------------------

    def reduced(self) -> list[Array]:
        """Accumulators with an axis of 1 for each reduced dimension."""
        kept, shape = self.whole[: self.kept], self.sizes[: self.kept]
        lanes = bool(self.op.get("~lanes", False))
        inner = self.sizes[self.kept :]
        totals = [np.broadcast_to(x, (*shape, *(1 for _ in inner))) for x in self.starts]
        for k in np.ndindex(inner[:-1] if lanes else inner):
            at = (*kept, *(slice(i, i + 1) for i in k))
            totals = [_Row(self, at).joined_to(totals[0])] if lanes else self.region(at, totals)
        return totals


class _Row:
    """One row of a reduction by lanes: `lowering.lanes` in NumPy.

    part(a, b)        what elements a … b bring, one a place
    joined(a, b, x)   the same joined to x, place by place
    """

    def __init__(self, g: _Generic, at: Box) -> None:
        self.g, self.at, self.size = g, at, g.sizes[-1]
        last = g.body.block.terminator.operands[0].op
        assert last is not None
        self.last, self.fma = last, last.name == "math.fma"

    def joined_to(self, total: Array) -> Array:
        full = self.size - self.size % LANES
        if full:
            total = self.join(total, self.fold(self.lanes(full)))
        at = full
        for width in (4, 2, 1):
            if at + width <= self.size:
                total = self.join(total, self.fold(self.part(at, at + width)))
                at += width
        return total

    def lanes(self, full: int) -> Array:
        """Eight accumulators of eight lanes, or as many as there are elements for."""
        step = LANES
        while step < 8 * LANES and 2 * step <= full:
            step *= 2
        accs = self.part(0, step)
        for a in range(step, full, step):
            b = min(a + step, full)
            accs = np.concatenate(
                [self.joined(a, b, accs[..., : b - a]), accs[..., b - a :]], axis=-1
            )
        return accs

    def fold(self, x: Array) -> Array:
        """Halves until one is left."""
        while (half := x.shape[-1] // 2) > 0:
            x = self.join(x[..., :half], x[..., half:])
        return x

    def part(self, a: int, b: int) -> Array:
        if self.fma:
            shape = (*(s.stop - s.start for s in self.at), b - a)
            return self.joined(a, b, np.zeros(shape, self.g.outs[0].dtype))
        return self.g.region((*self.at, slice(a, b)), [self.g.starts[0]], self._elements())[0]

    def joined(self, a: int, b: int, x: Array) -> Array:
        return self.g.region((*self.at, slice(a, b)), [x])[0]

    def join(self, x: Array, y: Array) -> Array:
        name = "arith.addf" if self.fma else self.last.name
        return np.asarray(VALUES[name](self.last, x, y))

    def _elements(self) -> Region:
        """The region that returns what is joined to the accumulator, not the joined."""
        region = _copy(self.g.body)
        block = region.block
        last, accumulator = block.terminator.operands[0].op, block.args[len(self.g.reads)]
        assert last is not None
        mapped = [v for v in last.operands if v is not accumulator] or [accumulator]
        block.terminator.set_operands(mapped)
        return region


def _sizes(op: Operation, maps: Sequence[AffineMap]) -> tuple[int, ...]:
    """Each dimension's size is that of an operand that it indexes plainly."""
    sizes = [1] * (maps[0].dims if maps else 0)
    for map_, value in zip(maps, op.operands, strict=True):
        assert isinstance(value.type, ShapedType)
        for e, n in zip(map_.results, value.type.dims, strict=True):
            if e.as_dim is not None:
                sizes[e.as_dim] = n
    return tuple(sizes)


def _copy(region: Region) -> Region:
    """A region's copy; values from around it stay what they are."""
    holder = Operation("region")
    holder.regions = [region]
    copy = clone(holder).regions[0]
    copy.parent = None
    return copy


def _with_numbers(op: Operation) -> tuple[Region, list[int]]:
    """A copy of the region that takes the loops' numbers as arguments, and their dimensions."""
    region = _copy(op.region)
    numbers: list[int] = []
    for inner in list(region.block):
        if inner.name == "linalg.index":
            numbers.append(inner["dim"])
            inner.replace([region.block.add_arg(inner.result.type)])
    return region, numbers

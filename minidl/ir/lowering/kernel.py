"""Kernel: a function of loops for one op that is no loop nest over its result.

Chapter: ir/lowering.
Sources: StableHLO specification, one section an op.
Real: IREE's `iree_linalg_ext.sort` and `.scatter` carry such ops down to loops; XLA calls
C++ for sort and expands scatter to a while loop (`scatter_expander`).

A row of KERNELS is `row(kernel)`: it writes loops that read the operands' memrefs and fill
the results'.  In the linalg stage the op is itself, in a function of its own.  On a GPU a
thread makes one element (a sort: one line), so no thread waits for another.

    ins, outs   memrefs of operands and results
    spare       scratch memrefs, one for each type in `spare_types`
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

from minidl.core.rules import RuleTable
from minidl.ir.lowering.body import Body
from minidl.ir.lowering.folds import region_scalars
from minidl.ir.lowering.generics import memory
from minidl.ir.lowering.indexing import tensor_type
from minidl.ir.lowering.nest import Chunk, Scope, chunks, typed
from minidl.ir.lowering.scalars import convert
from minidl.ir.lowering.schedule import Schedule
from minidl.ir.mlir.core import Operation, Value
from minidl.ir.mlir.module import Module, finish, function
from minidl.ir.mlir.spec import Builder
from minidl.ir.mlir.types import MemRefType, ScalarType, Type, i1, i8, i64, index

ALIGN = 64
Each = Callable[["Scope", list[Value]], None]
KERNELS: RuleTable[Callable[[Kernel], None]] = RuleTable("kernel", "the lowering to loops")
SPARE: RuleTable[Callable[[Operation], list[MemRefType]]] = RuleTable("scratch", "the loops stage")


class _Region:
    """Where `folds.region_scalars` writes: here, the innermost loop."""

    scalar = Body.scalar

    def __init__(self, builder: Builder) -> None:
        self.builder = builder


class Kernel:
    """One op's function under construction."""

    split, rounds = False, 0

    def __init__(self, source: Operation, into: Module, schedule: Schedule) -> None:
        body = source.body
        self.op: Operation = body.first  # type: ignore[assignment]
        self.on_gpu = schedule.threads == "gpu"
        self.in_place = bool(source.get("~in_place", False))  # the result lies over operand 0
        self.spare_types = SPARE[self.op.name](self.op) if self.op.name in SPARE else []
        args = [memory(v.type) for v in body.args]
        types: list[Type] = [*args, *(memory(v.type) for v in self.op.results), *self.spare_types]
        self.made, builder = function(
            into, source["sym_name"], types, visibility="private", location=self.op.location
        )
        self.made.attributes["minidl.fusion"] = "kernel"
        self.top = Scope(builder)
        given = dict(zip(body.args, self.made.body.args, strict=False))
        rest = list(self.made.body.args[len(args) :])
        self.ins: list[Value] = [given[v] for v in self.op.operands]
        self.outs, self.spare = rest[: len(self.op.results)], rest[len(self.op.results) :]

    def run(self) -> Kernel:
        KERNELS[self.op.name](self)
        finish(self.top.b, [])
        return self

    # -- elements ------------------------------------------------------------------------

    def load(self, scope: Scope, memref: Value, at: Sequence[Value]) -> Value:
        """An element; a truth value comes as the byte that it is in memory."""
        type_ = memref.type
        assert isinstance(type_, MemRefType)
        return scope.op("memref.load", [memref, *at], type_.element)

    def store(self, scope: Scope, x: Value, memref: Value, at: Sequence[Value]) -> None:
        if x.type is i1:
            x = scope.op("arith.extui", [x], i8)
        scope.emit("memref.store", [x, memref, *at], scope.b.location)

    def scalar(self, scope: Scope, x: Value, element: ScalarType) -> Value:
        """A loaded element of a tensor as arithmetic sees it."""
        return scope.op("arith.trunci", [x], i1) if element is i1 else x

    def number(self, scope: Scope, x: Value, element: ScalarType) -> Value:
        """An integer as an index; an unsigned one that is too large becomes the largest."""
        if element.bits == 64 and not element.is_unsigned:
            return scope.op("arith.index_cast", [x], index)
        wide = convert(scope.b, x, element, i64) if element.bits < 64 else x
        if element.bits == 64:
            top = scope.constant((1 << 63) - 1, i64)
            wide = scope.op("arith.minui", [wide, top], i64)
        return scope.op("arith.index_cast", [wide], index)

    def region(self, scope: Scope, values: Sequence[Value]) -> list[Value]:
        """What the op's region makes of these scalars."""
        place = scope.b.location
        writer: Any = _Region(scope.b)
        out = region_scalars(writer, self.op, values)
        scope.b.location = place
        return out

    # -- index arithmetic ------------------------------------------------------------------

    def less(self, scope: Scope, x: Value, y: Value) -> Value:
        return self.compare(scope, "slt", x, y)

    def compare(self, scope: Scope, predicate: str, x: Value, y: Value) -> Value:
        return scope.op("arith.cmpi", [x, y], i1, {"predicate": predicate})

    def clamp(self, scope: Scope, x: Value, high: int) -> Value:
        """max(0, min(x, high))."""
        low = scope.op("arith.maxsi", [x, scope.index(0)], index)
        return scope.op("arith.minsi", [low, scope.index(high)], index)

    # -- loops -----------------------------------------------------------------------------

    def nest(self, scope: Scope, sizes: Sequence[int], each: Each) -> None:
        """A loop for each size, in row-major order."""
        if 0 not in sizes:
            self._nest(scope, sizes, [], each)

    def _nest(self, scope: Scope, sizes: Sequence[int], at: list[Value], each: Each) -> None:
        if len(at) == len(sizes):
            return each(scope, at)

        def body(inner: Scope, i: Value, carried: list[Value]) -> list[Value]:
            self._nest(inner, sizes, [*at, i], each)
            return []

        size = sizes[len(at)]
        if size == 1:
            return self._nest(scope, sizes, [*at, scope.index(0)], each)
        scope.loop(scope.index(0), scope.index(size), 1, [], body)
        return None

    def threads(self, sizes: Sequence[int], each: Each) -> None:
        """On a GPU one thread a position of these sizes, else loops over them."""
        if not self.on_gpu:
            return self.nest(self.top, sizes, each)
        scope = self.top
        block, width, thread = (
            scope.op(f"gpu.{name}", [], index, {"dimension": "x"})
            for name in ("block_id", "block_dim", "thread_id")
        )
        first = scope.op("arith.muli", [block, width], index)
        i = scope.op("arith.addi", [first, thread], index)
        inside = self.compare(scope, "ult", i, scope.index(math.prod(sizes)))
        scope.when(inside, lambda inner: each(inner, self._unravel(inner, i, sizes)))
        return None

    def _unravel(self, scope: Scope, i: Value, sizes: Sequence[int]) -> list[Value]:
        at: list[Value] = []
        for n in reversed(sizes):
            at.append(scope.op("arith.remui", [i, scope.index(n)], index))
            i = scope.op("arith.divui", [i, scope.index(n)], index)
        return at[::-1]

    def copy(self, x: Value, y: Value) -> None:
        """All elements, as they lie."""
        size = x.type.size  # type: ignore[attr-defined]
        flat = MemRefType((size,), x.type.element)  # type: ignore[attr-defined]
        source, target = (
            v if v.type is flat else self.top.op("memref.reinterpret_cast", [v], flat)
            for v in (x, y)
        )
        copy_flat(self.top, source, target)

    def dims(self, i: int = 0) -> tuple[int, ...]:
        """The shape of operand `i`."""
        return tensor_type(self.op.operands[i]).dims


def copy_flat(scope: Scope, source: Value, target: Value) -> None:
    """Memrefs of one dimension, in vectors of eight and a remainder."""
    type_ = target.type
    assert isinstance(type_, MemRefType)

    def body(inner: Scope, i: Value, pieces: tuple[Chunk, ...]) -> None:
        for offset, width in pieces:
            at, word = inner.add(i, offset), "memref" if width == 1 else "vector"
            value = inner.op(f"{word}.load", [source, at], typed(type_.element, width))
            inner.emit(f"{word}.store", [value, target, at], inner.b.location)

    scope.tiles(type_.size, 8, lambda size: chunks(size, 8), body)


def scratch_bytes(types: Sequence[MemRefType]) -> list[int]:
    """The bytes of each scratch memref, rounded up."""
    return [-(-t.bytes // ALIGN) * ALIGN for t in types]

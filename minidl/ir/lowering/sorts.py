"""Sort as loops: a stable merge sort of each line, any comparator, several operands.

Chapter: ir/lowering.
Sources: StableHLO specification, "sort"; D. E. Knuth, "The Art of Computer Programming" 3,
5.2.4 (bottom-up merging).
Real: XLA's CPU backend calls a C++ `std::stable_sort` with the comparator compiled.

Runs of w elements become runs of 2w, w = 1, 2, 4 …; results and scratch take turns as source
and target.  At each place the right run's head goes first if comparator(right, left) says so.

    n    elements of a line            left, right   where the heads stand
    m    pairs of runs                 end           where the pair ends
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from minidl.ir.lowering.generics import memory
from minidl.ir.lowering.indexing import tensor_type
from minidl.ir.lowering.kernel import KERNELS, SPARE, Kernel
from minidl.ir.lowering.nest import Scope
from minidl.ir.mlir.core import Operation, Value
from minidl.ir.mlir.types import MemRefType, i1, index


def axis_of(op: Operation) -> int:
    d: int = op["dimension"]
    return d + tensor_type(op.operands[0]).rank if d < 0 else d


@SPARE.rule("stablehlo.sort")
def _spare(op: Operation) -> list[MemRefType]:
    return [memory(v.type) for v in op.results]


@KERNELS.rule("stablehlo.sort")
def sort(k: Kernel) -> None:
    dims, d = k.dims(), axis_of(k.op)
    lines = [n for i, n in enumerate(dims) if i != d]
    passes = max(0, dims[d] - 1).bit_length()
    first = k.outs if passes % 2 == 0 else k.spare  # so that the last pass fills the results

    def line(scope: Scope, at: list[Value]) -> None:
        def element(inner: Scope, i: list[Value]) -> None:
            for x, y in zip(k.ins, first, strict=True):
                k.store(inner, k.load(inner, x, place(i[0])), y, place(i[0]))

        def place(i: Value) -> list[Value]:
            return [*at[:d], i, *at[d:]]

        k.nest(scope, [dims[d]], element)
        second = k.spare if first is k.outs else k.outs
        _Line(k, place, dims[d], passes).run(scope, first, second)

    if 0 not in dims:
        k.threads(lines, line)


class _Line:
    """The passes over one line."""

    def __init__(
        self, k: Kernel, place: Callable[[Value], list[Value]], n: int, passes: int
    ) -> None:
        self.k, self.place, self.n, self.passes = k, place, n, passes

    def run(self, scope: Scope, first: Sequence[Value], second: Sequence[Value]) -> None:
        count = len(first)
        if not self.passes:
            return

        def one(inner: Scope, i: Value, carried: list[Value]) -> list[Value]:
            w, source, target = carried[0], carried[1 : count + 1], carried[count + 1 :]
            double = inner.op("arith.addi", [w, w], index)
            self._pass(inner, w, double, source, target)
            return [double, *target, *source]

        low, high = scope.index(0), scope.index(self.passes)
        scope.loop(low, high, 1, [scope.index(1), *first, *second], one)

    def _pass(
        self, scope: Scope, w: Value, double: Value, source: Sequence[Value],
        target: Sequence[Value],
    ) -> None:  # fmt: skip
        """All pairs of runs of w elements."""
        n, one = scope.index(self.n), scope.index(1)
        above = scope.op("arith.subi", [double, one], index)
        m = scope.op("arith.divui", [scope.op("arith.addi", [n, above], index), double], index)

        def pair(inner: Scope, p: Value, carried: list[Value]) -> list[Value]:
            start = inner.op("arith.muli", [p, double], index)
            middle = inner.op("arith.minsi", [inner.op("arith.addi", [start, w], index), n], index)
            end = inner.op(
                "arith.minsi", [inner.op("arith.addi", [start, double], index), n], index
            )
            merge = _Merge(self, source, target, middle, end)
            inner.loop(start, end, 1, [start, middle], merge.step)
            return []

        scope.loop(scope.index(0), m, 1, [], pair)


class _Merge:
    """Two runs, start … middle and middle … end, into one."""

    def __init__(
        self, line: _Line, source: Sequence[Value], target: Sequence[Value], middle: Value,
        end: Value,
    ) -> None:  # fmt: skip
        self.line, self.source, self.target = line, source, target
        self.middle, self.end = middle, end

    def step(self, scope: Scope, at: Value, heads: list[Value]) -> list[Value]:
        """The next element; a head past its run is read where it does no harm."""
        k, place, last = self.line.k, self.line.place, scope.index(self.line.n - 1)
        left, right = heads
        lefts, rights = (
            [k.load(scope, x, place(scope.op("arith.minsi", [head, last], index))) for x in source]
            for head, source in ((left, self.source), (right, self.source))
        )
        asked = []
        for x, y, operand in zip(rights, lefts, k.op.operands, strict=True):
            element = tensor_type(operand).element
            asked += [k.scalar(scope, x, element), k.scalar(scope, y, element)]
        (before,) = k.region(scope, asked)
        none = k.compare(scope, "sge", left, self.middle)
        some = k.less(scope, right, self.end)
        either = scope.op("arith.ori", [none, before], i1)
        take = scope.op("arith.andi", [some, either], i1)
        for x, y, target in zip(rights, lefts, self.target, strict=True):
            chosen = scope.op("arith.select", [take, x, y], x.type)
            k.store(scope, chosen, target, place(at))
        step = scope.op("arith.index_castui", [take], index)
        right = scope.op("arith.addi", [right, step], index)
        rest = scope.op("arith.subi", [scope.index(1), step], index)
        return [scope.op("arith.addi", [left, rest], index), right]

"""Writing at computed places as loops: dynamic_update_slice and scatter.

Chapter: ir/lowering.
Sources: StableHLO specification, "dynamic_update_slice", "scatter".
Real: XLA updates in place where the operand dies; `scatter_expander` makes a while loop, and
on a GPU atomic operations, whose order is not fixed.

On the host the operand is copied (unless the result may lie over it), then the updates are
written one after the other, in row-major order; those out of bounds are skipped.  On a GPU
each thread makes one element of the result: it looks at the updates in the same order and
takes those for its place.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from minidl.ir.lowering.indexing import tensor_type
from minidl.ir.lowering.kernel import KERNELS, Kernel
from minidl.ir.lowering.nest import Scope
from minidl.ir.lowering.scalars import convert
from minidl.ir.mlir.core import Value
from minidl.ir.mlir.types import TensorType, i1, index


@dataclass(frozen=True, slots=True)
class At:
    """An index under construction: `GatherDims` adds such as it adds ints."""

    scope: Scope
    value: Value

    def __add__(self, other: At | int) -> At:
        if isinstance(other, int):
            return At(self.scope, self.scope.add(self.value, other))
        return At(self.scope, self.scope.op("arith.addi", [self.value, other.value], index))

    __radd__ = __add__


@KERNELS.rule("stablehlo.dynamic_update_slice")
def dynamic_update_slice(k: Kernel) -> None:
    x, update, *starts = k.ins
    (out,), dims, sizes = k.outs, k.dims(0), k.dims(1)
    elements = [tensor_type(v).element for v in k.op.operands[2:]]

    def begins(scope: Scope) -> list[Value]:
        found = [
            k.number(scope, k.load(scope, s, []), e) for s, e in zip(starts, elements, strict=True)
        ]
        rows = zip(found, dims, sizes, strict=True)
        return [k.clamp(scope, at, n - size) for at, n, size in rows]

    if k.on_gpu:
        return k.threads(dims, lambda scope, at: _pick(k, scope, at, begins(scope)))
    if not k.in_place:
        k.copy(x, out)
    first = begins(k.top)

    def write(scope: Scope, at: list[Value]) -> None:
        place = [scope.op("arith.addi", [a, b], index) for a, b in zip(at, first, strict=True)]
        k.store(scope, k.load(scope, update, at), out, place)

    return k.nest(k.top, sizes, write)


def _pick(k: Kernel, scope: Scope, at: list[Value], first: list[Value]) -> None:
    """One element of the result: of the update where its window is, else of the operand."""
    inside: Value | None = None
    place = []
    for a, b, n in zip(at, first, k.dims(1), strict=True):
        offset = scope.op("arith.subi", [a, b], index)
        fits = k.compare(scope, "ult", offset, scope.index(n))
        inside = fits if inside is None else scope.op("arith.andi", [inside, fits], i1)
        place.append(k.clamp(scope, offset, n - 1))
    old, new = k.load(scope, k.ins[0], at), k.load(scope, k.ins[1], place)
    made = new if inside is None else scope.op("arith.select", [inside, new, old], new.type)
    k.store(scope, made, k.outs[0], at)


# -- scatter ---------------------------------------------------------------------------------


class _Scatter:
    def __init__(self, k: Kernel) -> None:
        n = len(k.op.results)
        self.k, self.dims = k, k.op["scatter_dimension_numbers"].gather
        self.xs, self.starts, self.updates = k.ins[:n], k.ins[n], k.ins[n + 1 :]
        self.shape, self.update_shape = k.dims(0), k.dims(n + 1)
        self.start_type: TensorType = tensor_type(k.op.operands[n])

    def place(self, scope: Scope, at: Sequence[Value]) -> tuple[list[Value], Value]:
        """Where the update at `at` goes, and whether that is inside."""
        k, dims = self.k, self.dims
        walk = [At(scope, a) for a in at]
        batch = [walk[d] for d in dims.batch_dims(len(at))]
        numbers = []
        for i in range(dims.index_size(self.start_type.dims)):
            there = dims.start_position(batch, At(scope, scope.index(i)), self.start_type.rank)
            found = k.load(scope, self.starts, [p.value for p in there])
            numbers.append(At(scope, k.number(scope, found, self.start_type.element)))
        full = dims.full_start(numbers, len(self.shape))
        inside: Value = scope.constant(1, i1)
        place = []
        for e, n in zip(dims.operand_index(walk, full), self.shape, strict=True):
            value = scope.index(e) if isinstance(e, int) else e.value
            place.append(value)
            fits = k.compare(scope, "ult", value, scope.index(n))
            inside = scope.op("arith.andi", [inside, fits], i1)
        return place, inside

    def combined(self, scope: Scope, olds: list[Value], at: Sequence[Value]) -> list[Value]:
        """What the region makes of the elements there and of the updates."""
        k, n, news = self.k, len(self.xs), []
        for u, operand, result in zip(
            self.updates, k.op.operands[n + 1 :], k.op.results, strict=True
        ):
            news.append(_as(k, scope, k.load(scope, u, at), operand, result))
        return k.region(scope, [*olds, *news])


@KERNELS.rule("stablehlo.scatter")
def scatter(k: Kernel) -> None:
    s = _Scatter(k)
    if k.on_gpu:
        return k.threads(s.shape, lambda scope, at: _gathered(s, scope, at))
    for x, operand, out, result in zip(s.xs, k.op.operands, k.outs, k.op.results, strict=False):
        if not k.in_place:
            _begun(k, x, operand, out, result)

    def update(scope: Scope, at: list[Value]) -> None:
        place, inside = s.place(scope, at)

        def write(inner: Scope) -> None:
            olds = [
                k.scalar(inner, k.load(inner, out, place), tensor_type(v).element)
                for out, v in zip(k.outs, k.op.results, strict=True)
            ]
            made = s.combined(inner, olds, at)
            for value, out in zip(made, k.outs, strict=True):
                k.store(inner, value, out, place)

        scope.when(inside, write)

    return k.nest(k.top, s.update_shape, update)


def _as(k: Kernel, scope: Scope, x: Value, operand: Value, result: Value) -> Value:
    """A loaded element of an operand as the region computes with it."""
    source, to = tensor_type(operand).element, tensor_type(result).element
    return convert(scope.b, k.scalar(scope, x, source), source, to)


def _begun(k: Kernel, x: Value, operand: Value, out: Value, result: Value) -> None:
    """The result begins as the operand."""
    if tensor_type(operand).element is tensor_type(result).element:
        return k.copy(x, out)

    def one(scope: Scope, at: list[Value]) -> None:
        k.store(scope, _as(k, scope, k.load(scope, x, at), operand, result), out, at)

    return k.nest(k.top, tensor_type(operand).dims, one)


def _gathered(s: _Scatter, scope: Scope, mine: list[Value]) -> None:
    """One element of the result: the updates in order, those that go elsewhere left out."""
    k = s.k
    olds = [
        _as(k, scope, k.load(scope, x, mine), operand, result)
        for x, operand, result in zip(s.xs, k.op.operands, k.op.results, strict=False)
    ]

    def walk(inner: Scope, at: list[Value], now: list[Value]) -> list[Value]:
        if len(at) < len(s.update_shape):
            size = inner.index(s.update_shape[len(at)])
            return inner.loop(
                inner.index(0), size, 1, now, lambda sc, i, carried: walk(sc, [*at, i], carried)
            )
        place, hit = s.place(inner, at)
        for a, b in zip(place, mine, strict=True):
            hit = inner.op("arith.andi", [hit, k.compare(inner, "eq", a, b)], i1)
        made = s.combined(inner, now, at)
        return [
            inner.op("arith.select", [hit, new, old], old.type)
            for new, old in zip(made, now, strict=True)
        ]

    made = olds if 0 in s.update_shape else walk(scope, [], olds)
    for value, out in zip(made, k.outs, strict=True):
        k.store(scope, value, out, mine)

"""Selections: which element each window selects, then what is put there.

Chapter: xla/fusion.
Sources: StableHLO specification, "select_and_scatter".
Real: XLA's `SelectAndScatterExpander` also makes a reduce_window of (value, position) pairs
and a scatter; windows side by side need no scatter.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from minidl.ir.dimension_numbers import ScatterDims
from minidl.ir.lowering.indexing import tensor_type
from minidl.ir.mlir.core import Block, Operation, Region, Value, clone
from minidl.ir.mlir.spec import Builder
from minidl.ir.mlir.types import ScalarType, i32, i64, tensor
from minidl.ir.stablehlo.windows import op_window
from minidl.xla.around import constant, copied, elementwise, padded, reshape


def select_and_scatter(b: Builder, op: Operation) -> list[Value]:
    x, source, init = op.operands
    chosen = _chosen(b, op)
    window = op_window(op)
    if all(w.stride == w.size and not w.low and not w.high for w in window):
        return [_spread(b, op, chosen)]
    n, count = tensor_type(x).size, tensor_type(source).size
    element = tensor_type(x).element
    flat = b.create(
        "stablehlo.broadcast_in_dim", [init], {"broadcast_dimensions": ()}, [tensor((n,), element)]
    ).result
    operands = [flat, reshape(b, chosen, (count, 1)), reshape(b, source, (count,))]
    attributes = {
        "scatter_dimension_numbers": ScatterDims((), (0,), (), (), (0,), 1),
        "indices_are_sorted": False,
        "unique_indices": False,
    }
    regions = [copied(op.regions[1])]
    made = b.create("stablehlo.scatter", operands, attributes, [flat.type], regions).result
    return [reshape(b, made, tensor_type(x).dims)]


def _chosen(b: Builder, op: Operation) -> Value:
    """For each window the number, in row-major order, of the element it selects; or −1."""
    x, t, window = op.operands[0], tensor_type(op.operands[0]), op_window(op)
    number = i32 if t.size < 1 << 31 else i64
    none = constant(b, -1, number)
    zero = constant(b, 0, t.element)
    inputs = [
        padded(b, v, window, range(t.rank), value)
        for v, value in ((x, zero), (_numbers(b, t.dims, _row_major(t.dims), number), none))
    ]
    attributes = {
        "window_dimensions": tuple(w.size for w in window),
        "window_strides": tuple(w.stride for w in window),
    }
    out = tensor_type(op.operands[1]).dims
    types = [tensor(out, t.element), tensor(out, number)]
    region = _pairs(op.regions[0], t.element, number)
    made = b.create("stablehlo.reduce_window", [*inputs, zero, none], attributes, types, [region])
    return made.results[1]


def _row_major(dims: Sequence[int]) -> list[int]:
    return [math.prod(dims[d + 1 :]) for d in range(len(dims))]


def _numbers(b: Builder, dims: Sequence[int], steps: Sequence[int], number: ScalarType) -> Value:
    """Σ index · step, for every index of that shape."""
    type_ = tensor(dims, number)
    total = constant(b, 0, number, dims)
    for d, step in enumerate(steps):
        if dims[d] > 1:
            at = b.create("stablehlo.iota", [], {"iota_dimension": d}, [type_]).result
            at = b.value("stablehlo.multiply", at, constant(b, step, number, dims))
            total = b.value("stablehlo.add", total, at)
    return total


def _pairs(select: Region, element: ScalarType, number: ScalarType) -> Region:
    """(value, number) pairs: the one that `select` prefers; one without a number never."""
    e, n = tensor((), element), tensor((), number)
    block = Block([e, n, e, n])
    x, i, y, j = block.args
    b = Builder(block)
    none = constant(b, -1, number)
    (better,) = _inlined(b, select, [x, y])
    second = b.value("stablehlo.compare", j, none, comparison_direction="EQ")
    first = b.value("stablehlo.compare", i, none, comparison_direction="NE")
    keep = b.value("stablehlo.and", first, b.value("stablehlo.or", second, better))
    pair = [b.value("stablehlo.select", keep, p, q) for p, q in ((x, y), (i, j))]
    b.create("stablehlo.return", pair)
    return Region([block])


def _inlined(b: Builder, region: Region, values: Sequence[Value]) -> list[Value]:
    """The ops of a region on given values."""
    block = region.block
    env: dict[Value, Value] = dict(zip(block.args, values, strict=True))
    for op in block:
        if op is not block.last:
            b.insert(clone(op, env))
    return [env.get(v, v) for v in block.terminator.operands]


def _spread(b: Builder, op: Operation, chosen: Value) -> Value:
    """Windows side by side: each element asks whether its one window chose it.

    A dimension of n windows of k elements is read as [n, k]; a rest that no window covers
    has the initial value.
    """
    x, source, init = op.operands
    t, window = tensor_type(x), op_window(op)
    sizes: list[int] = []
    steps: list[int] = []
    at: list[int] = []
    for w, n, step in zip(window, tensor_type(source).dims, _row_major(t.dims), strict=True):
        at.append(len(sizes))
        sizes += [n, w.size]
        steps += [step * w.size, step]
    numbers = tensor_type(chosen).element
    own = _numbers(b, sizes, steps, numbers)

    def wide(v: Value, dims: Sequence[int]) -> Value:
        type_ = tensor(sizes, tensor_type(v).element)
        attributes = {"broadcast_dimensions": tuple(dims)}
        return b.create("stablehlo.broadcast_in_dim", [v], attributes, [type_]).result

    mine = b.value("stablehlo.compare", wide(chosen, at), own, comparison_direction="EQ")
    start = wide(init, ())
    (put,) = elementwise(b, op.regions[1], [start, wide(source, at)], sizes)
    made = b.value("stablehlo.select", mine, put, start)
    covered = [n * w.size for n, w in zip(tensor_type(source).dims, window, strict=True)]
    made = reshape(b, made, covered)
    rest = tuple(n - c for n, c in zip(t.dims, covered, strict=True))
    if not any(rest):
        return made
    zeros = (0,) * t.rank
    amounts = {"edge_padding_low": zeros, "edge_padding_high": rest, "interior_padding": zeros}
    return b.create("stablehlo.pad", [made, init], amounts).result

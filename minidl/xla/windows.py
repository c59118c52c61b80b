"""Windows: what stands around an array is written around it; the window then only slides.

Chapter: xla/fusion, ir/lowering.
Sources: StableHLO specification, "convolution", "reduce_window", "select_and_scatter".
Real: XLA's `ConvCanonicalization`, `BatchGroupedConvolutionConverter`, and
`SelectAndScatterExpander`, which also makes a reduce_window of (value, position) pairs and
a scatter; `stablehlo-legalize-to-linalg` pads before the window, too.

    padding, holes in the input   a pad of its own (negative padding cuts)
    batch groups                  feature groups of an input whose batch parts lie side by side
    select_and_scatter            which element each window selects, then what is put there
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from minidl.ir.dimension_numbers import ConvDims, ScatterDims, Window
from minidl.ir.lowering.indexing import tensor_type
from minidl.ir.mlir.attributes import dense_like
from minidl.ir.mlir.core import Block, Operation, Region, Value, clone
from minidl.ir.mlir.module import Module
from minidl.ir.mlir.spec import Builder
from minidl.ir.mlir.types import ScalarType, i32, i64, tensor
from minidl.ir.stablehlo.convolution import conv_window
from minidl.ir.stablehlo.windows import op_window

WINDOW_ATTRIBUTES = ("padding", "base_dilations", "lhs_dilation")


def slide(module: Module) -> Module:
    """The module, in place, with every window plain: strides and dilations are left."""
    for op in [op for f in module.functions.values() for op in f.body]:
        if op.name in ROWS:
            op.replace(ROWS[op.name](Builder.before_op(op), op))
    return module


# -- around the input --------------------------------------------------------------------


def padded(b: Builder, x: Value, window: Window, dims: Sequence[int], value: Value) -> Value:
    """`x` with what the window's padding and base dilation put around its elements."""
    if all(w.low == w.high == 0 and w.base_dilation == 1 for w in window):
        return x
    low, high, interior = ([0] * tensor_type(x).rank for _ in range(3))
    for w, d in zip(window, dims, strict=True):
        low[d], high[d], interior[d] = w.low, w.high, w.base_dilation - 1
    amounts = ("edge_padding_low", "edge_padding_high", "interior_padding")
    attributes = dict(zip(amounts, map(tuple, (low, high, interior)), strict=True))
    return b.create("stablehlo.pad", [x, value], attributes).result


def constant(b: Builder, value: Any, element: ScalarType, shape: Sequence[int] = ()) -> Value:
    return b.value("stablehlo.constant", value=dense_like(value, tuple(shape), element))


def _convolution(b: Builder, op: Operation) -> list[Value]:
    dims: ConvDims = op["dimension_numbers"]
    lhs, rhs = op.operands
    zero = constant(b, 0, tensor_type(lhs).element)
    lhs = padded(b, lhs, conv_window(op), dims.input_spatial, zero)
    attributes = {k: v for k, v in op.attributes.items() if k not in WINDOW_ATTRIBUTES}
    groups = op.get("batch_group_count", 1)
    if groups > 1:
        lhs, attributes["dimension_numbers"] = _batch_groups(b, lhs, dims, groups)
        attributes |= {"batch_group_count": 1, "feature_group_count": groups}
    types = [op.result.type]
    return b.create("stablehlo.convolution", [lhs, rhs], attributes, types).results


def _batch_groups(b: Builder, x: Value, dims: ConvDims, groups: int) -> tuple[Value, ConvDims]:
    """[groups · batch, …, features] as [batch, …, groups · features], features last."""
    t = tensor_type(x)
    batch, features = t.dims[dims.input_batch], t.dims[dims.input_feature]
    space = [t.dims[d] for d in dims.input_spatial]
    x = b.value("stablehlo.transpose", x, permutation=dims.input)
    split = [groups, batch // groups, *space, features]
    x = reshape(b, x, split)
    rank = len(split)
    x = b.value("stablehlo.transpose", x, permutation=(*range(1, rank - 1), 0, rank - 1))
    x = reshape(b, x, [batch // groups, *space, groups * features])
    made = replace(
        dims, input_batch=0, input_feature=rank - 2, input_spatial=tuple(range(1, rank - 2))
    )
    return x, made


def reshape(b: Builder, x: Value, dims: Sequence[int]) -> Value:
    type_ = tensor(dims, tensor_type(x).element)
    return x if x.type is type_ else b.create("stablehlo.reshape", [x], None, [type_]).result


def _reduce_window(b: Builder, op: Operation) -> list[Value]:
    half, window = len(op.operands) // 2, op_window(op)
    dims = range(len(window))
    xs, inits = op.operands[:half], op.operands[half:]
    xs = [padded(b, x, window, dims, init) for x, init in zip(xs, inits, strict=True)]
    attributes = {k: v for k, v in op.attributes.items() if k not in WINDOW_ATTRIBUTES}
    types = [v.type for v in op.results]
    regions = [_copied(op.regions[0])]
    return b.create("stablehlo.reduce_window", [*xs, *inits], attributes, types, regions).results


def _copied(region: Region) -> Region:
    block = region.block
    made = Block([v.type for v in block.args])
    mapping: dict[Value, Value] = dict(zip(block.args, made.args, strict=True))
    for op in block:
        made.append(clone(op, mapping))
    return Region([made])


# -- select_and_scatter --------------------------------------------------------------------


def _select_and_scatter(b: Builder, op: Operation) -> list[Value]:
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
    regions = [_copied(op.regions[1])]
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
    (put,) = _elementwise(b, op.regions[1], [start, wide(source, at)], sizes)
    made = b.value("stablehlo.select", mine, put, start)
    covered = [n * w.size for n, w in zip(tensor_type(source).dims, window, strict=True)]
    made = reshape(b, made, covered)
    rest = tuple(n - c for n, c in zip(t.dims, covered, strict=True))
    if not any(rest):
        return made
    zeros = (0,) * t.rank
    amounts = {"edge_padding_low": zeros, "edge_padding_high": rest, "interior_padding": zeros}
    return b.create("stablehlo.pad", [made, init], amounts).result


def _elementwise(
    b: Builder, region: Region, values: Sequence[Value], dims: Sequence[int]
) -> list[Value]:
    """A region on scalars, on whole arrays of one shape."""
    block = region.block
    env: dict[Value, Value] = dict(zip(block.args, values, strict=True))
    for op in block:
        if op is block.last:
            break
        if op.name == "stablehlo.constant":
            element = tensor_type(op.result).element
            env[op.result] = constant(b, op["value"].item, element, dims)
            continue
        types: list[Any] = [tensor(dims, tensor_type(v).element) for v in op.results]
        operands = [env[v] for v in op.operands]
        env[op.results[0]] = b.create(op.name, operands, dict(op.attributes), types).result
    return [env[v] for v in block.terminator.operands]


ROWS: dict[str, Callable[[Builder, Operation], list[Value]]] = {
    "stablehlo.convolution": _convolution,
    "stablehlo.reduce_window": _reduce_window,
    "stablehlo.select_and_scatter": _select_and_scatter,
}

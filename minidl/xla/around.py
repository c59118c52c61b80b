"""Pieces of StableHLO that the rewrites of windows are made of.

Chapter: xla/fusion.
Sources: StableHLO specification, one section an op.
Real: XLA's `hlo_creation_utils` (`PadVectorWithZeros`, `MakeReshapeHlo` …).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from minidl.ir.dimension_numbers import Window, output_sizes
from minidl.ir.lowering.indexing import tensor_type
from minidl.ir.mlir.attributes import dense_like
from minidl.ir.mlir.core import Block, Operation, Region, Value, clone
from minidl.ir.mlir.spec import Builder
from minidl.ir.mlir.types import ScalarType, tensor


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


def reshape(b: Builder, x: Value, dims: Sequence[int]) -> Value:
    type_ = tensor(dims, tensor_type(x).element)
    return x if x.type is type_ else b.create("stablehlo.reshape", [x], None, [type_]).result


def cut(b: Builder, x: Value, d: int, start: int, limit: int) -> Value:
    """Elements start … limit of one dimension."""
    dims = tensor_type(x).dims
    starts = tuple(start if i == d else 0 for i in range(len(dims)))
    limits = tuple(limit if i == d else n for i, n in enumerate(dims))
    ones = (1,) * len(dims)
    return b.value("stablehlo.slice", x, start_indices=starts, limit_indices=limits, strides=ones)


def slid(
    b: Builder, op: Operation, window: Window, xs: Sequence[Value], elements: Sequence[ScalarType]
) -> list[Value]:
    """reduce_window with the region of `op` and a plain window, after its padding."""
    inits = op.operands[len(op.operands) // 2 :]
    dims = output_sizes(window, tensor_type(xs[0]).dims)
    xs = [padded(b, x, window, range(len(window)), i) for x, i in zip(xs, inits, strict=True)]
    attributes = {
        "window_dimensions": tuple(w.size for w in window),
        "window_strides": tuple(w.stride for w in window),
        "window_dilations": tuple(w.window_dilation for w in window),
    }
    types = [tensor(dims, e) for e in elements]
    regions = [copied(op.regions[0])]
    return b.create("stablehlo.reduce_window", [*xs, *inits], attributes, types, regions).results


def copied(region: Region) -> Region:
    block = region.block
    made = Block([v.type for v in block.args])
    mapping: dict[Value, Value] = dict(zip(block.args, made.args, strict=True))
    for op in block:
        made.append(clone(op, mapping))
    return Region([made])


def elementwise(
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

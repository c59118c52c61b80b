"""Indexing: computed places that are known, pieces that are everything or nothing.

Chapter: ir/rewriting.
Sources: StableHLO specification, "dynamic_slice", "gather", "scatter", "sort", "iota".
Real: XLA's `GatherSimplifier`, `ScatterSimplifier`, `HandleDynamicSlice` and others of
`AlgebraicSimplifier`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from minidl.ir.dimension_numbers import clamp_start
from minidl.ir.mlir.attributes import Dense
from minidl.ir.mlir.core import Operation, Value
from minidl.ir.mlir.types import TensorType, tensor
from minidl.ir.rewriting.driver import Made, Pattern, Rewriter, is_pure
from minidl.ir.rewriting.fold import constant_of, make_constant
from minidl.ir.rewriting.patterns.match import Rule, dims_of, element_of, pattern, splat, type_of

PATTERNS: list[Pattern] = []


def rule(name: str, *ops: str, why: str) -> Callable[[Rule], Rule]:
    return pattern(PATTERNS, name, *ops, why=why)


def cut(rw: Rewriter, x: Value, starts: Sequence[int], sizes: Sequence[int]) -> Value:
    """`x[start : start + size]` along each dimension."""
    attributes = {
        "start_indices": tuple(starts),
        "limit_indices": tuple(a + n for a, n in zip(starts, sizes, strict=True)),
        "strides": (1,) * len(starts),
    }
    return rw.create("stablehlo.slice", [x], attributes)


def whole(rw: Rewriter, value: Value, out: Any) -> Value:
    """One scalar everywhere."""
    return rw.create("stablehlo.broadcast_in_dim", [value], {"broadcast_dimensions": ()}, [out])


# -- slices ----------------------------------------------------------------------------


@rule("dynamic slice of everything", "dynamic_slice", why="the start is clamped to 0")
def slice_everything(op: Operation, rw: Rewriter) -> Made:
    return op.operands[0] if op.operands[0].type is op.result.type else None


@rule("dynamic slice, known start", "dynamic_slice", why="the start is a constant, clamped")
def slice_known(op: Operation, rw: Rewriter) -> Made:
    x, *starts = op.operands
    known = [constant_of(v) for v in starts]
    sizes = op["slice_sizes"]
    if not all(known):
        return None
    numbers = [int(c.item) for c in known if c is not None]
    return cut(rw, x, list(map(_clamp, numbers, sizes, dims_of(x))), sizes)


def _clamp(start: int, size: int, n: int) -> int:
    return int(clamp_start(start, size, n))


@rule("update of everything", "dynamic_update_slice", why="every element is replaced")
def update_everything(op: Operation, rw: Rewriter) -> Made:
    return op.operands[1] if op.operands[1].type is op.result.type else None


@rule("update of nothing", "dynamic_update_slice", why="no element is replaced")
def update_nothing(op: Operation, rw: Rewriter) -> Made:
    return None if type_of(op.operands[1]).size else op.operands[0]


# -- gather, scatter, sort -----------------------------------------------------------------


@rule("gather of one slice", "gather", why="one start index, and it is a constant, clamped")
def gather_known(op: Operation, rw: Rewriter) -> Made:
    x, starts = op.operands
    d, sizes = op["dimension_numbers"], op["slice_sizes"]
    known = constant_of(starts)
    if known is None or math.prod(d.batch_sizes(known.type.dims)) != 1 or d.operand_batching_dims:
        return None
    start = d.full_start([int(i) for i in known.array.reshape(-1)], len(sizes))
    piece = cut(rw, x, list(map(_clamp, start, sizes, dims_of(x))), sizes)
    return rw.create("stablehlo.reshape", [piece], None, [op.result.type])


@rule("scatter of nothing", "scatter", why="there is no update")
def scatter_nothing(op: Operation, rw: Rewriter) -> Made:
    n = len(op.results)
    same = all(x.type is out.type for x, out in zip(op.operands, op.results))
    return op.operands[:n] if same and not type_of(op.operands[-1]).size else None


@rule("sort of one", "sort", why="a single element is in order")
def sort_one(op: Operation, rw: Rewriter) -> Made:
    shape = dims_of(op.operands[0])
    return op.operands if not shape or shape[op["dimension"]] <= 1 else None


# -- nothing, and one ------------------------------------------------------------------------


@rule("reduce of nothing", "reduce", why="without elements a reduction is its start")
def reduce_nothing(op: Operation, rw: Rewriter) -> Made:
    n = len(op.results)
    starts = op.operands[n:]
    fits = all(element_of(s) is element_of(out) for s, out in zip(starts, op.results))
    if type_of(op.operands[0]).size or not fits:
        return None
    return [whole(rw, s, out.type) for s, out in zip(starts, op.results)]


@rule("pad of nothing", "pad", why="without elements there is only padding")
def pad_of_nothing(op: Operation, rw: Rewriter) -> Made:
    x, value = op.operands
    return None if type_of(x).size else whole(rw, value, op.result.type)


@rule("pieces of nothing", "concatenate", why="a piece without elements adds none")
def concatenate_nothing(op: Operation, rw: Rewriter) -> Made:
    some = [v for v in op.operands if type_of(v).size]
    if len(some) == len(op.operands) or not some:
        return None
    return rw.create(op.name, some, dict(op.attributes))


@rule("count to one", "iota", why="along a dimension of one element the only number is 0")
def iota_one(op: Operation, rw: Rewriter) -> Made:
    out = op.result
    return splat(rw, 0, out) if dims_of(out)[op["iota_dimension"]] == 1 else None


@rule("empty result", "*", why="all arrays without elements are equal")
def empty_result(op: Operation, rw: Rewriter) -> Made:
    if op.regions or len(op.results) != 1 or op.name == "stablehlo.constant" or not is_pure(op):
        return None
    out = op.result.type
    if op.name[:10] != "stablehlo." or not isinstance(out, TensorType) or out.size:
        return None
    empty = np.zeros(out.dims, out.element.numpy)
    return make_constant(rw, Dense(empty, tensor(out.dims, out.element)))

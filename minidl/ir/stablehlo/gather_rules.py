"""What must hold of the dimension numbers of gather, dynamic_gather and scatter.

Chapter: ir/dimension_numbers.
Sources: StableHLO specification, "gather" (C1 … C21), "dynamic_gather", "scatter" (C2, C7 … C22).
Real: `verifyGather` and `validateScatterDimensionNumbers` in TypeInference.cpp.

A scatter writes where a gather with the same numbers would read: one table serves both.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from minidl.ir.dimension_numbers import GatherDims, Shape
from minidl.ir.mlir.types import TensorType
from minidl.ir.stablehlo.constraints import Row, ascending, check, fail, inside, unique


@dataclass(frozen=True, slots=True)
class _Facts:
    """What the constraints of gather and of scatter speak about, in gather's words."""

    operand: TensorType
    starts: TensorType
    dims: GatherDims
    result_rank: int  # of the result; of the updates for scatter
    sizes: Shape = ()  # gather's slice_sizes


def _paired(f: _Facts) -> bool:
    """Batching dimensions have the same size on both sides."""
    d = f.dims
    pairs = zip(d.operand_batching_dims, d.start_indices_batching_dims, strict=True)
    return all(f.operand.dims[a] == f.starts.dims[b] for a, b in pairs)


# (label in gather, label in scatter, what must hold, what to say)
_BOTH: list[tuple[str, str, Any, str]] = [
    (
        "C2", "C22",
        lambda f: 0 <= f.dims.index_vector_dim <= f.starts.rank,
        "index_vector_dim {dims.index_vector_dim} is not in 0 … rank of {starts}",
    ),
    (
        "C1", "C2",
        lambda f: f.operand.rank
        == len(f.dims.offset_dims + f.dims.collapsed_slice_dims + f.dims.operand_batching_dims),
        "each dimension of {operand} is walked, collapsed or batching, once: {dims}",
    ),
    (
        "C3", "C19",
        lambda f: len(f.dims.start_index_map) == f.dims.index_size(f.starts.dims),
        "start index map {dims.start_index_map} has not one entry for each number of a start "
        "index in {starts}",
    ),
    (
        "C4", "C7",
        lambda f: unique(f.dims.offset_dims) and ascending(f.dims.offset_dims),
        "offset (window) dims {dims.offset_dims} must be different and ascending",
    ),
    (
        "C5", "C8",
        lambda f: inside(f.dims.offset_dims, f.result_rank),
        "offset (window) dims {dims.offset_dims} are not in 0 … {result_rank}, excluded",
    ),
    (
        "C6", "C9",
        lambda f: unique(f.dims.collapsed_slice_dims + f.dims.operand_batching_dims),
        "collapsed (inserted) dims {dims.collapsed_slice_dims} and batching dims "
        "{dims.operand_batching_dims} must be different",
    ),
    (
        "C7", "C10",
        lambda f: ascending(f.dims.collapsed_slice_dims),
        "collapsed (inserted) dims {dims.collapsed_slice_dims} must ascend",
    ),
    (
        "C8", "C11",
        lambda f: inside(f.dims.collapsed_slice_dims, f.operand.rank),
        "collapsed (inserted) dims {dims.collapsed_slice_dims} are not dimensions of {operand}",
    ),
    (
        "C10", "C12",
        lambda f: ascending(f.dims.operand_batching_dims),
        "operand batching dims {dims.operand_batching_dims} must ascend",
    ),
    (
        "C11", "C13",
        lambda f: inside(f.dims.operand_batching_dims, f.operand.rank),
        "batching dims {dims.operand_batching_dims} are not dimensions of {operand}",
    ),
    (
        "C13", "C14",
        lambda f: unique(f.dims.start_indices_batching_dims),
        "batching dims of the indices {dims.start_indices_batching_dims} must be different",
    ),
    (
        "C14", "C15",
        lambda f: inside(f.dims.start_indices_batching_dims, f.starts.rank),
        "batching dims {dims.start_indices_batching_dims} are not dimensions of {starts}",
    ),
    (
        "C15", "C16",
        lambda f: f.dims.index_vector_dim not in f.dims.start_indices_batching_dims,
        "index_vector_dim {dims.index_vector_dim} cannot be a batching dimension",
    ),
    (
        "C16", "C17",
        lambda f: len(f.dims.operand_batching_dims) == len(f.dims.start_indices_batching_dims),
        "batching dims come in pairs: {dims.operand_batching_dims} with "
        "{dims.start_indices_batching_dims}",
    ),
    (
        "C17", "C18", _paired,
        "batching dims {dims.operand_batching_dims} of {operand} and "
        "{dims.start_indices_batching_dims} of {starts} must have the same sizes",
    ),
    (
        "C18", "C20",
        lambda f: unique(f.dims.start_index_map + f.dims.operand_batching_dims),
        "start index map {dims.start_index_map} and batching dims "
        "{dims.operand_batching_dims} must be different",
    ),
    (
        "C19", "C21",
        lambda f: inside(f.dims.start_index_map, f.operand.rank),
        "start index map {dims.start_index_map} names dimensions that {operand} has not",
    ),
]  # fmt: skip
_GATHER: list[Row] = [(gather, holds, says) for gather, _, holds, says in _BOTH] + [
    (
        "C20", lambda f: len(f.sizes) == f.operand.rank,
        "slice sizes {sizes} must be as many as the dimensions of {operand}",
    ),
    (
        "C9", lambda f: all(f.sizes[d] <= 1 for d in f.dims.collapsed_slice_dims),
        "slice sizes {sizes} must be 0 or 1 at the collapsed dims {dims.collapsed_slice_dims}",
    ),
    (
        "C12", lambda f: all(f.sizes[d] <= 1 for d in f.dims.operand_batching_dims),
        "slice sizes {sizes} must be 0 or 1 at the batching dims {dims.operand_batching_dims}",
    ),
    (
        "C21",
        lambda f: all(0 <= s <= n for s, n in zip(f.sizes, f.operand.dims, strict=True)),
        "slices of sizes {sizes} do not fit {operand}",
    ),
]  # fmt: skip
_SCATTER: list[Row] = [(scatter, holds, says) for _, scatter, holds, says in _BOTH]


# dynamic_gather has labels of its own, none for batching dimensions.
_DYNAMIC = {
    "C7": "C6", "C8": "C7", "C9": "C8", "C18": "C9", "C19": "C10", "C20": "C11", "C21": "C12",
    **{f"C{n}": f"C{n} of gather" for n in (10, 11, 12, 13, 14, 15, 16, 17)},
}  # fmt: skip
_DYNAMIC_GATHER: list[Row] = [
    (_DYNAMIC.get(label, label), holds, says) for label, holds, says in _GATHER
]


def gather_shape(
    name: str, operand: TensorType, starts: TensorType, dims: GatherDims, sizes: Shape
) -> Shape:
    """The result's shape, after all constraints are checked."""
    if not is_index(starts):
        raise fail(name, "I2", f"start indices must be integers, got {starts}")
    rank = len(dims.offset_dims) + max(0, starts.rank - (dims.index_vector_dim < starts.rank))
    rows = _DYNAMIC_GATHER if name == "stablehlo.dynamic_gather" else _GATHER
    check(name, rows, _Facts(operand, starts, dims, rank, sizes))
    return dims.result_shape(starts.dims, sizes)


def check_scatter(
    name: str, operand: TensorType, starts: TensorType, update: TensorType, dims: GatherDims
) -> None:
    """The dimension numbers of a scatter, given as those of the gather it undoes."""
    check(name, _SCATTER, _Facts(operand, starts, dims, update.rank))


def is_index(t: TensorType) -> bool:
    """Whether a tensor holds integers: starts, sizes, amounts of padding."""
    return t.element.is_integer and t.element.name != "i1"

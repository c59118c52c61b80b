"""Where an op reads its operands: moves are other indices of the same element.

Chapter: ir/lowering.
Sources: StableHLO specification, one section an op; MLIR, "Affine Maps".
Real: the indexing maps of `stablehlo-legalize-to-linalg`; XLA's `IndexingMap`.

    index   a tuple of affine expressions of the loop dimensions, one a dimension
    INDEX   op → where its operand is read when its result is read at an index
"""

from __future__ import annotations

from collections.abc import Callable

from minidl.core.errors import UnsupportedError
from minidl.ir.lowering.scalars import signless
from minidl.ir.mlir.attributes import Affine, DotDims
from minidl.ir.mlir.core import Operation, Value
from minidl.ir.mlir.types import TensorType, tensor

Index = tuple[Affine, ...]
LOWERED = frozenset(["i1", "i8", "i16", "i32", "i64", "f16", "bf16", "f32", "f64", "index"])


def tensor_type(value: Value) -> TensorType:
    assert isinstance(value.type, TensorType)
    return value.type


def lowered(type_: TensorType) -> TensorType:
    """The type below StableHLO: without sign; refused when no machine type fits."""
    element = signless(type_.element)
    if element.name not in LOWERED or not type_.is_static:
        raise UnsupportedError(
            f"{type_} is not lowered", op=str(type_), hint="stage: linalg; convert to f32 or i32"
        )
    return tensor(type_.shape, element)


def here(rank: int) -> Index:
    """The index of an element by the loop dimensions themselves."""
    return tuple(map(Affine.dim, range(rank)))


# -- moves ----------------------------------------------------------------------------


def _broadcast(op: Operation, at: Index) -> Index:
    x, out = tensor_type(op.operands[0]), tensor_type(op.result)
    dims = op["broadcast_dimensions"]
    return tuple(
        Affine() if x.shape[i] == 1 and out.shape[d] != 1 else at[d] for i, d in enumerate(dims)
    )


def _transpose(op: Operation, at: Index) -> Index:
    order = op["permutation"]
    return tuple(at[order.index(d)] for d in range(len(order)))


def is_unit_reshape(op: Operation) -> bool:
    """Whether a reshape only adds or drops dimensions of size 1."""
    a, b = tensor_type(op.operands[0]).dims, tensor_type(op.result).dims
    return [n for n in a if n != 1] == [n for n in b if n != 1]


def _reshape(op: Operation, at: Index) -> Index:
    out = tensor_type(op.result).dims
    kept = iter([i for i, n in zip(at, out, strict=True) if n != 1])
    return tuple(next(kept) if n != 1 else Affine() for n in tensor_type(op.operands[0]).dims)


def _slice(op: Operation, at: Index) -> Index:
    return tuple(
        i.scaled(s, a) for i, a, s in zip(at, op["start_indices"], op["strides"], strict=True)
    )


def _reverse(op: Operation, at: Index) -> Index:
    shape = tensor_type(op.result).dims
    return tuple(
        i.scaled(-1, shape[d] - 1) if d in op["dimensions"] else i for d, i in enumerate(at)
    )


INDEX = {
    "stablehlo.broadcast_in_dim": _broadcast,
    "stablehlo.transpose": _transpose,
    "stablehlo.reshape": _reshape,
    "stablehlo.slice": _slice,
    "stablehlo.reverse": _reverse,
}


def only_moves(op: Operation) -> bool:
    """Whether the op is nothing but another index of its operand."""
    return op.name in INDEX and (op.name != "stablehlo.reshape" or is_unit_reshape(op))


def behind_moves(
    value: Value, where: Index, passes: Callable[[Operation], bool] = only_moves
) -> tuple[Value, Index]:
    """The value that is read in the end, past the moves that `passes` allows, and where."""
    while value.op is not None and passes(value.op):
        where = INDEX[value.op.name](value.op, where)
        value = value.op.operands[0]
    return value, where


# -- dots -----------------------------------------------------------------------------


def dot_index(op: Operation) -> tuple[Index, Index]:
    """Where a dot reads lhs and rhs: dims are batch, free of lhs, free of rhs, contracted."""
    dims: DotDims = op["dot_dimension_numbers"]
    ranks = [tensor_type(v).rank for v in op.operands]
    free_x, free_y = dims.free(*ranks)
    batch = len(dims.lhs_batching)
    k0 = batch + len(free_x) + len(free_y)
    lhs = _positions(dims.lhs_batching, free_x, dims.lhs_contracting, batch, k0)
    rhs = _positions(dims.rhs_batching, free_y, dims.rhs_contracting, batch + len(free_x), k0)
    return lhs, rhs


def _positions(
    batching: tuple[int, ...],
    free: tuple[int, ...],
    contracting: tuple[int, ...],
    free_at: int,
    k0: int,
) -> Index:
    where = {d: i for i, d in enumerate(batching)}
    where |= {d: free_at + i for i, d in enumerate(free)}
    where |= {d: k0 + i for i, d in enumerate(contracting)}
    return tuple(Affine.dim(where[d]) for d in range(len(where)))


def uses_lanes(op: Operation) -> bool:
    """Whether a dot sums along vectors of k, not in order over k (DESIGN, Numbers).

    In order where at least 8 neighbouring outputs can be one vector; by lanes for short
    rows, and for matrix · vector, where the neighbours in memory are those of k.
    """
    out, dims = tensor_type(op.result), op["dot_dimension_numbers"]
    if out.rank == 0 or out.dims[-1] < 8:
        return True
    ranks = [tensor_type(v).rank for v in op.operands]
    _, free_y = dims.free(*ranks)
    k = dims.lhs_contracting, dims.rhs_contracting
    return not free_y and bool(k[0]) and k[0][-1] == ranks[0] - 1 and k[1][-1] == ranks[1] - 1

"""Movement: ops that only place elements, put together or left out.

Chapter: ir/rewriting.
Sources: StableHLO specification, "broadcast_in_dim", "reshape", "transpose", "slice".
Real: XLA's `ReshapeMover`, `TransposeFolding` and parts of `AlgebraicSimplifier`.

No arithmetic is done here, so no bit can change.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from minidl.ir.mlir.attributes import Dense
from minidl.ir.mlir.core import Operation, Value
from minidl.ir.mlir.spec import has_trait
from minidl.ir.mlir.types import tensor
from minidl.ir.rewriting.driver import Made, Pattern, Rewriter
from minidl.ir.rewriting.fold import make_constant
from minidl.ir.rewriting.patterns.match import (
    Rule,
    dims_of,
    element_of,
    made_by,
    pattern,
    splat_of,
    type_of,
    unit_free,
)

PATTERNS: list[Pattern] = []


def rule(name: str, *ops: str, why: str) -> Callable[[Rule], Rule]:
    return pattern(PATTERNS, name, *ops, why=why)


def _reshape(rw: Rewriter, op: Operation, value: Value, also: Sequence[Operation] = ()) -> Value:
    """`value` in the shape of `op`'s result; itself when it has that shape."""
    if value.type is op.result.type:
        return value
    return rw.create("stablehlo.reshape", [value], None, [op.result.type], also=also)


# -- reshape and transpose -----------------------------------------------------------


@rule("reshape of nothing", "reshape", why="the shapes are one")
def reshape_same(op: Operation, rw: Rewriter) -> Made:
    return op.operands[0] if op.operands[0].type is op.result.type else None


@rule("reshape of reshape", "reshape", why="only the last shape counts")
def reshape_reshape(op: Operation, rw: Rewriter) -> Made:
    inner = made_by(op.operands[0], "reshape")
    return None if inner is None else _reshape(rw, op, inner.operands[0], [inner])


@rule("transpose of nothing", "transpose", why="the permutation is the identity")
def transpose_same(op: Operation, rw: Rewriter) -> Made:
    order = op["permutation"]
    return op.operands[0] if order == tuple(range(len(order))) else None


@rule("transpose of transpose", "transpose", why="permutations compose")
def transpose_transpose(op: Operation, rw: Rewriter) -> Made:
    inner = made_by(op.operands[0], "transpose")
    if inner is None:
        return None
    order = tuple(inner["permutation"][d] for d in op["permutation"])
    return rw.create(op.name, [inner.operands[0]], {"permutation": order}, also=[inner])


@rule("transpose of size 1", "transpose", why="dimensions of size 1 move without an element moving")
def transpose_units(op: Operation, rw: Rewriter) -> Made:
    shape = dims_of(op.operands[0])
    moved = [d for d in op["permutation"] if shape[d] != 1]
    return _reshape(rw, op, op.operands[0]) if moved == sorted(moved) else None


@rule("transpose of broadcast", "transpose", why="the broadcast can place each dimension itself")
def transpose_broadcast(op: Operation, rw: Rewriter) -> Made:
    inner = made_by(op.operands[0], "broadcast_in_dim")
    if inner is None:
        return None
    order = op["permutation"]
    dims = tuple(order.index(d) for d in inner["broadcast_dimensions"])
    if dims != tuple(sorted(dims)):
        return None
    return _broadcast(rw, op, inner.operands[0], dims, inner)


# -- broadcast ---------------------------------------------------------------------------


def _broadcast(
    rw: Rewriter, op: Operation, value: Value, dims: Sequence[int], inner: Operation
) -> Value:
    attributes = {"broadcast_dimensions": tuple(dims)}
    kind = "stablehlo.broadcast_in_dim"
    return rw.create(kind, [value], attributes, [op.result.type], also=[inner])


@rule("broadcast of nothing", "broadcast_in_dim", why="no dimension is added, grown or moved")
def broadcast_same(op: Operation, rw: Rewriter) -> Made:
    x, dims = op.operands[0], op["broadcast_dimensions"]
    return x if x.type is op.result.type and dims == tuple(range(len(dims))) else None


@rule("broadcast that reshapes", "broadcast_in_dim", why="only dimensions of size 1 are added")
def broadcast_reshape(op: Operation, rw: Rewriter) -> Made:
    x, dims = op.operands[0], op["broadcast_dimensions"]
    if type_of(x).size != type_of(op.result).size or not type_of(x).size:
        return None
    placed = [dims[d] for d in unit_free(dims_of(x))]
    return _reshape(rw, op, x) if placed == sorted(placed) else None


@rule("broadcast that transposes", "broadcast_in_dim", why="dimensions are moved, none is grown")
def broadcast_transpose(op: Operation, rw: Rewriter) -> Made:
    x, dims = op.operands[0], op["broadcast_dimensions"]
    shape = dims_of(op.result)
    if len(dims) != len(shape) or tuple(shape[d] for d in dims) != dims_of(x):
        return None
    order = tuple(dims.index(d) for d in range(len(dims)))
    return rw.create("stablehlo.transpose", [x], {"permutation": order}, [op.result.type])


@rule("broadcast of broadcast", "broadcast_in_dim", why="placements compose")
def broadcast_broadcast(op: Operation, rw: Rewriter) -> Made:
    inner = made_by(op.operands[0], "broadcast_in_dim")
    if inner is None:
        return None
    dims = [op["broadcast_dimensions"][d] for d in inner["broadcast_dimensions"]]
    return _broadcast(rw, op, inner.operands[0], dims, inner)


@rule("broadcast of reshape", "broadcast_in_dim", why="the reshape only adds dimensions of size 1")
def broadcast_of_reshape(op: Operation, rw: Rewriter) -> Made:
    inner = made_by(op.operands[0], "reshape")
    if inner is None:
        return None
    x = inner.operands[0]
    narrow, wide = dims_of(x), dims_of(inner.result)
    if 1 in narrow or tuple(n for n in wide if n != 1) != narrow:
        return None
    dims = [op["broadcast_dimensions"][d] for d in unit_free(wide)]
    return _broadcast(rw, op, x, dims, inner)


# -- slices, pieces, edges ---------------------------------------------------------------


@rule("slice of everything", "slice", why="every element is taken in order")
def slice_same(op: Operation, rw: Rewriter) -> Made:
    same = op.operands[0].type is op.result.type and not any(op["start_indices"])
    return op.operands[0] if same else None


@rule("slice of slice", "slice", why="ranges compose")
def slice_slice(op: Operation, rw: Rewriter) -> Made:
    inner = made_by(op.operands[0], "slice")
    if inner is None:
        return None
    start = [  # an empty range may begin past the end of what it is taken from
        min(a + b * s, size)
        for a, b, s, size in zip(
            inner["start_indices"],
            op["start_indices"],
            inner["strides"],
            dims_of(inner.operands[0]),
        )
    ]
    step = [a * b for a, b in zip(inner["strides"], op["strides"])]
    stop = [
        min(a + (n - 1) * s + 1, size) if n else a
        for a, n, s, size in zip(start, dims_of(op.result), step, dims_of(inner.operands[0]))
    ]
    attributes = {
        "start_indices": tuple(start), "limit_indices": tuple(stop), "strides": tuple(step)
    }  # fmt: skip
    return rw.create(op.name, [inner.operands[0]], attributes, also=[inner])


@rule("concatenate of one", "concatenate", why="there is nothing to join")
def concatenate_one(op: Operation, rw: Rewriter) -> Made:
    return op.operands[0] if len(op.operands) == 1 else None


@rule("pad with nothing", "pad", why="no edge is added or cut")
def pad_nothing(op: Operation, rw: Rewriter) -> Made:
    edges = op["edge_padding_low"] + op["edge_padding_high"] + op["interior_padding"]
    return None if any(edges) else op.operands[0]


@rule("reverse of nothing", "reverse", why="a dimension of size 1 reads the same backwards")
def reverse_units(op: Operation, rw: Rewriter) -> Made:
    shape = dims_of(op.operands[0])
    return op.operands[0] if all(shape[d] <= 1 for d in op["dimensions"]) else None


@rule("reverse of reverse", "reverse", why="twice backwards is forwards")
def reverse_reverse(op: Operation, rw: Rewriter) -> Made:
    inner = made_by(op.operands[0], "reverse")
    if inner is None or sorted(inner["dimensions"]) != sorted(op["dimensions"]):
        return None
    return inner.operands[0]


@rule("reshape moves down", "*", why="an elementwise op does the same in either shape")
def reshape_down(op: Operation, rw: Rewriter) -> Made:
    """op(reshape x, reshape y, splat) is reshape(op(x, y, splat))."""
    inner = [made_by(v, "reshape") for v in op.operands]
    sources = [i.operands[0] for i in inner if i is not None]
    if not sources or not has_trait(op, "elementwise") or len(op.results) != 1:
        return None
    shape = dims_of(sources[0])
    if any(dims_of(s) != shape for s in sources):
        return None
    operands = []
    for value, moved in zip(op.operands, inner):
        item = None if moved else splat_of(value)
        if moved is None and (item is None or dims_of(value) != dims_of(op.result)):
            return None
        made = moved.operands[0] if moved else make_constant(
            rw, Dense.splat(item, tensor(shape, element_of(value)))
        )  # fmt: skip
        operands.append(made)
    out = tensor(shape, element_of(op.result))
    also = [i for i in inner if i is not None]
    below = rw.create(op.name, operands, dict(op.attributes), [out], also=also)
    return rw.create("stablehlo.reshape", [below], None, [op.result.type], also=also)

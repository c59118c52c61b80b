"""Layout: an operand that a dot would gather lane by lane is copied in another order first.

Chapter: xla/fusion.
Sources: XLA, `layout_assignment`; Goto & van de Geijn 2008 (packing).
Real: XLA gives every array a layout and lets producers write it; here memory is always
row-major, so a layout is a transpose that is not free: it has a loop nest of its own.
"""

from __future__ import annotations

import math
from dataclasses import replace

from minidl.ir.dimension_numbers import ConvDims
from minidl.ir.lowering.contractions import CONTRACTIONS, Contraction, contraction
from minidl.ir.lowering.indexing import Index, behind_moves, tensor_type
from minidl.ir.mlir.attributes import Affine, DotDims
from minidl.ir.mlir.core import Operation, Value
from minidl.ir.mlir.module import Module
from minidl.ir.mlir.spec import Builder

MARK = "minidl.layout"


def is_layout(op: Operation) -> bool:
    """Whether a transpose is a copy in memory, not another way to read."""
    return op.name == "stablehlo.transpose" and MARK in op.attributes


def layout(module: Module) -> Module:
    """The module with layout transposes before the dots that need them."""
    out = module.clone()
    for op in [op for f in out.functions.values() for op in f.body]:
        if op.name in CONTRACTIONS:
            for i in (0, 1):
                _pack(op, i)
    return out


def _pack(op: Operation, i: int) -> None:
    """Put the dimension that becomes a vector last in operand `i`, if it is not."""
    made = contraction(op, Affine())
    where, v = (made.lhs, made.rhs)[i], _vector_dim(op, made)
    if _reads_neighbours(op.operands[i], where, v) or _times_read(op, where) < 2:
        return
    at = next((d for d, e in enumerate(where) if e.as_dim == v), None)
    if at is None:
        return  # a window with a stride: no order puts its elements side by side
    order = [*(d for d in range(len(where)) if d != at), at]
    builder = Builder.before_op(op)
    packed = builder.create(
        "stablehlo.transpose", [op.operands[i]], {"permutation": tuple(order), MARK: True}
    ).result
    op.set_operand(i, packed)
    if op.name == "stablehlo.dot_general":
        op.attributes["dot_dimension_numbers"] = _renumbered(op["dot_dimension_numbers"], i, order)
    else:
        op.attributes["dimension_numbers"] = _conv_renumbered(op["dimension_numbers"], i, order)


def _vector_dim(op: Operation, made: Contraction) -> int:
    """The loop dimension that lanes run along: the last k, or the last of the result."""
    return len(made.sizes) - 1 if made.lanes else tensor_type(op.result).rank - 1


def _reads_neighbours(value: Value, where: Index, v: int) -> bool:
    """Whether lanes along `v` read one element, or elements side by side."""
    value, where = behind_moves(value, where)
    if value.op is not None and value.op.name in ("stablehlo.iota", "stablehlo.constant"):
        return True  # made, not read
    steps = [e.coefficient(v) for e in where]
    return not any(steps) or (steps[-1] == 1 and not any(steps[:-1]))


def _times_read(op: Operation, where: Index) -> int:
    """How often the dot reads each element of an operand."""
    out = tensor_type(op.result).dims
    used = {e.as_dim for e in where}
    return math.prod(n for d, n in enumerate(out) if d not in used)


def _renumbered(dims: DotDims, i: int, order: list[int]) -> DotDims:
    """The dimension numbers after operand `i` was transposed by `order`."""
    new = {old: position for position, old in enumerate(order)}
    fields = ["lhs_batching", "rhs_batching", "lhs_contracting", "rhs_contracting"]
    lists = [getattr(dims, name) for name in fields]
    for n, name in enumerate(fields):
        if name.startswith(("lhs", "rhs")[i]):
            lists[n] = tuple(new[d] for d in lists[n])
    return DotDims(*lists)


def _conv_renumbered(dims: ConvDims, i: int, order: list[int]) -> ConvDims:
    new, word = {old: position for position, old in enumerate(order)}, ("input", "kernel")[i]
    space = tuple(new[d] for d in getattr(dims, f"{word}_spatial"))
    if i == 0:
        features = {"input_batch": new[dims.input_batch], "input_feature": new[dims.input_feature]}
    else:
        names = ("kernel_input_feature", "kernel_output_feature")
        features = {name: new[getattr(dims, name)] for name in names}
    return replace(dims, **{f"{word}_spatial": space}, **features)  # type: ignore[arg-type]

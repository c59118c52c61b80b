"""Dynamic: sizes that are operands, and known: the op becomes its static twin.

Chapter: ir/rewriting.
Sources: StableHLO, "dynamism" (RFC 2023-07-04); the ops `dynamic_…`, `get_dimension_size`.
Real: `stablehlo-canonicalize-dynamism`, which `stablehlo-refine-shapes` applies with the
shape rules until nothing changes.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from minidl.ir.mlir.attributes import Dense
from minidl.ir.mlir.core import Operation, Value
from minidl.ir.mlir.types import TensorType, Type, tensor
from minidl.ir.rewriting.driver import Made, Pattern, Rewriter
from minidl.ir.rewriting.fold import constant_of, make_constant
from minidl.ir.rewriting.patterns.match import Rule

PATTERNS: list[Pattern] = []


def rule(name: str, op: str, why: str) -> Callable[[Rule], Rule]:
    """Like `pattern`, of ops whose sizes may be unknown."""

    def put(rule: Rule) -> Rule:
        PATTERNS.append(Pattern(name, f"stablehlo.{op}", why, rule, dynamic=True))
        return rule

    return put


def numbers(value: Value) -> tuple[int, ...] | None:
    """The elements of a constant list of sizes."""
    made = constant_of(value)
    return None if made is None else tuple(int(n) for n in made.array.reshape(-1))


def known_type(op: Operation, sizes: Value) -> TensorType | None:
    """The result's type: as written when static, else by the constant that says it."""
    written = op.result.type
    assert isinstance(written, TensorType)
    if written.is_static:
        return written
    dims = numbers(sizes)
    return None if dims is None else tensor(dims, written.element)


def static(*values: Value) -> bool:
    return all(isinstance(v.type, TensorType) and v.type.is_static for v in values)


@rule("size that is known", "get_dimension_size", why="the type says it")
def size_known(op: Operation, rw: Rewriter) -> Made:
    x, out = op.operands[0].type, op.result.type
    assert isinstance(x, TensorType) and isinstance(out, TensorType)
    n = x.shape[op["dimension"]]
    return None if n is None else make_constant(rw, Dense(np.asarray(n, out.element.numpy)))


@rule("reshape to known sizes", "dynamic_reshape", why="the sizes are constants")
def reshape_known(op: Operation, rw: Rewriter) -> Made:
    x, sizes = op.operands
    out = known_type(op, sizes)
    return rw.create("stablehlo.reshape", [x], None, [out]) if out and static(x) else None


@rule("broadcast to known sizes", "dynamic_broadcast_in_dim", why="the sizes are constants")
def broadcast_known(op: Operation, rw: Rewriter) -> Made:
    x, sizes = op.operands
    out = known_type(op, sizes)
    attributes = {"broadcast_dimensions": op["broadcast_dimensions"]}
    if out is None or not static(x):
        return None
    return rw.create("stablehlo.broadcast_in_dim", [x], attributes, [out])


@rule("iota of known sizes", "dynamic_iota", why="the sizes are constants")
def iota_known(op: Operation, rw: Rewriter) -> Made:
    out = known_type(op, op.operands[0])
    attributes = {"iota_dimension": op["iota_dimension"]}
    return rw.create("stablehlo.iota", (), attributes, [out]) if out else None


_TWINS = {  # op: (its static twin, operands that stay, the attributes the others become)
    "real_dynamic_slice": ("slice", 1, ("start_indices", "limit_indices", "strides")),
    "dynamic_pad": ("pad", 2, ("edge_padding_low", "edge_padding_high", "interior_padding")),
    "dynamic_gather": ("gather", 2, ("slice_sizes",)),
}


def _make(op_name: str) -> None:
    name, count, names = _TWINS[op_name]

    @rule(f"{name} by known numbers", op_name, why="the numbers are constants")
    def known(op: Operation, rw: Rewriter) -> Made:
        lists = [numbers(v) for v in op.operands[count:]]
        if None in lists or not static(*op.operands[:count]):
            return None
        attributes = {**op.attributes, **dict(zip(names, lists, strict=True))}
        return rw.create(f"stablehlo.{name}", op.operands[:count], attributes)


for _name in _TWINS:
    _make(_name)


@rule("convolution, known padding", "dynamic_conv", why="the padding is a constant")
def convolution_known(op: Operation, rw: Rewriter) -> Made:
    made = constant_of(op.operands[2])
    if made is None or not static(*op.operands[:2]):
        return None
    padding = tuple((int(a), int(b)) for a, b in made.array)
    attributes = {**op.attributes, "padding": padding}
    out: list[Type] | None = [op.result.type] if static(op.result) else None
    return rw.create("stablehlo.convolution", op.operands[:2], attributes, out)

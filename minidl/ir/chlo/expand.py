"""Expand: one CHLO op's formula, in place or as a region of its own.

Chapter: ir/stablehlo.
Real: a conversion pattern of `chlo-legalize-to-stablehlo`.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

from minidl.core.errors import UnsupportedError
from minidl.ir.chlo.formula import Expr, Kit
from minidl.ir.chlo.table import FORMULAS, WIDENS
from minidl.ir.mlir.core import Block, Operation, Region, Value
from minidl.ir.mlir.spec import Builder
from minidl.ir.mlir.types import ScalarType, TensorType, f32, f64, tensor


def widened(type_: Any, element: ScalarType) -> Any:
    """The type with its floats as `element`."""
    if isinstance(type_, TensorType) and type_.element.is_float:
        return tensor(type_.shape, element)
    return type_


def expand(op: Operation, builder: Builder, operands: Sequence[Value]) -> list[Value]:
    """The formula of `op` at a builder's point, on operands of its own types."""
    types = [v.type for v in (*operands, *op.results)]
    if not all(isinstance(t, TensorType) and t.is_static for t in types):
        raise UnsupportedError(f"{op.name} has a formula for static tensors only", op=op.name)
    kit = Kit(builder, operands[0].type if operands else op.results[0].type)
    xs = [Expr(kit, v) for v in operands]
    if op.name in WIDENS and kit.element.is_float and kit.element.bits == 16:
        kit = Kit(builder, widened(kit.type, f32))
        xs = [kit.convert(Expr(kit, x.value), f32) for x in xs]
    made = FORMULAS[op.name](kit, op, *xs)
    outs = made if isinstance(made, tuple) else (made,)
    return [
        kit.convert(out, v.type.element).value  # type: ignore[attr-defined]
        for out, v in zip(outs, op.results, strict=True)
    ]


def formula_region(op: Operation) -> Region:
    """`op`'s formula as a region over the types of its operands."""
    block = Block([v.type for v in op.operands])
    kit = Kit(Builder(block), block.args[0].type if block.args else op.results[0].type)
    return _region(op, kit, block)


@cache
def scalar_formula(name: str, operands: int) -> Region:
    """The formula of a function of floats as a body of float64 scalars."""
    block = Block([tensor((), f64)] * operands)
    return _region(Operation(name, block.args), Kit(Builder(block), block.args[0].type), block)


def _region(op: Operation, kit: Kit, block: Block) -> Region:
    made = FORMULAS[op.name](kit, op, *(Expr(kit, v) for v in block.args))
    outs = made if isinstance(made, tuple) else (made,)
    kit.builder.create("stablehlo.return", [x.value for x in outs])
    return Region([block])

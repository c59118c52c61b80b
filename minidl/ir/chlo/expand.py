"""Expand: one CHLO op's formula, in place or as a region of its own.

Chapter: ir/stablehlo.
Real: a conversion pattern of `chlo-legalize-to-stablehlo`.
"""

from __future__ import annotations

from collections.abc import Sequence
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
    """`op`'s formula as a region; functions of floats take and give f64."""
    types = [v.type for v in op.operands]
    block = Block([widened(t, f64) for t in types] if op.name in WIDENS else types)
    builder = Builder(block)
    kit = Kit(builder, block.args[0].type if block.args else op.results[0].type)
    made = FORMULAS[op.name](kit, op, *(Expr(kit, v) for v in block.args))
    outs = made if isinstance(made, tuple) else (made,)
    builder.create("stablehlo.return", [x.value for x in outs])
    return Region([block])

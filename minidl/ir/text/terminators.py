"""Ops that end a block: a name, values with their types, attributes before or behind them.

Chapter: ir/mlir.
Sources: MLIR, the forms of `func.return`, `scf.yield` (attributes in front), `linalg.yield`
and StableHLO's `return` (behind the values).
"""

from __future__ import annotations

from typing import Any

from minidl.ir.mlir.core import Operation
from minidl.ir.mlir.spec import OpSpec, define
from minidl.ir.text.form import Custom, Parts


def terminator(name: str, operands: str = "results*", behind: bool = False) -> OpSpec:
    """A row; `behind`: attributes stand between the values and their types."""

    def write(op: Operation, printer: Any) -> str:
        names = ", ".join(map(printer.name, op.operands))
        types = ", ".join(str(v.type) for v in op.operands)
        rest = printer.attr_dict(op)
        words = [printer.op_name(op), *((names, rest) if behind else (rest, names))]
        return " ".join(filter(None, words)) + (f" : {types}" if types else "")

    def read(p: Any) -> Parts:
        parts = Parts(result_types=[])
        if not behind:
            parts.attributes = p.attr_dict()
        parts.operands = p.value_list()
        if behind:
            parts.attributes = p.attr_dict()
        typed(p, parts)
        return parts

    return define(
        name,
        operands,
        infer=lambda types, attributes, regions: [],
        form=Custom(write, read),
        traits="terminator",
    )


def typed(p: Any, parts: Parts) -> None:
    """`: types` of the operands, where there are any."""
    if parts.operands:
        p.expect(":")
        parts.operand_types = p.type_list()

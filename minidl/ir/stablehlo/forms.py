"""Forms that several ops share: all operands in a row, then attributes and types.

Chapter: ir/stablehlo.
Sources: StableHLO's assembly formats (`operands attr-dict `:` functional-type`).
"""

from __future__ import annotations

from typing import Any

from minidl.ir.mlir.core import Operation
from minidl.ir.mlir.spec import SPECS
from minidl.ir.mlir.types import FunctionType
from minidl.ir.text.form import Custom, Parts


def operand_list(op: Operation, printer: Any) -> str:
    """`op %a, %b, %c {attributes} : (types) -> type`."""
    names = ", ".join(map(printer.name, op.operands))
    rest = printer.attr_dict(op)
    return f"{op.name} {names}{rest and ' ' + rest} : {function_of(op)}"


def function_of(op: Operation) -> FunctionType:
    return FunctionType(tuple(v.type for v in op.operands), tuple(v.type for v in op.results))


def parse_operand_list(p: Any) -> Parts:
    return parse_types(p, Parts(operands=p.value_list()))


def parse_types(p: Any, parts: Parts, name: str = "") -> Parts:
    """The end of most forms: `{attributes} : (types) -> types`; `name` knows their kinds."""
    parts.attributes.update(p.attr_dict(SPECS[name] if name else None))
    p.expect(":")
    function = p.function_type()
    parts.operand_types, parts.result_types = list(function.inputs), list(function.outputs)
    return parts


OPERANDS = Custom(operand_list, parse_operand_list)

"""llvm, memory: room on the stack, addresses, loads and stores.

Chapter: ir/llvm.
Sources: MLIR, "'llvm' Dialect"; LLVM Language Reference, "Memory Access and Addressing".
Real: volatile, atomic and non-temporal accesses too; metadata that says what may alias.

    rawConstantIndices   an index that is a number, or DYNAMIC for one that is an operand
"""

from __future__ import annotations

from typing import Any

from minidl.core.errors import VerifyError
from minidl.ir.mlir.attributes import Array
from minidl.ir.mlir.core import Operation
from minidl.ir.mlir.spec import define
from minidl.ir.mlir.types import i32
from minidl.ir.text.form import Custom, Parts
from minidl.ir.text.kinds import ANY, I64, TYPE, int_kind

DYNAMIC = -(1 << 31)  # in rawConstantIndices: this index is an operand
_ORDERING = {"ordering?": I64, "alignment?": I64}
define(
    "llvm.load",
    "address",
    attributes=_ORDERING,
    defaults={"ordering": 0},
    form="%address {} :into",
)
define(
    "llvm.store",
    "value address",
    attributes=_ORDERING,
    defaults={"ordering": 0},
    infer=lambda types, attributes, regions: [],
    form="%value , %address {} :operands",
)


def _print_alloca(op: Operation, printer: Any) -> str:
    count, rest = op.operands[0], printer.attr_dict(op, frozenset(["elem_type"]))
    head = f"{op.name} {printer.name(count)} x {op['elem_type']}"
    return f"{head}{rest and ' ' + rest} : ({count.type}) -> {op.result.type}"


def _parse_alloca(p: Any) -> Parts:
    parts = Parts(operands=[p.value_name()])
    p.expect("x")
    parts.attributes["elem_type"] = p.type()
    parts.attributes.update(p.attr_dict())
    p.expect(":")
    function = p.function_type()
    parts.operand_types, parts.result_types = list(function.inputs), list(function.outputs)
    return parts


define(
    "llvm.alloca",
    "count",
    attributes={"elem_type": TYPE, "alignment?": I64},
    form=Custom(_print_alloca, _parse_alloca),
)


def _print_gep(op: Operation, printer: Any) -> str:
    base, *dynamic = op.operands
    rest, names = iter(dynamic), []
    for number in op["rawConstantIndices"].values:
        names.append(printer.name(next(rest)) if number == DYNAMIC else str(number))
    skip = frozenset(["rawConstantIndices", "elem_type", "noWrapFlags"])
    words = printer.attr_dict(op, skip)
    ins = ", ".join(str(v.type) for v in op.operands)
    inbounds = "inbounds " if op.get("noWrapFlags") == INBOUNDS else ""
    head = f"{op.name} {inbounds}{printer.name(base)}[{', '.join(names)}]{words and ' ' + words}"
    return f"{head} : ({ins}) -> {op.result.type}, {op['elem_type']}"


def _parse_gep(p: Any) -> Parts:
    parts = Parts()
    if p.accept("inbounds"):
        parts.attributes["noWrapFlags"] = INBOUNDS
    parts.operands.append(p.value_name())
    p.expect("[")

    def item() -> int:
        if p.words[p.at_][:1] != "%":
            return int(p.integer())
        parts.operands.append(p.value_name())
        return DYNAMIC

    parts.attributes["rawConstantIndices"] = Array(i32, tuple(p.comma_list(item, "]")))
    parts.attributes.update(p.attr_dict())
    p.expect(":")
    function = p.function_type()
    p.expect(",")
    parts.attributes["elem_type"] = p.type()
    parts.operand_types, parts.result_types = list(function.inputs), list(function.outputs)
    return parts


def _verify_gep(op: Operation) -> None:
    raw = op["rawConstantIndices"].values
    if sum(n == DYNAMIC for n in raw) != len(op.operands) - 1:
        raise VerifyError(f"{op.name} has {len(op.operands) - 1} indices, wants {raw}", op=op.name)


INBOUNDS = 3
define(
    "llvm.getelementptr",
    "base dynamic*",
    attributes={
        "rawConstantIndices": ANY,
        "elem_type": TYPE,
        "noWrapFlags?": int_kind("i32"),
    },
    defaults={"noWrapFlags": 0},
    form=Custom(_print_gep, _parse_gep),
    verify=_verify_gep,
    traits="pure",
)

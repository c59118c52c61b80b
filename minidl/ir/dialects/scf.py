"""scf beyond `for` and `if`: while with carried values, and a switch over numbers.

Chapter: ir/lowering.
Sources: MLIR, "'scf' Dialect" (while, condition, index_switch).
Real: the same ops; there the default region of `index_switch` stands first in memory, too.
"""

from __future__ import annotations

from typing import Any

from minidl.ir.mlir.core import Operation
from minidl.ir.mlir.spec import ANY, define
from minidl.ir.mlir.types import i1, index
from minidl.ir.text.form import Parts, bare
from minidl.ir.text.kinds import INTS


def _print_condition(op: Operation, printer: Any) -> str:
    first, *rest = op.operands
    types = ", ".join(str(v.type) for v in rest)
    tail = f" {', '.join(map(printer.name, rest))} : {types}" if rest else ""
    return f"scf.condition({printer.name(first)}){tail}"


def _parse_condition(p: Any) -> Parts:
    p.expect("(")
    parts = Parts(operands=[p.value_name()], operand_types=[i1], result_types=[])
    p.expect(")")
    if p.words[p.at_].startswith("%"):
        parts.operands += p.value_list()
        p.expect(":")
        parts.operand_types = [i1, *p.type_list()]
    return parts


define(
    "scf.condition",
    "condition args*",
    infer=lambda types, attributes, regions: [],
    form=bare(_print_condition, _parse_condition),
    traits="terminator",
)


def _print_while(op: Operation, printer: Any) -> str:
    before, after = op.regions
    starts = [printer.name(v) for v in op.operands]
    pairs = zip(before.block.args, starts, strict=True)
    given = ", ".join(f"{printer.names[v]} = {s}" for v, s in pairs)
    ins = ", ".join(str(v.type) for v in op.operands)
    outs = ", ".join(str(v.type) for v in op.results)
    text = f"scf.while ({given}) : ({ins}) -> ({outs}) {printer.region(before)}"
    return f"{text} do {printer.region(after, entry=True)}"


def _parse_while(p: Any) -> Parts:
    p.expect("(")
    pairs = p.comma_list(lambda: (p.value_name(), p.expect("="), p.value_name()), ")")
    p.expect(":")
    function = p.function_type()
    parts = Parts(operands=[start for _, _, start in pairs])
    parts.operand_types, parts.result_types = list(function.inputs), list(function.outputs)
    named = [(*name, t) for (name, _, _), t in zip(pairs, function.inputs, strict=True)]
    parts.regions = [p.region(named)]
    p.expect("do")
    parts.regions.append(p.region(default="scf.yield"))
    return parts


define("scf.while", "inits*", form=bare(_print_while, _parse_while), regions=2)


def _print_switch(op: Operation, printer: Any) -> str:
    default, *cases = op.regions
    types = f" -> {', '.join(str(v.type) for v in op.results)}" if op.results else ""
    pad = "  " * printer.indent
    lines = [f"scf.index_switch {printer.name(op.operands[0])}{types} "]
    for number, region in zip(op["cases"], cases, strict=True):
        lines.append(f"{pad}case {number} {printer.region(region)}")
    lines.append(f"{pad}default {printer.region(default)}")
    return "\n".join(lines)


def _parse_switch(p: Any) -> Parts:
    parts = Parts(operands=[p.value_name()], operand_types=[index], result_types=[])
    if p.accept("->"):
        parts.result_types = p.type_list()
    numbers, regions = [], []
    while p.accept("case"):
        numbers.append(p.integer())
        regions.append(p.region([], default="scf.yield"))
    p.expect("default")
    parts.regions = [p.region([], default="scf.yield"), *regions]
    parts.attributes["cases"] = tuple(numbers)
    return parts


define(
    "scf.index_switch",
    "arg",
    attributes={"cases": INTS},
    form=bare(_print_switch, _parse_switch),
    regions=ANY,
)

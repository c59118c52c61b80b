"""builtin and func: module, function, call, return.

Chapter: ir/mlir.
Sources: MLIR, "Builtin Dialect", "'func' Dialect".
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from minidl.core.errors import VerifyError
from minidl.ir.mlir.attributes import Symbol
from minidl.ir.mlir.core import Block, Operation, Region
from minidl.ir.mlir.spec import define
from minidl.ir.mlir.types import FunctionType, Type
from minidl.ir.text.form import Custom, Parts
from minidl.ir.text.kinds import STR, SYMBOL, TYPE
from minidl.ir.text.printer import attribute_text, entry

VISIBILITIES = ("public", "private", "nested")


def _print_module(op: Operation, printer: Any) -> str:
    name = f" {Symbol(op['sym_name'])}" if "sym_name" in op.attributes else ""
    rest = {k: v for k, v in op.attributes.items() if k != "sym_name"}
    inner = ", ".join(entry(k, attribute_text(v)) for k, v in rest.items())
    attributes = f" attributes {{{inner}}}" if rest else ""
    return f"module{name}{attributes} {printer.region(op.region)}"


def _parse_module(p: Any) -> Parts:
    parts = Parts(operand_types=[], result_types=[])
    if p.words[p.at_][:1] == "@":
        parts.attributes["sym_name"] = p.symbol()
    if p.accept("attributes"):
        parts.attributes.update(p.attr_dict())
    parts.regions = [p.region()]
    return parts


def _print_func(op: Operation, printer: Any) -> str:
    function: FunctionType = op["function_type"]
    with printer.isolated():
        visibility = op.get("sym_visibility")
        word = "" if visibility is None else f"{visibility} "
        head = f"func.func {word}{Symbol(op['sym_name'])}"
        extra = _with_attrs([""] * len(function.inputs), op.get("arg_attrs"))
        args = printer.arg_list(op.body, extra=extra)
        results = _with_attrs([str(t) for t in function.outputs], op.get("res_attrs"))
        arrow = f" -> ({', '.join(results)})"
        if len(results) == 1 and not op.get("res_attrs"):
            arrow = f" -> {results[0]}"
        arrow = arrow if results else ""
        body = printer.region(op.region)
    rest = {
        k: v
        for k, v in op.attributes.items()
        if k not in ("sym_name", "function_type", "sym_visibility", "arg_attrs", "res_attrs")
    }
    inner = ", ".join(entry(k, attribute_text(v)) for k, v in rest.items())
    attributes = f" attributes {{{inner}}}" if rest else ""
    return f"{head}({', '.join(args)}){arrow}{attributes} {body}"


def _with_attrs(texts: list[str], attrs: Any) -> list[str]:
    if not attrs:
        return texts
    return [f"{t} {attribute_text(a)}" if a else t for t, a in zip(texts, attrs, strict=True)]


def _parse_func(p: Any) -> Parts:
    parts = Parts(operand_types=[], result_types=[])
    if p.words[p.at_] in VISIBILITIES:
        parts.attributes["sym_visibility"] = p.word()
    parts.attributes["sym_name"] = p.symbol()
    p.expect("(")
    args = p.comma_list(lambda: (p.typed_name(), p.attr_dict(), p.trailing_location()), ")")
    results = _parse_results(p) if p.accept("->") else []
    types = tuple(a[0][2] for a in args)
    parts.attributes["function_type"] = FunctionType(types, tuple(t for t, _ in results))
    for key, dicts in (("arg_attrs", [a[1] for a in args]), ("res_attrs", [d for _, d in results])):
        if any(dicts):
            parts.attributes[key] = tuple(dicts)
    if p.accept("attributes"):
        parts.attributes.update(p.attr_dict())
    parts.regions = [p.region([a[0] for a in args], default="func.return", isolated=True)]
    return parts


def _parse_results(p: Any) -> list[tuple[Type, dict[str, Any]]]:
    if not p.accept("("):
        return [(p.type(), {})]
    out: list[tuple[Type, dict[str, Any]]] = p.comma_list(lambda: (p.type(), p.attr_dict()), ")")
    return out


def _verify_func(op: Operation) -> None:
    function: FunctionType = op["function_type"]
    if op.get("sym_visibility", "public") not in VISIBILITIES:
        raise VerifyError(
            f"@{op['sym_name']} is {op['sym_visibility']!r}, not one of {', '.join(VISIBILITIES)}",
            op=op.name,
        )
    if not op.region.blocks:
        return
    entry = tuple(v.type for v in op.region.blocks[0].args)
    if entry != function.inputs:
        raise VerifyError(
            f"@{op['sym_name']} takes {function.inputs}, its entry block {entry}", op=op.name
        )
    for block in op.region.blocks:
        last = block.last
        if last is not None and last.name == "func.return":
            got = tuple(v.type for v in last.operands)
            if got != function.outputs:
                raise VerifyError(
                    f"@{op['sym_name']} returns {_types(function.outputs)}, got {_types(got)}",
                    op="func.return",
                )


def _types(types: Sequence[Type]) -> str:
    return "(" + ", ".join(map(str, types)) + ")"


def _print_call(op: Operation, printer: Any) -> str:
    types = FunctionType(tuple(v.type for v in op.operands), tuple(v.type for v in op.results))
    operands = ", ".join(map(printer.name, op.operands))
    attributes = printer.attr_dict(op, frozenset(["callee"]))
    parent = op.parent_op
    word = "call" if parent is None or parent.name == "func.func" else "func.call"
    return f"{word} {op['callee']}({operands}){attributes and ' ' + attributes} : {types}"


def _parse_call(p: Any) -> Parts:
    parts = Parts(attributes={"callee": Symbol(p.symbol())})
    p.expect("(")
    parts.operands = p.value_list()
    p.expect(")")
    parts.attributes.update(p.attr_dict())
    p.expect(":")
    function = p.function_type()
    parts.operand_types, parts.result_types = list(function.inputs), list(function.outputs)
    return parts


def _print_return(op: Operation, printer: Any) -> str:
    if not op.operands:
        return "return"
    types = ", ".join(str(v.type) for v in op.operands)
    return f"return {', '.join(map(printer.name, op.operands))} : {types}"


def parse_terminator(p: Any) -> Parts:
    """`return %a, %b : types` or nothing after the name."""
    parts = Parts(operands=p.value_list(), result_types=[])
    if parts.operands:
        p.expect(":")
        parts.operand_types = p.type_list()
    return parts


define(
    "builtin.module",
    form=Custom(_print_module, _parse_module),
    attributes={"sym_name?": STR},
    traits="isolated symbol_table",
    regions=1,
)
define(
    "func.func",
    form=Custom(_print_func, _parse_func),
    attributes={
        "sym_name": STR,
        "function_type": TYPE,
        "sym_visibility?": STR,
    },
    traits="isolated symbol",
    verify=_verify_func,
    regions=1,
)
define(
    "func.call",
    "operands*",
    form=Custom(_print_call, _parse_call),
    attributes={"callee": SYMBOL},
    traits="call",
)
define(
    "func.return",
    "operands*",
    infer=lambda types, attributes, regions: [],
    form=Custom(_print_return, parse_terminator),
    traits="terminator",
)

__all__ = ["Block", "Region", "parse_terminator"]

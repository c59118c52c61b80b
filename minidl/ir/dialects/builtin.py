"""builtin and func: module, function, call, return.

Chapter: ir/mlir.
Sources: MLIR, "Builtin Dialect", "'func' Dialect".
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from minidl.core.errors import VerifyError
from minidl.ir.mlir.attributes import WRITTEN, Symbol
from minidl.ir.mlir.core import Operation, Region
from minidl.ir.mlir.location import Location
from minidl.ir.mlir.spec import define
from minidl.ir.mlir.types import FunctionType, Type
from minidl.ir.text.attrprinter import NOTE, dictionary_text
from minidl.ir.text.form import Custom, Parts
from minidl.ir.text.kinds import ANY, STR, SYMBOL, TYPE
from minidl.ir.text.terminators import terminator

VISIBILITIES = ("public", "private", "nested")


def _said(op: Operation, skip: Sequence[str]) -> dict[str, Any]:
    """The attributes that the head has not said, without notes between stages."""
    return {k: v for k, v in op.attributes.items() if k not in skip and k[0] != NOTE}


def _print_module(op: Operation, printer: Any) -> str:
    name = f" {Symbol(op['sym_name'])}" if "sym_name" in op.attributes else ""
    visibility = f" {op['sym_visibility']}" if "sym_visibility" in op.attributes else ""
    rest = _said(op, ("sym_name", "sym_visibility"))
    attributes = f" attributes {dictionary_text(rest)}" if rest else ""
    return f"{printer.op_name(op)}{visibility}{name}{attributes} {printer.region(op.region)}"


def _parse_module(p: Any) -> Parts:
    parts = Parts(operand_types=[], result_types=[])
    if p.words[p.at_] in VISIBILITIES:
        parts.attributes["sym_visibility"] = p.word()
    if p.words[p.at_][:1] == "@":
        parts.attributes["sym_name"] = p.symbol()
    if p.accept("attributes"):
        parts.attributes.update(p.attr_dict())
    parts.regions = [p.region(isolated=True)]
    return parts


_IN_THE_HEAD = ("sym_name", "function_type", "sym_visibility", "arg_attrs", "res_attrs")


def print_function(op: Operation, printer: Any, skip: Sequence[str] = (), after: str = "") -> str:
    """What follows the name of a function-like op: `@f(arguments) -> results { … }`.

    `after` stands behind the types; `skip` names attributes that are written already.
    """
    function: FunctionType = op["function_type"]
    arguments = _with_attrs([f"{t}" for t in function.inputs], op.get("arg_attrs"))
    if op.region.blocks:
        extra = _with_attrs([""] * len(function.inputs), op.get("arg_attrs"))
        arguments = printer.arg_list(op.region.blocks[0], extra=extra)
    results = _with_attrs([str(t) for t in function.outputs], op.get("res_attrs"))
    single = len(results) == 1 and not op.get("res_attrs")
    single = single and not isinstance(function.outputs[0], FunctionType)
    arrow = f" -> {results[0] if single else '(' + ', '.join(results) + ')'}" if results else ""
    rest = _said(op, (*_IN_THE_HEAD, *skip, WRITTEN))
    attributes = f" attributes {dictionary_text(rest)}" if rest else ""
    body = f" {printer.region(op.region)}" if op.region.blocks else ""
    return f"{Symbol(op['sym_name'])}({', '.join(arguments)}){arrow}{after}{attributes}{body}"


def _print_func(op: Operation, printer: Any) -> str:
    visibility = op.get("sym_visibility")
    word = "" if visibility is None else f"{visibility} "
    return f"func.func {word}{print_function(op, printer)}"


def _with_attrs(texts: list[str], attrs: Any) -> list[str]:
    if not attrs:
        return texts
    return [f"{t} {dictionary_text(a)}" if a else t for t, a in zip(texts, attrs, strict=True)]


class _Argument(NamedTuple):
    """An argument of a head: named in a definition, only typed in a declaration."""

    name: tuple[str, int] | None
    type: Type
    attributes: dict[str, Any]
    location: Location


def parse_function(p: Any, words: Sequence[str] = ()) -> Parts:
    """What `print_function` writes; a body may be missing.  `words` set unit attributes."""
    parts = Parts(operand_types=[], result_types=[])
    parts.attributes["sym_name"] = p.symbol()
    p.expect("(")
    args: list[_Argument] = p.comma_list(lambda: _parse_argument(p), ")")
    at = p.at_
    results = _parse_results(p) if p.accept("->") else []
    types = FunctionType(tuple(a.type for a in args), tuple(t for t, _ in results))
    parts.attributes["function_type"] = types
    notes = (("arg_attrs", [a.attributes for a in args]), ("res_attrs", [d for _, d in results]))
    parts.attributes.update((key, tuple(dicts)) for key, dicts in notes if any(dicts))
    parts.attributes.update((word, None) for word in words if p.accept(word))
    if p.accept("attributes"):
        parts.attributes.update(p.attr_dict())
    named = [(*a.name, a.type, a.location) for a in args if a.name]
    if not p.at("{"):
        if named:
            raise p.error("a function without a body has arguments without names", at)
        parts.regions = [Region()]
        return parts
    if len(named) != len(args):
        raise p.error("a function with a body names its arguments", at)
    parts.regions = [p.region(named, isolated=True)]
    return parts


def _parse_argument(p: Any) -> _Argument:
    name = None
    if p.words[p.at_][:1] == "%":
        name = p.value_name()
        p.expect(":")
    type_ = p.type()
    attributes = p.dictionary()
    return _Argument(name, type_, attributes, p.trailing_location())


def _parse_func(p: Any) -> Parts:
    visibility = p.word() if p.words[p.at_] in VISIBILITIES else None
    parts = parse_function(p)
    if visibility:
        parts.attributes["sym_visibility"] = visibility
    return parts


def _parse_results(p: Any) -> list[tuple[Type, dict[str, Any]]]:
    if not p.accept("("):
        return [(p.type(), {})]
    out: list[tuple[Type, dict[str, Any]]] = p.comma_list(lambda: (p.type(), p.dictionary()), ")")
    return out


def _verify_func(op: Operation) -> None:
    function: FunctionType = op["function_type"]
    if op.get("sym_visibility", "public") not in VISIBILITIES:
        raise VerifyError(
            f"@{op['sym_name']} is {op['sym_visibility']!r}, not one of {', '.join(VISIBILITIES)}",
            op=op.name,
        )
    if not op.region.blocks:
        if op.get("sym_visibility", "public") == "public":
            raise VerifyError(f"@{op['sym_name']} has no body, so it must be private", op=op.name)
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
    parts = Parts(attributes={"callee": p.symbols()})
    p.expect("(")
    parts.operands = p.value_list()
    p.expect(")")
    parts.attributes.update(p.attr_dict())
    p.expect(":")
    function = p.function_type()
    parts.operand_types, parts.result_types = list(function.inputs), list(function.outputs)
    return parts


define(
    "builtin.module",
    form=Custom(_print_module, _parse_module),
    attributes={"sym_name?": STR, "sym_visibility?": STR},
    traits="isolated symbol_table graph",
    regions=1,
)
define(
    "func.func",
    form=Custom(_print_func, _parse_func),
    attributes={
        "sym_name": STR,
        "function_type": TYPE,
        "sym_visibility?": STR,
        "arg_attrs?": ANY,
        "res_attrs?": ANY,
    },
    traits="isolated symbol cfg",
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
terminator("func.return", "operands*")

__all__ = ["parse_function", "print_function"]

"""StableHLO that names other code, and what it passes: composite, custom_call, tuples, tokens.

Chapter: ir/stablehlo.
Sources: StableHLO specification, "composite", "custom_call", "tuple", "get_tuple_element",
"optimization_barrier", "after_all"; constraints by their labels.
Real: the same forms are `custom<CustomCallTarget>` and the like in AssemblyFormat.cpp.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from minidl.core.errors import ShapeError, VerifyError
from minidl.ir.mlir.attributes import Symbol
from minidl.ir.mlir.core import Operation
from minidl.ir.mlir.spec import define
from minidl.ir.mlir.types import FunctionType, OpaqueType, TupleType, Type
from minidl.ir.stablehlo.constraints import fail
from minidl.ir.stablehlo.regions import makes, spell
from minidl.ir.text.form import Custom, Parts
from minidl.ir.text.kinds import ANY, BOOL, I32, STR, SYMBOL
from minidl.ir.text.terminators import typed

TOKEN = OpaqueType("!stablehlo.token")
_NAMESPACED = re.compile(r"[A-Za-z_][\w$]*(\.[\w$]+)+", re.ASCII).fullmatch


def _function(op: Operation) -> str:
    return str(FunctionType(tuple(v.type for v in op.operands), tuple(v.type for v in op.results)))


def _parse_function(p: Any, parts: Parts) -> Parts:
    p.expect(":")
    function = p.function_type()
    parts.operand_types, parts.result_types = list(function.inputs), list(function.outputs)
    return parts


# -- composite -----------------------------------------------------------------------


def _print_composite(op: Operation, printer: Any) -> str:
    names = ", ".join(map(printer.name, op.operands))
    rest = printer.attr_dict(op, frozenset(["name"]))
    quoted = STR.text(op["name"], True)
    return f"stablehlo.composite {quoted} {names}{names and ' '}{rest} : {_function(op)}"


def _parse_composite(p: Any) -> Parts:
    parts = Parts(attributes={"name": p.string()}, operands=p.value_list())
    parts.attributes.update(p.attr_dict(COMPOSITE))
    return _parse_function(p, parts)


def _verify_composite(op: Operation) -> None:
    if not _NAMESPACED(op["name"]):
        raise VerifyError(
            f"{op.name} is called {op['name']!r}: a name has a namespace and a dot (C1)",
            op=op.name,
            hint='such as "minidl.scan"',
        )
    module = op
    while module.parent_op is not None:
        module = module.parent_op
    if module.name == "builtin.module":
        _verify_decomposition(op, module)


def _verify_decomposition(op: Operation, module: Operation) -> None:
    name = op["decomposition"].name
    found = next((f for f in module.body if f.get("sym_name") == name), None)
    if found is None or found.name != "func.func":
        raise VerifyError(f"{op.name} decomposes into @{name}, which is not here (C2)", op=op.name)
    want: FunctionType = found["function_type"]
    if tuple(v.type for v in op.operands) != want.inputs:
        raise VerifyError(f"{op.name}: @{name} has type {want}, other inputs (C3)", op=op.name)
    if tuple(v.type for v in op.results) != want.outputs:
        raise VerifyError(f"{op.name}: @{name} has type {want}, other results (C4)", op=op.name)


COMPOSITE = define(
    "stablehlo.composite",
    "inputs*",
    attributes={
        "name": STR,
        "decomposition": SYMBOL,
        "version?": I32,
        "composite_attributes?": ANY,
    },
    form=Custom(_print_composite, _parse_composite),
    defaults={"version": 0, "composite_attributes": {}},
    verify=_verify_composite,
    traits="call",
)

# -- custom_call ---------------------------------------------------------------------


def _print_custom_call(op: Operation, printer: Any) -> str:
    names = ", ".join(map(printer.name, op.operands))
    rest = printer.attr_dict(op, frozenset(["call_target_name"]))
    target = Symbol(op["call_target_name"])
    return f"stablehlo.custom_call {target}({names}){rest and ' '}{rest} : {_function(op)}"


def _parse_custom_call(p: Any) -> Parts:
    parts = Parts(attributes={"call_target_name": p.symbol()})
    p.expect("(")
    parts.operands = p.value_list()
    p.expect(")")
    parts.attributes.update(p.attr_dict(CUSTOM_CALL))
    return _parse_function(p, parts)


CUSTOM_CALL = define(
    "stablehlo.custom_call",
    "inputs*",
    attributes={
        "call_target_name": STR,
        "has_side_effect?": BOOL,
        "api_version?": I32,
        **dict.fromkeys(
            (
                "backend_config?",
                "called_computations?",
                "operand_layouts?",
                "result_layouts?",
                "output_operand_aliases?",
            ),
            ANY,
        ),
    },
    form=Custom(_print_custom_call, _parse_custom_call),
    defaults={"api_version": 1, "has_side_effect": False, "called_computations": ()},
    traits="call",
)

# -- tuples --------------------------------------------------------------------------


def _print_tuple(op: Operation, printer: Any) -> str:
    names = ", ".join(map(printer.name, op.operands))
    rest = printer.attr_dict(op)
    return f"stablehlo.tuple {names}{rest and ' '}{rest} : {op.result.type}"


def _parse_tuple(p: Any) -> Parts:
    parts = Parts(operands=p.value_list(), attributes=p.attr_dict())
    p.expect(":")
    type_ = p.type()
    if not isinstance(type_, TupleType):
        raise p.error(f"stablehlo.tuple makes a tuple, not {type_}", p.at_ - 1)
    parts.operand_types, parts.result_types = list(type_.elements), [type_]
    return parts


define(
    "stablehlo.tuple",
    "val*",
    infer=lambda types, attributes, regions: [TupleType(tuple(types))],
    form=Custom(_print_tuple, _parse_tuple),
    verify=makes("C1"),
    traits="pure",
)


def _infer_element(types: Sequence[Type], attributes: dict[str, Any], regions: Any) -> list[Type]:
    name, (whole,), i = "stablehlo.get_tuple_element", types, attributes["index"]
    if not isinstance(whole, TupleType):
        raise ShapeError(f"{name} wants a tuple, got {whole} (I1)", op=name)
    if not 0 <= i < len(whole.elements):
        raise ShapeError(f"{name}: {whole} has no element {i} (C1)", op=name)
    return [whole.elements[i]]


define(
    "stablehlo.get_tuple_element",
    "operand",
    attributes={"index": I32},
    infer=_infer_element,
    form="%operand ~[ ~$index ~] {} :fn",
    verify=makes("C2"),
    traits="pure",
)

# -- a fence -------------------------------------------------------------------------


def _print_barrier(op: Operation, printer: Any) -> str:
    names, rest = ", ".join(map(printer.name, op.operands)), printer.attr_dict(op)
    types = ", ".join(str(v.type) for v in op.operands)
    return f"{op.name} {rest}{rest and names and ' '}{f'{names} : {types}' if names else '()'}"


def _parse_barrier(p: Any) -> Parts:
    parts = Parts(attributes=p.attr_dict(), operands=p.value_list(), operand_types=[])
    typed(p, parts)
    if not parts.operands and p.accept("("):
        p.expect(")")
    parts.result_types = list(parts.operand_types or [])
    return parts


define(
    "stablehlo.optimization_barrier",
    "operand*",
    infer=lambda types, attributes, regions: list(types),
    form=Custom(_print_barrier, _parse_barrier),
    verify=makes("C1"),
    traits="pure fence",
)

# -- tokens --------------------------------------------------------------------------


def _infer_after(types: Sequence[Type], attributes: Any, regions: Any) -> list[Type]:
    if any(t is not TOKEN for t in types):
        raise fail("stablehlo.after_all", "I1", f"waits for tokens, got {spell(types)}")
    return [TOKEN]


define(
    "stablehlo.after_all",
    "inputs*",
    infer=_infer_after,
    form="%inputs* {} :same",
    traits="pure",
)
define(
    "stablehlo.create_token",
    infer=lambda types, attributes, regions: [TOKEN],
    form="{} :results",
    traits="pure",
)

"""StableHLO's control flow: return, while, case, if.

Chapter: ir/stablehlo.
Sources: StableHLO specification, "while", "case", "if"; constraints by their labels.
Real: `WhileOp::parse` and `print` (StablehloOps.cpp) write `while` as here; `case` and
`if` have no pretty form there either.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from minidl.core.errors import ShapeError
from minidl.ir.dialects.builtin import parse_terminator
from minidl.ir.mlir.core import Operation, Region
from minidl.ir.mlir.spec import ANY, define
from minidl.ir.mlir.types import Type, i1, i32
from minidl.ir.stablehlo.regions import check_region, returned, scalar, spell, taken
from minidl.ir.text.form import Custom, Parts


def _print_return(op: Operation, printer: Any) -> str:
    names = ", ".join(map(printer.name, op.operands))
    types = ", ".join(str(v.type) for v in op.operands)
    return f"stablehlo.return {names}{types and ' : '}{types}"


define(
    "stablehlo.return",
    "results*",
    infer=lambda types, attributes, regions: [],
    form=Custom(_print_return, parse_terminator),
    traits="terminator",
)


def _verify_while(op: Operation) -> None:
    types = [v.type for v in op.operands]
    cond, body = op.regions
    check_region(op.name, cond, types, [scalar(i1)], "condition", "C1")
    check_region(op.name, body, types, types, "body", "C2")


def _print_while(op: Operation, printer: Any) -> str:
    """The two regions have the same argument names, written once."""
    pairs = [
        f"{printer.name(v)} = {printer.name(start)}"
        for v, start in zip(op.regions[0].block.args, op.operands, strict=True)
    ]
    types = ", ".join(str(v.type) for v in op.operands)
    rest = printer.attr_dict(op)
    pad = "  " * printer.indent
    return (
        f"stablehlo.while({', '.join(pairs)}){types and ' : '}{types}"
        f"{rest and ' attributes '}{rest}\n"
        f"{pad}cond {printer.region(op.regions[0])} do {printer.region(op.regions[1])}"
    )


def _parse_while(p: Any) -> Parts:
    p.expect("(")
    pairs = p.comma_list(lambda: (p.value_name(), p.expect("="), p.value_name()), ")")
    parts = Parts(operands=[start for _, _, start in pairs], operand_types=[])
    if pairs:
        p.expect(":")
        parts.operand_types = p.type_list()
    types: list[Type] = list(parts.operand_types or [])
    if len(types) != len(pairs):
        raise p.error(f"stablehlo.while has {len(pairs)} values but {len(types)} types", p.at_ - 1)
    if p.accept("attributes"):
        parts.attributes.update(p.attr_dict())
    args = [(*name, type_) for (name, _, _), type_ in zip(pairs, types, strict=True)]
    p.expect("cond")
    cond = p.region(args)
    p.expect("do")
    parts.regions, parts.result_types = [cond, p.region(args)], list(types)
    return parts


define(
    "stablehlo.while",
    "operand*",
    infer=lambda types, attributes, regions: list(types),
    form=Custom(_print_while, _parse_while),
    verify=_verify_while,
    traits="pure",
    regions=2,
)


def _infer_branches(
    types: Sequence[Type], attributes: dict[str, Any], regions: Sequence[Region]
) -> list[Type]:
    return returned("stablehlo.case", regions[0]) if regions else []


def _verify_branches(op: Operation) -> None:
    """The index is a scalar; the branches take nothing and return the same types."""
    short, index = op.name.partition(".")[2], i1 if op.name.endswith("if") else i32
    labels = ("C1", "C2", "C3") if short == "case" else ("I1", "C1", "C2")
    if not op.regions:
        raise ShapeError(f"{op.name} has no branches (C1)", op=op.name)
    if [v.type for v in op.operands] != [scalar(index)]:
        got = spell([v.type for v in op.operands])
        raise ShapeError(f"{op.name} chooses by a tensor<{index}>, got {got} (I1)", op=op.name)
    first = returned(op.name, op.regions[0])
    for region in op.regions:
        got_types = returned(op.name, region)
        if taken(region):
            raise ShapeError(
                f"a branch of {op.name} takes {spell(taken(region))}, expected no arguments "
                f"({'C2' if short == 'case' else 'C1'})",
                op=op.name,
                hint="a branch uses the values around it",
            )
        if got_types != first:
            raise ShapeError(
                f"the branches of {op.name} return {spell(first)} and {spell(got_types)} "
                f"({labels[1] if short == 'if' else 'C3'})",
                op=op.name,
            )


for _name, _operand, _regions in (("case", "index", ANY), ("if", "pred", 2)):
    define(
        f"stablehlo.{_name}",
        _operand,
        infer=_infer_branches,
        verify=_verify_branches,
        traits="pure",
        regions=_regions,
    )

"""StableHLO's control flow: return, while, case, if.

Chapter: ir/stablehlo.
Sources: StableHLO specification, "while", "case", "if"; constraints by their labels.
Real: `WhileOp::parse` and `print` (StablehloOps.cpp) write `while` as here; `case` and
`if` have no pretty form there either.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from minidl.ir.mlir.core import Operation, Region
from minidl.ir.mlir.spec import ANY, define
from minidl.ir.mlir.types import ScalarType, Type, i1, i32
from minidl.ir.stablehlo.constraints import fail
from minidl.ir.stablehlo.regions import both, check_region, makes, returned, scalar, spell, taken
from minidl.ir.text.form import Custom, Parts
from minidl.ir.text.terminators import terminator

terminator("stablehlo.return", behind=True)


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
    verify=both(_verify_while, makes("C3")),
    traits="pure",
    regions=2,
)


def _infer_branches(
    types: Sequence[Type], attributes: dict[str, Any], regions: Sequence[Region]
) -> list[Type]:
    return returned("stablehlo.case", regions[0]) if regions else []


def _branches(index: ScalarType, empty: str, same: str) -> Any:
    """A scalar chooses; the branches take nothing and return the same types."""

    def verify(op: Operation) -> None:
        if not op.regions:
            raise fail(op.name, "C1", "has no branches")
        got = [v.type for v in op.operands]
        if got != [scalar(index)]:
            raise fail(op.name, "I1", f"chooses by a tensor<{index}>, got {spell(got)}")
        first = returned(op.name, op.regions[0])
        for region in op.regions:
            outs = returned(op.name, region)
            if taken(region):
                hint = "a branch uses the values around it"
                raise fail(op.name, empty, f"a branch takes {spell(taken(region))}", hint)
            if outs != first:
                raise fail(op.name, same, f"branches return {spell(first)} and {spell(outs)}")

    return verify


for _name, _operand, _regions, _verify in (
    ("case", "index", ANY, both(_branches(i32, "C2", "C3"), makes("C4"))),
    ("if", "pred", 2, both(_branches(i1, "C1", "C2"), makes("C3"))),
):
    define(
        f"stablehlo.{_name}",
        _operand,
        infer=_infer_branches,
        verify=_verify,
        traits="pure",
        regions=_regions,
    )

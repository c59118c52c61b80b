"""cf: blocks that lead to blocks, which is all that a machine knows of control.

Chapter: ir/mlir ("Regions").
Sources: MLIR, "'cf' Dialect".
Real: the same four ops; `scf` and StableHLO's `while` are lowered to them.

    cf.br       ^next(values)                     always there
    cf.cond_br  %c, ^yes(values), ^no(values)     one of two
    cf.switch   %i, default: ^d, 7: ^a(values)    by a number
    cf.assert   %c, "message"                     go on, or stop

The values a branch hands over become the arguments of the block it leads to.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from minidl.core.errors import VerifyError
from minidl.ir.mlir.attributes import Array, Dense
from minidl.ir.mlir.core import Block, Operation, Value
from minidl.ir.mlir.spec import define
from minidl.ir.mlir.types import ScalarType, Type, VectorType, i1
from minidl.ir.text.form import Custom, Parts
from minidl.ir.text.kinds import ANY, STR

Target = tuple[Block, list[Value]]  # a block, and what it is handed


def targets(op: Operation) -> list[Target]:
    """Where a branch may lead, in order; the default of a switch is first."""
    counts = widths(op)
    skip = len(op.operands) - sum(counts)
    out = []
    for block, count in zip(op.successors, counts, strict=True):
        out.append((block, op.operands[skip : skip + count]))
        skip += count
    return out


def widths(op: Operation) -> list[int]:
    """How many values each successor is handed."""
    if "operandSegmentSizes" not in op.attributes:
        return [len(op.operands)]
    own = op["operandSegmentSizes"].values
    if "case_operand_segments" not in op.attributes:
        return list(own[1:])
    return [own[1], *op["case_operand_segments"].values]


def segments(*counts: int) -> Array:
    return Array(ScalarType("i32"), counts)


def _no_results(types: Any, attributes: Any, regions: Any) -> list[Type]:
    return []


def verify_branch(op: Operation) -> None:
    """Each successor takes what it is handed."""
    if len(widths(op)) != len(op.successors):
        raise VerifyError(f"{op.name} leads to {len(op.successors)} blocks", op=op.name)
    if sum(widths(op)) + ("operandSegmentSizes" in op.attributes) != len(op.operands):
        raise VerifyError(f"{op.name} hands over {widths(op)} values, has others", op=op.name)
    for i, (block, values) in enumerate(targets(op)):
        want, got = [v.type for v in block.args], [v.type for v in values]
        if want != got:
            raise VerifyError(
                f"{op.name} hands {_types(got)} to successor {i}, which takes {_types(want)}",
                op=op.name,
            )


def _types(types: Sequence[Type]) -> str:
    return "(" + ", ".join(map(str, types)) + ")"


# -- text ------------------------------------------------------------------------------


def target_text(target: Target, printer: Any) -> str:
    """`^bb1`, or `^bb1(%a, %b : i32, f32)`."""
    block, values = target
    if not values:
        return str(printer.blocks[block])
    names = ", ".join(map(printer.name, values))
    return f"{printer.blocks[block]}({names} : {', '.join(str(v.type) for v in values)})"


def parse_target(p: Any, parts: Parts) -> int:
    """Adds a successor and its operands to `parts`; how many operands it has."""
    parts.successors.append(p.block_name())
    if not p.accept("("):
        return 0
    values = p.value_list()
    p.expect(":")
    parts.operands += values
    assert parts.operand_types is not None
    parts.operand_types += p.type_list()
    p.expect(")")
    return len(values)


def _rest(op: Operation, printer: Any, *skip: str) -> str:
    text = printer.attr_dict(op, frozenset(["operandSegmentSizes", *skip]))
    return text and " " + text


def _print_br(op: Operation, printer: Any) -> str:
    return f"{op.name} {target_text(targets(op)[0], printer)}{_rest(op, printer)}"


def _parse_br(p: Any) -> Parts:
    parts = Parts(operand_types=[], result_types=[])
    parse_target(p, parts)
    parts.attributes = p.attr_dict()
    return parts


def _print_cond_br(op: Operation, printer: Any) -> str:
    both = ", ".join(target_text(t, printer) for t in targets(op))
    return f"{op.name} {printer.name(op.operands[0])}, {both}{_rest(op, printer)}"


def _parse_cond_br(p: Any) -> Parts:
    parts = Parts(operands=[p.value_name()], operand_types=[i1], result_types=[])
    p.expect(",")
    yes = parse_target(p, parts)
    p.expect(",")
    no = parse_target(p, parts)
    parts.attributes = {"operandSegmentSizes": segments(1, yes, no), **p.attr_dict()}
    return parts


def _print_switch(op: Operation, printer: Any) -> str:
    flag = op.operands[0]
    default, *cases = (target_text(t, printer) for t in targets(op))
    numbers = op["case_values"].array.tolist() if cases else []
    lines = [f"default: {default}", *(f"{n}: {t}" for n, t in zip(numbers, cases, strict=True))]
    pad = "\n" + "  " * (printer.indent + 1)
    body = f",{pad}".join(lines)
    rest = _rest(op, printer, "case_values", "case_operand_segments")
    return f"{op.name} {printer.name(flag)} : {flag.type}, [{pad}{body}\n{pad[1:-2]}]{rest}"


def _parse_switch(p: Any) -> Parts:
    parts = Parts(operands=[p.value_name()], result_types=[])
    p.expect(":")
    flag = p.type()
    parts.operand_types = [flag]
    for word in (",", "[", "default", ":"):
        p.expect(word)
    default = parse_target(p, parts)
    numbers, counts = [], []
    while p.accept(","):
        numbers.append(p.integer())
        p.expect(":")
        counts.append(parse_target(p, parts))
    p.expect("]")
    parts.attributes["operandSegmentSizes"] = segments(1, default, sum(counts))
    parts.attributes["case_operand_segments"] = segments(*counts)
    if numbers:
        shape = VectorType((len(numbers),), flag)
        parts.attributes["case_values"] = Dense(np.array(numbers, flag.numpy), shape)
    parts.attributes.update(p.attr_dict())
    return parts


Branch = {"br": Custom(_print_br, _parse_br), "cond_br": Custom(_print_cond_br, _parse_cond_br)}
_ROWS: tuple[tuple[str, str, dict[str, Any], Custom], ...] = (
    ("br", "values*", {}, Branch["br"]),
    ("cond_br", "condition values*", {"operandSegmentSizes": ANY}, Branch["cond_br"]),
    (
        "switch",
        "flag values*",
        {"operandSegmentSizes": ANY, "case_operand_segments": ANY, "case_values?": ANY},
        Custom(_print_switch, _parse_switch),
    ),
)
for _name, _operands, _attributes, _form in _ROWS:
    define(
        f"cf.{_name}",
        _operands,
        attributes=_attributes,
        infer=_no_results,
        form=_form,
        verify=verify_branch,
        traits="terminator",
    )


def _parse_assert(p: Any) -> Parts:
    parts = Parts(operands=[p.value_name()], operand_types=[i1], result_types=[])
    p.expect(",")
    parts.attributes["msg"] = p.string()
    parts.attributes.update(p.attr_dict())
    return parts


define(
    "cf.assert",
    "condition",
    attributes={"msg": STR},
    infer=_no_results,
    form=Custom(
        lambda op, p: (
            f"{op.name} {p.name(op.operands[0])}, {STR.text(op['msg'], True)}{_rest(op, p, 'msg')}"
        ),
        _parse_assert,
    ),
)

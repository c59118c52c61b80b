"""linalg and tensor: loops as data, an indexing map an operand.

Chapter: ir/lowering.
Sources: MLIR, "'linalg' Dialect" (generic, fill), "'tensor' Dialect" (empty, reshapes).
Real: linalg has some fifty named ops beside `generic`; each is a generic with a name.
"""

from __future__ import annotations

from functools import partial
from typing import Any

from minidl.core.errors import VerifyError
from minidl.ir.mlir.core import Operation
from minidl.ir.mlir.spec import define
from minidl.ir.mlir.types import ShapedType, index
from minidl.ir.text.form import Parts, bare
from minidl.ir.text.generic_form import FILL, WINDOW, window_form
from minidl.ir.text.kinds import I64, INTS, ITERATORS, MAPS, SEGMENTS
from minidl.ir.text.terminators import terminator


def _typed(op: Operation, values: Any, printer: Any) -> str:
    names = ", ".join(map(printer.name, values))
    return f"({names} : {', '.join(str(v.type) for v in values)})"


def ins_outs(op: Operation) -> tuple[list[Any], list[Any]]:
    """The inputs and the outputs of a linalg op."""
    n = op["operandSegmentSizes"][0]
    return op.operands[:n], op.operands[n:]


def _print_generic(op: Operation, printer: Any) -> str:
    ins, outs = ins_outs(op)
    maps = MAPS.text(op["indexing_maps"], True)
    iterators = ITERATORS.text(op["iterator_types"], True)
    head = f"linalg.generic {{indexing_maps = {maps}, iterator_types = {iterators}}}"
    head += f" ins{_typed(op, ins, printer)}" if ins else ""
    head += f" outs{_typed(op, outs, printer)} {_body(op, len(ins), printer)}"
    types = ", ".join(str(v.type) for v in op.results)
    return head + (f" -> {types if len(op.results) == 1 else f'({types})'}" if types else "")


def _body(op: Operation, ins: int, printer: Any) -> str:
    block = op.body
    pad = "  " * printer.indent
    args = ", ".join(printer.arg_list(block))
    printer.indent += 1
    lines = printer.block_lines(block)
    printer.indent -= 1
    return "{\n" + f"{pad}^bb0({args}):\n" + "\n".join(lines) + f"\n{pad}}}"


def _typed_list(p: Any) -> tuple[list[Any], list[Any]]:
    p.expect("(")
    names = p.value_list()
    p.expect(":")
    types = p.type_list()
    p.expect(")")
    return names, types


def _parse_generic(p: Any) -> Parts:
    parts = Parts(result_types=[])
    p.expect("{")
    for word, kind in (("indexing_maps", MAPS), ("iterator_types", ITERATORS)):
        p.expect(word)
        p.expect("=")
        parts.attributes[word] = kind.parse(p, True)
        p.accept(",")
    p.expect("}")
    ins: tuple[list[Any], list[Any]] = _typed_list(p) if p.accept("ins") else ([], [])
    p.expect("outs")
    outs = _typed_list(p)
    parts.operands, parts.operand_types = ins[0] + outs[0], ins[1] + outs[1]
    parts.attributes["operandSegmentSizes"] = (len(ins[0]), len(outs[0]))
    parts.regions = [p.region()]
    if p.accept("->"):
        parts.result_types = p.comma_list(p.type, ")") if p.accept("(") else [p.type()]
    return parts


def _verify_generic(op: Operation) -> None:
    maps, iterators = op["indexing_maps"], op["iterator_types"]
    if len(maps) != len(op.operands):
        raise VerifyError(
            f"linalg.generic has {len(op.operands)} operands and {len(maps)} maps", op=op.name
        )
    for i, (map_, value) in enumerate(zip(maps, op.operands, strict=True)):
        rank = value.type.rank if isinstance(value.type, ShapedType) else 0
        if map_.dims != len(iterators) or len(map_.results) != rank:
            raise VerifyError(
                f"map {i} is {map_}: it must take {len(iterators)} dimensions to {rank}",
                op=op.name,
            )


define(
    "linalg.generic",
    "operands*",
    attributes={
        "indexing_maps": MAPS,
        "iterator_types": ITERATORS,
        "operandSegmentSizes": SEGMENTS,
    },
    form=bare(_print_generic, _parse_generic),
    verify=_verify_generic,
    regions=1,
)


terminator("linalg.yield", behind=True)
define(
    "linalg.index",
    attributes={"dim": I64},
    infer=lambda types, attributes, regions: [index],
    form="$dim {} : index",
    traits="pure",
)


def _print_fill(op: Operation, printer: Any) -> str:
    value, out = op.operands
    types = f" -> {op.result.type}" if op.results else ""
    return (
        f"linalg.fill ins({printer.name(value)} : {value.type}) "
        f"outs({printer.name(out)} : {out.type}){types}"
    )


def _parse_fill(p: Any) -> Parts:
    p.expect("ins")
    ins = _typed_list(p)
    p.expect("outs")
    outs = _typed_list(p)
    parts = Parts(operands=ins[0] + outs[0], operand_types=ins[1] + outs[1], result_types=[])
    if p.accept("->"):
        parts.result_types = [p.type()]
    return parts


define("linalg.fill", "value output", form=bare(_print_fill, _parse_fill), generic=FILL)


def _parse_empty(p: Any) -> Parts:
    for word in "():":
        p.expect(word)
    return Parts(operand_types=[], result_types=[p.type()])


define(
    "tensor.empty",
    form=bare(lambda op, printer: f"tensor.empty() : {op.result.type}", _parse_empty),
    traits="pure",
)


# -- tensor: an element, and windows ---------------------------------------------------


def _parse_extract(p: Any) -> Parts:
    parts = Parts(operands=[p.value_name()])
    p.expect("[")
    if not p.accept("]"):
        parts.operands += p.value_list()
        p.expect("]")
    p.expect(":")
    type_ = p.type()
    parts.operand_types = [type_] + [index] * (len(parts.operands) - 1)
    parts.result_types = [type_.element]
    return parts


define(
    "tensor.extract",
    "tensor indices*",
    form=bare(
        lambda op, p: (
            f"tensor.extract {p.name(op.operands[0])}"
            f"[{', '.join(map(p.name, op.operands[1:]))}] : {op.operands[0].type}"
        ),
        _parse_extract,
    ),
    traits="pure",
)


def window_text(op: Operation) -> str:
    """`[offsets][sizes][strides]`."""
    return "".join(f"[{', '.join(map(str, op[key]))}]" for key in WINDOW)


def _parse_window(p: Any) -> dict[str, tuple[int, ...]]:
    out = {}
    for key in WINDOW:
        p.expect("[")
        out[key] = tuple(p.comma_list(p.integer, "]"))
    return out


def _print_windowed(op: Operation, printer: Any) -> str:
    names = [printer.name(v) for v in op.operands]
    types = [str(v.type) for v in op.operands]
    word = "to"
    if len(names) == 2:
        word = "into"
    else:
        types.append(str(op.result.type))
    return f"{op.name} {' into '.join(names)}{window_text(op)} : {f' {word} '.join(types)}"


def _parse_windowed(p: Any, count: int, word: str) -> Parts:
    parts = Parts(operands=[p.value_name()])
    if count == 2:
        p.expect("into")
        parts.operands.append(p.value_name())
    parts.attributes = dict(_parse_window(p))
    p.expect(":")
    first = p.type()
    p.expect(word)
    second = p.type()
    parts.operand_types = [first, second][:count]
    parts.result_types = [second]
    return parts


for _name, _operands, _word in (
    ("tensor.extract_slice", "source", "to"),
    ("tensor.insert_slice", "source dest", "into"),
):
    define(
        _name,
        _operands,
        attributes=dict.fromkeys(WINDOW, INTS),
        form=bare(
            _print_windowed, partial(_parse_windowed, count=len(_operands.split()), word=_word)
        ),
        generic=window_form(len(_operands.split())),
        traits="pure",
    )


def _print_reshape(op: Operation, printer: Any) -> str:
    x, shape = op.operands
    types = f"({x.type}, {shape.type}) -> {op.result.type}"
    return f"tensor.reshape {printer.name(x)}({printer.name(shape)}) : {types}"


def _parse_reshape(p: Any) -> Parts:
    parts = Parts(operands=[p.value_name()])
    p.expect("(")
    parts.operands.append(p.value_name())
    p.expect(")")
    p.expect(":")
    function = p.function_type()
    parts.operand_types, parts.result_types = list(function.inputs), list(function.outputs)
    return parts


define("tensor.reshape", "source shape", form=bare(_print_reshape, _parse_reshape), traits="pure")
# The same value under another type, between stages that agree later.
define("builtin.unrealized_conversion_cast", "x", form="%x :to {}", traits="pure")

"""memref, vector, scf: memory, registers, loops.

Chapter: ir/lowering.
Sources: MLIR, "'memref' Dialect", "'vector' Dialect", "'scf' Dialect".
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from minidl.core.errors import ParseError
from minidl.ir.mlir.core import Operation
from minidl.ir.mlir.spec import define
from minidl.ir.mlir.types import MemRefType, Type, VectorType, index
from minidl.ir.text.form import Parts, bare
from minidl.ir.text.generic_form import check_window, fixed_form, renamed_form, window_form
from minidl.ir.text.kinds import ANY, INTS, SEGMENTS, STR, SYMBOL, TYPE, Kind, int_kind
from minidl.ir.text.printer import dense_text
from minidl.ir.text.terminators import terminator

DENSE = Kind("dense", lambda v, pretty: f"{dense_text(v)} : {v.type}", lambda p, pretty: p.dense())


def _element(types: Sequence[Type], attributes: Any, regions: Any) -> list[Type]:
    assert isinstance(types[0], MemRefType)
    return [types[0].element]


define(
    "memref.load",
    "memref indices*",
    infer=_element,
    form=bare(
        lambda op, p: f"memref.load {_access(op, 0, p)} : {op.operands[0].type}",
        lambda p: _parse_access(p, stored=False, vector=False),
    ),
)
define(
    "memref.store",
    "value memref indices*",
    infer=lambda types, attributes, regions: [],
    form=bare(
        lambda op, p: (
            f"memref.store {p.name(op.operands[0])}, {_access(op, 1, p)} : {op.operands[1].type}"
        ),
        lambda p: _parse_access(p, stored=True, vector=False),
    ),
)
define(
    "vector.load",
    "memref indices*",
    form=bare(
        lambda op, p: f"vector.load {_access(op, 0, p)} : {op.operands[0].type}, {op.result.type}",
        lambda p: _parse_access(p, stored=False, vector=True),
    ),
)
define(
    "vector.store",
    "value memref indices*",
    infer=lambda types, attributes, regions: [],
    form=bare(
        lambda op, p: (
            f"vector.store {p.name(op.operands[0])}, {_access(op, 1, p)} : "
            f"{op.operands[1].type}, {op.operands[0].type}"
        ),
        lambda p: _parse_access(p, stored=True, vector=True),
    ),
)


def _access(op: Operation, at: int, printer: Any) -> str:
    indices = ", ".join(map(printer.name, op.operands[at + 1 :]))
    return f"{printer.name(op.operands[at])}[{indices}]"


def _parse_access(p: Any, stored: bool, vector: bool) -> Parts:
    parts = Parts()
    if stored:
        parts.operands.append(p.value_name())
        p.expect(",")
    parts.operands.append(p.value_name())
    p.expect("[")
    indices = p.value_list()
    p.expect("]")
    p.expect(":")
    memory = p.type()
    value = memory.element
    if vector:
        p.expect(",")
        value = p.type()
    parts.operands += indices
    tail = [memory] + [index] * len(indices)
    parts.operand_types = ([value] if stored else []) + tail
    parts.result_types = [] if stored else [value]
    return parts


def _print_alloca(op: Operation, printer: Any) -> str:
    return f"memref.alloca() : {op.result.type}"


def _parse_alloca(p: Any) -> Parts:
    for word in "():":
        p.expect(word)
    return Parts(operand_types=[], result_types=[p.type()])


define(
    "memref.alloca",
    form=bare(_print_alloca, _parse_alloca),
    generic=fixed_form(operandSegmentSizes=(SEGMENTS, (0, 0))),
)
define(
    "memref.get_global",
    attributes={"name": SYMBOL},
    form="$name :results {}",
    traits="pure",
)


def _parse_global(p: Any) -> Parts:
    """`memref.global "private" constant @name : type = dense<…>`."""
    parts = Parts(operand_types=[], result_types=[])
    p.expect('"private"')
    p.expect("constant")
    name = p.symbol()
    p.expect(":")
    made = p.type()
    p.expect("=")
    parts.attributes = {"sym_name": name, "type": made, "initial_value": p.dense_like(made)}
    return parts


define(
    "memref.global",
    attributes={"sym_name": STR, "type": TYPE, "initial_value": DENSE},
    form=bare(
        lambda op, p: (
            f'memref.global "private" constant @{op["sym_name"]} : {op["type"]} = '
            f"{dense_text(op['initial_value'])}"
        ),
        _parse_global,
    ),
    generic=fixed_form(constant=(ANY, None), sym_visibility=(STR, "private")),
)


def _print_view(op: Operation, printer: Any) -> str:
    source, offset = op.operands
    types = f"{source.type} to {op.result.type}"
    return f"memref.view {printer.name(source)}[{printer.name(offset)}][] : {types}"


def _parse_view(p: Any) -> Parts:
    parts = Parts(operands=[p.value_name()])
    p.expect("[")
    parts.operands.append(p.value_name())
    for word in ("]", "[", "]", ":"):
        p.expect(word)
    parts.operand_types = [p.type(), index]
    p.expect("to")
    parts.result_types = [p.type()]
    return parts


define("memref.view", "source byte_shift", form=bare(_print_view, _parse_view), traits="pure")


def _print_cast_shape(op: Operation, printer: Any) -> str:
    """One row-major shape seen as another: sizes and strides written out."""
    x, to = op.operands[0], op.result.type
    assert isinstance(to, MemRefType)
    sizes = ", ".join(map(str, to.dims))
    strides = ", ".join(map(str, row_major(to.dims)))
    return (
        f"memref.reinterpret_cast {printer.name(x)} to offset: [0], sizes: [{sizes}], "
        f"strides: [{strides}] : {x.type} to {to}"
    )


def row_major(shape: Sequence[int]) -> tuple[int, ...]:
    """Strides in elements of a dense row-major array."""
    strides, step = [], 1
    for size in reversed(shape):
        strides.append(step)
        step *= size
    return tuple(reversed(strides))


def _row_major_window(to: Any) -> dict[str, tuple[int, ...]]:
    if not isinstance(to, MemRefType):
        raise ParseError(f"expected a memref type, got {to}")
    return {"offsets": (0,), "sizes": to.dims, "strides": row_major(to.dims)}


def _parse_cast_shape(p: Any) -> Parts:
    parts = Parts(operands=[p.value_name()])
    p.expect("to")
    at, written = p.at_, {}
    for word, key in (("offset", "offsets"), ("sizes", "sizes"), ("strides", "strides")):
        p.accept(",")
        p.expect(word)
        p.expect(":")
        written[key] = INTS.parse(p, True)
    p.expect(":")
    parts.operand_types = [p.type()]
    p.expect("to")
    parts.result_types = [p.type()]
    try:
        check_window(written, _row_major_window(parts.result_types[0]))
    except ParseError as error:
        raise p.error(error.message, at) from None
    return parts


define(
    "memref.reinterpret_cast",
    "source",
    form=bare(_print_cast_shape, _parse_cast_shape),
    generic=window_form(1, _row_major_window),
    traits="pure",
)


def _print_to(op: Operation, printer: Any) -> str:
    x = op.operands[0]
    return f"{op.name} {printer.name(x)} : {x.type} to {op.result.type}"


def _parse_to(p: Any) -> Parts:
    parts = Parts(operands=[p.value_name()])
    p.expect(":")
    parts.operand_types = [p.type()]
    p.expect("to")
    parts.result_types = [p.type()]
    return parts


define("vector.broadcast", "source", form=bare(_print_to, _parse_to), traits="pure")


def _print_from(op: Operation, printer: Any) -> str:
    names = ", ".join(map(printer.name, op.operands))
    return f"vector.from_elements {names} : {op.result.type}"


def _parse_from(p: Any) -> Parts:
    parts = Parts(operands=p.value_list())
    p.expect(":")
    made = p.type()
    parts.operand_types, parts.result_types = [made.element] * len(parts.operands), [made]
    return parts


define("vector.from_elements", "elements*", form=bare(_print_from, _parse_from), traits="pure")


def _print_extract(op: Operation, printer: Any) -> str:
    x = op.operands[0]
    return f"vector.extract {printer.name(x)}[{op['position']}] : {op.result.type} from {x.type}"


def _parse_extract(p: Any) -> Parts:
    parts = Parts(operands=[p.value_name()])
    p.expect("[")
    parts.attributes["position"] = p.integer()
    p.expect("]")
    p.expect(":")
    parts.result_types = [p.type()]
    p.expect("from")
    parts.operand_types = [p.type()]
    return parts


define(
    "vector.extract",
    "vector",
    attributes={"position": int_kind("i64")},
    form=bare(_print_extract, _parse_extract),
    generic=renamed_form("position", "static_position", INTS),
    traits="pure",
)


def _shuffle_type(types: Sequence[Type], attributes: dict[str, Any], regions: Any) -> list[Type]:
    assert isinstance(types[0], VectorType)
    return [VectorType((len(attributes["mask"]),), types[0].element)]


define(
    "vector.shuffle",
    "v1 v2",
    attributes={"mask": INTS},
    infer=_shuffle_type,
    form="%v1 , %v2 $mask {} :operands",
    traits="pure",
)

terminator("scf.yield")


def _print_for(op: Operation, printer: Any) -> str:
    low, high, by, *inits = map(printer.name, op.operands)
    i, *carried = op.body.args
    head = f"scf.for {printer.name(i)} = {low} to {high} step {by}"
    if carried:
        pairs = ", ".join(f"{printer.name(v)} = {x}" for v, x in zip(carried, inits, strict=True))
        head += f" iter_args({pairs}) -> ({', '.join(str(v.type) for v in carried)})"
    return f"{head} {printer.region(op.region, terminator=bool(carried))}"


def _parse_for(p: Any) -> Parts:
    parts = Parts(result_types=[])
    name, at = p.value_name()
    p.expect("=")
    parts.operands.append(p.value_name())
    p.expect("to")
    parts.operands.append(p.value_name())
    p.expect("step")
    parts.operands.append(p.value_name())
    args, inits = [], []
    if p.accept("iter_args"):
        p.expect("(")
        for (arg, where), init in p.comma_list(lambda: _pair(p), ")"):
            args.append((arg, where))
            inits.append(init)
        p.expect("->")
        p.expect("(")
        parts.result_types = p.comma_list(p.type, ")")
    types = parts.result_types or []
    named = [(a, w, t) for (a, w), t in zip(args, types, strict=True)]
    parts.operands += inits
    parts.regions = [p.region([(name, at, index), *named], default="scf.yield")]
    return parts


def _pair(p: Any) -> tuple[tuple[str, int], tuple[str, int]]:
    arg = p.value_name()
    p.expect("=")
    return arg, p.value_name()


define(
    "scf.for",
    "lower upper step inits*",
    infer=lambda types, attributes, regions: list(types[3:]),
    form=bare(_print_for, _parse_for),
    regions=1,
)


def _print_if(op: Operation, printer: Any) -> str:
    types = f" -> ({', '.join(str(v.type) for v in op.results)})" if op.results else ""
    keep = bool(op.results)
    text = f"scf.if {printer.name(op.operands[0])}{types} "
    text += str(printer.region(op.regions[0], terminator=keep))
    if op.regions[1].blocks:
        text += f" else {printer.region(op.regions[1], terminator=keep)}"
    return text


def _parse_if(p: Any) -> Parts:
    from minidl.ir.mlir.core import Region

    parts = Parts(operands=[p.value_name()], result_types=[])
    if p.accept("->"):
        p.expect("(")
        parts.result_types = p.comma_list(p.type, ")")
    parts.regions = [p.region([], default="scf.yield")]
    parts.regions.append(p.region([], default="scf.yield") if p.accept("else") else Region())
    return parts


define("scf.if", "condition", form=bare(_print_if, _parse_if), regions=2)

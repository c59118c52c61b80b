"""StableHLO that combines elements: reduce with any body.

Chapter: ir/stablehlo.
Sources: StableHLO specification, one section an op; constraints by their labels.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from minidl.core.errors import ShapeError
from minidl.ir.mlir.core import Block, Operation, Region
from minidl.ir.mlir.spec import SPECS, define
from minidl.ir.mlir.types import ScalarType, TensorType, Type, tensor
from minidl.ir.stablehlo.constraints import results
from minidl.ir.stablehlo.elementwise import tensors
from minidl.ir.stablehlo.regions import element_types, promotes
from minidl.ir.text.form import Custom, Parts
from minidl.ir.text.kinds import INTS

_REDUCE = "stablehlo.reduce"


def _infer_reduce(types: Sequence[Type], attributes: dict[str, Any], regions: Any) -> list[Type]:
    """Shape without the reduced dimensions; the element is what the body computes."""
    half = len(types) // 2
    if not half:
        raise ShapeError(f"{_REDUCE} wants an input and an initial value (C3)", op=_REDUCE)
    xs, inits = tensors(_REDUCE, types)[:half], tensors(_REDUCE, types)[half:]
    dims = attributes["dimensions"]
    _check_dimensions(dims, xs[0].rank)
    for x, init in zip(xs, inits, strict=True):
        if x.shape != xs[0].shape:
            raise ShapeError(f"{_REDUCE} of {xs[0]} and {x}: one shape for all (C1)", op=_REDUCE)
        if init.rank or init.element is not x.element:
            raise ShapeError(f"{_REDUCE} of {x} begins with {init}, not a scalar (C2)", op=_REDUCE)
    elements = _body_elements(xs, regions[0]) if regions else [x.element for x in xs]
    keep = [n for d, n in enumerate(xs[0].dims) if d not in dims]
    return [tensor(keep, e) for e in elements]


def _check_dimensions(dims: Sequence[int], rank: int) -> None:
    if not all(0 <= d < rank for d in dims):
        raise ShapeError(
            f"{_REDUCE}: dimensions {list(dims)} of an input of rank {rank} (C4)", op=_REDUCE
        )
    if len(set(dims)) != len(dims):
        raise ShapeError(f"{_REDUCE}: dimensions {list(dims)} repeat one (C5)", op=_REDUCE)


def _body_elements(xs: Sequence[TensorType], body: Region) -> list[ScalarType]:
    """E0 … of a body of type (E0, …, E0, …) -> (E0, …), each able to hold its input."""
    elements = element_types(_REDUCE, body, 2, "body", "C6")
    fits = len(elements) == len(xs) and all(
        promotes(x.element, e) for x, e in zip(xs, elements, strict=True)
    )
    if not fits:
        raise ShapeError(
            f"the body of {_REDUCE} computes {', '.join(map(str, elements))} for inputs "
            f"{', '.join(map(str, xs))} (C6)",
            op=_REDUCE,
        )
    return elements


def reducer(op_name: str, element: ScalarType) -> Region:
    """The region of a reduction by one binary op."""
    scalar = tensor((), element)
    block = Block([scalar, scalar])
    op = block.append(Operation(op_name, block.args, [scalar]))
    block.append(Operation("stablehlo.return", [op.result]))
    return Region([block])


def reducer_name(op: Operation) -> str | None:
    """The binary op a region applies to its two arguments, or None for another body."""
    block = op.regions[0].blocks[0]
    first = block.first
    if first is None or first.next is None or first.next is not block.last:
        return None
    if first.operands != block.args or len(block.args) != 2:
        return None
    return first.name if block.terminator.operands == first.results else None


def joiner(op: Operation) -> str | None:
    """The body's one op where operands may change places and runs be joined apart, else None.

    StableHLO's commutative ops (add, multiply, maximum, minimum, and, or, xor) are all associative,
    up to rounding.
    """
    name, first = reducer_name(op), op.regions[0].blocks[0].first
    if name is None or first is None or first.attributes or not name.startswith("stablehlo."):
        return None
    return name if "commutative" in SPECS[name].traits else None


def _applied(op: Operation) -> str | None:
    """The op that `applies` may name: one commutative op, nothing else to say about it."""
    plain = op.operands[0].type.element is op.results[0].type.element  # type: ignore[attr-defined]
    return joiner(op) if plain else None


def _print_reduce(op: Operation, printer: Any) -> str:
    half = len(op.operands) // 2
    pairs = ", ".join(
        f"({printer.name(x)} init: {printer.name(init)})"
        for x, init in zip(op.operands[:half], op.operands[half:], strict=True)
    )
    ins = ", ".join(str(v.type) for v in op.operands)
    outs = ", ".join(str(v.type) for v in op.results)
    types = f"({ins}) -> {outs if len(op.results) == 1 else f'({outs})'}"
    across = f"across dimensions = [{', '.join(map(str, op['dimensions']))}]"
    rest = printer.attr_dict(op, frozenset(["dimensions"]))
    rest = rest and " " + rest
    name = _applied(op)
    if name and half == 1:
        return f"stablehlo.reduce{pairs} applies {name} {across}{rest} : {types}"
    return f"stablehlo.reduce{pairs} {across}{rest} : {types}\n{_reducer(op, printer)}"


def _reducer(op: Operation, printer: Any) -> str:
    """`reducer(%a: t, %b: t) (…) { … }`: arguments in pairs, one a reduced value."""
    pad = "  " * printer.indent + " "
    args = op.body.args
    half = len(args) // 2
    pairs = zip(args[:half], args[half:], strict=True)
    groups = " ".join(f"({printer.arg(x)}, {printer.arg(y)})" for x, y in pairs)
    body = printer.region(op.region)
    return f"{pad}reducer{groups}  {body}"


def _parse_reduce(p: Any) -> Parts:
    inputs, inits = [], []
    more = True
    while more:
        p.expect("(")
        inputs.append(p.value_name())
        p.expect("init")
        p.expect(":")
        inits.append(p.value_name())
        p.expect(")")
        more = p.accept(",")
    parts = Parts(operands=inputs + inits)
    applied = p.word() if p.accept("applies") else None
    for word in ("across", "dimensions", "="):
        p.expect(word)
    parts.attributes["dimensions"] = INTS.parse(p, True)
    parts.attributes.update(p.attr_dict())
    p.expect(":")
    function = p.function_type()
    parts.operand_types, parts.result_types = list(function.inputs), list(function.outputs)
    if applied:
        _check_applied(p, applied, function)
        parts.regions = [reducer(applied, function.inputs[0].element)]
    else:
        parts.regions = [_parse_reducer(p)]
    return parts


def _check_applied(p: Any, name: str, function: Any) -> None:
    if name not in SPECS or "commutative" not in SPECS[name].traits:
        raise p.error(f"`applies` names a commutative op of two operands, not {name}", p.at_ - 1)
    if len(function.inputs) != 2 or not isinstance(function.inputs[0], TensorType):
        raise p.error(f"`applies` reduces one tensor, got {function}", p.at_ - 1)


def _parse_reducer(p: Any) -> Region:
    p.expect("reducer")
    lhs, rhs = [], []
    while p.accept("("):
        lhs.append(p.typed_name())
        p.expect(",")
        rhs.append(p.typed_name())
        p.expect(")")
    region: Region = p.region(lhs + rhs)
    return region


define(
    "stablehlo.reduce",
    "inputs* init_values*",
    attributes={"dimensions": INTS},
    infer=_infer_reduce,
    form=Custom(_print_reduce, _parse_reduce),
    verify=results("C7", "C8"),
    traits="pure",
    regions=1,
)

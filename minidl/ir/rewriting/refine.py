"""Refine: unknown sizes become known from the arguments a program is given.

Chapter: ir/rewriting.
Sources: StableHLO, "dynamism" (RFC 2023-07-04), "Shape refinement".
Real: `stablehlo-refine-arguments` and `stablehlo-refine-shapes`; JAX calls them for
programs exported with symbolic shapes (`refine_polymorphic_shapes`).

The entry's arguments take the given types.  From there the driver does the rest: an op
whose operands are static has, by its shape rule, a static result; a size asked of a type
is a constant; constants fold; a `dynamic_…` op with constant sizes becomes its static twin.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from minidl.core.errors import CallError
from minidl.ir.mlir.core import Block, Operation, Region, Value, clone
from minidl.ir.mlir.module import Module
from minidl.ir.mlir.spec import SPECS
from minidl.ir.mlir.types import FunctionType, TensorType, Type, tensor
from minidl.ir.rewriting.driver import (
    Made,
    Pattern,
    Reasons,
    Rewriter,
    forget,
    is_static,
    rewrite,
)
from minidl.ir.rewriting.fold import FOLD, splat_of
from minidl.ir.rewriting.inline import inline
from minidl.ir.rewriting.manager import Pass
from minidl.ir.rewriting.patterns import dynamic


def refine(types: Sequence[Type], entry: str = "main") -> Pass:
    """The pass that gives the arguments of `entry` these static types.

    Errors: CallError when a type does not fit what is declared, or what the program
    asserts about its sizes (JAX writes `custom_call @shape_assertion`).
    """

    def change(module: Module, reasons: Reasons) -> bool:
        inline.change(module, reasons)
        function = module.function(entry)
        _take(function, types)
        rewrite(module, [KNOWN, FOLD, *dynamic.PATTERNS], reasons)
        _assertions(function, reasons)
        outs = tuple(v.type for v in function.body.terminator.operands)
        function.attributes["function_type"] = FunctionType(tuple(types), outs)
        return True

    return Pass("refine", "sizes that the arguments decide are written out", change)


def _take(function: Operation, types: Sequence[Type]) -> None:
    args = function.body.args
    if len(types) != len(args):
        raise CallError(
            f"@{function['sym_name']} takes {len(args)} arguments, got {len(types)} types",
            hint="one type for each argument, in order",
        )
    for i, (arg, given) in enumerate(zip(args, types, strict=True)):
        if not _fits(arg.type, given):
            raise CallError(
                f"argument {i} of @{function['sym_name']} is {arg.type}, got {given}",
                hint="a `?` may become any size; rank, element and known sizes stay",
            )
        arg.type = given


def _fits(declared: Type, given: Type) -> bool:
    if not isinstance(declared, TensorType) or not isinstance(given, TensorType):
        return declared is given
    sizes = zip(declared.shape, given.shape, strict=False)
    return (
        declared.element is given.element
        and declared.rank == given.rank
        and given.is_static
        and all(want in (None, n) for want, n in sizes)
    )


def _assertions(function: Operation, reasons: Reasons) -> None:
    """What is asserted about sizes holds, and goes; or it is an error."""
    for op in list(function.walk()):
        if op.get("call_target_name") != "shape_assertion":
            continue
        holds = splat_of(op.operands[0])
        if holds is None:
            continue
        if not holds:
            numbers = [splat_of(v) for v in op.operands[1:]]
            raise CallError(_message(str(op.get("error_message", "")), numbers), op=op.name)
        forget(op, "an assertion about sizes that holds", reasons)
        op.erase()


def _message(text: str, numbers: Sequence[Any]) -> str:
    """The program's own words, with the sizes in place of `{0}`, `{1}` …"""
    for i, number in enumerate(numbers):
        text = text.replace(f"{{{i}}}", str(number))
    return f"a size that the program does not take: {text}"


# -- one pattern: what the shape rule knows ------------------------------------------------


def _known(op: Operation, rw: Rewriter) -> Made:
    """The op once more, with the result types that its static operands have."""
    infer = _bits if op.name == "stablehlo.bitcast_convert" else SPECS[op.name].infer
    if infer is None or is_static(op) or not all(map(_sized, op.operands)):
        return None
    regions = [_region(op, region) for region in op.regions]
    attributes = dict(op.attributes)
    if op.name.endswith("convert"):  # the rule wants to know the element, as written
        attributes["to"] = op.results[0].type.element  # type: ignore[attr-defined]
    inferred = infer([v.type for v in op.operands], attributes, regions)
    types = [_merge(v.type, t) for v, t in zip(op.results, inferred, strict=True)]
    if types == [v.type for v in op.results]:
        return None
    made = rw.create(op.name, op.operands, dict(op.attributes), types, regions).op
    assert made is not None
    return made.results


def _bits(types: Sequence[Any], attributes: dict[str, Any], regions: Any) -> list[Type]:
    """bitcast_convert: the last dimension holds the parts of a wider element."""
    (x,), to = types, attributes["to"]
    parts = x.element.bits // to.bits
    wider = (*x.shape, parts) if parts > 1 else x.shape
    return [tensor(wider if parts else x.shape[:-1], to)]


def _sized(value: Value) -> bool:
    return not isinstance(value.type, TensorType) or value.type.is_static


def _merge(written: Type, inferred: Any) -> Type:
    """Sizes as inferred, the element as written (a dot's sums may be wider)."""
    if not isinstance(written, TensorType) or not isinstance(inferred, TensorType):
        return written
    return tensor(inferred.shape, written.element)


def _region(op: Operation, region: Region) -> Region:
    """A copy; a loop's arguments take the types of what the loop starts with."""
    old = region.block
    loop = op.name == "stablehlo.while"
    types = [v.type for v in (op.operands if loop else old.args)]
    copy = Block(types)
    mapping: dict[Value, Value] = dict(zip(old.args, copy.args, strict=True))
    for inner in old:
        copy.append(clone(inner, mapping))
    return Region([copy])


KNOWN = Pattern("sizes known", "*", "the shape rule knows the result", _known, dynamic=True)

"""Types that are read, verified and printed, and not computed: refused once, before a run.

Chapter: ir/stablehlo.
Sources: house rule (Values): complex and quantized numbers, unknown sizes, numbers of other
widths than the thirteen element types have, are carried.
Real: XLA computes complex and 4-bit integers too; StableHLO's interpreter, quantized ones.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any

from minidl.core.errors import UnsupportedError
from minidl.ir.mlir.core import Operation
from minidl.ir.mlir.location import place
from minidl.ir.mlir.types import ShapedType, Type, runs

CALLS = ("func.call", "stablehlo.composite")  # what they make is made inside what they name
REFINE = "rewriting.refine(types of the arguments)(module) writes out the sizes that they decide"


def refuse_carried(
    module: Operation, function: Operation, done: str, who: str, handlers: Collection[str] = ()
) -> None:
    """UnsupportedError for the first op that makes a carried type, or takes it into a region.

    done  what does not happen to it: "computed"
    who   "evaluate runs", "stage: stablehlo; it takes"
    """
    found = list(_carried(module, handlers))
    for op, says, type_ in (*found, *_arguments(function)):
        raise UnsupportedError(
            f"{says} {type_}, of {_why(type_)}: it is carried and not {done}",
            op=op.name,
            span=place(op.location),
            hint=f"{who} static shapes of the thirteen element types{_more(type_, found)}",
        )


Finding = tuple[Operation, str, Type]


def _carried(module: Operation, handlers: Collection[str]) -> Iterator[Finding]:
    for op in module.walk():
        if op.name in handlers or op.name in CALLS:
            continue
        for value in op.results:
            if not runs(value.type):
                target = (
                    f" @{op['call_target_name']}" if "call_target_name" in op.attributes else ""
                )
                yield op, f"{op.name}{target} makes", value.type
        if op.name != "func.func":
            for value in (v for region in op.regions for b in region.blocks for v in b.args):
                if not runs(value.type):
                    yield op, f"a region of {op.name} takes", value.type


def _arguments(function: Operation) -> Iterator[Finding]:
    for i, value in enumerate(function.regions[0].blocks[0].args):
        if not runs(value.type):
            yield function, f"argument {i} of @{function['sym_name']} is", value.type


def _why(type_: Type) -> str:
    element: Any = getattr(type_, "element", type_)
    if isinstance(type_, ShapedType) and not type_.is_static:
        return "a size that is not known"
    return "complex numbers" if getattr(element, "is_complex", False) else f"{element} numbers"


def _more(type_: Type, found: list[Finding]) -> str:
    if isinstance(type_, ShapedType) and not type_.is_static:
        return f"; {REFINE}"
    names = list(dict.fromkeys(op.name for op, _, _ in found))
    return f"; carried here: {', '.join(names[:6])}" if len(names) > 1 else ""

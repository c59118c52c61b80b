"""What an op asks of its regions: one block, arguments of given types, given results.

Chapter: ir/stablehlo.
Sources: StableHLO specification; the types of `body`, `cond`, `branches`, `computation`,
`comparator` stand there as function types.
Real: `SingleBlockImplicitTerminator<"ReturnOp">` and the shape functions of
TypeInference.cpp.

A region may use values from around it (no StableHLO op is isolated from above).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from minidl.core.errors import ShapeError
from minidl.ir.mlir.core import Operation, Region
from minidl.ir.mlir.spec import infer_types
from minidl.ir.mlir.types import ScalarType, TensorType, Type, tensor
from minidl.ir.stablehlo.constraints import fail

ENDS = ("stablehlo.return", "func.return")


def returned(name: str, region: Region) -> list[Type]:
    """The types that a region of one block returns."""
    if len(region.blocks) != 1:
        raise ShapeError(f"a region of {name} has {len(region.blocks)} blocks, not 1", op=name)
    last = region.blocks[0].last
    if last is None or last.name not in ENDS:
        raise ShapeError(
            f"a region of {name} ends with {last.name if last else 'nothing'}",
            op=name,
            hint="end it with stablehlo.return",
        )
    return [v.type for v in last.operands]


def taken(region: Region) -> list[Type]:
    """The types of a region's arguments."""
    return [v.type for v in region.blocks[0].args]


def spell(types: Sequence[Type]) -> str:
    return f"({', '.join(map(str, types))})"


def check_region(
    name: str,
    region: Region,
    inputs: Sequence[Type],
    outputs: Sequence[Type],
    what: str,
    label: str,
) -> None:
    """A region has the function type that the specification gives it under `label`."""
    got = returned(name, region)
    if taken(region) != list(inputs) or got != list(outputs):
        raise ShapeError(
            f"the {what} of {name} is {spell(taken(region))} -> {spell(got)}, "
            f"expected {spell(inputs)} -> {spell(outputs)} ({label})",
            op=name,
        )


def makes(*labels: str) -> Callable[[Operation], None]:
    """The results have the types that the shape rule gives; the label of each, or of all."""

    def verify(op: Operation) -> None:
        types = [v.type for v in (*op.operands, *op.results)]
        if not all(t.is_static for t in types if isinstance(t, TensorType)):
            return
        want = infer_types(op.name, op.operands, op.attributes, op.regions)
        got = [v.type for v in op.results]
        if len(want) != len(got):
            raise fail(op.name, labels[0], f"makes {spell(want)}, but is written {spell(got)}")
        for i, (a, b) in enumerate(zip(want, got, strict=True)):
            if a is not b:
                label = labels[min(i, len(labels) - 1)]
                raise fail(op.name, label, f"result {i} is {a}, but is written {b}")

    return verify


def both(*checks: Callable[[Operation], None]) -> Callable[[Operation], None]:
    def verify(op: Operation) -> None:
        for check in checks:
            check(op)

    return verify


def scalar(element: ScalarType) -> TensorType:
    return tensor((), element)


def element_types(name: str, region: Region, arity: int, what: str, label: str) -> list[ScalarType]:
    """The n elements E of a body of type (E…, E…) -> (E…); `arity` lists of arguments."""
    outs = returned(name, region)
    fits = all(isinstance(t, TensorType) and not t.rank for t in outs)
    if not fits or taken(region) != outs * arity:
        raise ShapeError(
            f"the {what} of {name} is {spell(taken(region))} -> {spell(outs)}: it must take "
            f"{arity} scalars for each that it returns, of the same type ({label})",
            op=name,
        )
    return [t.element for t in outs if isinstance(t, TensorType)]


def promotes(a: ScalarType, b: ScalarType) -> bool:
    """Whether a body may compute elements of `a` in `b` (`is_promotable`)."""
    return kind_of(a) == kind_of(b) and a.bits <= b.bits


def kind_of(element: ScalarType) -> str:
    """boolean, integer or float: what promotion keeps."""
    return "boolean" if element.name == "i1" else "float" if element.is_float else "integer"

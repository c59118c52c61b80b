"""Maps: a body of scalars becomes the same ops on whole arrays.

Chapter: xla/simplify.
Sources: StableHLO specification, "map".
Real: XLA's `HloEvaluator` runs a map's body element by element; `MapInliner` inlines one
whose body is a single op.
"""

from __future__ import annotations

from minidl.ir.mlir.attributes import Dense
from minidl.ir.mlir.core import Operation, Value
from minidl.ir.mlir.location import fuse
from minidl.ir.mlir.module import Module
from minidl.ir.mlir.spec import Builder, has_trait
from minidl.ir.mlir.types import TensorType, tensor
from minidl.ir.rewriting.driver import Reasons
from minidl.ir.rewriting.manager import Pass


def change(module: Module, reasons: Reasons) -> bool:
    """Every map whose body is elementwise; the others stay."""
    maps = [op for op in module.walk() if op.name == "stablehlo.map" and _widens(op)]
    for op in maps:
        _widen(op)
    return bool(maps)


def _widens(op: Operation) -> bool:
    *inner, last = op.body
    mine = {*op.body.args, *(v for o in inner for v in o.results)}
    reads = [v for o in (*inner, last) for v in o.operands]
    return all(v in mine for v in reads) and all(
        has_trait(o, "elementwise") or o.name == "stablehlo.constant" for o in inner
    )


def _widen(op: Operation) -> None:
    b = Builder.before_op(op)
    wide: dict[Value, Value] = dict(zip(op.body.args, op.operands, strict=True))
    out = op.result.type
    assert isinstance(out, TensorType)
    for inner in op.body:
        if inner is op.body.last:
            break
        element = inner.result.type.element  # type: ignore[attr-defined]
        attributes, type_ = dict(inner.attributes), tensor(out.shape, element)
        if inner.name == "stablehlo.constant":
            attributes["value"] = Dense.splat(inner["value"].item, type_)
        operands = [wide[v] for v in inner.operands]
        b.location = fuse(inner.location, op.location)
        wide[inner.result] = b.create(inner.name, operands, attributes, [type_]).result
    op.replace([wide[v] for v in op.body.terminator.operands])


widen = Pass("widen", "a body that is run for each element is run on all at once", change)

"""StableHLO ops whose region says what is done with each element: map, sort.

Chapter: ir/stablehlo.
Sources: StableHLO specification, "map", "sort"; constraints by their labels.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from minidl.core.errors import ShapeError, VerifyError
from minidl.ir.mlir.core import Operation
from minidl.ir.mlir.spec import define
from minidl.ir.mlir.types import TensorType, Type, i1, tensor
from minidl.ir.stablehlo.elementwise import tensors
from minidl.ir.stablehlo.regions import both, check_region, makes, returned, scalar, spell, taken
from minidl.ir.text.kinds import BOOL, I64, INTS


def same_shape(name: str, types: Sequence[Type], label: str) -> list[TensorType]:
    """At least one tensor, all of one shape."""
    xs = tensors(name, types)
    for i, x in enumerate(xs[1:], 1):
        if x.shape != xs[0].shape:
            raise ShapeError(f"{name}: operand {i} is {x}, operand 0 {xs[0]} ({label})", op=name)
    return xs


def _infer_map(types: Sequence[Type], attributes: dict[str, Any], regions: Any) -> list[Type]:
    name = "stablehlo.map"
    xs = same_shape(name, types, "C1")
    if not xs:
        raise ShapeError(f"{name} maps at least one tensor (C2)", op=name)
    if attributes["dimensions"] != tuple(range(xs[0].rank)):
        raise ShapeError(
            f"{name}: dimensions {list(attributes['dimensions'])} must be all of "
            f"{list(range(xs[0].rank))} in order (C3)",
            op=name,
        )
    outs = returned(name, regions[0])
    single = len(outs) == 1 and isinstance(outs[0], TensorType) and not outs[0].rank
    if not single or taken(regions[0]) != [scalar(x.element) for x in xs]:
        raise ShapeError(
            f"the computation of {name} is {spell(taken(regions[0]))} -> {spell(outs)}; "
            f"it must take a scalar of each input and return one (C4)",
            op=name,
        )
    return [tensor(xs[0].shape, outs[0].element)]  # type: ignore[attr-defined]


define(
    "stablehlo.map",
    "inputs*",
    attributes={"dimensions": INTS},
    infer=_infer_map,
    verify=makes("C1"),
    traits="pure",
    regions=1,
)


def _verify_sort(op: Operation) -> None:
    xs = same_shape(op.name, [v.type for v in op.operands], "C3")
    if not xs:
        raise VerifyError(f"{op.name} sorts at least one tensor (C1)", op=op.name)
    rank = xs[0].rank
    if not -rank <= op.get("dimension", -1) < rank:
        raise VerifyError(
            f"{op.name}: dimension {op.get('dimension', -1)} of tensors of rank {rank} (C4)",
            op=op.name,
        )
    scalars = [scalar(x.element) for x in xs for _ in range(2)]
    check_region(op.name, op.regions[0], scalars, [scalar(i1)], "comparator", "C5")


define(
    "stablehlo.sort",
    "inputs*",
    attributes={"dimension?": I64, "is_stable?": BOOL},
    infer=lambda types, attributes, regions: list(types),
    defaults={"dimension": -1, "is_stable": False},
    verify=both(_verify_sort, makes("C2")),
    traits="pure",
    regions=1,
)

"""StableHLO on matrices: cholesky, triangular_solve.

Chapter: ir/stablehlo.
Sources: StableHLO specification, "cholesky", "triangular_solve"; constraints by their labels.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from minidl.core.errors import ShapeError
from minidl.ir.mlir.spec import define
from minidl.ir.mlir.types import TensorType, Type
from minidl.ir.stablehlo.elementwise import tensors
from minidl.ir.stablehlo.regions import makes
from minidl.ir.text.kinds import BOOL, enum_kind

TRANSPOSE = enum_kind("stablehlo", "transpose", "TRANSPOSE_INVALID NO_TRANSPOSE TRANSPOSE ADJOINT")


def _square(name: str, a: TensorType, rank: str, square: str) -> None:
    """A batch of square matrices of floats; the labels of the two constraints."""
    if a.element.is_integer:
        raise ShapeError(f"{name} is not defined on {a.element} (I1)", op=name)
    if a.rank < 2:
        raise ShapeError(f"{name} wants matrices, got {a} ({rank})", op=name)
    if a.shape[-1] != a.shape[-2]:
        raise ShapeError(f"{name} wants square matrices, got {a} ({square})", op=name)


def _infer_cholesky(types: Sequence[Type], attributes: dict[str, Any], regions: Any) -> list[Type]:
    (a,) = tensors("stablehlo.cholesky", types)
    _square("stablehlo.cholesky", a, "C2", "C3")
    return [a]


define(
    "stablehlo.cholesky",
    "a",
    attributes={"lower?": BOOL},
    infer=_infer_cholesky,
    verify=makes("C1"),
    form="%a [ , lower = $lower ]?lower {} :same",
    defaults={"lower": False},
    traits="pure",
)


def _infer_solve(types: Sequence[Type], attributes: dict[str, Any], regions: Any) -> list[Type]:
    name = "stablehlo.triangular_solve"
    a, b = tensors(name, types)
    if a.element is not b.element:
        raise ShapeError(f"{name} of {a} and {b}: one element type (C1)", op=name)
    _square(name, a, "C2", "C3")
    if a.rank != b.rank:
        raise ShapeError(f"{name} of {a} and {b}: one rank (C2)", op=name)
    side = -2 if attributes["left_side"] else -1
    if a.shape[:-2] != b.shape[:-2] or a.shape[-1] != b.shape[side]:
        raise ShapeError(
            f"{name}: {a} does not fit dimension {b.rank + side} of {b}, or their batches "
            "differ (C3)",
            op=name,
        )
    if attributes["transpose_a"] == "TRANSPOSE_INVALID":
        raise ShapeError(f"{name}: transpose_a is TRANSPOSE_INVALID (I6)", op=name)
    return [b]


define(
    "stablehlo.triangular_solve",
    "a b",
    attributes={
        "left_side": BOOL,
        "lower": BOOL,
        "unit_diagonal": BOOL,
        "transpose_a": TRANSPOSE,
    },
    infer=_infer_solve,
    verify=makes("C4"),
    traits="pure",
)

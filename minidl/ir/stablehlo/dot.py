"""dot_general: sums of products over dimensions of two tensors that are paired.

Chapter: ir/dimension_numbers.
Sources: StableHLO specification, "dot_general"; its constraints by their labels.

    batching     paired, kept, in front
    contracting  paired, summed over
    free         the others: first of lhs, then of rhs
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from minidl.core.errors import ShapeError
from minidl.ir.mlir.attributes import DotDims
from minidl.ir.mlir.core import Operation
from minidl.ir.mlir.spec import define
from minidl.ir.mlir.types import TensorType, Type, tensor
from minidl.ir.stablehlo.constraints import Row, check, inside, unique
from minidl.ir.stablehlo.elementwise import tensors
from minidl.ir.text.kinds import DOT, DOT_ALGORITHM, PRECISION

_NAME = "stablehlo.dot_general"


@dataclass(frozen=True, slots=True)
class _Facts:
    """What the constraints speak of."""

    x: TensorType
    y: TensorType
    dims: DotDims

    @property
    def batching(self) -> list[tuple[int, int]]:
        return list(zip(self.dims.lhs_batching, self.dims.rhs_batching, strict=False))

    @property
    def contracting(self) -> list[tuple[int, int]]:
        return list(zip(self.dims.lhs_contracting, self.dims.rhs_contracting, strict=False))

    def fits(self, pairs: list[tuple[int, int]]) -> bool:
        return not self.misfits(pairs)

    def misfits(self, pairs: list[tuple[int, int]]) -> str:
        """The first pair of dimensions with two sizes, in words."""
        for a, b in pairs:
            m, n = self.x.shape[a], self.y.shape[b]
            if m != n:
                left = f"dimension {a} of {self.x} has size {m}"
                return f"{left}, dimension {b} of {self.y} has size {n}"
        return ""

    @property
    def unlike(self) -> str:
        return self.misfits(self.batching + self.contracting)


_ROWS: list[Row] = [
    (
        "C1",
        lambda f: len(f.dims.lhs_batching) == len(f.dims.rhs_batching),
        "batching dimensions are paired, got {dims.lhs_batching} and {dims.rhs_batching}",
    ),
    (
        "C2",
        lambda f: len(f.dims.lhs_contracting) == len(f.dims.rhs_contracting),
        "contracting dimensions are paired, got {dims.lhs_contracting} and {dims.rhs_contracting}",
    ),
    (
        "C3",
        lambda f: unique(f.dims.lhs_batching + f.dims.lhs_contracting),
        "a dimension of lhs is batched or contracted once, got {dims}",
    ),
    (
        "C4",
        lambda f: unique(f.dims.rhs_batching + f.dims.rhs_contracting),
        "a dimension of rhs is batched or contracted once, got {dims}",
    ),
    ("C5", lambda f: inside(f.dims.lhs_batching, f.x.rank), "{dims.lhs_batching} are not of {x}"),
    (
        "C6",
        lambda f: inside(f.dims.lhs_contracting, f.x.rank),
        "{dims.lhs_contracting} are not of {x}",
    ),
    ("C7", lambda f: inside(f.dims.rhs_batching, f.y.rank), "{dims.rhs_batching} are not of {y}"),
    (
        "C8",
        lambda f: inside(f.dims.rhs_contracting, f.y.rank),
        "{dims.rhs_contracting} are not of {y}",
    ),
    ("C9", lambda f: f.fits(f.batching), "batched {unlike}"),
    ("C10", lambda f: f.fits(f.contracting), "summed {unlike}"),
]


def _infer_dot(types: Sequence[Type], attributes: dict[str, Any], regions: Any) -> list[Type]:
    """Batching, then free of lhs, then free of rhs."""
    x, y = tensors(_NAME, types)
    dims: DotDims = attributes["dot_dimension_numbers"]
    check(_NAME, _ROWS, _Facts(x, y, dims))
    if x.element is not y.element:
        raise ShapeError(f"{_NAME} of {x} and {y}: one element type (C13)", op=_NAME)
    free_x, free_y = dims.free(x.rank, y.rank)
    shape = [x.shape[d] for d in (*dims.lhs_batching, *free_x)] + [y.shape[d] for d in free_y]
    return [tensor(shape, x.element)]


def _verify_dot(op: Operation) -> None:
    precision = op.get("precision_config", ())
    if precision and len(precision) != 2:
        raise ShapeError(f"{_NAME} has two precisions, got {len(precision)} (C11)", op=_NAME)


define(
    _NAME,
    "lhs rhs",
    attributes={
        "dot_dimension_numbers": DOT,
        "precision_config?": PRECISION,
        "algorithm?": DOT_ALGORITHM,
    },
    infer=_infer_dot,
    form="%lhs , %rhs , $dot_dimension_numbers "
    "[ , precision = $precision_config ]?precision_config "
    "[ , algorithm = $algorithm ]?algorithm {} :fn",
    verify=_verify_dot,
    made="C12",
    traits="pure",
)

"""Constraints as rows: a label of the specification, what must hold, how to say it.

Chapter: ir/stablehlo.
Sources: StableHLO specification, "Constraints" of each op: (C1), (C2), …
Real: one C++ function an op (`TypeInference.cpp`), its checks named in comments.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from minidl.core.errors import ShapeError
from minidl.ir.mlir.core import Operation
from minidl.ir.mlir.spec import infer_types
from minidl.ir.mlir.types import TensorType, Type
from minidl.ir.mlir.verify import WIDER
from minidl.ir.stablehlo.elementwise import tensors

Row = tuple[str, Callable[[Any], Any], str]


def fail(name: str, label: str, message: str, hint: str | None = None) -> ShapeError:
    """The error of a broken constraint: `stablehlo.gather: … (C4)`."""
    return ShapeError(f"{name}: {message} ({label})", op=name, hint=hint)


def check(name: str, rows: Sequence[Row], facts: Any) -> None:
    """Each row in order: the first that does not hold is the error.

    A row's message may name what it is about: `"{dims.offset_dims} is not sorted"`.
    """
    for label, holds, message in rows:
        if not holds(facts):
            raise fail(name, label, message.format_map(_Fields(facts)))


class _Fields(dict[str, Any]):
    """The attributes of an object as a mapping, for `str.format_map`."""

    def __init__(self, facts: Any) -> None:
        super().__init__()
        self.facts = facts

    def __missing__(self, key: str) -> Any:
        return getattr(self.facts, key)


def static(name: str, types: Sequence[Type]) -> list[TensorType]:
    """The types as tensors of known sizes; `?` is refused by name."""
    out = tensors(name, types)
    for i, t in enumerate(out):
        if not t.is_static:
            raise ShapeError(f"{name}: operand {i} is {t}; sizes must be known", op=name)
    return out


def judged(verify: Callable[[Operation], None]) -> Callable[[Operation], None]:
    """Only an op whose types have all their sizes is judged."""

    def guarded(op: Operation) -> None:
        types = [v.type for v in (*op.operands, *op.results)]
        if all(t.is_static for t in types if isinstance(t, TensorType)):
            verify(op)

    return guarded


def results(shape: str, element: str) -> Callable[[Operation], None]:
    """The result types are those of the shape rule; the labels of the two constraints."""

    @judged
    def verify(op: Operation) -> None:
        want = static(op.name, infer_types(op.name, op.operands, op.attributes, op.regions))
        got = static(op.name, [v.type for v in op.results])
        if len(want) != len(got):
            raise fail(op.name, shape, f"{len(want)} results are written as {len(got)}")
        for a, b in zip(want, got, strict=True):
            if a.shape != b.shape:
                raise fail(op.name, shape, f"makes {a}, but is written {b}")
            if a.element is not b.element and op.name not in WIDER:
                raise fail(op.name, element, f"makes {a}, but is written {b}")

    return verify


def operand_types(op: Operation) -> list[TensorType]:
    return static(op.name, [v.type for v in op.operands])


def result_type(op: Operation) -> TensorType:
    (out,) = static(op.name, [op.result.type])
    return out


# -- what rows say again and again -----------------------------------------------------


def unique(dims: Sequence[int]) -> bool:
    return len(set(dims)) == len(dims)


def ascending(dims: Sequence[int]) -> bool:
    return list(dims) == sorted(dims)


def inside(dims: Sequence[int], rank: int) -> bool:
    return all(0 <= d < rank for d in dims)

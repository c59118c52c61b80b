"""Attributes: constant data on an operation.

Chapter: ir/mlir.
Sources: MLIR, "Builtin Dialect: Attributes"; StableHLO specification, "Constants".
Real: MLIR uniques every attribute; here an attribute that the op's row names is a
plain Python value (ints, tuples, strings) and its `Kind` knows MLIR's text for it.
An attribute no row names keeps its type in one of the classes below.

    Dense      `dense<[1, 2]> : tensor<2xi32>`   a constant array, compared bit by bit
    Typed      `1 : i32`, `2.0 : f32`            a number with its type
    Array      `array<i64: 1, 2>`                a list of numbers of one type
    Symbol     `@main`, `@kernels::@add`         the name of an operation
    Raw        `#sdy.sharding<…>`                an attribute of a dialect we only carry
    AffineMap  `affine_map<(d0, d1) -> (d1)>`    an indexing map of linalg
"""

from __future__ import annotations

from dataclasses import dataclass
from re import ASCII, compile
from typing import Any

import numpy as np

from minidl.ir.mlir.types import ScalarType, TensorType, VectorType, tensor, type_of
from minidl.ir.text.lexer import quote


class Dense:
    """A constant array; frozen, equal when type and bits are equal."""

    __slots__ = ("array", "type", "_key", "_splat")

    def __init__(self, array: Any, type: TensorType | VectorType | None = None) -> None:
        array = np.asarray(array)
        if array.flags.writeable:
            array = array.copy(order="C")
            array.flags.writeable = False
        self.array = array
        self.type: TensorType | VectorType = type or type_of(array)
        assert array.shape == self.type.shape, f"{array.shape} is not the shape of {self.type}"
        self._splat: bool | None = None
        self._key = (self.type, array.tobytes() if array.size else b"")

    @staticmethod
    def splat(value: Any, type: TensorType | VectorType) -> Dense:
        """The array with one value everywhere, stored once (stride 0)."""
        one = np.asarray(value).astype(type.element.numpy)
        return Dense(np.broadcast_to(one, type.dims), type)

    @property
    def is_splat(self) -> bool:
        """Whether all elements have the same bits."""
        if self._splat is None:
            self._splat = self._has_one_value()
        return self._splat

    def _has_one_value(self) -> bool:
        if self.array.size == 0:
            return False
        if self.array.size == 1 or not any(self.array.strides):
            return True
        raw = self.array.reshape(-1).view(np.uint8).reshape(self.array.size, -1)
        return bool((raw == raw[0]).all())

    @property
    def item(self) -> Any:
        """The first element as a NumPy scalar (the value of a splat)."""
        return self.array.reshape(-1)[0] if self.array.size else None

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Dense) and self._key == other._key

    def __hash__(self) -> int:
        return hash(self._key)

    def __repr__(self) -> str:
        return f"Dense({self.type})"


WRITTEN = "~written"  # a note: the attributes that the text gives although they have their default


@dataclass(frozen=True, slots=True)
class Typed:
    """A number with its type: `1 : i32`."""

    value: int | float
    type: ScalarType


@dataclass(frozen=True, slots=True)
class Array:
    """A list of numbers of one type: `array<i64: 1, 2>`."""

    element: ScalarType
    values: tuple[int | float, ...]


_PLAIN = compile(r"[A-Za-z_][\w$.]*", ASCII).fullmatch


@dataclass(frozen=True, slots=True)
class Symbol:
    """A reference to an operation by name: `@relu`; `path` leads on into symbol tables."""

    name: str
    path: tuple[str, ...] = ()

    def __str__(self) -> str:
        return "::".join(
            f"@{name}" if _PLAIN(name) else f"@{quote(name)}" for name in (self.name, *self.path)
        )


@dataclass(frozen=True, slots=True)
class Raw:
    """An attribute of a dialect that is only carried: its tokens, blanks made even."""

    text: str


@dataclass(frozen=True, slots=True)
class Affine:
    """`c + Σ coefficient · d_i`: one result of an indexing map.

    terms   ((dimension, coefficient), …), sorted, no coefficient 0
    """

    terms: tuple[tuple[int, int], ...] = ()
    const: int = 0

    @staticmethod
    def dim(i: int) -> Affine:
        return Affine(((i, 1),))

    @property
    def as_dim(self) -> int | None:
        """The dimension this is, when it is one and nothing else."""
        return self.terms[0][0] if self.const == 0 and [c for _, c in self.terms] == [1] else None

    def coefficient(self, i: int) -> int:
        return dict(self.terms).get(i, 0)

    def __add__(self, other: Affine | int) -> Affine:
        if isinstance(other, int):
            return Affine(self.terms, self.const + other)
        terms = dict(self.terms)
        for d, c in other.terms:
            terms[d] = terms.get(d, 0) + c
        kept = tuple(sorted((d, c) for d, c in terms.items() if c))
        return Affine(kept, self.const + other.const)

    __radd__ = __add__

    def scaled(self, factor: int, offset: int) -> Affine:
        """`self · factor + offset`."""
        terms = tuple((d, c * factor) for d, c in self.terms) if factor else ()
        return Affine(terms, self.const * factor + offset)

    def substitute(self, inner: tuple[Affine, ...]) -> Affine:
        """Each d_i replaced by `inner[i]`."""
        return sum((inner[d].scaled(c, 0) for d, c in self.terms), Affine(const=self.const))

    def __str__(self) -> str:
        parts = [f"d{d}" if c == 1 else f"d{d} * {c}" for d, c in self.terms]
        if self.const or not parts:
            parts.append(str(self.const))
        return " + ".join(parts).replace("+ -", "- ")


@dataclass(frozen=True, slots=True)
class AffineMap:
    """`(d0, …) -> (results)`: where an iteration reads or writes an operand."""

    dims: int
    results: tuple[Affine, ...]

    def moves(self, d: int) -> bool:
        """Whether another d_d is another element."""
        return any(e.coefficient(d) for e in self.results)

    def __str__(self) -> str:
        ds = ", ".join(f"d{i}" for i in range(self.dims))
        return f"affine_map<({ds}) -> ({', '.join(map(str, self.results))})>"


@dataclass(frozen=True, slots=True)
class DotDims:
    """Dimension numbers of `dot_general` (StableHLO specification, "dot_general")."""

    lhs_batching: tuple[int, ...] = ()
    rhs_batching: tuple[int, ...] = ()
    lhs_contracting: tuple[int, ...] = ()
    rhs_contracting: tuple[int, ...] = ()

    def free(self, lhs_rank: int, rhs_rank: int) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """The dimensions of lhs and rhs that are neither batched nor contracted."""
        used_l = self.lhs_batching + self.lhs_contracting
        used_r = self.rhs_batching + self.rhs_contracting
        return (
            tuple(d for d in range(lhs_rank) if d not in used_l),
            tuple(d for d in range(rhs_rank) if d not in used_r),
        )


def dense_like(value: Any, shape: tuple[int, ...], element: ScalarType) -> Dense:
    """`value` as a constant of that shape and type; scalars become splats."""
    return Dense.splat(value, tensor(shape, element))

"""Formulas: StableHLO written by writing Python expressions.

Chapter: ir/stablehlo.
Sources: as each user of it says.
Real: StableHLO's own are patterns of a table (`ChloDecompositionPatternsMath.td`).

    k = Kit(builder, tensor_type)
    y = k.exp(-x * x) / (1 + x)          # four ops and two constants are created
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Union

import numpy as np

from minidl.core.mathfun.tables import COEFFICIENTS
from minidl.ir.mlir.attributes import Dense
from minidl.ir.mlir.core import Value
from minidl.ir.mlir.spec import Builder
from minidl.ir.mlir.types import ScalarType, TensorType, Type, f32, i1, tensor

Number = Union["Expr", float, int]


class Expr:
    """A value under construction; operators create ops, numbers become splats."""

    __slots__ = ("kit", "value")

    def __init__(self, kit: Kit, value: Value) -> None:
        self.kit, self.value = kit, value

    @property
    def type(self) -> TensorType:
        assert isinstance(self.value.type, TensorType)
        return self.value.type

    @property
    def element(self) -> ScalarType:
        return self.type.element

    def _with(self, short: str, other: Number, swapped: bool = False) -> Expr:
        a, b = self, self.kit.like(other, self)
        return self.kit.op(short, *((b, a) if swapped else (a, b)))

    def __add__(self, other: Number) -> Expr:
        return self._with("add", other)

    def __radd__(self, other: Number) -> Expr:
        return self._with("add", other, True)

    def __sub__(self, other: Number) -> Expr:
        return self._with("subtract", other)

    def __rsub__(self, other: Number) -> Expr:
        return self._with("subtract", other, True)

    def __mul__(self, other: Number) -> Expr:
        return self._with("multiply", other)

    def __rmul__(self, other: Number) -> Expr:
        return self._with("multiply", other, True)

    def __truediv__(self, other: Number) -> Expr:
        return self._with("divide", other)

    def __rtruediv__(self, other: Number) -> Expr:
        return self._with("divide", other, True)

    def __neg__(self) -> Expr:
        return self.kit.op("negate", self)

    def __and__(self, other: Number) -> Expr:
        return self._with("and", other)

    def __or__(self, other: Number) -> Expr:
        return self._with("or", other)

    def __xor__(self, other: Number) -> Expr:
        return self._with("xor", other)

    def __invert__(self) -> Expr:
        return self.kit.op("not", self)

    def __lt__(self, other: Number) -> Expr:
        return self.kit.compare("LT", self, other)

    def __le__(self, other: Number) -> Expr:
        return self.kit.compare("LE", self, other)

    def __gt__(self, other: Number) -> Expr:
        return self.kit.compare("GT", self, other)

    def __ge__(self, other: Number) -> Expr:
        return self.kit.compare("GE", self, other)

    def same(self, other: Number) -> Expr:
        return self.kit.compare("EQ", self, other)

    def differs(self, other: Number) -> Expr:
        return self.kit.compare("NE", self, other)


class Kit:
    """Creates ops of one shape at a builder's point; equal constants are made once."""

    def __init__(self, builder: Builder, type_: Type) -> None:
        assert isinstance(type_, TensorType)
        self.builder, self.type = builder, type_
        self._constants: dict[tuple[TensorType, bytes], Expr] = {}

    @property
    def element(self) -> ScalarType:
        return self.type.element

    def op(self, short: str, *xs: Expr, **attributes: Any) -> Expr:
        """One op; its result type follows from its operands."""
        made = self.builder.create(f"stablehlo.{short}", [x.value for x in xs], attributes)
        return Expr(self, made.results[0])

    def to(self, short: str, x: Expr, type_: TensorType, **attributes: Any) -> Expr:
        """One op whose result type is said."""
        made = self.builder.create(f"stablehlo.{short}", [x.value], attributes, [type_])
        return Expr(self, made.result)

    def constant(self, value: Any, type_: TensorType | None = None) -> Expr:
        """A splat of the kit's type, or of another."""
        type_ = self.type if type_ is None else type_
        scalar = np.asarray(value).astype(type_.element.numpy)
        key = (type_, scalar.tobytes())
        if key not in self._constants:
            dense = Dense.splat(scalar[()], type_)
            self._constants[key] = self.op("constant", value=dense)
        return self._constants[key]

    def like(self, value: Number, x: Expr) -> Expr:
        return value if isinstance(value, Expr) else self.constant(value, x.type)

    def compare(self, direction: str, x: Expr, other: Number) -> Expr:
        return self.op("compare", x, self.like(other, x), comparison_direction=direction)

    def where(self, test: Expr, yes: Number, no: Number) -> Expr:
        one = yes if isinstance(yes, Expr) else no
        x = one if isinstance(one, Expr) else self.constant(0)
        return self.op("select", test, self.like(yes, x), self.like(no, x))

    def convert(self, x: Expr, element: ScalarType) -> Expr:
        return x if x.element is element else self.to("convert", x, tensor(x.type.shape, element))

    def bits(self, x: Expr, element: ScalarType) -> Expr:
        return self.to("bitcast_convert", x, tensor(x.type.shape, element))

    def false(self) -> Expr:
        return self.constant(False, tensor(self.type.shape, i1))

    # -- functions ---------------------------------------------------------------------

    def abs(self, x: Expr) -> Expr:
        return self.op("abs", x)

    def sqrt(self, x: Expr) -> Expr:
        return self.op("sqrt", x)

    def exp(self, x: Expr) -> Expr:
        return self.op("exponential", x)

    def expm1(self, x: Expr) -> Expr:
        return self.op("exponential_minus_one", x)

    def log(self, x: Expr) -> Expr:
        return self.op("log", x)

    def log1p(self, x: Expr) -> Expr:
        return self.op("log_plus_one", x)

    def floor(self, x: Expr) -> Expr:
        return self.op("floor", x)

    def atan2(self, y: Expr, x: Number) -> Expr:
        return self.op("atan2", y, self.like(x, y))

    def copy_sign(self, magnitude: Expr, sign: Expr) -> Expr:
        """|magnitude| with the sign of `sign` (of a zero, that zero)."""
        size = self.abs(magnitude)
        signed = self.where(sign < 0, -size, size)
        return self.where(sign.same(0), sign, signed)

    # -- numbers that depend on the float type -------------------------------------------

    def pick(self, narrow: float, wide: float) -> float:
        return narrow if self.element is f32 else wide

    def table(self, name: str) -> Sequence[float]:
        return COEFFICIENTS[name, "f32" if self.element is f32 else "f64"]

    def poly(self, coefficients: Sequence[float], x: Expr) -> Expr:
        """Σ c_k x^k by Horner's rule."""
        *rest, last = coefficients
        total = x * last + rest.pop()
        for c in reversed(rest):
            total = total * x + c
        return total

    def among(self, test: Expr, x: Expr, yes: Sequence[float], no: Sequence[float]) -> Expr:
        """One of two polynomials, element by element: one Horner chain for both."""
        n = max(len(yes), len(no))
        pairs = list(zip(*([*c] + [0.0] * (n - len(c)) for c in (yes, no)), strict=True))
        total = self.where(test, *map(self.constant, pairs[-1]))
        for a, b in reversed(pairs[:-1]):
            total = total * x + self.where(test, self.constant(a), self.constant(b))
        return total

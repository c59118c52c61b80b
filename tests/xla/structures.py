"""Random programs of any op, rank, type and size, zero included, whose results are exact.

Numbers are small integers in every type, and sums stay below what the type holds exactly, so
that compiled code and `evaluate` must agree bit for bit.  Functions that are not exact
(`exponential` …) take exact operands and are read by nobody, only returned.

A program is drawn through one function, `choose(sequence)`: hypothesis shrinks what it draws,
a seeded generator is quick.  `elements` holds what is elementwise or moves elements, and
`computed` the rest: windows, computed places, order and control.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from minidl.ir.mlir import types as T
from minidl.ir.mlir.attributes import Dense, DotDims
from minidl.ir.mlir.core import Value
from minidl.ir.mlir.module import Module, finish, function
from minidl.ir.mlir.spec import SPECS, Builder
from minidl.ir.stablehlo.reduction import reducer
from tests.xla import opset

Choose = Callable[[Sequence[Any]], Any]
ELEMENTS = [
    T.f32, T.f32, T.f32, T.f64, T.f16, T.bf16, T.i32, T.i32, T.i64, T.i8, T.i16,
    T.ui8, T.ui16, T.ui32, T.ui64, T.i1,
]  # fmt: skip
SIZES = [0, 1, 1, 2, 3, 5, 8, 9, 17]
LARGEST = 700
START = 3  # the largest number an argument holds
ANY = math.inf  # the bound of a value that may be no integer
# Up to where a type counts without gaps; sums of 16-bit floats are kept in float32.
HOLDS = {"f64": 2.0**53, "f32": 2.0**24, "f16": 2.0**11, "bf16": 2.0**8}
_FUNCTIONS = """exponential exponential_minus_one log log_plus_one logistic tanh sine cosine tan
rsqrt cbrt atan2"""
_BOUNDED = "abs negate maximum minimum sign clamp select"
INEXACT = frozenset(f"stablehlo.{n}" for n in _FUNCTIONS.split())
_KEEPS = frozenset(f"stablehlo.{n}" for n in _BOUNDED.split())


def is_inexact(name: str, element: T.ScalarType) -> bool:
    return name in INEXACT or (name == "stablehlo.power" and element.is_float)


class Maker:
    """Adds ops to a function; `values` may be read, newest last; `leaves` only returned.

    bound   of a float value: no element is larger, and all are integers (ANY: unknown)
    """

    def __init__(self, choose: Choose, types: Sequence[T.TensorType]) -> None:
        self.choose = choose
        self.module = Module()
        _, self.b = function(self.module, "main", types)
        self.values: list[Value] = list(self.b.block.args)
        self.leaves: list[Value] = []
        self.bound: dict[Value, float] = dict.fromkeys(self.values, START)

    def pick(self, test: Callable[[Value], bool] = lambda v: True) -> Value | None:
        """A recent value that passes the test."""
        fit = [v for v in self.values if test(v)]
        return self.choose(fit[-4:]) if fit else None

    def again(self, name: str) -> Value:
        """Often what an op of this name made: pairs of ops are what patterns look for."""
        made = [v for v in self.values if v.op and v.op.name == f"stablehlo.{name}"]
        return made[-1] if made and self.choose([0, 1]) else self.pick()

    def argument(self, type_: T.TensorType) -> Value:
        """One more argument of the function."""
        made = self.b.block.add_arg(type_)
        self.bound[made] = START
        return made

    def scalar(self, element: T.ScalarType, number: Any = None) -> Value:
        """A constant, or a value of the program."""
        type_ = T.tensor((), element)
        known = [v for v in self.values if v.type is type_]
        if number is None and known and self.choose([0, 1]):
            return self.choose(known)
        number = self.choose([0, 1]) if number is None else number
        made = self.b.value("stablehlo.constant", value=Dense.splat(number, type_))
        self.bound[made] = START
        return made

    def keep(self, value: Value, bound: float) -> None:
        if value.type.size <= LARGEST:
            self.values.append(value)
            self.bound[value] = bound

    def add(
        self, name: str, operands: Sequence[Value], out: Any = None, bound: float | None = None,
        regions: Sequence[Any] = (), **attributes: Any,
    ) -> Value:  # fmt: skip
        """One op; its bound is the largest of its operands' unless given."""
        types = None if out is None else [out]
        made = self.b.create(f"stablehlo.{name}", operands, attributes, types, regions)
        if bound is None:
            bound = max((self.bound.get(v, START) for v in operands), default=START)
        self.keep(made.results[0], bound)
        return made.results[0]

    def sums(self, v: Value, terms: int, factor: float = 1) -> float | None:
        """The bound of a sum of so many products with `v`, if the sum is exact."""
        if not v.type.element.is_float:
            return ANY
        bound = self.bound[v] * max(terms, 1) * factor + START
        return bound if bound <= HOLDS[v.type.element.name] else None

    # -- elementwise ---------------------------------------------------------------

    def elementwise(self, name: str | None = None) -> None:
        """An op of the compiler's table; each is as likely as any other."""
        name = name or self.choose(opset.OPS)
        x = self.pick(lambda v: opset.allowed(name, v.type.element))
        if x is None:
            fit = [e for e in ELEMENTS if opset.allowed(name, e)]
            x = self.argument(T.tensor(self.pick().type.dims, self.choose(fit)))
        operands = [x, *(self.partner(x) for _ in SPECS[name].operands[1:])]
        attributes = {}
        if name == "stablehlo.compare":
            attributes["comparison_direction"] = self.choose(opset.COMPARISONS)
        if name == "stablehlo.select":
            operands[0] = self.predicate(x.type)
        made = self.b.create(name, operands, attributes, _types(name, operands)).results[0]
        if is_inexact(name, x.type.element):
            self.leaves.append(made)
        else:
            self.keep(made, self._bound(name, operands))

    def partner(self, x: Value) -> Value:
        """Another value of the type, where there is one, or one that is new."""
        others = [v for v in self.values if v.type is x.type and v is not x]
        new = not others and self.choose([0, 1, 1])
        return self.argument(x.type) if new else self.choose([*others[-3:], x])

    def predicate(self, like: T.TensorType) -> Value:
        type_ = self.choose([T.tensor(like.dims, T.i1), T.tensor((), T.i1)])
        return self.choose([v for v in self.values if v.type is type_] or [self.argument(type_)])

    def _bound(self, name: str, operands: Sequence[Value]) -> float:
        bounds = [self.bound[v] for v in operands]
        if name in _KEEPS:
            return max(bounds)
        if name in ("stablehlo.add", "stablehlo.subtract"):
            return sum(bounds)
        return math.prod(bounds) if name == "stablehlo.multiply" else ANY

    def convert(self) -> None:
        x = self.pick()
        to = self.choose(ELEMENTS)
        known = self.bound[x] if x.type.element.is_float or x.type.element is T.i1 else ANY
        self.add("convert", [x], T.tensor(x.type.dims, to), known)

    def bitcast_convert(self) -> None:
        x = self.pick(
            lambda v: (
                v.type.element.bits >= 8
                and (not v.type.element.is_float or self.bound[v] < ANY)  # a NaN shows no bits
            )
        )
        if x is not None:
            to = self.choose([e for e in ELEMENTS if e.bits == x.type.element.bits])
            self.add("bitcast_convert", [x], T.tensor(x.type.dims, to), ANY)

    def constant(self) -> None:
        type_ = self.pick().type
        flat = [self.choose([0, 1, 2, 3]) for _ in range(min(type_.size, 9))]
        array = np.resize(flat or [0], type_.size).astype(type_.element.numpy)
        self.add("constant", [], bound=START, value=Dense(array.reshape(type_.dims)))

    def iota(self) -> None:
        x = self.pick()
        if x.type.rank and x.type.element is not T.i1:
            self.add("iota", [], x.type, 17, iota_dimension=self.choose(range(x.type.rank)))

    # -- movement ------------------------------------------------------------------

    def broadcast(self) -> None:
        x = self.again("broadcast_in_dim")
        dims, out = [], []
        for d, n in enumerate(x.type.dims):
            if self.choose([0, 0, 1]) and len(out) + x.type.rank - d < 4:
                out.append(self.choose(SIZES))
            dims.append(len(out))
            out.append(self.choose(SIZES) if n == 1 else n)
        if len(out) < 4 and self.choose([0, 1]):
            out.append(self.choose(SIZES))
        if math.prod(out) <= LARGEST:
            type_ = T.tensor(out, x.type.element)
            self.add("broadcast_in_dim", [x], type_, broadcast_dimensions=tuple(dims))

    def transpose(self) -> None:
        x = self.again("transpose")
        self.add("transpose", [x], permutation=self.order(x.type.rank))

    def order(self, n: int) -> tuple[int, ...]:
        """A permutation."""
        out = list(range(n))
        for i in range(n):
            j = self.choose(range(i, n))
            out[i], out[j] = out[j], out[i]
        return tuple(out)

    def reshape(self) -> None:
        x = self.again("reshape")
        out, left = [], x.type.size
        for _ in range(self.choose([0, 1, 2])):
            d = self.choose([n for n in (1, 2, 3, 5, 8, 9) if left % n == 0])
            out.append(d)
            left //= d
        if left != 1:
            out.insert(self.choose(range(len(out) + 1)), left)
        self.add("reshape", [x], T.tensor(out, x.type.element))

    def slice(self) -> None:
        x = self.again("slice")
        start = [self.choose(range(n + 1)) if self.choose([0, 1]) else 0 for n in x.type.dims]
        limit = [self.choose(range(a, n + 1)) for a, n in zip(start, x.type.dims)]
        strides = tuple(self.choose([1, 1, 2, 3]) for _ in start)
        ranges = {"start_indices": tuple(start), "limit_indices": tuple(limit), "strides": strides}
        self.add("slice", [x], **ranges)

    def reverse(self) -> None:
        x = self.again("reverse")
        self.add("reverse", [x], dimensions=self.some(range(x.type.rank)))

    def some(self, items: Sequence[Any]) -> tuple[Any, ...]:
        return tuple(i for i in items if self.choose([0, 1]))

    def concatenate(self) -> None:
        x = self.pick()
        if x.type.rank and x.type.size <= LARGEST / 3:
            many = [x] * self.choose([1, 2, 3])
            self.add("concatenate", many, dimension=self.choose(range(x.type.rank)))

    def pad(self) -> None:
        x = self.again("pad")
        low, high = ([self.choose([0, 1, -1, 2, -3]) for _ in x.type.dims] for _ in range(2))
        inner = [self.choose([0, 0, 1, 2]) for _ in x.type.dims]
        value = self.scalar(x.type.element)
        sizes = [a + n + max(n - 1, 0) * i + b for a, n, i, b in zip(low, x.type.dims, inner, high)]
        if x.type.size <= LARGEST / 8 and min(sizes, default=0) >= 0:
            edges = {"edge_padding_low": tuple(low), "edge_padding_high": tuple(high)}
            self.add("pad", [x, value], interior_padding=tuple(inner), **edges)

    # -- contraction -----------------------------------------------------------------

    def reduction(self, x: Value, terms: int) -> tuple[str, float] | None:
        """A binary op to reduce so many elements of `x` with, and the result's bound."""
        element = x.type.element
        total = self.sums(x, terms)
        names = [("maximum", self.bound[x]), ("minimum", self.bound[x])]
        names += [] if total is None else [("add", total)] * 2
        names += [] if element.is_float else [("multiply", ANY), ("and", ANY), ("or", ANY)]
        return self.choose(names)

    def reduce(self) -> None:
        x = self.pick()
        element = x.type.element
        dims = self.some(range(x.type.rank))
        init = self.scalar(element)
        for _ in range(self.choose([1, 1, 2])):  # twice: equal but for the body, perhaps
            name, bound = self.reduction(x, math.prod(x.type.dims[d] for d in dims))
            bound, body = max(bound, self.bound[init]), reducer(f"stablehlo.{name}", element)
            self.add("reduce", [x, init], None, bound, [body], dimensions=dims)

    def dot(self) -> None:
        """Any pairing of equal sizes: batched, contracted, or free."""
        x = self.pick()
        y = self.choose([v for v in self.values if v.type.element is x.type.element])
        free = list(range(y.type.rank))
        batch: list[tuple[int, int]] = []
        contract: list[tuple[int, int]] = []
        for i, n in enumerate(x.type.dims):
            fits = [j for j in free if y.type.dims[j] == n]
            if fits and self.choose([0, 1, 1]):
                j = self.choose(fits)
                free.remove(j)
                self.choose([batch, contract, contract]).append((i, j))
        sides = [tuple(p[k] for p in pairs) for pairs in (batch, contract) for k in (0, 1)]
        dims = DotDims(*sides)
        rest = [x.type.dims[i] for i in range(x.type.rank) if i not in sides[0] + sides[2]]
        size = math.prod(rest) * math.prod(y.type.dims[j] for j in (*free, *sides[1]))
        bound = self.sums(x, math.prod(x.type.dims[i] for i in sides[2]), self.bound[y])
        if size <= LARGEST and x.type.rank + y.type.rank <= 7 and bound is not None:
            self.add("dot_general", [x, y], None, bound, dot_dimension_numbers=dims)


def _types(name: str, operands: Sequence[Value]) -> list[Any] | None:
    barrier = name == "stablehlo.optimization_barrier"
    return [v.type for v in operands] if barrier else None


_NAMES = """convert bitcast_convert constant iota broadcast broadcast transpose reshape slice
reverse concatenate pad reduce reduce dot"""
KINDS = ["elementwise"] * 11 + _NAMES.split()


def first_types(choose: Choose) -> list[T.TensorType]:
    """Three shapes and types for the first arguments."""
    types = []
    for _ in range(3):
        shape = [choose(SIZES) for _ in range(choose([0, 1, 2, 2, 3, 4]))]
        while math.prod(shape) > LARGEST:
            shape.pop()
        types.append(T.tensor(shape, choose(ELEMENTS)))
    return types


def closed(maker: Maker) -> Module:
    """The module; it returns all values or the last five, an argument, a repetition, the leaves."""
    values = maker.values
    some = maker.choose([values[-5:], values])
    finish(Builder(maker.b.block), [*some, values[0], values[-1], *maker.leaves])
    return maker.module


def draw(choose: Choose, ops: int = 10) -> Module:
    """A module of `ops` ops of the kinds above."""
    maker = Maker(choose, first_types(choose))
    for _ in range(ops):
        getattr(maker, choose(KINDS))()
    return closed(maker)


def inputs(module: Module, seed: int = 0) -> list[np.ndarray]:
    """Integers up to 3, from −2 where there are signs (truth values: 0 and 1)."""
    rng = np.random.default_rng(seed)
    out = []
    for value in module.main.body.args:
        element = value.type.element
        low = 0 if element.is_unsigned and not element.is_float else -2
        top = 2 if element is T.i1 else START + 1
        out.append(np.asarray(rng.integers(low, top, value.type.dims)).astype(element.numpy))
    return out

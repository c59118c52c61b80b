"""Random programs of any rank and size, zero included, whose results are exact.

Numbers are small integers in every type and every op is exact on them, so that compiled
code and `evaluate` must agree bit for bit.
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
from minidl.ir.mlir.spec import Builder
from minidl.ir.stablehlo.reduction import reducer

Choose = Callable[[Sequence[Any]], Any]
ELEMENTS = [T.f32, T.f32, T.f64, T.i32, T.i64, T.i8, T.ui8, T.ui32, T.i1, T.bf16]
SIZES = [0, 1, 1, 2, 3, 5, 8, 9, 17]
LARGEST = 700


class Maker:
    """Adds ops to a function; `values` may be read, newest last."""

    def __init__(self, choose: Choose, types: Sequence[T.TensorType]) -> None:
        self.choose = choose
        self.module = Module()
        _, self.b = function(self.module, "main", types)
        self.values: list[Value] = list(self.b.block.args)

    def pick(self) -> Value:
        return self.choose(self.values[-4:])

    def add(self, name: str, operands: Sequence[Value], out: Any = None, **attributes: Any) -> None:
        made = self.b.create(name, operands, attributes, None if out is None else [out])
        self.values.append(made.results[0])

    # -- one op of each kind -------------------------------------------------------

    def elementwise(self) -> None:
        x = self.pick()
        y = self.choose([v for v in self.values if v.type is x.type])
        names = ["maximum", "minimum"]
        names += ["and", "or", "xor"] if not x.type.element.is_float else ["add", "subtract"]
        self.add(f"stablehlo.{self.choose(names)}", [x, y])

    def convert(self) -> None:
        x = self.pick()
        self.add("stablehlo.convert", [x], T.tensor(x.type.dims, self.choose(ELEMENTS)))

    def compare(self) -> None:
        x = self.pick()
        y = self.choose([v for v in self.values if v.type is x.type])
        self.add("stablehlo.compare", [x, y], comparison_direction=self.choose(["EQ", "LT", "GE"]))
        p = self.values[-1]
        self.add("stablehlo.select", [p, x, y])

    def broadcast(self) -> None:
        x = self.pick()
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
            self.add("stablehlo.broadcast_in_dim", [x], type_, broadcast_dimensions=tuple(dims))

    def transpose(self) -> None:
        x = self.pick()
        order = list(range(x.type.rank))
        for i in range(len(order)):
            j = self.choose(range(i, len(order)))
            order[i], order[j] = order[j], order[i]
        self.add("stablehlo.transpose", [x], permutation=tuple(order))

    def reshape(self) -> None:
        x = self.pick()
        out, left = [], x.type.size
        for _ in range(self.choose([0, 1, 2])):
            d = self.choose([n for n in (1, 2, 3, 5, 8, 9) if left % n == 0])
            out.append(d)
            left //= d
        if left != 1:
            out.insert(self.choose(range(len(out) + 1)), left)
        self.add("stablehlo.reshape", [x], T.tensor(out, x.type.element))

    def slice(self) -> None:
        x = self.pick()
        start = [self.choose(range(n + 1)) if self.choose([0, 1]) else 0 for n in x.type.dims]
        limit = [self.choose(range(a, n + 1)) for a, n in zip(start, x.type.dims)]
        self.add(
            "stablehlo.slice",
            [x],
            start_indices=tuple(start),
            limit_indices=tuple(limit),
            strides=tuple(self.choose([1, 1, 2, 3]) for _ in start),
        )

    def reverse(self) -> None:
        x = self.pick()
        dims = tuple(d for d in range(x.type.rank) if self.choose([0, 1]))
        self.add("stablehlo.reverse", [x], dimensions=dims)

    def iota(self) -> None:
        x = self.pick()
        if x.type.rank and x.type.element is not T.i1:
            self.add("stablehlo.iota", [], x.type, iota_dimension=self.choose(range(x.type.rank)))

    def concatenate(self) -> None:
        x = self.pick()
        if x.type.rank and x.type.size <= LARGEST / 3:
            many = [x] * self.choose([1, 2, 3])
            self.add("stablehlo.concatenate", many, dimension=self.choose(range(x.type.rank)))

    def pad(self) -> None:
        x = self.pick()
        low, high = ([self.choose([0, 1, -1, 2, -3]) for _ in x.type.dims] for _ in range(2))
        inner = [self.choose([0, 0, 1, 2]) for _ in x.type.dims]
        scalar = T.tensor((), x.type.element)
        scalars = [v for v in self.values if v.type is scalar]
        value = self.b.value("stablehlo.constant", value=Dense.splat(1, scalar))
        value = self.choose([value, *scalars])
        if x.type.size <= LARGEST / 8:
            edges = {"edge_padding_low": tuple(low), "edge_padding_high": tuple(high)}
            self.add("stablehlo.pad", [x, value], interior_padding=tuple(inner), **edges)

    def constant(self) -> None:
        type_ = self.pick().type
        flat = [self.choose([0, 1, 2, 3]) for _ in range(type_.size)]
        array = np.array(flat).astype(type_.element.numpy).reshape(type_.dims)
        self.add("stablehlo.constant", [], value=Dense(array))

    def reduce(self) -> None:
        x = self.pick()
        element, scalar = x.type.element, T.tensor((), x.type.element)
        dims = tuple(d for d in range(x.type.rank) if self.choose([0, 1]))
        names = ["add", "maximum", "minimum"] + (["multiply"] if not element.is_float else [])
        names += [] if element.is_float else ["and", "or"]
        one = self.b.value("stablehlo.constant", value=Dense.splat(self.choose([0, 1]), scalar))
        init = self.choose([one, one, *(v for v in self.values if v.type is scalar)])
        body = reducer(f"stablehlo.{self.choose(names)}", element)
        made = self.b.create("stablehlo.reduce", [x, init], {"dimensions": dims}, regions=[body])
        self.values.append(made.result)

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
        if size <= LARGEST and x.type.rank + y.type.rank <= 7:
            self.add("stablehlo.dot_general", [x, y], dot_dimension_numbers=dims)


KINDS = [
    "elementwise", "elementwise", "convert", "compare", "broadcast", "broadcast", "transpose",
    "reshape", "slice", "reverse", "iota", "concatenate", "pad", "constant", "reduce",
    "reduce", "dot", "dot",
]  # fmt: skip


def draw(choose: Choose, ops: int = 10) -> Module:
    """A module of `ops` ops; returns the last five values, an argument and a repetition."""
    types = []
    for _ in range(3):
        shape = [choose(SIZES) for _ in range(choose([0, 1, 2, 2, 3, 4]))]
        while math.prod(shape) > LARGEST:
            shape.pop()
        types.append(T.tensor(shape, choose(ELEMENTS)))
    maker = Maker(choose, types)
    for _ in range(ops):
        getattr(maker, choose(KINDS))()
    values = maker.values
    finish(Builder(maker.b.block), [*values[-5:], values[0], values[-1]])
    return maker.module


def inputs(module: Module, seed: int = 0) -> list[np.ndarray]:
    """Integers from 0 to 3 (truth values: 0 and 1)."""
    rng = np.random.default_rng(seed)
    out = []
    for value in module.main.body.args:
        top = 2 if value.type.element is T.i1 else 4
        out.append(rng.integers(0, top, value.type.dims).astype(value.type.element.numpy))
    return out

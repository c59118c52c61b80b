"""Random StableHLO programs and inputs, rich in what the simplification patterns look for.

A program is drawn through one function, `choose(sequence)`, so that hypothesis (which
shrinks) and a seeded generator (which is quick) draw from the same space.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from minidl import ir
from minidl.core.errors import VerifyError
from minidl.ir.mlir import types as T
from minidl.ir.mlir.attributes import Dense, DotDims, Symbol
from minidl.ir.mlir.core import Value
from minidl.ir.mlir.module import Module, finish, function
from minidl.ir.mlir.spec import Builder
from minidl.ir.stablehlo.reduction import reducer

Choose = Callable[[Sequence[Any]], Any]
SHAPES = ((), (1,), (3,), (2, 3), (3, 3), (1, 3), (3, 1), (2, 1, 3), (2, 2, 2))
ELEMENTS = (T.f32, T.f32, T.f32, T.i32, T.i32, T.i1, T.f16, T.f64, T.bf16, T.ui8)
FLOATS = (0.0, -0.0, 1.0, 1.0, -1.0, 2.0, 4.0, 0.5, 3.0, math.inf, -math.inf, math.nan, 1e-30)
INTEGERS = (0, 0, 1, 1, 2, 3)
NEUTRAL = {  # what a constant operand of a float op should be, to be looked at
    "add": (0.0, -0.0),
    "subtract": (0.0, -0.0),
    "multiply": (0.0, 1.0, -1.0),
    "divide": (1.0, 2.0, 4.0, 3.0, 7.0, 0.3),
    "maximum": (0.0, -math.inf, math.inf),
    "minimum": (0.0, -math.inf, math.inf),
}
UNARY = ["negate", "abs", "exponential", "sqrt", "tanh", "sign", "floor", "not"]
BINARY = [
    "add",
    "add",
    "subtract",
    "multiply",
    "multiply",
    "divide",
    "divide",
    "maximum",
    "minimum",
    "and",
    "or",
    "xor",
]


class Drawer:
    """Draws ops into a builder; `values` holds what may be used, newest last."""

    def __init__(self, choose: Choose, builder: Builder, values: list[Value]) -> None:
        self.choose, self.b, self.values = choose, builder, values

    def any(self, test: Callable[[Value], bool] = lambda v: True) -> Value:
        """A value that passes; recent ones are likelier; a constant when none does."""
        fit = [v for v in self.values if test(v)]
        return self.choose(fit[-5:] if self.choose((0, 1, 1)) and fit else fit or self.values)

    def chain(self, name: str, test: Callable[[Value], bool] = lambda v: True) -> Value:
        """Often a value that an op of this name made: pairs of ops are what patterns eat."""
        made = [v for v in self.values if v.op and v.op.name == f"stablehlo.{name}" and test(v)]
        return made[-1] if made and self.choose((0, 1)) else self.any(test)

    def add(self, value: Value) -> None:
        self.values.append(value)

    def step(self) -> None:
        kind = self.choose(KINDS)
        KINDS_TABLE[kind](self)

    # -- kinds ---------------------------------------------------------------------

    def constant(self) -> None:
        type_ = self.any().type
        splat = Dense.splat(self.number(type_.element), type_)
        if self.choose((0, 0, 0, 1)):
            flat = [self.number(type_.element) for _ in range(type_.size)]
            splat = Dense(np.array(flat).astype(type_.element.numpy).reshape(type_.dims))
        self.add(self.b.value("stablehlo.constant", value=splat))

    def number(self, element: T.ScalarType) -> Any:
        if element.name == "i1":
            return self.choose((True, False))
        return self.choose(FLOATS if element.is_float else INTEGERS)

    def unary(self) -> None:
        x = self.chain(self.choose(("negate", "abs", "multiply")))
        name = self.choose([n for n in UNARY if _allowed(n, x.type.element)])
        self.add(self.b.value(f"stablehlo.{name}", x))

    def binary(self) -> None:
        x = self.chain("negate")
        y = self.any(lambda v: v.type is x.type and self.choose((v is not x, True)))
        y = y if y.type is x.type else x
        name = self.choose([n for n in BINARY if _allowed(n, x.type.element)])
        if self.choose((0, 1)):
            known = NEUTRAL.get(name) if x.type.element.is_float else None
            number = self.choose(known) if known else self.number(x.type.element)
            y = self.b.value("stablehlo.constant", value=Dense.splat(number, x.type))
        pair = self.choose(((x, y), (x, y), (y, x)))
        self.add(self.b.value(f"stablehlo.{name}", *pair))

    def compare(self) -> None:
        x = self.any()
        y = self.any(lambda v: v.type is x.type)
        direction = self.choose(("EQ", "NE", "LT", "GE"))
        y = y if y.type is x.type else x
        self.add(self.b.value("stablehlo.compare", x, y, comparison_direction=direction))

    def select(self) -> None:
        p = self.any(lambda v: v.type.element is T.i1)
        if p.type.element is not T.i1:
            return
        if self.choose((0, 1)):
            p = self.b.value("stablehlo.not", p)
        x = self.any(lambda v: v.type.shape == p.type.shape)
        x = x if x.type.shape == p.type.shape else p
        y = self.any(lambda v: v.type is x.type)
        self.add(self.b.value("stablehlo.select", p, x, y if y.type is x.type else x))

    def convert(self) -> None:
        x = self.chain("convert")
        back = x.op.operands[0].type.element if x.op and x.op.operands else T.f32
        to = self.choose((back, back, back, *ELEMENTS))
        if to is x.type.element and self.choose((0, 1)):
            return
        out = T.tensor(x.type.dims, to)
        self.add(self.b.create("stablehlo.convert", [x], None, [out]).result)

    def reshape(self) -> None:
        x = self.chain("reshape")
        squeezed = tuple(n for n in x.type.dims if n != 1)
        others = [s for s in SHAPES if math.prod(s) == x.type.size] or [x.type.dims]
        out = T.tensor(self.choose((squeezed, (x.type.size,), *others)), x.type.element)
        self.add(self.b.create("stablehlo.reshape", [x], None, [out]).result)

    def transpose(self) -> None:
        x = self.chain("transpose", lambda v: v.type.rank > 1)
        order = list(range(x.type.rank))
        if len(order) == 2:
            order.reverse()
        elif len(order) > 2:
            first = self.choose(((1, 0, 2), (2, 0, 1), (1, 2, 0), (0, 2, 1), (2, 1, 0)))
            order[:3] = first
        self.add(self.b.value("stablehlo.transpose", x, permutation=tuple(order)))

    def broadcast(self) -> None:
        x = self.chain("broadcast_in_dim", lambda v: v.type.rank < 3)
        out = list(x.type.dims)
        dims = list(range(len(out)))
        for _ in range(self.choose((1, 1, 2)) if len(out) < 3 else 0):
            at = self.choose(range(len(out) + 1))
            out.insert(at, self.choose((1, 2, 3)))
            dims = [d + (d >= at) for d in dims]
        for d in dims:
            if out[d] == 1 and self.choose((0, 1)):
                out[d] = 3
        if len(dims) == 2 and self.choose((0, 0, 0, 1)):  # placed in the other order
            dims.reverse()
            out[dims[0]], out[dims[1]] = out[dims[1]], out[dims[0]]
        type_ = T.tensor(out, x.type.element)
        attributes = {"broadcast_dimensions": tuple(dims)}
        self.add(self.b.create("stablehlo.broadcast_in_dim", [x], attributes, [type_]).result)

    def slice(self) -> None:
        x = self.chain("slice", lambda v: 0 not in v.type.dims)
        start = tuple(self.choose((0, min(1, n - 1))) for n in x.type.dims)
        strides = tuple(self.choose((1, 1, 2)) for _ in start)
        limit = x.type.dims
        self.add(
            self.b.value(
                "stablehlo.slice", x, start_indices=start, limit_indices=limit, strides=strides
            )
        )

    def reverse(self) -> None:
        x = self.chain("reverse")
        dims = tuple(d for d in range(x.type.rank) if self.choose((0, 1)))
        self.add(self.b.value("stablehlo.reverse", x, dimensions=dims))

    def concatenate(self) -> None:
        x = self.any(lambda v: v.type.rank > 0 and v.type.size < 60)
        if x.type.rank and x.type.size < 60:
            many = [x] * self.choose((1, 2))
            self.add(self.b.value("stablehlo.concatenate", *many, dimension=0))

    def pad(self) -> None:
        x = self.any(lambda v: v.type.size < 60)
        zero = Dense.splat(self.number(x.type.element), T.tensor((), x.type.element))
        value = self.b.value("stablehlo.constant", value=zero)
        low, high, inner = (tuple(self.choose((0, 0, 1)) for _ in x.type.dims) for _ in range(3))
        if x.type.size < 60:
            edges = {"edge_padding_low": low, "edge_padding_high": high, "interior_padding": inner}
            self.add(self.b.value("stablehlo.pad", x, value, **edges))

    def reduce(self) -> None:
        x = self.any(lambda v: v.type.rank > 0)
        units = tuple(d for d, n in enumerate(x.type.dims) if n == 1)
        some = tuple(d for d in range(x.type.rank) if self.choose((0, 1)))
        dims = self.choose((units, some))
        element = x.type.element
        names = "and or maximum" if element is T.i1 else "add add maximum minimum"
        init = Dense.splat(self.number(element), T.tensor((), element))
        start = self.b.value("stablehlo.constant", value=init)
        body = reducer(f"stablehlo.{self.choose(names.split())}", element)
        made = self.b.create(
            "stablehlo.reduce", [x, start], {"dimensions": dims}, regions=[body]
        )  # fmt: skip
        self.add(made.result)

    def dot(self) -> None:
        narrow = ("f32", "f16", "bf16", "i32")
        x = self.any(lambda v: v.type.rank > 1 and v.type.element.name in narrow)
        if x.type.rank < 2 or x.type.element.name not in narrow or 0 in x.type.dims:
            return
        y = self.any(lambda v: v.type.rank > 1 and v.type.element is x.type.element)
        pairs = [
            (i, j) for i, n in enumerate(x.type.dims) for j, m in enumerate(y.type.dims)
            if n == m and y.type.element is x.type.element
        ]  # fmt: skip
        if not pairs or x.type.rank + y.type.rank > 5:
            return
        i, j = self.choose(pairs)
        dims = DotDims((), (), (i,), (j,))
        more = [(a, b) for a, b in pairs if a != i and b != j]
        if more and (also := self.choose((None, *more))):
            many = DotDims((), (), (i, also[0]), (j, also[1]))
            dims = self.choose((many, DotDims((also[0],), (also[1],), (i,), (j,))))
        made = self.b.value("stablehlo.dot_general", x, y, dot_dimension_numbers=dims)
        if self.choose((0, 1)) and made.type.rank == 2:
            made = self.b.value("stablehlo.transpose", made, permutation=(1, 0))
        self.add(made)

    def again(self) -> None:
        """An earlier op once more, sometimes with other attributes: work for cse."""
        old = self.any(lambda v: v.op is not None and not v.op.regions)
        if old.op is not None and not old.op.regions:
            op = old.op
            attributes = dict(op.attributes)
            if op.name == "stablehlo.compare":
                attributes["comparison_direction"] = self.choose(("EQ", "LT"))
            types = [v.type for v in op.results]
            self.add(self.b.create(op.name, op.operands, attributes, types).results[0])

    def barrier(self) -> None:
        self.add(self.b.create("stablehlo.optimization_barrier", [self.any()]).results[0])


def _allowed(name: str, element: T.ScalarType) -> bool:
    if name in ("exponential", "sqrt", "tanh", "floor"):
        return element.is_float
    if name in ("and", "or", "xor", "not"):
        return not element.is_float
    if name in ("abs", "sign"):
        return element.is_float or element.name.startswith("i3")
    return name in ("add", "multiply", "maximum", "minimum") or element.name != "i1"


NAMES = """constant unary binary compare select convert reshape transpose broadcast slice reverse
concatenate pad reduce dot again barrier"""
KINDS_TABLE = {name: getattr(Drawer, name) for name in NAMES.split()}
KINDS = [*KINDS_TABLE, "constant", "unary", "binary", "binary", "binary", "unary", "transpose"]


def draw_module(choose: Choose, ops: int = 14) -> Module:
    """`main` of `ops` drawn ops, sometimes with a private function it calls twice."""
    module = Module()
    main_types = [T.tensor(choose(SHAPES), choose(ELEMENTS)) for _ in range(3)]
    main, builder = function(module, "main", main_types)
    drawer = Drawer(choose, builder, list(main.body.args))
    if choose((0, 0, 1)):
        _draw_callee(choose, module, main_types)
        for args in (main.body.args, main.body.args[::-1]):
            if [v.type for v in args] == main_types:
                call = builder.create(
                    "func.call", args, {"callee": Symbol("callee")}, main_types[:2]
                )  # fmt: skip
                drawer.values.extend(call.results)
    for _ in range(ops):
        drawer.step()
    finish(builder, choose((drawer.values[-6:], drawer.values)))
    return module


def _draw_callee(choose: Choose, module: Module, types: list[Any]) -> None:
    callee, builder = function(module, "callee", types, visibility="private")
    drawer = Drawer(choose, builder, list(callee.body.args))
    for _ in range(3):
        drawer.step()
    outs = [next(v for v in reversed(drawer.values) if v.type is t) for t in types[:2]]
    finish(builder, outs)


def seeded(seed: int, ops: int = 14) -> Module:
    return draw_module(random.Random(seed).choice, ops)


def inputs(module: Module, seed: int = 0) -> list[Any]:
    """Arrays full of zeros of both signs, infinities, NaN, limits and small numbers."""
    rng = np.random.default_rng(seed)
    out = []
    for value in module.main.body.args:
        dtype, shape = value.type.element.numpy, value.type.dims
        if value.type.element.is_float:
            some = rng.choice([0.0, -0.0, 1, -1, 2, 3.5, -2.5, np.inf, -np.inf, np.nan], shape)
            some = np.where(rng.random(shape) < 0.4, rng.normal(size=shape), some)
        else:
            top = np.iinfo(dtype).max if dtype.kind != "b" else 1
            some = rng.choice([0, 1, 2, top, 0 if dtype.kind in "ub" else -3], shape)
        out.append(np.asarray(some).astype(dtype))
    return out


def same_bits(a: Any, b: Any) -> bool:
    """Equal shape, type and bits; one NaN is as good as another."""
    if a.dtype != b.dtype or a.shape != b.shape:
        return False
    if a.dtype.kind in "biu":
        return bool(np.array_equal(a, b))
    nan = np.isnan(a)
    zero = np.zeros((), a.dtype)
    left, right = np.where(nan, zero, a), np.where(nan, zero, b)
    return bool(np.array_equal(nan, np.isnan(b))) and left.tobytes() == right.tobytes()


def difference(change: Callable[[Module], Module], module: Module, seed: int = 0) -> str | None:
    """What a pass broke in one program: None, or a sentence with both texts."""
    args = inputs(module, seed)
    before = ir.evaluate(module, *args)
    text = str(module)
    changed = change(module)
    if str(module) != text:
        return "the pass changed the module it was given"
    try:
        ir.verify(changed)
    except VerifyError as error:
        return f"{error}\nbefore:\n{text}\nafter:\n{changed}"
    after = ir.evaluate(changed, *args)
    for i, (a, b) in enumerate(zip(before, after, strict=True)):
        if not same_bits(a, b):
            return f"result {i} was {a!r}, is {b!r}\nbefore:\n{text}\nafter:\n{changed}"
    return None

"""One program for each elementwise op and element type, from the tables themselves."""

from __future__ import annotations

from typing import Any

import numpy as np

from minidl.ir.lowering.scalars import SCALAR
from minidl.ir.mlir import types as T
from minidl.ir.mlir.module import Module, finish, function
from minidl.ir.mlir.spec import SPECS, Builder

ELEMENTS = [T.f32, T.f64, T.f16, T.bf16, T.i32, T.i64, T.i8, T.ui8, T.ui32, T.i1]
CONVERSIONS = ("stablehlo.convert", "stablehlo.bitcast_convert")
WITH_ATTRIBUTES = ("stablehlo.reduce_precision",)  # have tests of their own
COMPARISONS = ("EQ", "NE", "LT", "LE", "GT", "GE")
COMPLEX = ("stablehlo.real", "stablehlo.imag", "stablehlo.complex")  # of complex numbers
OPS = sorted(set(SCALAR) - {*CONVERSIONS, *WITH_ATTRIBUTES, *COMPLEX})

# StableHLO's constraints on element types, by the name of the op.
FLOATS_ONLY = {
    "exponential",
    "exponential_minus_one",
    "log",
    "log_plus_one",
    "logistic",
    "tanh",
    "sine",
    "cosine",
    "tan",
    "sqrt",
    "rsqrt",
    "cbrt",
    "ceil",
    "floor",
    "round_nearest_even",
    "round_nearest_afz",
    "atan2",
    "is_finite",
}
INTEGERS_ONLY = {
    "and",
    "or",
    "xor",
    "not",
    "popcnt",
    "count_leading_zeros",
    "shift_left",
    "shift_right_arithmetic",
    "shift_right_logical",
}
SIGNED_ONLY = {"negate", "abs", "sign"}
NOT_BOOL = {"subtract", "divide", "remainder", "power", "popcnt", "count_leading_zeros"}
NOT_BOOL |= {"shift_left", "shift_right_arithmetic", "shift_right_logical", "clamp"}
REFUSED: set[tuple[str, bool]] = set()  # (op, is float): refused by name, in `scalars`


def allowed(name: str, element: Any) -> bool:
    short = name.partition(".")[2]
    if short in FLOATS_ONLY:
        return bool(element.is_float)
    if short in INTEGERS_ONLY and element.is_float:
        return False
    if short in SIGNED_ONLY and element.is_unsigned:
        return False
    return element is not T.i1 or short not in NOT_BOOL


def refused(name: str, element: Any) -> bool:
    return (name.partition(".")[2], bool(element.is_float)) in REFUSED


def elementwise(name: str, element: Any, shape: tuple[int, ...]) -> Module:
    """`main` applies the op (compare: in every direction) to arguments of one type."""
    type_ = T.tensor(shape, element)
    count = {"stablehlo.select": 2, "stablehlo.clamp": 3}.get(name) or len(SPECS[name].operands)
    types = [type_] * count
    if name == "stablehlo.select":
        types = [T.tensor(shape, T.i1), *types]
    module = Module()
    _, b = function(module, "main", types)
    args = b.block.args
    if name == "stablehlo.compare":
        out = [b.value(name, *args, comparison_direction=d) for d in COMPARISONS]
    else:
        out = [b.value(name, *args)]
    finish(b, out)
    return module


def converting(name: str, source: Any, to: Any, shape: tuple[int, ...]) -> Module:
    module = Module()
    _, b = function(module, "main", [T.tensor(shape, source)])
    finish(b, [b.create(name, b.block.args, None, [T.tensor(shape, to)]).result])
    return module


def everything(shape: tuple[int, ...]) -> Module:
    """Every op that is lowered, for every type, and every conversion, in one program."""
    module = Module()
    _, b = function(module, "main", [T.tensor(shape, e) for e in ELEMENTS])
    given = dict(zip(ELEMENTS, b.block.args, strict=True))
    outs = []
    for element, x in given.items():
        for name in OPS:
            if not allowed(name, element) or refused(name, element):
                continue
            outs += _applied(b, name, x, given[T.i1])
        outs += [
            b.create("stablehlo.convert", [x], None, [T.tensor(shape, to)]).result
            for to in ELEMENTS
            if to is not element
        ]
    finish(b, outs)
    return module


def _applied(b: Builder, name: str, x: Any, truth: Any) -> list[Any]:
    if name == "stablehlo.compare":
        return [b.value(name, x, x, comparison_direction=d) for d in COMPARISONS]
    if name == "stablehlo.select":
        return [b.value(name, truth, x, x)]
    if name == "stablehlo.optimization_barrier":
        return [b.create(name, [x]).results[0]]
    return [b.value(name, *[x] * len(SPECS[name].operands))]


def sample(type_: Any, rng: np.random.Generator) -> np.ndarray:
    """Ordinary numbers, and each type's edges."""
    dtype, shape = type_.element.numpy, type_.dims
    if type_.element is T.i1:
        return np.asarray(rng.integers(0, 2, shape)).astype(bool)
    if not type_.element.is_float:
        info = np.iinfo(dtype)
        edges = [0, 1, 2, 3, 7, info.max, info.min, info.max - 1, info.bits, info.bits - 1]
        edges += [-1, -3, info.min + 1] if info.min else []
        some = rng.integers(-9 if info.min else 0, 40, shape)
        return np.asarray(np.where(rng.random(shape) < 0.4, rng.choice(edges, shape), some)).astype(
            dtype
        )
    edges = [0.0, -0.0, np.inf, -np.inf, np.nan, 1, -1, 0.5, -0.5, 1.5, 2.5, -2.5, 1e-6, 300.0, 1e9]
    some = rng.normal(size=shape) * rng.choice([0.1, 1, 10], shape)
    mixed = np.where(rng.random(shape) < 0.3, rng.choice(edges, shape), some)
    with np.errstate(all="ignore"):
        return np.asarray(mixed).astype(dtype)

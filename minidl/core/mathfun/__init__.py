"""Elementary functions as data: small programs that print as LLVM text or run in NumPy.

Chapter: ir/llvm.
Sources: each module names its own.
Real: XLA's `xla/codegen/intrinsic`, SLEEF, libm; none of them shows its rows.

    mathfun.define("exp", "f32", 8, fma=True)    # LLVM text of @minidl.exp.v8f32
    mathfun.run_numpy("exp", x)                  # the same bits, in NumPy
    mathfun.program("exp", "f32").rows           # the data
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from minidl.core.errors import UnsupportedError
from minidl.core.mathfun import (
    angles,
    convert,
    error,
    evaluate,
    exponential,
    integers,
    power,
    text,
)
from minidl.core.mathfun.program import Kit, Program, Row, Value

__all__ = ["FUNCTIONS", "Function", "Program", "Row", "define", "program", "run_numpy", "symbol"]


@dataclass(frozen=True)
class Function:
    """A row of `FUNCTIONS`: `ulp` is the largest error promised for each element type."""

    name: str
    write: Callable[..., Value]
    ulp: dict[str, float]
    arity: int = 1


def _floats(write: Callable[..., Value], f32: float, f64: float, arity: int = 1) -> Function:
    return Function(write.__name__, write, {"f32": f32, "f64": f64}, arity)


def _exact(write: Callable[..., Value], *types: str, arity: int = 1) -> Function:
    return Function(write.__name__, write, dict.fromkeys(types, 0.5 if arity == 1 else 0.0), arity)


INTEGERS = ("i8", "i16", "i32", "i64")
FUNCTIONS: dict[str, Function] = {
    f.name: f
    for f in (
        _floats(exponential.exp, 1.1, 1.1),
        _floats(exponential.exp2, 1.1, 1.2),
        _floats(exponential.expm1, 1.6, 2.1),
        _floats(exponential.log, 1, 1),
        _floats(exponential.log1p, 1.7, 1.7),
        _floats(exponential.tanh, 1.6, 1.6),
        _floats(exponential.logistic, 2.5, 2.5),
        _floats(power.power, 1.3, 1.3, arity=2),
        _floats(power.cbrt, 1, 1),
        _floats(power.rsqrt, 1.5, 1.5),
        _floats(angles.sin, 2.5, 2.5),
        _floats(angles.cos, 2.5, 2.5),
        _floats(angles.tan, 3.8, 3.8),
        _floats(angles.atan2, 2.4, 2.4, arity=2),
        _floats(error.erf, 1.3, 1.3),
        _floats(error.erfc, 4.2, 4.5),
        _exact(convert.f32_to_bf16, "f32"),
        _exact(convert.f32_to_f16, "f32"),
        _exact(convert.f64_to_bf16, "f64"),
        _exact(convert.f64_to_f16, "f64"),
        _exact(convert.bf16_to_f32, "bf16"),
        _exact(convert.f16_to_f32, "f16"),
        _exact(integers.divide, *INTEGERS, arity=2),
        _exact(integers.divide_unsigned, *INTEGERS, arity=2),
        _exact(integers.remainder, *INTEGERS, arity=2),
        _exact(integers.remainder_unsigned, *INTEGERS, arity=2),
        _exact(integers.shift_left, *INTEGERS, arity=2),
        _exact(integers.shift_right_logical, *INTEGERS, arity=2),
        _exact(integers.shift_right_arithmetic, *INTEGERS, arity=2),
    )
}


@cache
def program(name: str, ty: str) -> Program:
    """The rows of function `name` for element type `ty`."""
    function = FUNCTIONS.get(name)
    if function is None or ty not in function.ulp:
        raise UnsupportedError(
            f"no elementary function {name!r} for {ty}",
            op=name,
            hint="there are "
            + ", ".join(f"{f.name} ({' '.join(f.ulp)})" for f in FUNCTIONS.values()),
        )
    kit = Kit("f64" if ty == "f64" else "f32")
    lane = "i16" if ty in ("f16", "bf16") else ty  # 16-bit floats are their bits
    params = tuple((p, lane) for p in ("x", "y")[: function.arity])
    result = function.write(kit, *(kit.param(*p) for p in params))
    return Program(name, params, tuple(kit.rows), result.name, result.type)


def symbol(name: str, ty: str, width: int) -> str:
    """The LLVM name, such as `@minidl.exp.v8f32`; one lane: `@minidl.exp.f32`."""
    return text.symbol(name, ty, width)


def define(name: str, ty: str, width: int, fma: bool) -> str:
    """LLVM text: `define internal <8 x float> @minidl.exp.v8f32(<8 x float> %x) …`.

    LLVM knows the intrinsics it calls: no `declare` lines are needed.
    """
    return text.define(program(name, ty), symbol(name, ty, width), width, fma)


def run_numpy(name: str, *arrays: np.ndarray[Any, Any], fma: bool = True) -> np.ndarray[Any, Any]:
    """The function on NumPy arrays, with the same bits as the compiled code."""
    function, given = FUNCTIONS[name], np.dtype(arrays[0].dtype)
    types = {"f4": "f32", "f8": "f64", "i1": "i8", "i2": "i16", "i4": "i32", "i8": "i64"}
    ty = next(iter(function.ulp))
    if len(function.ulp) > 1:
        ty = types[given.str[1:].replace("u", "i")]
    out = evaluate.run(program(name, ty), *np.broadcast_arrays(*arrays), fma=fma)
    return out.view(given) if given.kind == "u" and out.itemsize == given.itemsize else out

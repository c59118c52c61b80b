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
from minidl.core.mathfun import evaluate, exponential, text
from minidl.core.mathfun.program import Kit, Program, Row, Value

__all__ = ["FUNCTIONS", "Function", "Program", "Row", "define", "program", "run_numpy", "symbol"]


@dataclass(frozen=True)
class Function:
    """A row of `FUNCTIONS`: `ulp` is the largest error promised for each type."""

    name: str
    write: Callable[..., Value]
    ulp: dict[str, float]
    arity: int = 1


FUNCTIONS: dict[str, Function] = {
    f.name: f
    for f in (
        Function("exp", exponential.exp, {"f32": 2, "f64": 2}),
        Function("exp2", exponential.exp2, {"f32": 2, "f64": 2}),
        Function("expm1", exponential.expm1, {"f32": 2, "f64": 2}),
        Function("log", exponential.log, {"f32": 2, "f64": 2}),
        Function("log1p", exponential.log1p, {"f32": 2, "f64": 2}),
        Function("tanh", exponential.tanh, {"f32": 2, "f64": 2}),
        Function("logistic", exponential.logistic, {"f32": 2.5, "f64": 2.5}),
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
    kit = Kit(ty)
    params = tuple((p, ty) for p in ("x", "y")[: function.arity])
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
    ty = {"float32": "f32", "float64": "f64"}.get(str(arrays[0].dtype), str(arrays[0].dtype))
    return evaluate.run(program(name, ty), *np.broadcast_arrays(*arrays), fma=fma)

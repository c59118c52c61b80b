"""How results are compared: by DESIGN's "Numbers", and nothing looser.

exact      every op that led to it rounds once at most: bit for bit
function   one transcendental function of exact numbers: the ULP that `core.mathfun` promises,
           and half a unit for evaluate's own rounding
free       what was made from such a value: only shape and type are compared
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from minidl.core import mathfun
from minidl.ir.mlir.core import Operation, Value
from minidl.ir.mlir.module import Module
from minidl.ir.rewriting import inline
from tests.xla.programs import same_bits

# What each op's function in `mathfun` promises; the composed ones are the sum of their parts.
FUNCTION = {
    "exponential": "exp",
    "exponential_minus_one": "expm1",
    "log": "log",
    "log_plus_one": "log1p",
    "logistic": "logistic",
    "tanh": "tanh",
    "sine": "sin",
    "cosine": "cos",
    "tan": "tan",
    "rsqrt": "rsqrt",
    "cbrt": "cbrt",
    "atan2": "atan2",
    "power": "power",
}
_SUMS = ("dot_general", "convolution", "reduce", "reduce_window", "scatter")


def units(want: np.ndarray, got: np.ndarray) -> float:
    """The largest difference in units in the last place; infinite where kinds differ."""
    nan = np.isnan(want)
    if not np.array_equal(nan, np.isnan(got)):
        return math.inf
    with np.errstate(all="ignore"):
        near = np.isfinite(want) & np.isfinite(got)
        if not np.array_equal(want[~nan & ~near], got[~nan & ~near]):
            return math.inf
        a, b = want[near].astype(np.longdouble), got[near].astype(np.longdouble)
        return float(np.max(np.abs(a - b) / np.spacing(np.abs(want[near])), initial=0))


def units16(a: np.ndarray, b: np.ndarray) -> int:
    """Steps between 16-bit floats of one sign."""
    some = ~np.isnan(a)
    steps = a[some].view(np.int16).astype(int) - b[some].view(np.int16)
    return int(np.max(np.abs(steps), initial=0))


def function_agrees(name: str, want: np.ndarray, got: np.ndarray) -> bool:
    """Whether a transcendental op keeps its promise; 16 bits: float32's may turn one rounding."""
    if want.dtype != got.dtype or want.shape != got.shape:
        return False
    if want.dtype.itemsize > 2:
        width = f"f{want.dtype.itemsize * 8}"
        return units(want, got) <= mathfun.FUNCTIONS[FUNCTION[name]].ulp[width] + 0.5
    same = np.array_equal(np.isnan(want), np.isnan(got))
    return same and (same_bits(want, got) or units16(want, got) <= 1)


def is_function(op: Operation) -> bool:
    short = op.name.partition(".")[2]
    return short in FUNCTION and op.results[0].type.element.is_float


def _is_sum(op: Operation) -> bool:
    """Whether it may round more than once."""
    return op.name.partition(".")[2] in _SUMS and any(v.type.element.is_float for v in op.results)


def kinds(module: Module, exact_sums: bool) -> list[str]:
    """For each result "exact", "free", or the name of the function that made it.

    exact_sums   the program's numbers are integers whose sums its types hold
    """
    known: dict[Value, str] = {}
    main = inline(module).main
    for op in main.body:
        read = {known.get(v, "exact") for inner in op.walk() for v in inner.operands}
        inside = [o for o in op.walk() if o is not op and o.results]
        rough = any(map(is_function, inside)) or (_is_sum(op) and not exact_sums)
        kind = "free" if rough or read - {"exact"} else "exact"
        if kind == "exact" and op.results and is_function(op):
            kind = op.name.partition(".")[2]
        known.update(dict.fromkeys(op.results, kind))
    return [known.get(v, "exact") for v in main.body.terminator.operands]


def disagreement(kinds: Sequence[str], want: Sequence[Any], got: Sequence[Any]) -> str | None:
    """Where two runs of a program differ by more than they may; None when nowhere."""
    for i, (kind, a, b) in enumerate(zip(kinds, map(np.asarray, want), got, strict=True)):
        if kind == "exact":
            fine = same_bits(a, b)
        elif kind == "free":
            fine = a.dtype == b.dtype and a.shape == b.shape
        else:
            fine = function_agrees(kind, a, b)
        if not fine:
            return f"result {i} ({kind}) is {b!r}, expected {a!r}"
    return None

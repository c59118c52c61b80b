"""Values on matrices: cholesky, triangular_solve.

Chapter: ir/stablehlo.
Sources: StableHLO specification, "cholesky", "triangular_solve"; G. Golub and C. Van Loan,
"Matrix Computations", 3.1.2 (substitution), 4.2.5 (Cholesky by columns).
Real: the reference interpreter substitutes row by row as here; XLA calls LAPACK.

One row or column at a time, all matrices of the batch side by side; narrow floats in
float64, rounded once at the end.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from minidl.ir.mlir.core import Operation
from minidl.ir.values import VALUES

Array = Any


@VALUES.rule("stablehlo.cholesky")
def cholesky(op: Operation, a: Array) -> Array:
    """L with L·Lᵀ = a, or its transpose; reads one triangle, NaN where there is no root.

    The triangle that the specification leaves open is 0.
    """
    lower = bool(op.get("lower", False))
    with np.errstate(all="ignore"):
        wide = a.astype(np.float64)
        made = _columns(wide if lower else np.swapaxes(wide, -1, -2))
        return (made if lower else np.swapaxes(made, -1, -2)).astype(a.dtype)


def _columns(a: Array) -> Array:
    n = a.shape[-1]
    out = np.zeros_like(a)
    for j in range(n):
        done = out[..., j:, :j] @ out[..., j, :j, None]
        column = a[..., j:, j] - done[..., 0]
        out[..., j:, j] = column / np.sqrt(column[..., :1])
    broken = np.isnan(out).any(axis=(-1, -2), keepdims=True)
    return np.where(broken & np.tri(n, dtype=bool), np.nan, out)


@VALUES.rule("stablehlo.triangular_solve")
def triangular_solve(op: Operation, a: Array, b: Array) -> Array:
    """x with op(a)·x = b, or x·op(a) = b; the other triangle of `a` is never read."""
    wide, lower = a.astype(np.float64), bool(op["lower"])
    rhs = b.astype(np.float64)
    if op["transpose_a"] != "NO_TRANSPOSE":
        wide, lower = np.swapaxes(wide, -1, -2), not lower
    if not op["left_side"]:  # x·A = b is Aᵀ·xᵀ = bᵀ
        wide, lower, rhs = np.swapaxes(wide, -1, -2), not lower, np.swapaxes(rhs, -1, -2)
    x = _substitute(wide, rhs, lower, bool(op["unit_diagonal"]))
    return (x if op["left_side"] else np.swapaxes(x, -1, -2)).astype(b.dtype)


def _substitute(a: Array, b: Array, lower: bool, unit: bool) -> Array:
    """Rows from the one with one unknown on: forwards for lower, backwards for upper."""
    n = a.shape[-1]
    x = np.zeros_like(b)
    with np.errstate(all="ignore"):
        for i in range(n) if lower else reversed(range(n)):
            known = slice(0, i) if lower else slice(i + 1, n)
            left = b[..., i, :] - (a[..., i, None, known] @ x[..., known, :])[..., 0, :]
            x[..., i, :] = left if unit else left / a[..., i, i, None]
    return x

"""Values of CHLO ops: their formulas, interpreted.

Chapter: ir/stablehlo.
Functions of floats are interpreted in float64 and rounded once (DESIGN, Numbers).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from minidl.ir.chlo.expand import formula_region
from minidl.ir.chlo.table import FORMULAS, WIDENS
from minidl.ir.mlir.core import Operation
from minidl.ir.values import interpreted
from minidl.ir.values.regions import Run

Array = Any


@interpreted(*FORMULAS)
def by_formula(op: Operation, *arrays: Array, run: Run) -> tuple[Array, ...]:
    if op.name in WIDENS:
        arrays = tuple(x.astype(np.float64) for x in arrays)
    outs = run(formula_region(op), arrays)
    types = [v.type.element.numpy for v in op.results]  # type: ignore[attr-defined]
    with np.errstate(all="ignore"):
        return tuple(x.astype(t, copy=False) for x, t in zip(outs, types, strict=True))

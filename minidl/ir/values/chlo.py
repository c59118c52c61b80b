"""Values of CHLO ops: their formulas, interpreted.

Chapter: ir/stablehlo.
Functions of floats are interpreted in float64 and rounded once (DESIGN, Numbers).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from minidl.ir.chlo.expand import formula_region, scalar_formula
from minidl.ir.chlo.table import FORMULAS, WIDENS
from minidl.ir.mlir.core import Operation
from minidl.ir.values import interpreted
from minidl.ir.values.regions import Run

Array = Any
CHUNK = 1 << 14


@interpreted(*(name for name in FORMULAS if name != "chlo.scan"))
def by_formula(op: Operation, *arrays: Array, run: Run) -> tuple[Array, ...]:
    types = [v.type.element.numpy for v in op.results]  # type: ignore[attr-defined]
    if op.name in WIDENS:
        return (_rounded_once(op.name, arrays, types[0], run),)
    outs = run(formula_region(op), arrays)
    return tuple(x.astype(t, copy=False) for x, t in zip(outs, types, strict=True))


def _rounded_once(name: str, arrays: Sequence[Array], to: Any, run: Run) -> Array:
    """The formula of scalars on some thousand elements at a time, which a cache holds."""
    body = scalar_formula(name, len(arrays))
    lines = [np.ravel(x) for x in arrays]
    out = np.empty(lines[0].size, to)
    with np.errstate(all="ignore"):
        for at in range(0, out.size, CHUNK):
            part = slice(at, at + CHUNK)
            (made,) = run(body, [x[part].astype(np.float64) for x in lines])
            out[part] = made.astype(to)
    return out.reshape(arrays[0].shape)


@interpreted("chlo.scan")
def scan(op: Operation, *arrays: Array, run: Run) -> tuple[Array, ...]:
    """Slice by slice, from the end when reversed; the carries go from each to the next."""
    n, m = op["operandSegmentSizes"]
    d, carries = op["dimension"], arrays[n:]
    count = len(op.results) - m
    types = [v.type for v in op.results[:count]]
    outs = [np.empty(t.dims, t.element.numpy) for t in types]  # type: ignore[attr-defined]
    places = range(arrays[0].shape[d] if n else op["scan_dim_size"])
    for i in reversed(places) if op.get("is_reverse") else places:
        made = run(op.regions[0], [*(x.take(i, axis=d) for x in arrays[:n]), *carries])
        carries = made[count:]
        for out, part in zip(outs, made[:count], strict=True):
            np.moveaxis(out, d, 0)[i] = part
    return (*outs, *carries)

"""Values of pad, and of the padded base that a window slides over.

Chapter: ir/dimension_numbers.
Sources: StableHLO specification, "pad".
Real: the reference interpreter's `evalPadOp`; it fills the result, then copies.

Only what stays is copied: negative padding cuts before anything is made.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from minidl.core.errors import UnsupportedError
from minidl.ir.dimension_numbers import Window, pad_of
from minidl.ir.mlir.core import Operation
from minidl.ir.values import VALUES

Array = Any
MAX_ELEMENTS, MAX_STEPS = 1 << 28, 1 << 22


def spread(op: Operation, x: Array, window: Window, fill: Array) -> Array:
    """x with padding around it and holes between its elements."""
    shape = [max(0, dim.padded(n)) for dim, n in zip(window, x.shape, strict=True)]
    bounded(op, shape, MAX_ELEMENTS, "elements of its padded operand")
    out = np.full(shape, fill, x.dtype)
    kept = [dim.kept(n) for dim, n in zip(window, x.shape, strict=True)]
    out[tuple(there for _, there in kept)] = x[tuple(here for here, _ in kept)]
    return out


def bounded(op: Operation, sizes: Sequence[int], limit: int, what: str) -> None:
    """Refuses what would take all memory, or all day."""
    if math.prod(sizes) > limit:
        raise UnsupportedError(
            f"{op.name} has {math.prod(sizes):,} {what}: too many to evaluate",
            op=op.name,
            hint=f"evaluate takes up to {limit:,} of them",
        )


@VALUES.rule("stablehlo.pad")
def pad(op: Operation, x: Array, value: Array) -> Array:
    """Negative edges cut; interior padding stands between neighbours."""
    edges = op["edge_padding_low"], op["edge_padding_high"], op["interior_padding"]
    return spread(op, x, pad_of(*edges), value)

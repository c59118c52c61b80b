"""How a body of scalars is run on whole arrays.

Chapter: ir/stablehlo.
Sources: StableHLO specification, "map", "reduce", "sort": functions of 0-dimensional tensors.
Real: the reference interpreter calls the body once for each element.

A body whose ops all work element by element means the same on arrays as on scalars:
one run replaces as many runs as there are elements.  Any other body is run for each.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from minidl.ir.mlir.core import Region
from minidl.ir.mlir.spec import has_trait

Array = Any
Run = Callable[[Region, Sequence[Array]], tuple[Array, ...]]
_SHAPELESS = ("stablehlo.constant", "stablehlo.return")


def is_elementwise(region: Region) -> bool:
    """Whether every op of a body works on arrays as it does on scalars."""
    return all(
        op.name in _SHAPELESS
        or (has_trait(op, "elementwise") and op.name != "stablehlo.bitcast_convert")
        for op in region.block
    )


def on_elements(region: Region, arrays: Sequence[Array], run: Run) -> tuple[Array, ...]:
    """The body on each element of arrays that have one shape."""
    shape = arrays[0].shape
    if is_elementwise(region):
        return tuple(np.broadcast_to(out, shape) for out in run(region, arrays))
    types = [v.type for v in region.block.terminator.operands]
    outs = [np.empty(shape, t.element.numpy) for t in types]  # type: ignore[attr-defined]
    for at in np.ndindex(shape):
        for out, value in zip(outs, run(region, [x[(*at, ...)] for x in arrays]), strict=True):
            out[at] = value
    return tuple(outs)

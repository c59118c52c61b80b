"""Value of sort: a stable sort by the first array, the others carried along.

Chapter: ir/stablehlo.
Sources: StableHLO specification, "sort".
"""

from __future__ import annotations

from typing import Any

import numpy as np

from minidl.core.errors import UnsupportedError
from minidl.ir.mlir.core import Operation
from minidl.ir.values import VALUES
from minidl.ir.values.elementwise import _total_order

Array = Any


def sort_direction(op: Operation) -> str | None:
    """LT or GT when the comparator compares the first pair alone, else None."""
    block = op.regions[0].blocks[0]
    first = block.first
    if first is None or first.name != "stablehlo.compare" or first.next is not block.last:
        return None
    if first.operands != block.args[:2] or block.terminator.operands != first.results:
        return None
    direction = first["comparison_direction"]
    return str(direction) if direction in ("LT", "GT") else None


@VALUES.rule("stablehlo.sort")
def sort(op: Operation, *arrays: Array) -> Any:
    """Ascending for LT; descending for GT, equal elements in their first order too."""
    direction = sort_direction(op)
    if direction is None:
        raise UnsupportedError(
            "sort with a comparator that is not LT or GT of the first pair has no value rule",
            op=op.name,
            hint="compare the first two block arguments by LT or GT and return the result",
        )
    keys, axis = arrays[0], op["dimension"]
    if keys.dtype.kind not in "biu":
        keys = _total_order(keys)
    if direction == "GT":
        keys = np.invert(keys)
    order = np.argsort(keys, axis=axis, kind="stable")
    made = tuple(np.take_along_axis(x, order, axis=axis) for x in arrays)
    return made if len(made) > 1 else made[0]

"""Values of control flow: while, case, if; map.

Chapter: ir/stablehlo.
Sources: StableHLO specification, "while", "case", "if", "map".
"""

from __future__ import annotations

from typing import Any

from minidl.ir.mlir.core import Operation
from minidl.ir.values import interpreted
from minidl.ir.values.regions import Run, on_elements

Array = Any


@interpreted("stablehlo.while")
def while_(op: Operation, *values: Array, run: Run) -> tuple[Array, ...]:
    cond, body = op.regions
    while run(cond, values)[0]:
        values = run(body, values)
    return values


@interpreted("stablehlo.case")
def case(op: Operation, index: Array, *, run: Run) -> tuple[Array, ...]:
    """An index out of range, negative too, chooses the last branch."""
    last = len(op.regions) - 1
    return run(op.regions[int(index) if 0 <= index <= last else last], ())


@interpreted("stablehlo.if")
def if_(op: Operation, pred: Array, *, run: Run) -> tuple[Array, ...]:
    return run(op.regions[0 if pred else 1], ())


@interpreted("stablehlo.map")
def map_(op: Operation, *arrays: Array, run: Run) -> tuple[Array, ...]:
    return on_elements(op.regions[0], arrays, run)

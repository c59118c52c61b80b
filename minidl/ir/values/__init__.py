"""VALUES: what each op computes, in NumPy; the reference meaning of the op set.

Chapter: ir/stablehlo.
Sources: StableHLO specification; house rule (Numbers): 16- and 32-bit transcendental
functions and accumulations are computed in float64 and rounded once, because
NumPy's own float32 bits depend on the CPU.
Real: StableHLO's reference interpreter (`stablehlo/reference/Ops.cpp`).

A row is `row(op, *arrays) -> array`, or a tuple for several results.  A row of `interpreted`
gets `run=` too: `run(region, arrays) -> arrays` interprets a region of its op.
"""

from collections.abc import Callable
from typing import Any

from minidl.core.rules import RuleTable

VALUES: RuleTable[Callable[..., Any]] = RuleTable("value", "evaluate")


def interpreted(*ops: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Decorator: the row of ops with regions, called with `run=` as well."""

    def put(row: Callable[..., Any]) -> Callable[..., Any]:
        row.needs_interpreter = True  # type: ignore[attr-defined]
        return VALUES.rule(*ops)(row)

    return put


from minidl.ir.values import (  # noqa: E402, F401  (rows)
    arith,
    batch_norm,
    calls,
    chlo,
    control,
    dynamic,
    elementwise,
    formats,
    indexing,
    legacy,
    linalg,
    linear_solve,
    loops,
    movement,
    padding,
    reduction,
    sorting,
    windows,
)

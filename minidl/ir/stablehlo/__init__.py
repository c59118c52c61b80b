"""StableHLO: the op set, a file for each family.

Chapter: ir/stablehlo.
Sources: StableHLO specification 1.x; op names, attributes and constraints are its own.
"""

from minidl.ir.stablehlo import (  # noqa: F401  (each adds its rows)
    asynchronous,
    batch_norm,
    bodies,
    calls,
    collectives,
    control,
    convolution,
    dot,
    dynamic,
    elementwise,
    indexing,
    legacy,
    linear_solve,
    movement,
    numbers,
    random,
    reduction,
    windows,
)

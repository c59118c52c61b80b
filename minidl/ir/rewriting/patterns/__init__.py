"""Patterns of StableHLO: identities that keep every bit, a table for each kind of op.

Chapter: ir/rewriting.
Real: each MLIR op's `getCanonicalizationPatterns`; StableHLO collects its own in
`stablehlo-aggressive-simplification`.

    match      small questions that patterns ask of a value
    algebra    what holds for floats too, and what for integers alone
    movement   ops that only place elements
    indexing   computed places that are known; pieces that are everything or nothing
    control    known choices, loops that never run, what a loop only carries
    dynamic    sizes that were operands and are known
"""

from collections.abc import Iterator

from minidl.ir.rewriting.driver import Pattern
from minidl.ir.rewriting.patterns import algebra, control, dynamic, indexing, movement

TABLES = {
    "algebra": algebra,
    "movement": movement,
    "indexing": indexing,
    "control": control,
    "dynamic": dynamic,
}


class Canonical:
    """The patterns of all tables, as they are when a pass begins."""

    def __iter__(self) -> Iterator[Pattern]:
        return iter([pattern for table in TABLES.values() for pattern in table.PATTERNS])


CANONICAL = Canonical()

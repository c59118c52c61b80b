"""Patterns of StableHLO: identities that keep every bit, a table for each kind of op.

Chapter: ir/rewriting.
Real: each MLIR op's `getCanonicalizationPatterns`; StableHLO collects its own in
`stablehlo-aggressive-simplification`.

    match      small questions that patterns ask of a value
    algebra    what holds for floats too, and what for integers alone
    movement   ops that only place elements
"""

from collections.abc import Iterator

from minidl.ir.rewriting.driver import Pattern
from minidl.ir.rewriting.patterns import algebra, movement

TABLES = {"algebra": algebra, "movement": movement}


class Canonical:
    """The patterns of all tables, as they are when a pass begins."""

    def __iter__(self) -> Iterator[Pattern]:
        return iter([pattern for table in TABLES.values() for pattern in table.PATTERNS])


CANONICAL = Canonical()

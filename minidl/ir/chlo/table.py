"""FORMULAS: what each CHLO op stands for, written in StableHLO.

Chapter: ir/stablehlo.
Sources: StableHLO, "'chlo' Dialect".
Real: the pass `chlo-legalize-to-stablehlo`.

A row is `row(kit, op, *operands) -> expression`, or a tuple for several results.
`WIDENS` are the functions of floats: 16-bit ones are computed in float32 and rounded once.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from minidl.core.rules import RuleTable

FORMULAS: RuleTable[Callable[..., Any]] = RuleTable("formula", "decompose")
WIDENS: set[str] = set()

Row = Callable[..., Any]


def formula(name: str) -> Callable[[Row], Row]:
    """Decorator: the row of an elementwise function of floats."""
    WIDENS.add(name)
    return FORMULAS.rule(name)


def exactly(*names: str) -> Callable[[Row], Row]:
    """Decorator: the row of ops that compute in the types they are given."""
    return FORMULAS.rule(*names)

"""The pipeline on StableHLO: what happens to a traced program before loops.

Chapter: xla/simplify.
Real: XLA's CPU pipeline runs some sixty HLO passes (`CpuCompiler::RunHloPasses`); the
ones that matter for a training step are these four.
"""

from __future__ import annotations

from collections.abc import Iterator

from minidl.ir.mlir.module import Module
from minidl.ir.rewriting import Fixpoint, PassManager, canonicalize, cse, dce, inline
from minidl.ir.rewriting.driver import Pattern, Reasons
from minidl.xla.passes import algebra, contraction, movement


class _All:
    """The patterns of the three tables, as they are when a pass begins."""

    def __iter__(self) -> Iterator[Pattern]:
        return iter([*algebra.PATTERNS, *movement.PATTERNS, *contraction.PATTERNS])


simplify = canonicalize("simplify", "no rule changes a bit", _All())
PIPELINE = (inline, Fixpoint("canonicalize", (simplify, cse)), dce)


def pass_manager(check: bool = False) -> PassManager:
    """inline, canonicalize (simplify and cse until nothing changes), dce."""
    return PassManager(PIPELINE, check)


def optimize(module: Module, reasons: Reasons | None = None) -> Module:
    """The simplified module; `reasons` receives why an origin is gone (DESIGN, Provenance)."""
    return pass_manager().run(module, reasons)

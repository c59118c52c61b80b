"""The pipeline on StableHLO: what happens to a traced program before loops.

Chapter: xla/simplify.
Real: XLA's CPU pipeline runs some sixty HLO passes (`CpuCompiler::RunHloPasses`); the
ones that matter for a training step are these four.
"""

from __future__ import annotations

from collections.abc import Iterator

from minidl.ir.mlir.module import Module
from minidl.ir.rewriting import CANONICAL, Fixpoint, PassManager, cse, dce, greedy, inline
from minidl.ir.rewriting.driver import Pattern, Reasons
from minidl.xla.passes import contraction
from minidl.xla.passes.maps import widen


class _All:
    """The canonical patterns and those of the kernels, as they are when a pass begins."""

    def __iter__(self) -> Iterator[Pattern]:
        return iter([*CANONICAL, *contraction.PATTERNS])


simplify = greedy("simplify", "no rule changes a bit", _All())
PIPELINE = (inline, widen, Fixpoint("canonicalize", (simplify, cse)), dce)


def pass_manager(check: bool = False) -> PassManager:
    """inline, widen, canonicalize (simplify and cse until nothing changes), dce."""
    return PassManager(PIPELINE, check)


def optimize(module: Module, reasons: Reasons | None = None) -> Module:
    """The simplified module; `reasons` receives why an origin is gone (DESIGN, Provenance)."""
    return pass_manager().run(module, reasons)

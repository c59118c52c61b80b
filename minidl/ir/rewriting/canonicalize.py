"""Canonicalize: fold constants and apply patterns until nothing fits.

Chapter: ir/rewriting.
Real: MLIR's `-canonicalize`, with each op's own patterns.
"""

from __future__ import annotations

from collections.abc import Iterable

from minidl.ir.mlir.module import Module
from minidl.ir.rewriting.driver import Pattern, Reasons, rewrite
from minidl.ir.rewriting.fold import FOLD
from minidl.ir.rewriting.manager import Pass


def canonicalize(name: str, why: str, patterns: Iterable[Pattern]) -> Pass:
    """A pass of these patterns and constant folding (the iterable is read at each run)."""

    def change(module: Module, reasons: Reasons) -> bool:
        return rewrite(module, [FOLD, *patterns], reasons) > 0

    return Pass(name, why, change)

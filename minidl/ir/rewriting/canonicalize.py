"""Canonicalize: fold constants and apply patterns until nothing fits.

Chapter: ir/rewriting.
Real: MLIR's `-canonicalize` collects the patterns of every op that is loaded.
"""

from __future__ import annotations

from collections.abc import Iterable

from minidl.ir.mlir.module import Module
from minidl.ir.rewriting.driver import Pattern, Reasons, rewrite
from minidl.ir.rewriting.fold import FOLD
from minidl.ir.rewriting.manager import Pass
from minidl.ir.rewriting.patterns import CANONICAL


def greedy(name: str, why: str, patterns: Iterable[Pattern]) -> Pass:
    """A pass of these patterns and constant folding (the iterable is read at each run)."""

    def change(module: Module, reasons: Reasons) -> bool:
        return rewrite(module, [FOLD, *patterns], reasons) > 0

    return Pass(name, why, change)


canonicalize = greedy("canonicalize", "no rule changes a bit", CANONICAL)

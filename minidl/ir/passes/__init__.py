"""Passes over any module: IR in, IR out, meaning kept.

Chapter: ir/rewrite.
"""

from minidl.ir.passes.canonicalize import canonicalize
from minidl.ir.passes.cse import cse
from minidl.ir.passes.dce import dce
from minidl.ir.passes.fold import FOLD, constant_of, fold, make_constant, splat_of
from minidl.ir.passes.inline import inline
from minidl.ir.passes.manager import Fixpoint, Pass, PassManager, count_ops, present

__all__ = [
    "Pass",
    "PassManager",
    "Fixpoint",
    "inline",
    "dce",
    "cse",
    "fold",
    "canonicalize",
    "FOLD",
    "constant_of",
    "splat_of",
    "make_constant",
    "count_ops",
    "present",
]

"""Passes over any module: IR in, IR out, meaning kept.

Chapter: ir/rewriting.
"""

from minidl.ir.rewriting.canonicalize import canonicalize, greedy
from minidl.ir.rewriting.cse import cse
from minidl.ir.rewriting.dce import dce
from minidl.ir.rewriting.fold import FOLD, constant_of, fold, make_constant, splat_of
from minidl.ir.rewriting.inline import inline
from minidl.ir.rewriting.manager import Fixpoint, Pass, PassManager, count_ops, present
from minidl.ir.rewriting.patterns import CANONICAL
from minidl.ir.rewriting.refine import refine

__all__ = [
    "Pass",
    "PassManager",
    "Fixpoint",
    "inline",
    "dce",
    "cse",
    "fold",
    "canonicalize",
    "greedy",
    "refine",
    "CANONICAL",
    "FOLD",
    "constant_of",
    "splat_of",
    "make_constant",
    "count_ops",
    "present",
]

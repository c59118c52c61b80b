"""Values of `cf`: which block comes next, and what it is handed.

Chapter: ir/mlir ("Regions").
Sources: MLIR, "'cf' Dialect".

A row of BRANCHES is `row(op, *values) -> (block, values for its arguments)`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from minidl.core.errors import CallError
from minidl.core.rules import RuleTable
from minidl.ir.dialects.cf import widths
from minidl.ir.mlir.core import Block, Operation
from minidl.ir.values import VALUES

Array = Any
Next = tuple[Block, tuple[Array, ...]]
BRANCHES: RuleTable[Callable[..., Next]] = RuleTable("branch", "evaluate")


@BRANCHES.rule("cf.br")
def br(op: Operation, *values: Array) -> Next:
    return op.successors[0], values


@BRANCHES.rule("cf.cond_br")
def cond_br(op: Operation, condition: Array, *values: Array) -> Next:
    return _successor(op, 0 if condition else 1, values)


@BRANCHES.rule("cf.switch")
def switch(op: Operation, flag: Array, *values: Array) -> Next:
    """The case with the flag's number, else the default."""
    numbers = op["case_values"].array.tolist() if "case_values" in op.attributes else []
    at = numbers.index(int(flag)) + 1 if int(flag) in numbers else 0
    return _successor(op, at, values)


def _successor(op: Operation, i: int, values: tuple[Array, ...]) -> Next:
    counts = widths(op)
    start = sum(counts[:i])
    return op.successors[i], values[start : start + counts[i]]


@VALUES.rule("cf.assert")
def assert_(op: Operation, condition: Array) -> tuple[Array, ...]:
    if not condition:
        raise CallError(f"cf.assert: {op['msg']}", op=op.name)
    return ()

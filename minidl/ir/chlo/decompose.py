"""Decompose: CHLO ops become the StableHLO they stand for, and some StableHLO plainer one.

Chapter: ir/stablehlo.
Real: the passes `chlo-legalize-to-stablehlo` and those that `plain` names.
"""

from __future__ import annotations

from collections.abc import Iterator

from minidl.ir.chlo import solve  # noqa: F401  (adds rows to PLAIN)
from minidl.ir.chlo.expand import expand
from minidl.ir.chlo.plain import PLAIN, plainer
from minidl.ir.chlo.table import FORMULAS
from minidl.ir.mlir.core import Operation
from minidl.ir.mlir.module import Module
from minidl.ir.mlir.spec import Builder
from minidl.ir.rewriting.driver import Reasons, forget
from minidl.ir.rewriting.manager import Pass


def change(module: Module, reasons: Reasons) -> bool:
    """Formulas may hold CHLO ops again, which are expanded in their turn."""
    todo = [op for op in module.walk() if op.name in FORMULAS or op.name in PLAIN]
    changed = False
    while todo:
        op = todo.pop()
        before, formula = op.prev, op.name in FORMULAS
        values = expand(op, Builder.before_op(op), op.operands) if formula else plainer(op)
        if values is None:
            continue
        made = list(_between(before, op))
        todo.extend(inner for inner in made if inner.name in FORMULAS)
        if not made:
            forget(op, f"decompose: {op.name} is its operand", reasons)
        op.replace(values)
        changed = True
    return changed


def _between(before: Operation | None, op: Operation) -> Iterator[Operation]:
    """The ops of a block after `before`, or from its first, up to `op`."""
    assert op.parent is not None
    made = before.next if before is not None else op.parent.first
    while made is not None and made is not op:
        yield made
        made = made.next


decompose = Pass("decompose", "an op is what its formula says", change)

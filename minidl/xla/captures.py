"""What an op reads: its operands, and what its regions read from around them.

Chapter: xla/fusion.
Sources: MLIR language reference, "Regions: Value Scoping".
Real: MLIR's `getUsedValuesDefinedAbove`.
"""

from __future__ import annotations

from minidl.ir.mlir.core import Operation, Region, Value


def captured(*regions: Region) -> list[Value]:
    """The values that regions read from around them, in order of first use."""
    ops = [op for r in regions for b in r.blocks for top in b for op in top.walk()]
    blocks = {b for r in regions for b in r.blocks}
    blocks |= {b for op in ops for r in op.regions for b in r.blocks}
    reads = dict.fromkeys(v for op in ops for v in op.operands)
    return [v for v in reads if (v.op.parent if v.op is not None else v.owner) not in blocks]


def used(op: Operation) -> list[Value]:
    """Operands, then what regions read from around the op."""
    return [*op.operands, *captured(*op.regions)] if op.regions else op.operands

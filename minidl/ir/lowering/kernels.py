"""KERNELS: ops that are no loop nest over their result, written straight as loops.

Chapter: ir/lowering.
Sources: StableHLO specification, one section an op.
Real: IREE's `iree_linalg_ext.sort` and `.scatter` carry such ops down to loops; XLA calls
C++ for sort and expands scatter to a while loop (`scatter_expander`).

A row is `row(kernel, op, operands, results)`: it writes loops that read the operands'
memrefs and fill the results'.  In the linalg stage the op is itself, in a function of its own.
"""

from __future__ import annotations

from collections.abc import Callable

from minidl.core.rules import RuleTable

Row = Callable[..., None]
KERNELS: RuleTable[Row] = RuleTable("kernel", "the lowering to loops")

"""In place: a loop's array that a round only updates needs no second buffer.

Chapter: xla/buffers.
Sources: XLA, `HloDataflowAnalysis` and `CopyInsertion` (a while's state shares one buffer).
Real: XLA does so for every op that may write over its operand; here for the one case that
makes a scan quadratic, the stacked outputs.

A carried array qualifies when the body reads it once, as the first operand of a
dynamic_update_slice or a scatter, and hands on what that made.  The kernel then leaves the
copy out, and the loop has the array in one buffer.
"""

from __future__ import annotations

from minidl.ir.mlir.core import Operation, Value
from minidl.ir.mlir.module import Module

NOTE = "~in_place"  # on a while: which of its values; on a kernel: that it may
UPDATES = ("stablehlo.dynamic_update_slice", "stablehlo.scatter")


def mark(fused: Module) -> Module:
    """Note the arrays that qualify, and the kernels that write them."""
    functions = fused.functions
    for loop in [op for op in fused.walk() if op.name == "stablehlo.while"]:
        (call,) = [op for op in loop.regions[1].block if op.name == "func.call"]
        body = functions[call["callee"].name]
        outputs, found = body.body.terminator.operands, []
        for i, (arg, out) in enumerate(zip(body.body.args, outputs, strict=False)):
            kernel = _updates(arg, out, functions)
            if kernel is not None:
                kernel.attributes[NOTE] = True
                found.append(i)
        loop.attributes[NOTE] = tuple(found)
    return fused


def _updates(arg: Value, out: Value, functions: dict[str, Operation]) -> Operation | None:
    """The kernel that makes `out` of `arg`, where both serve nothing else."""
    call = out.op
    if call is None or call.name != "func.call" or len(arg.uses) != 1 or len(out.uses) != 1:
        return None
    kernel = functions[call["callee"].name]
    op = kernel.body.first
    if call.operands[:1] != [arg] or out.type is not arg.type or op is None:
        return None
    if op.name not in UPDATES or len(op.results) != 1 or len(kernel.body.args[0].uses) != 1:
        return None
    return kernel if kernel.get("minidl.fusion") == "kernel" else None

"""The ops that are no loop nest over their result, and their functions of loops.

Chapter: ir/lowering.

    kernel    what such functions have in common
    sorts     sort
    updates   dynamic_update_slice, scatter
"""

from __future__ import annotations

from minidl.ir.lowering import sorts, updates
from minidl.ir.lowering.kernel import KERNELS, SPARE, Kernel, scratch_bytes
from minidl.ir.lowering.schedule import Schedule
from minidl.ir.mlir.core import Operation, clone
from minidl.ir.mlir.module import Module

__all__ = ["KERNELS", "SPARE", "Kernel", "kernel_to_linalg", "kernel_to_loops", "scratch_bytes",
           "sorts", "updates"]  # fmt: skip


def is_kernel(source: Operation) -> bool:
    return bool(source.get("minidl.fusion") == "kernel")


def kernel_to_linalg(source: Operation, into: Module) -> None:
    """linalg has no such op: it stays what it is."""
    into.body.append(clone(source))


def kernel_to_loops(source: Operation, into: Module, schedule: Schedule) -> Kernel:
    return Kernel(source, into, schedule).run()

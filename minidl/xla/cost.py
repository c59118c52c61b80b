"""Cost: the arithmetic and the bytes of a program, counted from its ops alone.

Chapter: step.
Sources: XLA, `HloCostAnalysis` (what counts as a FLOP of which op).
Real: XLA counts a transcendental apart, too, and asks the cost of an op again when it
decides on fusions; here nothing is decided by it.

    product_flops      2·m·n·k of a matrix product: a multiply and an add for each term
    reduce_flops       elements read less elements written
    elementwise_flops  one an element
    transcendental     exp, log, tanh …, one an element, in no other count
    bytes              every array read once and every array written once, in full

A constant lives in the code, and a move (broadcast, reshape, transpose) is an index into
the array it reads: neither moves a byte.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from minidl.ir.lowering.to_loops import memory
from minidl.ir.mlir.core import Operation, Value
from minidl.ir.mlir.module import Module
from minidl.ir.mlir.spec import has_trait
from minidl.ir.mlir.types import TensorType

MOVES = (
    "stablehlo.broadcast_in_dim",
    "stablehlo.optimization_barrier",
    "stablehlo.reshape",
    "stablehlo.transpose",
)
GIVEN = ("stablehlo.constant", "stablehlo.iota")
TRANSCENDENTAL = tuple(
    f"stablehlo.{name}"
    for name in (
        "cosine", "exponential", "exponential_minus_one", "log", "log_plus_one",
        "logistic", "power", "rsqrt", "sine", "sqrt", "tanh",
    )
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Cost:
    """What a program costs, whatever machine runs it."""

    product_flops: int = 0
    reduce_flops: int = 0
    elementwise_flops: int = 0
    transcendental: int = 0

    @property
    def flops(self) -> int:
        """All arithmetic but the transcendental functions."""
        return self.product_flops + self.reduce_flops + self.elementwise_flops


def dims(value: Value) -> tuple[int, ...]:
    """The sizes of a tensor."""
    assert isinstance(value.type, TensorType)
    return value.type.dims


def size(value: Value) -> int:
    """Elements of a tensor."""
    return math.prod(dims(value))


def computes(op: Operation) -> bool:
    """Whether an op makes new numbers (and is no move, constant, or end of a block)."""
    known = has_trait(op, "elementwise") or op.name == "func.call"
    return known or op.name in ("stablehlo.dot_general", "stablehlo.reduce")


def cost(module: Module) -> Cost:
    """The arithmetic of @main, or of all groups of a fused module."""
    counts = dict.fromkeys(Cost.__dataclass_fields__, 0)
    for function in module.body:
        for op in function.body:
            name, amount = arithmetic(op)
            if name:
                counts[name] += amount
    return Cost(**counts)


def arithmetic(op: Operation) -> tuple[str, int]:
    """The kind of an op's arithmetic, and how much of it there is."""
    if op.name == "stablehlo.dot_general":
        summed = op["dot_dimension_numbers"].lhs_contracting
        terms = math.prod(dims(op.operands[0])[d] for d in summed)
        return "product_flops", 2 * size(op.results[0]) * terms
    if op.name == "stablehlo.reduce":
        return "reduce_flops", size(op.operands[0]) - size(op.results[0])
    if op.name in TRANSCENDENTAL:
        return "transcendental", size(op.results[0])
    if has_trait(op, "elementwise"):
        return "elementwise_flops", size(op.results[0])
    return "", 0


def source(value: Value) -> Value | None:
    """The array in memory that reading `value` reads; None when there is none."""
    while value.op is not None and value.op.name in MOVES:
        value = value.op.operands[0]
    return None if value.op is not None and value.op.name in GIVEN else value


def reads(ops: Iterable[Operation]) -> dict[Value, None]:
    """The arrays that a group of ops reads and does not make."""
    members = dict.fromkeys(ops)
    found = (source(v) for op in members for v in op.operands)
    return {v: None for v in found if v is not None and v.op not in members}


def writes(ops: Iterable[Operation]) -> dict[Value, None]:
    """The arrays of a group that an op outside it, or the caller, reads."""
    members = dict.fromkeys(ops)
    return {value: None for op in members for value in op.results if _escapes(value, members)}


def _escapes(value: Value, members: dict[Operation, None]) -> bool:
    for user in value.users:
        if user.name in MOVES and user not in members:
            if _escapes(user.result, members):
                return True
        elif user not in members:
            return True
    return False


def bytes_moved(groups: Iterable[Iterable[Operation]]) -> int:
    """The bytes that groups of ops read and write, when each group runs as one loop."""
    total = 0
    for group in groups:
        ops = list(group)
        total += sum(memory(v.type).bytes for v in (*reads(ops), *writes(ops)))
    return total


def op_by_op(module: Module) -> int:
    """The bytes of @main when every op runs alone; of a fused module, when every group does."""
    return bytes_moved([op] for op in module.main.body if computes(op))

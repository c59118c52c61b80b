"""Every access of the loops stage lies inside its memref: interval arithmetic over indices."""

from __future__ import annotations

from typing import Any

from minidl.ir.mlir.core import Block, Operation, Value
from minidl.ir.mlir.types import MemRefType, VectorType

Range = tuple[int, int]  # both ends included


class Bounds:
    """Walks a function of loops; `accesses` counts what was checked."""

    def __init__(self, function: Operation, rounds: int = 0) -> None:
        self.known: dict[Value, Range] = {}
        self.accesses = 0
        for value in function.body.args:
            if not isinstance(value.type, MemRefType):
                self.known[value] = (0, rounds)
        self.block(function.body)

    def block(self, block: Block) -> None:
        for op in block:
            self.op(op)

    def op(self, op: Operation) -> None:
        if op.name == "scf.for":
            low, high, step = (self.known[v] for v in op.operands[:3])
            if high[1] > low[0]:
                last = high[1] - 1 - (high[1] - 1 - low[0]) % step[0]
                self.known[op.body.args[0]] = (low[0], last)
                self.block(op.body)
        elif op.name == "scf.if":
            self.block(op.regions[0].block)
        elif op.name in ("memref.load", "vector.load"):
            self.access(op.operands[0], op.operands[1:], op.result.type)
        elif op.name in ("memref.store", "vector.store"):
            self.access(op.operands[1], op.operands[2:], op.operands[0].type)
        elif op.name == "memref.view":
            self.view(op)
        else:
            self.number(op)

    def number(self, op: Operation) -> None:
        if op.name == "arith.constant" and hasattr(op["value"], "value"):
            value = op["value"].value
            self.known[op.result] = (value, value)
        elif len(op.operands) == 2 and all(v in self.known for v in op.operands):
            (a, b), (c, d) = (self.known[v] for v in op.operands)
            if op.name == "arith.addi":
                self.known[op.result] = (a + c, b + d)
            elif op.name == "arith.muli":
                ends = [x * y for x in (a, b) for y in (c, d)]
                self.known[op.result] = (min(ends), max(ends))
            elif op.name == "arith.minsi":
                self.known[op.result] = (min(a, c), min(b, d))

    def access(self, memref: Value, indices: Any, type_: Any) -> None:
        """A vector runs along the last dimension."""
        width = type_.size if isinstance(type_, VectorType) else 1
        dims = memref.type.dims
        for d, (value, size) in enumerate(zip(indices, dims, strict=True)):
            low, high = self.known[value]
            high += width - 1 if d == len(dims) - 1 else 0
            assert low >= 0 and high < size, f"{memref.type}: [{low}, {high}] in dimension {d}"
        self.accesses += 1

    def view(self, op: Operation) -> None:
        low, high = self.known[op.operands[1]]
        assert low >= 0
        assert high + op.result.type.bytes <= op.operands[0].type.bytes


def check_bounds(module: Any) -> int:
    """Check all functions of a loops module; the number of accesses seen."""
    calls = [op for op in module.main.body if op.name == "func.call"]
    rounds = {
        op["callee"].name: op["minidl.parallel"].value
        for op in calls
        if "minidl.parallel" in op.attributes
    }
    return sum(Bounds(f, rounds.get(name, 0)).accesses for name, f in module.functions.items())

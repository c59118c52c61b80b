"""Every access of the loops stage lies inside its memref: interval arithmetic over indices."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from minidl.ir.mlir.attributes import Typed
from minidl.ir.mlir.core import Block, Operation, Value
from minidl.ir.mlir.types import MemRefType, ScalarType, VectorType

Range = tuple[int, int]  # both ends included


ANY = (-(2**63), 2**63 - 1)
RANGE: dict[str, Callable[..., Range]] = {
    "arith.constant": lambda x: x,
    "arith.index_cast": lambda x: x,
    "vector.broadcast": lambda x: x,
    "vector.extract": lambda x: x,
    "vector.from_elements": lambda *xs: (min(x[0] for x in xs), max(x[1] for x in xs)),
    "arith.addi": lambda x, y: (x[0] + y[0], x[1] + y[1]),
    "arith.muli": lambda x, y: bounds([a * b for a in x for b in y]),
    "arith.minsi": lambda x, y: (min(x[0], y[0]), min(x[1], y[1])),
    "arith.maxsi": lambda x, y: (max(x[0], y[0]), max(x[1], y[1])),
    "arith.minui": lambda x, y: (0, min(y[1], x[1]) if x[0] >= 0 else y[1]) if y[0] >= 0 else ANY,
    "arith.divui": lambda x, y: (x[0] // y[1], x[1] // y[0]) if x[0] >= 0 < y[0] else ANY,
}


def bounds(values: list[int]) -> Range:
    return min(values), max(values)


def constant_range(value: Any) -> Range:
    """The least and the largest lane."""
    lanes = np.atleast_1d(value.value if isinstance(value, Typed) else value.array)
    return (int(lanes.min()), int(lanes.max())) if lanes.dtype.kind in "iu" else ANY


def is_number(type_: Any) -> bool:
    """Whether a place may be computed of it: integers and indices, and vectors of them."""
    element = type_.element if isinstance(type_, VectorType) else type_
    return isinstance(element, ScalarType) and not element.is_float


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
            self.number(op)
        elif op.name in ("memref.store", "vector.store"):
            self.access(op.operands[1], op.operands[2:], op.operands[0].type)
        elif op.name == "memref.view":
            self.view(op)
        else:
            self.number(op)

    def number(self, op: Operation) -> None:
        """The range of an integer or index; ANY where nothing is known of it."""
        known = [self.known.get(v, ANY) for v in op.operands]
        if op.name == "arith.constant":
            known = [constant_range(op["value"])]
        if not op.results or not is_number(op.results[0].type):
            return
        made = RANGE[op.name](*known) if op.name in RANGE else ANY
        self.known[op.results[0]] = made

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

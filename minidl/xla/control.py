"""Control of a compiled program: while, case and if around calls, in loops and memory.

Chapter: xla/backend.
Sources: MLIR, "'scf' Dialect" (while, if, index_switch).
Real: XLA's `WhileThunk` and `ConditionalThunk` run on the host; XLA lets a loop's state
live in one set of buffers, where the body may write in place.

A loop's state has two sets of buffers, its result's own and one of scratch: the body reads
one and writes the other, and they change places.  No round copies anything.  An array that
a round only updates (`xla.in_place`) is written where it lies.

    scratch of a while   the second set, a byte for the condition, the callees' temporaries
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from minidl.core.rules import RuleTable
from minidl.ir.lowering.generics import memory
from minidl.ir.lowering.nest import Scope
from minidl.ir.mlir.core import Block, Operation, Region, Value
from minidl.ir.mlir.spec import Builder
from minidl.ir.mlir.types import MemRefType, i1, i8, index
from minidl.xla.in_place import NOTE

CONTROL_ROWS: RuleTable[Callable[[Any, Operation], None]] = RuleTable("control", "the loops stage")
ALIGN = 64


def callees(op: Operation) -> list[str]:
    """The functions that an op of @main calls, itself or in its regions."""
    return [o["callee"].name for o in op.walk() if o.name == "func.call"]


@dataclass(frozen=True, slots=True)
class Room:
    """What a while keeps in its scratch: where each part begins, and where callees' begins."""

    offsets: tuple[int, ...]
    size: int


def room(op: Operation) -> Room:
    """The second set of buffers and the condition's byte; nothing for other ops."""
    if op.name != "stablehlo.while":
        return Room((), 0)
    offsets, at, single = [], 0, op.get(NOTE, ())
    sizes = [0 if i in single else memory(v.type).bytes for i, v in enumerate(op.results)]
    for size in [*sizes, 1]:
        offsets.append(at)
        at += -(-size // ALIGN) * ALIGN
    return Room(tuple(offsets), at)


def _call_in(region: Region) -> Operation:
    (call,) = [op for op in region.block if op.name == "func.call"]
    return call


def _inner(scope: Scope, types: list[Any] | None = None) -> tuple[Block, Scope]:
    block = Block(types or [])
    return block, Scope(Builder(block, location=scope.b.location), scope)


@CONTROL_ROWS.rule("stablehlo.while")
def _while(sequence: Any, op: Operation) -> None:
    scope, base = sequence.scope, sequence.places.scratch[op]
    parts = room(op)
    results = [sequence.place(v) for v in op.results]
    types = [m.type for m in results]
    single = op.get(NOTE, ())
    spare = [
        memref if i in single else sequence.room(base + parts.offsets[i], memref.type)
        for i, memref in enumerate(results)
    ]
    flag = sequence.room(base + parts.offsets[-1], MemRefType((), i8))
    for value, memref in zip(op.operands, results, strict=True):
        sequence.copy(sequence.memrefs[value], memref)
    n, calls = len(results), [_call_in(region) for region in op.regions]
    before, head = _inner(scope, types * 2)
    given = dict(zip(op.regions[0].block.args, before.args[:n], strict=True))
    sequence.call(head, calls[0], sequence.memrefs | given, [flag], base + parts.size)
    found = head.op("memref.load", [flag], i8)
    again = head.op("arith.trunci", [found], i1)
    head.b.create("scf.condition", [again, *before.args])
    after, body = _inner(scope, types * 2)
    given = dict(zip(op.regions[1].block.args, after.args[:n], strict=True))
    sequence.call(body, calls[1], sequence.memrefs | given, after.args[n:], base + parts.size)
    body.b.create("scf.yield", [*after.args[n:], *after.args[:n]])
    regions = [Region([before]), Region([after])]
    made = scope.b.create("scf.while", [*results, *spare], None, types * 2, regions)
    for i, memref in enumerate(results):
        if i not in single:
            sequence.copy(made.results[i], memref)


def _branch(sequence: Any, op: Operation, region: Region, results: list[Value]) -> Region:
    """A branch writes the results where they live."""
    block, scope = _inner(sequence.scope)
    base = sequence.places.scratch.get(op, 0)
    sequence.call(scope, _call_in(region), sequence.memrefs, results, base)
    scope.b.create("scf.yield")
    return Region([block])


@CONTROL_ROWS.rule("stablehlo.case")
def _case(sequence: Any, op: Operation) -> None:
    """Out of range is the last branch, which is the switch's default."""
    scope, results = sequence.scope, [sequence.place(v) for v in op.results]
    memref = sequence.memrefs[op.operands[0]]
    number = scope.op("memref.load", [memref], memref.type.element)
    at = scope.op("arith.index_cast", [number], index)
    *cases, default = [_branch(sequence, op, region, results) for region in op.regions]
    attributes = {"cases": tuple(range(len(cases)))}
    scope.b.create("scf.index_switch", [at], attributes, [], [default, *cases])


@CONTROL_ROWS.rule("stablehlo.if")
def _if(sequence: Any, op: Operation) -> None:
    scope, results = sequence.scope, [sequence.place(v) for v in op.results]
    found = scope.op("memref.load", [sequence.memrefs[op.operands[0]]], i8)
    truth = scope.op("arith.trunci", [found], i1)
    regions = [_branch(sequence, op, region, results) for region in op.regions]
    scope.b.create("scf.if", [truth], None, [], regions)

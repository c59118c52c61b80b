"""Control: choices that are known, loops that never run, values a loop only carries.

Chapter: ir/rewriting.
Sources: StableHLO specification, "case", "if", "while".
Real: XLA's `ConditionalSimplifier` and `WhileLoopSimplifier`; the canonicalisers of
`CaseOp`, `IfOp` and `WhileOp`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from minidl.ir.mlir.core import Block, Operation, Region, Value, clone
from minidl.ir.rewriting.driver import Made, Pattern, Rewriter
from minidl.ir.rewriting.fold import constant_of, known
from minidl.ir.rewriting.patterns.match import Rule, pattern, splat_of

PATTERNS: list[Pattern] = []


def rule(name: str, *ops: str, why: str) -> Callable[[Rule], Rule]:
    return pattern(PATTERNS, name, *ops, why=why)


@rule("case, known index", "case", why="one branch runs; the last when the index is out of range")
def case_known(op: Operation, rw: Rewriter) -> Made:
    last = len(op.regions) - 1
    index = splat_of(op.operands[0])
    if index is None and last:
        return None
    known = index is not None and 0 <= int(index) <= last
    return rw.inline(op.regions[int(index) if known else last].block, ())


@rule("if, known predicate", "if", why="one branch runs")
def if_known(op: Operation, rw: Rewriter) -> Made:
    choice = splat_of(op.operands[0])
    return None if choice is None else rw.inline(op.regions[0 if choice else 1].block, ())


@rule("branches that agree", "case", "if", why="every branch returns the same values from outside")
def branches_agree(op: Operation, rw: Rewriter) -> Made:
    first, *rest = (region.block.terminator.operands for region in op.regions)
    inside = {inner for region in op.regions for inner in region.block}
    if any(r != first for r in rest) or any(v.op in inside for v in first):
        return None
    return first


@rule("loop that never runs", "while", why="its condition is false on the values it starts with")
def while_never(op: Operation, rw: Rewriter) -> Made:
    cond = op.regions[0].block
    starts: dict[Value, Any] = {
        a: c.array for a, v in zip(cond.args, op.operands) if (c := constant_of(v))
    }
    goes_on = known(cond.terminator.operands[0], starts)
    return op.operands if goes_on is not None and not goes_on else None


# -- what a loop carries ---------------------------------------------------------------


@rule("loop, value never changed", "while", why="each round hands on what it was given")
def while_unchanged(op: Operation, rw: Rewriter) -> Made:
    body = op.regions[1].block
    same = [a is v for a, v in zip(body.args, body.terminator.operands)]
    if not any(same) or all(same):
        return None
    loop = _carrying(op, rw, [i for i, s in enumerate(same) if not s])
    results = iter(loop.results)
    return [start if s else next(results) for s, start in zip(same, op.operands)]


@rule("loop, value nobody reads", "while", why="neither the loop nor anybody after it reads it")
def while_unread(op: Operation, rw: Rewriter) -> Made:
    cond, body = (region.block for region in op.regions)
    read = [
        bool(result.uses or cond.args[i].uses)
        or any(user is not body.last or at != i for user, at in body.args[i].uses)
        for i, result in enumerate(op.results)
    ]
    if all(read) or not any(read):
        return None
    loop = _carrying(op, rw, [i for i, r in enumerate(read) if r])
    results = iter(loop.results)
    return [next(results) if r else start for r, start in zip(read, op.operands)]


def _carrying(op: Operation, rw: Rewriter, kept: Sequence[int]) -> Operation:
    """The loop with these of its values alone; the others are seen from outside."""
    regions = [_region(r.block, op.operands, kept, r is op.regions[1]) for r in op.regions]
    starts = [op.operands[i] for i in kept]
    made = rw.create(op.name, starts, dict(op.attributes), [v.type for v in starts], regions).op
    assert made is not None
    return made


def _region(block: Block, starts: Sequence[Value], kept: Sequence[int], body: bool) -> Region:
    copy = Block([block.args[i].type for i in kept])
    mapping: dict[Value, Value] = dict(zip(block.args, starts, strict=True))
    mapping.update({block.args[i]: new for i, new in zip(kept, copy.args, strict=True)})
    for op in block:
        if op is not block.last:
            copy.append(clone(op, mapping))
    last = block.terminator
    returned = [last.operands[i] for i in kept] if body else last.operands
    values = [mapping.get(v, v) for v in returned]
    copy.append(Operation(last.name, values, location=last.location))
    return Region([copy])

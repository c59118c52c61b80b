"""Equivalence: whether two modules are the same program, op for op, and where they part.

Chapter: ir/mlir ("text is not the program").
Real: MLIR's `OperationEquivalence::isEquivalentTo`.

Names of values and blocks do not count; operations, operands, types, attributes,
regions, blocks, successors and (if asked for) locations do.  That an attribute at its
default is written does not.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from minidl.ir.mlir.attributes import WRITTEN
from minidl.ir.mlir.core import Block, Operation
from minidl.ir.mlir.location import Location
from minidl.ir.text.attrprinter import attribute_text

Pair = tuple[str, Any, Any]


def difference(a: Operation, b: Operation, locations: bool = False) -> str | None:
    """The first difference as a sentence; None when the two are the same program."""
    same: dict[Any, Any] = {}  # values and blocks of a → those of b
    todo = [(a, b)]
    pairs = []
    while todo:
        left, right = todo.pop()
        pairs.append((left, right))
        for what, x, y in _shape(left, right):
            if x != y:
                return f"{what} of {left.name}: {x} here, {y} there"
        _pair(left, right, same)
        inside = list(zip(_ops(left), _ops(right), strict=True))
        todo.extend(reversed(inside))
    for left, right in pairs:
        for what, x, y in _content(left, right, same, locations):
            if x != y:
                return f"{what} of {left.name}: {x} here, {y} there"
    return None


def _shape(a: Operation, b: Operation) -> Iterator[Pair]:
    """What must agree before the parts can be compared one by one."""
    yield "the name", a.name, b.name
    yield "the result types", [v.type for v in a.results], [v.type for v in b.results]
    yield "the number of operands", len(a.operands), len(b.operands)
    yield "the number of successors", len(a.successors), len(b.successors)
    yield "the blocks of each region", _block_counts(a), _block_counts(b)
    for x, y in zip(_blocks(a), _blocks(b), strict=True):
        yield "the arguments of a block", [v.type for v in x.args], [v.type for v in y.args]
        yield "the operations of a block", [o.name for o in x], [o.name for o in y]


def _content(a: Operation, b: Operation, same: dict[Any, Any], locations: bool) -> Iterator[Pair]:
    for i, (x, y) in enumerate(zip(a.operands, b.operands, strict=True)):
        yield f"operand {i}", same.get(x, x), y
    yield "the successors", [same.get(x, x) for x in a.successors], b.successors
    mine = {key: value for key, value in a.attributes.items() if key != WRITTEN}
    yield "the attributes", sorted(mine), sorted(key for key in b.attributes if key != WRITTEN)
    for key, value in mine.items():
        other = b.attributes[key]
        if type(value) is not type(other) or value != other:
            yield f"the attribute {key!r}", _text(value), _text(other)
    if locations:
        yield "the location", a.location, b.location
        for block, other in zip(_blocks(a), _blocks(b), strict=True):
            yield "the places of arguments", _places(block), _places(other)


def _block_counts(op: Operation) -> list[int]:
    return [len(region.blocks) for region in op.regions]


def _places(block: Block) -> list[Location]:
    return [v.location for v in block.args]


def _text(value: Any) -> str:
    """For NaN, which is unlike itself, and for the sentence."""
    try:
        return f"{type(value).__name__} {attribute_text(value)}"
    except TypeError:
        return repr(value)


def _pair(a: Operation, b: Operation, same: dict[Any, Any]) -> None:
    same.update(zip(a.results, b.results, strict=True))
    for x, y in zip(_blocks(a), _blocks(b), strict=True):
        same[x] = y
        same.update(zip(x.args, y.args, strict=True))


def _blocks(op: Operation) -> list[Block]:
    return [block for region in op.regions for block in region.blocks]


def _ops(op: Operation) -> list[Operation]:
    return [inner for block in _blocks(op) for inner in block]

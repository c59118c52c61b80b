"""SSA in four classes: a value, an operation, a block, a region.

Chapter: ir/mlir.
Sources: MLIR language reference, "High-Level Structure".
Real: MLIR's `Operation` keeps operands and results in trailing storage and uses
in intrusive lists; here they are slots and dicts, the costs are the same order.

    value      made once (op result or block argument), used any number of times
    operation  name, operands, results, attributes, regions, successors, location
    block      arguments, then a doubly linked list of operations
    region     a list of blocks, owned by an operation

A value knows its uses, so replacing, erasing and inserting cost O(1) a use.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from minidl.ir.mlir.location import UNKNOWN, Location
from minidl.ir.mlir.types import Type


class Value:
    """An SSA value: `owner` is the operation or block that made it."""

    __slots__ = ("type", "owner", "index", "uses", "__weakref__")

    def __init__(self, type: Type, owner: Operation | Block, index: int) -> None:
        self.type, self.owner, self.index = type, owner, index
        self.uses: dict[tuple[Operation, int], None] = {}

    @property
    def location(self) -> Location:
        """Where it was written."""
        return self.owner.location if isinstance(self.owner, Operation) else UNKNOWN

    @property
    def op(self) -> Operation | None:
        """The operation that defines it; None for a block argument."""
        return self.owner if isinstance(self.owner, Operation) else None

    @property
    def users(self) -> list[Operation]:
        """The operations that use it, each once, in order of first use."""
        return list(dict.fromkeys(op for op, _ in self.uses))

    def replace_all_uses_with(self, other: Value) -> None:
        """Every operand that was this value becomes `other`; O(uses)."""
        if other is self:
            return
        for op, i in self.uses:
            op.operands[i] = other
            other.uses[op, i] = None
        self.uses.clear()

    def __repr__(self) -> str:
        where = self.owner.name if isinstance(self.owner, Operation) else "block argument"
        return f"<value {self.index} of {where} : {self.type}>"


class Argument(Value):
    """A block argument: a value with a place of its own in the source."""

    __slots__ = ("location",)

    def __init__(self, type: Type, owner: Block, index: int, location: Location = UNKNOWN) -> None:
        super().__init__(type, owner, index)
        self.location = location  # type: ignore[misc]  # a slot over the property


class Operation:
    """One operation; `parent` is its block, None while detached."""

    __slots__ = (
        "name", "operands", "results", "attributes", "regions", "successors",
        "location", "parent", "prev", "next", "__weakref__",
    )  # fmt: skip

    def __init__(
        self,
        name: str,
        operands: Sequence[Value] = (),
        result_types: Sequence[Type] = (),
        attributes: dict[str, Any] | None = None,
        regions: Sequence[Region] = (),
        successors: Sequence[Block] = (),
        location: Location = UNKNOWN,
    ) -> None:
        self.name = name
        self.operands = list(operands)
        for i, value in enumerate(self.operands):
            value.uses[self, i] = None
        self.results = [Value(t, self, i) for i, t in enumerate(result_types)]
        self.attributes = attributes if attributes is not None else {}
        self.regions = list(regions)
        for region in self.regions:
            region.parent = self
        self.successors = list(successors)
        self.location = location
        self.parent: Block | None = None
        self.prev: Operation | None = None
        self.next: Operation | None = None

    @property
    def result(self) -> Value:
        """The only result."""
        (value,) = self.results
        return value

    def __getitem__(self, attribute: str) -> Any:
        return self.attributes[attribute]

    def get(self, attribute: str, default: Any = None) -> Any:
        return self.attributes.get(attribute, default)

    @property
    def region(self) -> Region:
        (region,) = self.regions
        return region

    @property
    def body(self) -> Block:
        """The only block of the only region."""
        return self.region.block

    @property
    def parent_op(self) -> Operation | None:
        return self.parent.parent.parent if self.parent and self.parent.parent else None

    def set_operand(self, i: int, value: Value) -> None:
        del self.operands[i].uses[self, i]
        self.operands[i] = value
        value.uses[self, i] = None

    def set_operands(self, values: Iterable[Value]) -> None:
        self.drop_uses()
        self.operands = list(values)
        for i, value in enumerate(self.operands):
            value.uses[self, i] = None

    def drop_uses(self) -> None:
        for i, value in enumerate(self.operands):
            value.uses.pop((self, i), None)

    def remove(self) -> Operation:
        """Take it out of its block; operands stay."""
        block = self.parent
        if block is None:
            return self
        if self.prev is None:
            block.first = self.next
        else:
            self.prev.next = self.next
        if self.next is None:
            block.last = self.prev
        else:
            self.next.prev = self.prev
        self.parent = self.prev = self.next = None
        return self

    def erase(self) -> None:
        """Remove it for good, with all it holds; its results must be unused."""
        assert not any(v.uses for v in self.results), f"{self.name} erased while in use"
        for op in self.walk():
            op.drop_uses()
            op.operands = []
        self.remove()

    def replace(self, values: Sequence[Value]) -> None:
        """Its results become `values` everywhere, then it is erased."""
        for old, new in zip(self.results, values, strict=True):
            old.replace_all_uses_with(new)
        self.erase()

    def walk(self) -> Iterator[Operation]:
        """This operation, then every one inside, in textual order."""
        stack = [self]
        while stack:
            op = stack.pop()
            yield op
            if op.regions:
                inside = [o for region in op.regions for block in region.blocks for o in block]
                stack.extend(reversed(inside))

    def __repr__(self) -> str:
        return f"<{self.name} of {len(self.operands)} operands>"


class Block:
    """Arguments and a doubly linked list of operations; iterating allows erasure."""

    __slots__ = ("args", "first", "last", "parent", "__weakref__")

    def __init__(self, arg_types: Sequence[Type] = ()) -> None:
        self.args: list[Value] = [Argument(t, self, i) for i, t in enumerate(arg_types)]
        self.first: Operation | None = None
        self.last: Operation | None = None
        self.parent: Region | None = None

    def add_arg(self, type: Type, location: Location = UNKNOWN) -> Value:
        self.args.append(Argument(type, self, len(self.args), location))
        return self.args[-1]

    def insert(self, op: Operation, before: Operation | None = None) -> Operation:
        """Put `op` before another of this block, or at the end."""
        assert op.parent is None, f"{op.name} is already in a block"
        op.parent, op.next = self, before
        op.prev = before.prev if before else self.last
        if op.prev is None:
            self.first = op
        else:
            op.prev.next = op
        if before is None:
            self.last = op
        else:
            before.prev = op
        return op

    append = insert

    def __iter__(self) -> Iterator[Operation]:
        op = self.first
        while op is not None:
            following = op.next
            yield op
            op = following

    def __reversed__(self) -> Iterator[Operation]:
        op = self.last
        while op is not None:
            preceding = op.prev
            yield op
            op = preceding

    @property
    def terminator(self) -> Operation:
        assert self.last is not None, "an empty block has no terminator"
        return self.last


class Region:
    """A list of blocks; the first is the entry."""

    __slots__ = ("blocks", "parent", "__weakref__")

    def __init__(self, blocks: Sequence[Block] = ()) -> None:
        self.blocks = list(blocks)
        self.parent: Operation | None = None
        for block in self.blocks:
            block.parent = self

    @property
    def block(self) -> Block:
        (block,) = self.blocks
        return block

    def append(self, block: Block) -> Block:
        self.blocks.append(block)
        block.parent = self
        return block


def clone(op: Operation, mapping: dict[Value, Value] | None = None) -> Operation:
    """A detached copy with all regions; free values are mapped or kept."""
    cloner = _Cloner({} if mapping is None else mapping)
    copy = cloner.op(op)
    for user, i, value in cloner.late:
        if value in cloner.values:
            user.set_operand(i, cloner.values[value])
    return copy


class _Cloner:
    """Old values and blocks to new; `late` are uses that may stand above their value."""

    __slots__ = ("values", "blocks", "late", "_branching")

    def __init__(self, values: dict[Value, Value]) -> None:
        self.values = values
        self.blocks: dict[Block, Block] = {}
        self.late: list[tuple[Operation, int, Value]] = []
        self._branching = 0  # how many regions of several blocks are around

    def op(self, op: Operation) -> Operation:
        regions = [self.region(region) for region in op.regions]
        copy = type(op).__new__(type(op))
        Operation.__init__(
            copy,
            op.name,
            [self.values.get(v, v) for v in op.operands],
            [v.type for v in op.results],
            dict(op.attributes),
            regions,
            [self.blocks.get(b, b) for b in op.successors],
            op.location,
        )
        self.values.update(zip(op.results, copy.results, strict=True))
        if self._branching:
            uses = enumerate(op.operands)
            self.late += [(copy, i, v) for i, v in uses if v not in self.values]
        return copy

    def region(self, region: Region) -> Region:
        new = Region()
        for block in region.blocks:
            fresh = self.blocks[block] = new.append(Block())
            for arg in block.args:
                self.values[arg] = fresh.add_arg(arg.type, arg.location)
        self._branching += len(region.blocks) > 1
        for block in region.blocks:
            for op in block:
                self.blocks[block].append(self.op(op))
        self._branching -= len(region.blocks) > 1
        return new

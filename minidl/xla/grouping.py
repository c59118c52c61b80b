"""Grouping: which ops become one loop nest.

Chapter: xla/fusion.
Sources: XLA, `instruction_fusion` and `fusion_merger` (what is loop-fusible, what is
too expensive to repeat); the grouping by shared leading dimensions is ours.
Real: XLA decides op by op with a cost model; here one rule decides: all members of a
group walk the same leading dimensions, so that one loop can hold them.

    free       constants, moves (broadcast, transpose, unit reshape …): no group, repeated
    plain      reshapes and constant arrays: stay in @main, a view of memory
    lead       sizes of the dimensions a group's loops share
    hero       a dot, an in-order reduction, a concatenate …: its lead is fixed
    late       elementwise ops fed by arguments alone: join their first consumer
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from heapq import heappop, heappush

from minidl.ir.lowering.body import EXPENSIVE, is_inline
from minidl.ir.lowering.contractions import CONTRACTIONS, contraction, has_affine_groups
from minidl.ir.lowering.folds import fold_space
from minidl.ir.lowering.gathers import COMPUTED
from minidl.ir.lowering.indexing import (
    INDEX,
    Index,
    behind_moves,
    here,
    only_moves,
    tensor_type,
)
from minidl.ir.mlir.attributes import Affine
from minidl.ir.mlir.core import Operation, Value
from minidl.xla.captures import used
from minidl.xla.layout import is_layout

ROW_LIMIT = 8192  # elements of a row buffer: 32 KB of float32, one L1 cache
READS_LIMIT = 32  # a dot that reads an element more often wants it in memory, not made anew
CLOSED = ("stablehlo.concatenate", "stablehlo.pad", "stablehlo.transpose")  # nothing joins these
FOLDS = ("stablehlo.reduce", "stablehlo.reduce_window")
HEROES = (*FOLDS, *CONTRACTIONS, *CLOSED)
Read = tuple[Value, Index]
Reader = tuple[Operation, "Group", bool]  # who reads, in which group, whether all of it


@dataclass(eq=False, slots=True)
class Group:
    """Ops that share a loop nest over `lead`."""

    number: int
    lead: tuple[int, ...]
    fixed: bool
    closed: bool = False
    ops: dict[Operation, None] = field(default_factory=dict)
    needs: set[Group] = field(default_factory=set)

    def reaches(self, other: Group) -> bool:
        """Whether this group needs `other`, directly or not."""
        seen, stack = set(), [self]
        while stack:
            group = stack.pop()
            if group is other:
                return True
            if group not in seen:
                seen.add(group)
                stack.extend(group.needs)
        return False


def is_free(op: Operation) -> bool:
    """Repeated wherever it is read: costs nothing but an index or an immediate."""
    if op.name == "stablehlo.constant":
        return bool(op["value"].is_splat)
    return op.name == "stablehlo.iota" or (only_moves(op) and not is_layout(op))


def is_hero(op: Operation) -> bool:
    """Whether it is lowered by rules of its own."""
    return op.name in HEROES and (op.name != "stablehlo.transpose" or is_layout(op))


def space(op: Operation) -> tuple[tuple[int, ...], list[Read]]:
    """The parallel sizes of an op and where its elements read the operands."""
    out = tensor_type(op.results[0]).dims
    if op.name in FOLDS:
        where = fold_space(op).where
        return out, [(v, where) for v in op.operands[: len(op.operands) // 2]]
    if op.name in CONTRACTIONS:
        if not has_affine_groups(op):  # lhs is read at computed places
            return out, [(op.operands[1], contraction(op, Affine()).rhs)]
        made = contraction(op)
        return out, [(op.operands[0], made.lhs), (op.operands[1], made.rhs)]
    at = here(len(out))
    if only_moves(op):
        return out, [(op.operands[0], INDEX[op.name](op, at))]
    if op.name in COMPUTED:
        return out, COMPUTED[op.name].asks(op, at)
    return out, [(v, at if tensor_type(v).rank == len(out) else ()) for v in op.operands]


def is_move(op: Operation) -> bool:
    """Whether it is free because it only says where to read."""
    return only_moves(op) and not is_layout(op)


def reads(op: Operation) -> list[Read]:
    """What an op reads past the free ops, with the index it reads at."""
    return [behind_moves(value, where, is_move) for value, where in space(op)[1]]


class Grouping:
    """Groups grown op by op, in the order of the program."""

    def __init__(self, main: Operation) -> None:
        self.main = main
        self.groups: list[Group] = []
        self.of: dict[Operation, Group] = {}
        self.late: dict[Operation, None] = {}
        self.position = {op: i for i, op in enumerate(main.body)}

    def run(self) -> list[Group]:
        for op in self.main.body:
            if op is not self.main.body.last and not is_free(op):
                self._place(op)
        self._outputs()
        return self.groups

    def _place(self, op: Operation) -> None:
        made = [v.op for v, _ in reads(op)] if is_hero(op) or is_inline(op) else []
        if is_inline(op) and not any(o in self.of for o in [*made, *self._roots(op)]):
            self.late[op] = None
        elif is_hero(op) or is_inline(op):
            self._join(op, self._candidate(op) or self._open(op))
        else:
            for value in used(op):
                self._put_in_memory(value)

    # -- which group ------------------------------------------------------------------

    def _open(self, op: Operation) -> Group:
        in_order = op.name in FOLDS and not _along_rows(op)
        closed = op.name in CLOSED and is_hero(op)
        fixed = closed or in_order or op.name in CONTRACTIONS
        self.groups.append(Group(len(self.groups), space(op)[0], fixed, closed))
        return self.groups[-1]

    def _candidate(self, op: Operation) -> Group | None:
        """The latest group that may take this op; its lead is shortened to fit."""
        if op.name in CONTRACTIONS or op.name in CLOSED:
            return None
        sources = {self.of[v.op] for v, _ in reads(op) if v.op in self.of}
        before, apart = self._dependences(op)
        for group in sorted(sources, key=lambda g: -g.number):
            if group.closed or any(g.reaches(group) for g in apart):
                continue
            if any(g is not group and g.reaches(group) for g in before):
                continue
            lead = self._shared_lead(op, group)
            if lead is not None:
                group.lead = lead
                return group
        return None

    def _dependences(self, op: Operation) -> tuple[set[Group], set[Group]]:
        """Groups that `op` and the late ops it brings need; those needed whole, in memory."""
        before, apart = set[Group](), set[Group]()
        stack, seen = [op], {op}
        while stack:
            current = stack.pop()
            for value, _ in reads(current):
                source = value.op
                if source in self.of:
                    before.add(self.of[source])
                elif source in self.late and source not in seen:
                    seen.add(source)
                    stack.append(source)
            apart |= {self.of[root] for root in self._roots(current) if root in self.of}
        return before, apart

    def _roots(self, op: Operation) -> Iterator[Operation]:
        """Ops whose whole results `op` reads: through views, and as a start value."""
        stack = [v for v, _ in reads(op) if v.op is not None and v.op not in self.of]
        stack = [v for v in stack if v.op not in self.late]
        if op.name in FOLDS:
            stack += op.operands[len(op.operands) // 2 :]
        elif op.name in COMPUTED or (op.name in CONTRACTIONS and not has_affine_groups(op)):
            stack.append(op.operands[0])
        while stack:
            source = stack.pop().op
            if source is None:
                continue
            if source in self.of or source in self.late:
                yield source
            else:
                stack.extend(used(source))

    def _shared_lead(self, op: Operation, group: Group) -> tuple[int, ...] | None:
        """The lead the group would have with `op` in it, or None if they do not go together."""
        sizes, n = space(op)[0], len(group.lead)
        while n and sizes[:n] != group.lead[:n]:
            n -= 1
        for value, where in reads(op):
            if value.op in self.of and self.of[value.op] is group:
                while n and [e.as_dim for e in where[:n]] != list(range(n)):
                    n -= 1
        if sizes == group.lead[:n] == group.lead and is_inline(op):
            return group.lead
        if group.fixed or (n == 0 and (group.lead or sizes)):
            return None
        if op.name in FOLDS and not _along_rows(op):
            return None
        rows = [sizes, *(tensor_type(o.results[0]).dims for o in group.ops)]
        row = max(math.prod(dims[n:]) for dims in rows)
        return group.lead[:n] if row <= ROW_LIMIT else None

    # -- joining ----------------------------------------------------------------------

    def _join(self, op: Operation, group: Group) -> None:
        """Add the op; then the late ops that feed it, each after all its readers here."""
        pending: dict[Operation, list[Reader]] = {}
        queue: list[tuple[int, Operation]] = []
        self._enter(op, group, pending, queue)
        while queue:
            late = heappop(queue)[1]
            home = self._home(late, pending[late])
            for _, reader_group, _ in pending[late]:
                self._need(reader_group, home)
            self._enter(late, home, pending, queue)

    def _enter(
        self,
        op: Operation,
        group: Group,
        pending: dict[Operation, list[Reader]],
        queue: list[tuple[int, Operation]],
    ) -> None:
        """Put one op into a group, and note what it reads."""
        self.late.pop(op, None)
        group.ops[op] = None
        self.of[op] = group
        whole = dict.fromkeys(self._roots(op), True)
        for source in [*(v.op for v, _ in reads(op)), *whole]:
            if source in self.of and source is not None:
                self._need(group, self.of[source])
            elif source in self.late and source is not None:
                if source not in pending:
                    pending[source] = []
                    heappush(queue, (-self.position[source], source))
                pending[source].append((op, group, source in whole))

    def _home(self, late: Operation, readers: list[Reader]) -> Group:
        """The group of one reader that all others need anyway; else one of its own."""
        for reader, group, _ in readers:
            if any(whole for _, _, whole in readers):
                break
            if all(g.reaches(group) for _, g, _ in readers) and self._goes_along(
                late, reader, group
            ):
                return group
        return self._open(late)

    @staticmethod
    def _need(group: Group, other: Group) -> None:
        if other is not group:
            group.needs.add(other)

    @staticmethod
    def _goes_along(late: Operation, reader: Operation, group: Group) -> bool:
        """Whether a late op is made inside its reader's loops, not in memory before."""
        if reader.name in CONTRACTIONS:
            dot = reader.name == "stablehlo.dot_general"
            sizes = space(reader)[0] if dot else contraction(reader, Affine()).sizes
            times = math.prod(sizes) / max(1, math.prod(tensor_type(late.results[0]).dims))
            if times > READS_LIMIT:
                return False
        inside = space(late)[0][: len(group.lead)] == group.lead and not group.fixed
        return inside or late.name not in EXPENSIVE

    def _put_in_memory(self, value: Value) -> None:
        """A free op whose whole result is wanted gets a loop nest of its own."""
        op = value.op
        if op is None or op in self.of or not is_free(op):
            return
        group = self._open(op)
        group.ops[op] = None
        self.of[op] = group
        for root in [*self._roots(op), *(v.op for v, _ in reads(op))]:
            if root in self.late and root is not None:
                self._join(root, self._open(root))
            if root in self.of and root is not None:
                self._need(group, self.of[root])

    def _outputs(self) -> None:
        """What is returned, or read through a view, must be made by some group."""
        for value in self.main.body.terminator.operands:
            if value.op in self.late and value.op is not None:
                self._join(value.op, self._open(value.op))
            self._put_in_memory(value)
        for op in reversed(list(self.late)):
            if op in self.late and any(v.uses for v in op.results):
                self._join(op, self._open(op))


def _along_rows(op: Operation) -> bool:
    """Whether a reduction runs along the dimension whose elements lie side by side."""
    return (
        op.name == "stablehlo.reduce" and tensor_type(op.operands[0]).rank - 1 in op["dimensions"]
    )

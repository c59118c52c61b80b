"""Fusion: which ops become one loop nest.

Chapter: xla/fusion.
Sources: XLA, `instruction_fusion` and `fusion_merger` (what is loop-fusible, what is
too expensive to repeat); the grouping by shared leading dimensions is ours.
Real: XLA decides op by op with a cost model; here one rule decides: all members of a
group walk the same leading dimensions, so that one loop can hold them.

    free       constants, moves (broadcast, transpose, unit reshape …): no group, repeated
    lead       sizes of the dimensions a group's loops share
    hero       a dot or an in-order reduction: needs its tile whole, so the lead is fixed
    late       elementwise ops fed by arguments alone: join their first consumer, and are
               repeated in others when cheap
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from minidl.core import step
from minidl.ir.attributes import Affine, Symbol
from minidl.ir.core import Operation, Value, clone
from minidl.ir.location import fuse as fuse_locations
from minidl.ir.lowering.to_linalg import (
    EXPENSIVE,
    INDEX,
    Index,
    dot_index,
    only_moves,
    tensor_type,
)
from minidl.ir.module import Module, finish, function
from minidl.ir.spec import Builder, has_trait

ROW_LIMIT = 8192  # elements of a row buffer: 32 KB of float32, one L1 cache
HEROES = ("stablehlo.reduce", "stablehlo.dot_general")


@dataclass(eq=False, slots=True)
class Group:
    """Ops that share a loop nest over `lead`."""

    number: int
    lead: tuple[int, ...]
    fixed: bool
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
    return op.name == "stablehlo.iota" or only_moves(op)


def is_elementwise(op: Operation) -> bool:
    return has_trait(op, "elementwise") or op.name == "stablehlo.optimization_barrier"


def _space(op: Operation) -> tuple[tuple[int, ...], list[tuple[Value, Index]]]:
    """The parallel sizes of an op and where it reads its operands."""
    out = tensor_type(op.results[0]).dims
    if op.name == "stablehlo.reduce":
        x = tensor_type(op.operands[0])
        kept = [d for d in range(x.rank) if d not in op["dimensions"]]
        order = [*kept, *op["dimensions"]]
        return out, [(op.operands[0], tuple(Affine.dim(order.index(d)) for d in range(x.rank)))]
    if op.name == "stablehlo.dot_general":
        return out, list(zip(op.operands, dot_index(op), strict=True))
    here = tuple(map(Affine.dim, range(len(out))))
    return out, [(v, here if tensor_type(v).rank == len(out) else ()) for v in op.operands]


class Grouping:
    """Groups grown op by op, in the order of the program."""

    def __init__(self, main: Operation) -> None:
        self.main = main
        self.groups: list[Group] = []
        self.of: dict[Operation, Group] = {}
        self.late: dict[Operation, None] = {}

    def run(self) -> list[Group]:
        for op in self.main.body:
            if op is self.main.body.last or is_free(op) or op.name == "stablehlo.constant":
                continue
            self._place(op)
        self._outputs()
        return self.groups

    def _place(self, op: Operation) -> None:
        if is_elementwise(op) and not any(v.op in self.of for v, _ in self._reads(op)):
            if not any(self._is_view(v) for v, _ in self._reads(op)):
                self.late[op] = None
                return
        if op.name in HEROES or is_elementwise(op):
            self._join(op, self._candidate(op) or self._open(op))

    @staticmethod
    def _is_view(value: Value) -> bool:
        return (
            value.op is not None and not is_free(value.op) and value.op.name == "stablehlo.reshape"
        )

    def _reads(self, op: Operation) -> list[tuple[Value, Index]]:
        """Producers behind the free ops, with the index this op reads them at."""
        out, stack = [], list(_space(op)[1])
        while stack:
            value, where = stack.pop()
            source = value.op
            if source is not None and only_moves(source):
                stack.append((source.operands[0], INDEX[source.name](source, where)))
            else:
                out.append((value, where))
        return out

    def _open(self, op: Operation) -> Group:
        lead, _ = _space(op)
        fixed = op.name == "stablehlo.dot_general" or (
            op.name == "stablehlo.reduce"
            and tensor_type(op.operands[0]).rank - 1 not in op["dimensions"]
        )
        group = Group(len(self.groups), lead, fixed)
        self.groups.append(group)
        return group

    def _candidate(self, op: Operation) -> Group | None:
        """The latest group that may take this op; its lead is shortened to fit."""
        if op.name == "stablehlo.dot_general":
            return None
        sources = {self.of[v.op] for v, _ in self._reads(op) if v.op in self.of}
        for group in sorted(sources, key=lambda g: -g.number):
            if any(other is not group and other.reaches(group) for other in sources):
                continue
            lead = self._shared_lead(op, group)
            if lead is not None:
                group.lead = lead
                return group
        return None

    def _shared_lead(self, op: Operation, group: Group) -> tuple[int, ...] | None:
        space, _ = _space(op)
        n = len(group.lead)
        while n and space[:n] != group.lead[:n]:
            n -= 1
        for value, where in self._reads(op):
            if value.op in self.of and self.of[value.op] is group:
                while n and [e.as_dim for e in where[:n]] != list(range(n)):
                    n -= 1
        if n == len(group.lead) and (space == group.lead and is_elementwise(op)):
            return group.lead
        if group.fixed or (n == 0 and group.lead) or (n == 0 and space):
            return None
        if op.name == "stablehlo.reduce":
            x = tensor_type(op.operands[0])
            if x.rank - 1 not in op["dimensions"]:
                return None
        row = 1
        for size in [
            *space[n:],
            *(s for o in group.ops for s in tensor_type(o.results[0]).dims[n:]),
        ]:
            row = max(row, size)
        return group.lead[:n] if row <= ROW_LIMIT else None

    def _join(self, op: Operation, group: Group) -> None:
        """Add the op, and the late ops that feed it."""
        group.ops[op] = None
        self.of[op] = group
        for value, _ in self._reads(op):
            source = value.op
            if source in self.late:
                assert source is not None
                self._absorb(source, group)
            elif source in self.of and self.of[source] is not group:
                group.needs.add(self.of[source])

    def _absorb(self, op: Operation, group: Group) -> None:
        """A late op goes with its first consumer if it fits the loops there."""
        space, _ = _space(op)
        if op.name in EXPENSIVE and (group.fixed or space[: len(group.lead)] != group.lead):
            del self.late[op]
            own = self._open(op)
            self._join(op, own)
            group.needs.add(own)
            return
        del self.late[op]
        self._join(op, group)

    def _outputs(self) -> None:
        """What is returned must be made by some group."""
        for value in self.main.body.terminator.operands:
            op = value.op
            if op is not None and (op in self.late or is_free(op)) and op not in self.of:
                self.late.pop(op, None)
                group = self._open(op)
                self._join(op, group) if is_elementwise(op) else group.ops.setdefault(op)
                self.of[op] = group
        for op in list(self.late):
            del self.late[op]
            if any(v.uses for v in op.results):
                self._join(op, self._open(op))


def fuse(module: Module) -> Module:
    """The module with each group as a private function that @main calls."""
    source = module.main
    grouping = Grouping(source)
    groups = grouping.run()
    out = Module(module.get("sym_name"))
    inputs = [v.type for v in source.body.args]
    main, builder = function(out, "main", inputs, location=source.location)
    env: dict[Value, Value] = dict(zip(source.body.args, main.body.args, strict=True))
    emitter = _Emitter(source, out, main, builder, env, grouping)
    for item in emitter.order(groups):
        emitter.emit(item)
    finish(builder, [env[v] for v in source.body.terminator.operands])
    return out


@dataclass(slots=True)
class _Emitter:
    source: Operation
    out: Module
    main: Operation
    builder: Builder
    env: dict[Value, Value]
    grouping: Grouping
    count: int = 0

    def order(self, groups: Sequence[Group]) -> Iterator[Group | Operation]:
        """Groups and ops of @main, each after what it needs (depth first, no recursion)."""
        done: set[Group | Operation] = set()
        for op in self.source.body:
            root = self._item(op)
            if root is None or op is self.source.body.last:
                continue
            stack: list[tuple[Group | Operation, bool]] = [(root, False)]
            while stack:
                item, ready = stack.pop()
                if item in done:
                    continue
                if ready:
                    done.add(item)
                    yield item
                    continue
                stack.append((item, True))
                stack.extend((n, False) for n in self._needed(item) if n not in done)

    def _item(self, op: Operation) -> Group | Operation | None:
        if op in self.grouping.of:
            return self.grouping.of[op]
        if is_free(op):
            return None
        return op

    def _needed(self, item: Group | Operation) -> list[Group | Operation]:
        ops = item.ops if isinstance(item, Group) else [item]
        out = []
        for value in self._external(ops, item):
            if value.op is not None:
                made = self._item(value.op)
                if made is not None and made is not item:
                    out.append(made)
        return out

    def _external(self, ops: Iterable[Operation], item: Group | Operation) -> dict[Value, None]:
        """Values read from outside, looking through what is repeated inside."""
        inside = set(ops)
        out: dict[Value, None] = {}
        stack = [v for op in ops for v in op.operands]
        stack.reverse()
        while stack:
            value = stack.pop()
            op = value.op
            if op in inside and op is not None:
                continue
            if isinstance(item, Group) and op is not None and is_free(op):
                stack.extend(reversed(op.operands))
            else:
                out[value] = None
        return out

    def emit(self, item: Group | Operation) -> None:
        if isinstance(item, Operation):
            self._plain(item)
        else:
            self._group(item)

    def _plain(self, op: Operation) -> None:
        """An op of @main itself: a view or a constant (others are refused later, by name)."""
        mapping = {v: self.env[v] for v in self._external([op], op)}
        copy = clone(op, mapping)
        self.builder.insert(copy)
        self.env.update(zip(op.results, copy.results, strict=True))

    def _group(self, group: Group) -> None:
        members = [op for op in self.source.body if op in group.ops]
        inputs = list(self._external(members, group))
        outputs = [v for op in members for v in op.results if self._escapes(v, group)]
        name = f"fusion_{self.count}"
        self.count += 1
        location = fuse_locations(*(op.location for op in members))
        func, builder = function(
            self.out, name, [v.type for v in inputs], visibility="private", location=location
        )
        kind = "loop" if not group.fixed else "hero"
        func.attributes["minidl.fusion"] = kind if len(group.lead) else "scalar"
        env = dict(zip(inputs, func.body.args, strict=True))
        for op in members:
            self._copy(op, builder, env)
        finish(builder, [env[v] for v in outputs])
        call = self.builder.create(
            "func.call",
            [self.env[v] for v in inputs],
            {"callee": Symbol(name)},
            [v.type for v in outputs],
            location=location,
        )
        self.env.update(zip(outputs, call.results, strict=True))
        if step.listening():
            step.emit(f"{len(members)} ops become @{name}", members, lambda: str(func))

    def _copy(self, op: Operation, builder: Builder, env: dict[Value, Value]) -> None:
        """Clone an op into the fusion, and before it the free ops it reads."""
        stack = [op]
        while stack:
            current = stack[-1]
            missing = [v.op for v in current.operands if v not in env and v.op is not None]
            if missing:
                stack.extend(missing)
                continue
            stack.pop()
            if current.results[0] in env:
                continue
            copy = clone(current, {v: env[v] for v in current.operands})
            builder.insert(copy)
            env.update(zip(current.results, copy.results, strict=True))

    def _escapes(self, value: Value, group: Group) -> bool:
        """Whether somebody outside the group reads it (free ops are read through)."""
        stack, seen = list(value.users), set()
        while stack:
            user = stack.pop()
            if user in seen:
                continue
            seen.add(user)
            if user is self.source.body.last:
                return True
            if user in group.ops:
                continue
            if is_free(user) and user not in self.grouping.of:
                stack.extend(user.result.users)
            else:
                return True
        return False

"""Fusion: each group of ops becomes a function, and @main calls them in order.

Chapter: xla/fusion.
Sources: XLA, `HloInstruction::CreateFusion`.
Real: XLA's fusion is an instruction that holds a computation; here it is a private
function with the attribute `minidl.fusion`, which any MLIR tool can read.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import count

from minidl.core import step
from minidl.core.errors import UnsupportedError
from minidl.ir.lowering.kernels import KERNELS
from minidl.ir.mlir.attributes import Symbol
from minidl.ir.mlir.core import Operation, Value, clone
from minidl.ir.mlir.location import Location, place
from minidl.ir.mlir.location import fuse as fuse_locations
from minidl.ir.mlir.module import Module, finish, function
from minidl.ir.mlir.spec import Builder
from minidl.ir.values.calls import needs_handler
from minidl.xla.captures import used
from minidl.xla.grouping import Group, Grouping, is_free
from minidl.xla.layout import layout
from minidl.xla.outline import CONTROL, outline
from minidl.xla.windows import slide

PLAIN = (
    "stablehlo.reshape",
    "stablehlo.constant",
    "stablehlo.optimization_barrier",
    "func.call",
    *CONTROL,
)


def fuse(module: Module) -> Module:
    """The module with each group as a private function that its caller calls."""
    source = layout(slide(outline(module)))
    out, counter = Module(module.get("sym_name")), count()
    for each in source.functions.values():
        inputs = [v.type for v in each.body.args]
        made, builder = function(
            out, each["sym_name"], inputs, visibility=each.get("sym_visibility", "public"),
            location=each.location,
        )  # fmt: skip
        env: dict[Value, Value] = dict(zip(each.body.args, made.body.args, strict=True))
        grouping = Grouping(each)
        groups = grouping.run()
        position = {op: i for i, op in enumerate(each.body)}
        emitter = _Emitter(each, out, builder, env, grouping, position, counter)
        for item in emitter.order(groups):
            emitter.emit(item)
        finish(builder, [env[v] for v in each.body.terminator.operands])
    return out


@dataclass(slots=True)
class _Emitter:
    """One function of @main's kind under construction."""

    source: Operation
    out: Module
    builder: Builder
    env: dict[Value, Value]
    grouping: Grouping
    position: dict[Operation, int]
    numbers: Iterator[int]

    def order(self, groups: Sequence[Group]) -> Iterator[Group | Operation]:
        """Groups and ops of @main, each after what it needs (depth first, no recursion)."""
        done: set[Group | Operation] = set()
        begun: set[Group | Operation] = set()
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
                assert item not in begun, "two groups need each other"
                begun.add(item)
                stack.append((item, True))
                stack.extend((n, False) for n in self._needed(item) if n not in done)

    def _item(self, op: Operation) -> Group | Operation | None:
        if op in self.grouping.of:
            return self.grouping.of[op]
        return None if is_free(op) else op

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
        stack = [v for op in ops for v in used(op)]
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
        """An op that stays: a view, a constant array, control; or a kernel, called alone."""
        mapping = {v: self.env[v] for v in self._external([op], op)}
        if op.name in KERNELS:
            return self._kernel(op)
        if op.name not in PLAIN:
            alone = " only by a handler of yours" if needs_handler(op.name) else ""
            target = f" @{op['call_target_name']}" if "call_target_name" in op.attributes else ""
            raise UnsupportedError(
                f"{op.name}{target} is not compiled",
                op=op.name,
                span=place(op.location),
                hint=f"stage: fused; `ir.evaluate` runs it{alone}",
            )
        copy = clone(op, mapping)
        self.builder.insert(copy)
        self.env.update(zip(op.results, copy.results, strict=True))
        return None

    def _kernel(self, op: Operation) -> None:
        """An op with loops of its own: a function of its operands."""
        inputs = list(dict.fromkeys(op.operands))
        func, builder = self._function("kernel", inputs, op.location)
        copy = builder.insert(clone(op, dict(zip(inputs, func.body.args, strict=True))))
        finish(builder, copy.results)
        self._call(func, inputs, op.results)

    def _function(
        self, kind: str, inputs: Sequence[Value], location: Location
    ) -> tuple[Operation, Builder]:
        func, builder = function(
            self.out,
            f"fusion_{next(self.numbers)}",
            [v.type for v in inputs],
            visibility="private",
            location=location,
        )
        func.attributes["minidl.fusion"] = kind
        return func, builder

    def _call(self, func: Operation, inputs: Sequence[Value], outputs: Sequence[Value]) -> None:
        call = self.builder.create(
            "func.call",
            [self.env[v] for v in inputs],
            {"callee": Symbol(func["sym_name"])},
            [v.type for v in outputs],
            location=func.location,
        )
        self.env.update(zip(outputs, call.results, strict=True))

    def _group(self, group: Group) -> None:
        members = sorted(group.ops, key=self.position.__getitem__)
        inputs = list(self._external(members, group))
        outputs = [v for op in members for v in op.results if self._escapes(v, group)]
        kind = ("hero" if group.fixed else "loop") if len(group.lead) else "scalar"
        location = fuse_locations(*(op.location for op in members))
        func, builder = self._function(kind, inputs, location)
        env: dict[Value, Value] = dict(zip(inputs, func.body.args, strict=True))
        for op in members:
            self._copy(op, builder, env)
        finish(builder, [env[v] for v in outputs])
        self._call(func, inputs, outputs)
        if step.listening():
            step.emit(f"{len(members)} ops become @{func['sym_name']}", members, lambda: str(func))

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
            if not is_free(user) or user in self.grouping.of:
                return True
            stack.extend(user.result.users)
        return False
